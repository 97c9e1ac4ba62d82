// The functions of a Backend, one by one: for code that treats all of them alike.
#pragma once

#include "backend/backend.h"

namespace hb {

// Calls visit.operator()<&Backend::entry>("entry") for every function.
template <class Visit>
void for_each_entry(Visit&& visit) {
#define HB_ENTRY(name) visit.template operator()<&Backend::name>(#name);
    HB_ENTRY(allocate)
    HB_ENTRY(release)
    HB_ENTRY(stats)
    HB_ENTRY(reset_peak)
    HB_ENTRY(limit)
    HB_ENTRY(trim)
    HB_ENTRY(copy_in)
    HB_ENTRY(copy_out)
    HB_ENTRY(synchronize)
    HB_ENTRY(fill)
    HB_ENTRY(random_uniform)
    HB_ENTRY(random_normal)
    HB_ENTRY(copy)
    HB_ENTRY(gather_rows)
    HB_ENTRY(scatter_rows)
    HB_ENTRY(take_along_rows)
    HB_ENTRY(where)
    HB_ENTRY(indices_in_range)
    HB_ENTRY(unary)
    HB_ENTRY(unary_backward)
    HB_ENTRY(binary)
    HB_ENTRY(binary_scalar)
    HB_ENTRY(add_scaled)
    HB_ENTRY(blend)
    HB_ENTRY(reduce)
    HB_ENTRY(reduce_extreme_backward)
    HB_ENTRY(argmax)
    HB_ENTRY(top_k)
    HB_ENTRY(sort)
    HB_ENTRY(perturb_weight)
    HB_ENTRY(matmul)
    HB_ENTRY(conv2d)
    HB_ENTRY(conv2d_before_norm)
    HB_ENTRY(conv2d_backward_data)
    HB_ENTRY(conv2d_backward_weight)
    HB_ENTRY(max_pool2d)
    HB_ENTRY(max_pool2d_backward)
    HB_ENTRY(avg_pool2d)
    HB_ENTRY(avg_pool2d_backward)
    HB_ENTRY(batch_norm)
    HB_ENTRY(batch_norm_backward)
    HB_ENTRY(group_norm)
    HB_ENTRY(group_norm_backward)
    HB_ENTRY(attention)
    HB_ENTRY(attention_backward)
    HB_ENTRY(softmax)
    HB_ENTRY(softmax_backward)
    HB_ENTRY(log_softmax)
    HB_ENTRY(log_softmax_backward)
    HB_ENTRY(cross_entropy)
    HB_ENTRY(cross_entropy_backward)
    HB_ENTRY(softmax_scores)
    HB_ENTRY(kl_divergence)
    HB_ENTRY(kl_divergence_backward)
    HB_ENTRY(squared_error)
    HB_ENTRY(squared_error_backward)
    HB_ENTRY(dropout)
    HB_ENTRY(sgd_step)
    HB_ENTRY(adam_step)
    HB_ENTRY(sum_of_squares)
    HB_ENTRY(scale_all)
    HB_ENTRY(ascend)
    HB_ENTRY(all_reduce)
#undef HB_ENTRY
}

// Version and name, then functions of which none is missing above.
static_assert(sizeof(Backend) == 16 + 63 * sizeof(void*), "a function of Backend is missing in for_each_entry");

}  // namespace hb
