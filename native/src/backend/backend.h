// What a device must be able to do: memory, and one kernel per op, as a table of functions.
//
// The C ABI layer (src/capi) validates everything before it calls a kernel, allocates the results, and makes inputs
// dense unless the comment here says "strided". Kernels therefore check nothing. A null entry means that the backend
// lacks the op: the ABI layer then reports HB_ERROR_UNSUPPORTED.
// All floating views of one call have one type, F32 or F64, unless said otherwise; or the activations among them and
// their gradients are BF16, and the parameters, statistics, losses and the gradients of these F32.
#pragma once

#include <cstdint>

#include "core/column_moments.h"
#include "core/view.h"
#include "hornbeam.h"

namespace hb {

// Raised whenever this file changes, so that a backend loaded at run time can be refused.
inline constexpr uint32_t kBackendVersion = 5;

using Noise = hb_noise;  // kernels receive it by reference; kind NONE when there is none
using Stream = hb_stream;

inline bool has_noise(const Noise& noise) { return noise.kind != HB_NOISE_NONE && noise.sigma != 0; }
// First row of noise run m of n rows.
inline int64_t run_begin(const Noise& noise, int64_t n, int64_t m) { return m * n / noise.sub_batches; }

// A convolution as its kernels see it. A linear layer is the case h = w = kh = kw = 1 with n rows.
struct ConvShape {
    int64_t n, h, w, c;  // input
    int64_t o, kh, kw;   // kernel; its depth is c / groups
    int64_t oh, ow;      // output
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups;
    int64_t runs_of;  // rows of noise: noise run m covers samples [m*n/M, (m+1)*n/M)
};

struct MatMulShape {
    int64_t batch, m, n, k;
    int64_t a_batch_stride, b_batch_stride;  // in elements, 0 where one matrix serves every batch
    bool transpose_a, transpose_b;           // a is [k, m], b is [n, k]
};

struct PoolShape {
    int64_t n, h, w, c, oh, ow;
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w;
    bool count_padding;
};

// qkv [n, t, 3, heads, d], y [n, t, heads, d], log_sum [n, heads, t].
struct AttentionShape {
    int64_t n, t, heads, d;
    double scale;
};

struct BatchNormArguments {
    View x, gamma, beta, running_mean, running_var, residual;  // residual may be absent
    View y, mean, inverse_deviation;                           // results
    hb_batch_norm_params params;
    Noise noise;
    int64_t samples;               // x.shape[0]: what noise runs and statistics groups split
    const ColumnMoments* moments;  // of x, where it was made by conv2d_before_norm; may be null or empty
};
struct BatchNormBackwardArguments {
    View x, y, dy, gamma, mean, inverse_deviation;
    View dx, dgamma, dbeta, dresidual;  // results; dresidual may be absent
    hb_batch_norm_params params;
    Noise noise;
    int64_t samples;
};

struct Backend {
    uint32_t version;
    const char* name;

    // ---- memory (device memory; host pointers where said)
    void* (*allocate)(int64_t bytes);  // 64-byte aligned; throws Error(HB_ERROR_MEMORY)
    void (*release)(void* data);
    void (*stats)(hb_memory* stats);  // fills all but the live counts
    void (*reset_peak)();
    void (*limit)(int64_t bytes);
    void (*trim)();
    void (*copy_in)(void* device, const void* host, int64_t bytes);
    void (*copy_out)(void* host, const void* device, int64_t bytes);
    void (*synchronize)();

    // ---- creation, movement (any type)
    void (*fill)(const View& y, double value);  // y strided
    void (*random_uniform)(const View& y, double low, double high, const Stream& stream);
    void (*random_normal)(const View& y, double mean, double deviation, const Stream& stream);
    void (*copy)(const View& x, const View& y);  // both strided, equal shape; converts
    void (*gather_rows)(const View& x, const View& index, const View& y);
    void (*scatter_rows)(const View& destination, const View& index, const View& source, bool add);
    void (*take_along_rows)(const View& x, const View& index, const View& y);
    void (*where)(const View& condition, const View& a, const View& b, const View& y);  // inputs strided, y's shape
    bool (*indices_in_range)(const View& index, int64_t bound);                         // i64, dense

    // ---- elementwise
    void (*unary)(int kind, const View& x, double alpha, double beta, const View& y);
    void (*unary_backward)(int kind, const View& x, const View& dy, double alpha, double beta, const View& dx);
    void (*binary)(int kind, const View& a, const View& b, const View& y);  // a, b strided (broadcast), y's shape
    void (*binary_scalar)(int kind, const View& a, double b, const View& y);
    void (*add_scaled)(const View& destination, const View& source, double alpha);
    void (*blend)(const View& destination, const View& source, double beta, double alpha);

    // ---- reductions
    // x dense, seen as [outer, reduced, inner] for every maximal run of reduced dimensions: capi calls it once per run,
    // last run first, so kernels know one case only. y has outer * inner elements; it is F32 where x is BF16.
    void (*reduce)(int kind, const View& x, int64_t outer, int64_t reduced, int64_t inner, const View& y);
    // y, dy strided: broadcast to x's shape. count: [elements of y] scratch of how many equals, made by the kernel.
    void (*reduce_extreme_backward)(const View& x, const View& y, const View& dy, const View& dx);
    void (*argmax)(const View& x, const View& y);
    void (*top_k)(const View& x, int64_t k, const View& values, const View& indices);
    void (*sort)(const View& x, bool descending, const View& values, const View& permutation);

