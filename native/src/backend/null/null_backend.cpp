#include "backend/null/null_backend.h"

#include <cstring>

#include "core/host_allocator.h"

namespace hb::null_device {
namespace {

// A function of any type that does nothing and returns a value-initialised result (0 for numbers).
template <class Function>
struct Nothing;
template <class Result, class... Arguments>
struct Nothing<Result (*)(Arguments...)> {
    static Result call(Arguments...) { return Result(); }
};
template <class Function>
void ignore(Function& entry) {
    entry = &Nothing<Function>::call;
}

Backend make() {
    Backend t{};
    t.version = kBackendVersion;
    t.name = "null";
    t.allocate = [](int64_t bytes) { return HostAllocator::instance().allocate(bytes); };
    t.release = [](void* data) { HostAllocator::instance().release(data); };
    t.stats = [](hb_memory* out) { HostAllocator::instance().stats(out); };
    t.reset_peak = [] { HostAllocator::instance().reset_peak(); };
    t.limit = [](int64_t bytes) { HostAllocator::instance().limit(bytes); };
    t.trim = [] { HostAllocator::instance().trim(); };
    t.copy_in = [](void*, const void*, int64_t) {};
    t.copy_out = [](void* host, const void*, int64_t bytes) { std::memset(host, 0, bytes); };
    t.synchronize = [] {};
    t.indices_in_range = [](const View&, int64_t) { return true; };
    ignore(t.fill);
    ignore(t.random_uniform);
    ignore(t.random_normal);
    ignore(t.copy);
    ignore(t.gather_rows);
    ignore(t.scatter_rows);
    ignore(t.take_along_rows);
    ignore(t.where);
    ignore(t.unary);
    ignore(t.unary_backward);
    ignore(t.binary);
    ignore(t.binary_scalar);
    ignore(t.add_scaled);
    ignore(t.blend);
    ignore(t.reduce);
    ignore(t.reduce_extreme_backward);
    ignore(t.argmax);
    ignore(t.top_k);
    ignore(t.sort);
    ignore(t.perturb_weight);
    ignore(t.matmul);
    ignore(t.conv2d);
    ignore(t.conv2d_backward_data);
    ignore(t.conv2d_backward_weight);
    ignore(t.max_pool2d);
    ignore(t.max_pool2d_backward);
    ignore(t.avg_pool2d);
    ignore(t.avg_pool2d_backward);
    ignore(t.batch_norm);
    ignore(t.batch_norm_backward);
    ignore(t.group_norm);
    ignore(t.group_norm_backward);
    ignore(t.attention);
    ignore(t.attention_backward);
    ignore(t.softmax);
    ignore(t.softmax_backward);
    ignore(t.log_softmax);
    ignore(t.log_softmax_backward);
    ignore(t.cross_entropy);
    ignore(t.cross_entropy_backward);
    ignore(t.softmax_scores);
    ignore(t.kl_divergence);
    ignore(t.kl_divergence_backward);
    ignore(t.squared_error);
    ignore(t.squared_error_backward);
    ignore(t.dropout);
    ignore(t.sgd_step);
    ignore(t.adam_step);
    ignore(t.sum_of_squares);
    ignore(t.scale_all);
    ignore(t.ascend);
    return t;
}

}  // namespace

const Backend& backend() {
    static const Backend table = make();
    return table;
}

}  // namespace hb::null_device