    // ---- linear algebra and convolution
    void (*perturb_weight)(const View& w, const Noise& noise, int32_t sub_batch, const View& y);
    void (*matmul)(const MatMulShape& shape, const View& a, const View& b, const View& y);
    void (*conv2d)(const ConvShape& shape, const View& x, const View& w, const View& bias, const Noise& noise,
                   const View& y);  // bias may be absent
    // May be null. As conv2d without a bias, into norm.x, which batch norm takes next. In training its moments are
    // taken on the way, or left empty where that would need a pass of its own. In evaluation, with norm.y in norm.x's
    // place and no noise on gamma, results may be normalised before they are stored: returns whether they were.
    bool (*conv2d_before_norm)(const ConvShape& shape, const View& x, const View& w, const Noise& noise,
                               const BatchNormArguments& norm, ColumnMoments& moments);
    void (*conv2d_backward_data)(const ConvShape& shape, const View& dy, const View& w, const Noise& noise,
                                 const View& dx);
    // dbias may be absent
    void (*conv2d_backward_weight)(const ConvShape& shape, const View& x, const View& dy, const Noise& noise,
                                   const View& dw, const View& dbias);

    // ---- pooling
    void (*max_pool2d)(const PoolShape& shape, const View& x, const View& y, const View& index);
    void (*max_pool2d_backward)(const PoolShape& shape, const View& dy, const View& index,
                                const View& dx);                               // only n,h,w,c,oh,ow set
    void (*avg_pool2d)(const PoolShape& shape, const View& x, const View& y);  // global: kernel = image
    void (*avg_pool2d_backward)(const PoolShape& shape, const View& dy, const View& dx);

    // ---- normalisation
    void (*batch_norm)(const BatchNormArguments& arguments);
    void (*batch_norm_backward)(const BatchNormBackwardArguments& arguments);
    // x [n, positions, c]; statistics per (n, group). Layer norm is n = rows, positions = 1, groups = 1; noise runs
    // split `samples` and rows follow: run of row r is that of sample r / (n / samples).
    void (*group_norm)(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                       const View& gamma, const View& beta, double epsilon, const Noise& noise, const View& y,
                       const View& mean, const View& inverse_deviation);
    void (*group_norm_backward)(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                                const View& dy, const View& gamma, const View& mean, const View& inverse_deviation,
                                const Noise& noise, const View& dx, const View& dgamma, const View& dbeta);

    // ---- attention
    void (*attention)(const AttentionShape& shape, const View& qkv, const View& y, const View& log_sum);
    void (*attention_backward)(const AttentionShape& shape, const View& qkv, const View& y, const View& log_sum,
                               const View& dy, const View& dqkv);

    // ---- softmax and losses; rows of k = columns()
    void (*softmax)(const View& x, const View& y);
    void (*softmax_backward)(const View& y, const View& dy, const View& dx);
    void (*log_softmax)(const View& x, const View& y);
    void (*log_softmax_backward)(const View& y, const View& dy, const View& dx);
    // targets: I64 [n] (checked to be in range) or floating [n,k]
    void (*cross_entropy)(const View& logits, const View& targets, double smoothing, const View& loss);
    void (*cross_entropy_backward)(const View& logits, const View& targets, const View& dloss, double smoothing,
                                   const View& dlogits);
    void (*softmax_scores)(const View& logits, const View& targets, const View& probabilities, const View& loss,
                           const View& score);
    void (*kl_divergence)(const View& p_logits, const View& q_logits, const View& loss);
    void (*kl_divergence_backward)(const View& p_logits, const View& q_logits, const View& dloss, const View& dp,
                                   const View& dq);
    void (*squared_error)(const View& x, const View& target, const View& loss);  // rows [n, elements / n]
    void (*squared_error_backward)(const View& x, const View& target, const View& dloss, const View& dx);

    // ---- dropout: element of the draw is the flat index, or sample * c + channel
    void (*dropout)(const View& x, double p, bool channels, const Stream& stream, const View& y);

    // ---- optimizers: arrays of `count` dense views of one type; gradients may be absent
    void (*sgd_step)(int count, const View* parameters, const View* gradients, const View* momenta, const double* decay,
                     const hb_sgd_params& params);
    void (*adam_step)(int count, const View* parameters, const View* gradients, const View* first, const View* second,
                      const View* max_second, const double* decay, const hb_adam_params& params);
    double (*sum_of_squares)(int count, const View* tensors);
    void (*scale_all)(int count, const View* tensors, double factor);
    void (*ascend)(int count, const View* parameters, const View* gradients, const View* backups,
                   const int32_t* adaptive_tensor, const hb_ascent_params& params, double* norm);

    // ---- collectives: tensors [replicas][count], those of replica r on device devices[r] of this kind. Of a tensor
    // that is absent, or has no elements, all replicas' are.
    void (*all_reduce)(int replicas, int count, const int32_t* devices, const View* tensors, const double* weights);
};

}  // namespace hb
