/*
 * Hornbeam's C ABI: the only door into the native engine.
 *
 * Conventions that hold for every function
 *   Tensors     are opaque handles. 0 means "no tensor" where an argument is optional; a handle that was released,
 *               or was never one, is an error (HB_ERROR_HANDLE), never a crash.
 *   Results     An op returns the new tensor's handle (> 0) or a negative hb_status. Ops with several results write
 *               them to an array that the caller passes and return HB_OK. On error nothing is written.
 *   Ownership   Every returned handle is released exactly once, with hb_release. hb_alias makes a second handle of
 *               the same tensor. Views share their storage, which lives until its last handle is gone.
 *   Layout      Images are NHWC, convolution kernels OHWI, linear weights [out, in]; row major. Any input may be a
 *               strided view: ops that need dense memory make a dense copy themselves. Results are dense.
 *   Types       HB_F32 (every tier) and HB_F64 (always the scalar kernels: the oracle of the tests): all floating
 *               inputs and results of one call have the one type. HB_BF16 is a type of storage for activations: x, y,
 *               residual, qkv, logits and their gradients may be bf16, all of one call alike, and then so are the
 *               results that are activations. Beside them everything else is f32: weights, bias, gamma, beta, running
 *               and batch statistics (mean, inverse deviation, log_sum), the gradients of these, losses, scores, their
 *               gradients, and soft targets. bf16 is widened where it is read; sums are kept in f32 or wider, and a
 *               result is rounded once, to nearest, ties to even. hb_reduce, hb_add_scaled, hb_blend, comparisons,
 *               arg-max, top-k and sort take bf16, too; hb_perturb_weight and the optimizers do not.
 *   Errors      hb_last_error() tells the op, the argument, what was given and what was expected. It belongs to the
 *               calling thread and stays until that thread's next failing call.
 *   Threads     Calls from several threads are safe as long as no tensor is written by one and used by another.
 *   Bits        Same inputs, same results to the bit, for any number of threads. Tiers agree within rounding.
 *   Randomness  Philox 4x32-10, keyed by the caller (hb_stream): see docs/randomness.md.
 */
#ifndef HORNBEAM_H
#define HORNBEAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define HB_API __declspec(dllexport)
#else
#define HB_API __attribute__((visibility("default")))
#endif

/* Raised by one whenever a declaration in this file changes; the bindings refuse another number. */
#define HB_ABI_VERSION 6

/* Largest rank of a tensor. */
#define HB_MAX_RANK 8

/* > 0: a tensor; 0: none; < 0: an hb_status. */
typedef int64_t hb_tensor;

typedef int32_t hb_status;
enum {
    HB_OK = 0,
    HB_ERROR_ARGUMENT = -1,    /* a shape, type or value is wrong */
    HB_ERROR_HANDLE = -2,      /* a handle was released, or is not one */
    HB_ERROR_MEMORY = -3,      /* no memory, or the limit set by hb_memory_limit is reached */
    HB_ERROR_UNSUPPORTED = -4, /* right, but this backend or type has no kernel for it */
    HB_ERROR_DEVICE = -5,      /* the device is absent or failed */
    HB_ERROR_INTERNAL = -6     /* a defect in Hornbeam: please report it */
};

typedef int32_t hb_dtype;
enum { HB_F32 = 0, HB_F64 = 1, HB_BF16 = 2, HB_I64 = 3, HB_I32 = 4, HB_U8 = 5 };

/* kind * 256 + index */
typedef int32_t hb_device;
enum { HB_DEVICE_CPU = 0, HB_DEVICE_NULL = 256, HB_DEVICE_CUDA = 512 };

/* ------------------------------------------------------------------------------------------------ library */

/* HB_ABI_VERSION of the library that was loaded. */
HB_API int32_t hb_abi_version(void);

/* Message of this thread's last failing call, UTF-8; empty when there was none. Valid until the next one. */
HB_API const char* hb_last_error(void);

/* Facts about library and machine as a JSON object: version, tiers supported, tier in use, threads, compiler, CPU,
 * cache sizes, devices, and "bf16": how the tier in use multiplies bf16, "widened" to f32 or by products of the CPU's,
 * "avx512_bf16" or "amx". Writes at most `capacity` bytes including the final 0; returns the bytes needed. */
HB_API int64_t hb_info(char* buffer, int64_t capacity);

/* Chooses the CPU kernels: "scalar", "avx2", "avx512", "amx" (avx512 with tiles for products in bf16) or "auto" (the
 * best that this CPU has, the default; the environment's HORNBEAM_TIER comes before it). HB_ERROR_UNSUPPORTED when the
 * CPU lacks the instructions. Affects the whole process; not to be called while ops run. */
HB_API hb_status hb_set_tier(const char* tier);

/* The tier in use: "scalar", "avx2", "avx512" or "amx". */
HB_API const char* hb_tier(void);

/* Threads that an op may use, 1..1024; 0 gives the default: the CPUs this process may run on. */
HB_API hb_status hb_set_threads(int32_t threads);
HB_API int32_t hb_threads(void);

/* 1: every convolution adds up its products one by one, so that an f32 result is within a few roundings of the true
 * sum. 0, the default: 3x3 convolutions may use Winograd's algorithm, with a quarter of the multiplications and
 * rounding errors up to some ten times larger; and CUDA devices may multiply f32 on tensor cores, in three products of
 * tf32 (HORNBEAM_CUDA_F32 says otherwise), where exact takes plain f32 multiply-adds. Either way the same call gives
 * the same bits. Affects the whole process; not to be called while ops run. */
HB_API hb_status hb_set_exact(int32_t exact);
HB_API int32_t hb_exact(void);

/* 1 when the device can be used, 0 when not; the reason is then in hb_last_error(). */
HB_API int32_t hb_device_available(hb_device device);

/* The registry: every op of this header by name ("conv2d", …), in a fixed order. */
HB_API int32_t hb_op_count(void);

typedef struct hb_op_info {
    const char* name;     /* "conv2d"; its function is hb_<name> */
    const char* family;   /* "convolution", "reduction", … */
    const char* gradient; /* space-separated names of its backward ops; "composed" when autograd builds the gradient
                             from other ops; "none" when not differentiable */
} hb_op_info;
HB_API hb_status hb_op_describe(int32_t index, hb_op_info* info);

/* ------------------------------------------------------------------------------------------------- memory */

typedef struct hb_memory {
    int64_t in_use;       /* bytes in live storages and scratch, now */
    int64_t peak;         /* largest in_use since start or hb_memory_reset_peak */
    int64_t reserved;     /* bytes taken from the system, now */
    int64_t limit;        /* 0: none */
    int64_t allocations;  /* requests served since start */
    int64_t system_calls; /* times that the system was asked for memory or given some back */
    int64_t live_tensors; /* handles not yet released, on every device */
    int64_t live_storages;
} hb_memory;
HB_API hb_status hb_memory_stats(hb_device device, hb_memory* stats);
HB_API hb_status hb_memory_reset_peak(hb_device device);
/* Upper bound of `reserved` in bytes, 0 for none. Past it an op fails with HB_ERROR_MEMORY. */
HB_API hb_status hb_memory_limit(hb_device device, int64_t bytes);
/* Gives wholly unused blocks back to the system. */
HB_API hb_status hb_memory_trim(hb_device device);

/* ------------------------------------------------------------------------------------------------- profile */

/*
 * One call of an op of the registry, or one kernel of an op that runs several: such an op leaves a record for each of
 * them (part_of = the op) and one for the whole call. Calls that compute nothing (hb_release, hb_read, …) leave none,
 * nor do calls that fail. Bytes are counted as if every element of the inputs were read once and every element of the
 * results written once, whatever the kernel does.
 */
typedef struct hb_profile_record {
    int64_t start;         /* by hb_profile_clock */
    int64_t duration;      /* nanoseconds */
    int64_t bytes_read;    /* of the inputs */
    int64_t bytes_written; /* of the results, and of inputs that are changed in place */
    double operations;     /* multiplications and additions of a product, convolution or attention, as its definition
                              has them whatever the algorithm; 0 for other ops */
    double estimate;       /* of the cost model, where the algorithm was chosen by one: the time of the direct sum over
                              that of the other algorithm, which is taken above 1; 0 where there was no choice */
    const char* algorithm; /* such as "direct"; null where there is but one. The text lives as long as the library */
    int32_t op;            /* number in the registry */
    int32_t part_of;       /* number of the op whose call this is a part of; -1: a whole call */
    int32_t thread;        /* hb_profile_thread of the caller */
    int32_t dtype;         /* of the first tensor that is read, or of the first result */
    int32_t stride_h;      /* of a convolution; else 0 */
    int32_t stride_w;
    int32_t groups;
    int32_t rank;       /* of shape */
    int32_t other_rank; /* of other_shape; 0 where there is none */
    int32_t reserved;   /* 0 */
    /* Convolutions and linear layers, forward and backward: x and w. Optimizers: elements of all parameters. Else the
     * first two tensors that are read, or the first result. */
    int64_t shape[HB_MAX_RANK];
    int64_t other_shape[HB_MAX_RANK];
} hb_profile_record;

/* Begins a recording of at most `capacity` records, 1..2^24, and forgets the one before. While it goes on, calls of all
 * threads are recorded; that takes no memory. Records for which there is no room are counted. */
HB_API hb_status hb_profile_start(int64_t capacity);
/* Ends it; calls that have not returned by then leave no record. Its records stay until the next start. */
HB_API hb_status hb_profile_stop(void);
/* Copies the records, at most `capacity` and in the order in which they ended, and writes how many were lost for lack
 * of room. Returns how many there are, or an hb_status. */
HB_API int64_t hb_profile_read(hb_profile_record* records, int64_t capacity, int64_t* lost);
/* Nanoseconds of the clock that records are timed by; it is steady, and begins anywhere. */
HB_API int64_t hb_profile_clock(void);
/* The calling thread's number, from 1 in the order in which threads are first recorded or ask. */
HB_API int32_t hb_profile_thread(void);

/* What this machine can do at most with hb_threads() threads, measured now, for about a second: GFLOP/s of f32
 * multiply-adds on registers (0 on a CPU without AVX2), and GB/s of a = b + s c on 200 MB. */
HB_API hb_status hb_measure_peaks(double* gflops, double* gigabytes);

/* ------------------------------------------------------------------------------------ creation and transfer */

/* Uninitialised. shape: `rank` sizes >= 0; rank 0..8. */
HB_API hb_tensor hb_empty(hb_device device, hb_dtype dtype, int32_t rank, const int64_t* shape);
/* Every element = value, converted to dtype. */
HB_API hb_tensor hb_full(hb_device device, hb_dtype dtype, int32_t rank, const int64_t* shape, double value);

/* Where random numbers come from; docs/randomness.md gives the counter layout. stream < 2^24. */
typedef struct hb_stream {
    uint64_t seed;
    uint32_t purpose;
    uint32_t tensor;
    uint32_t step;
    uint32_t stream;
} hb_stream;
/* f32, element e = low + (high - low) * uniform(e); in [low, high). */
HB_API hb_tensor hb_random_uniform(hb_device device, int32_t rank, const int64_t* shape, double low, double high,
                                   const hb_stream* stream);
/* f32, element e = mean + deviation * normal(e), one fused multiply-add. */
HB_API hb_tensor hb_random_normal(hb_device device, int32_t rank, const int64_t* shape, double mean, double deviation,
                                  const hb_stream* stream);

HB_API hb_tensor hb_alias(hb_tensor tensor);
HB_API hb_status hb_release(hb_tensor tensor);

typedef struct hb_descriptor {
    int32_t device;
    int32_t dtype;
    int32_t rank;
    int32_t dense; /* 1: row major without gaps */
    int64_t elements;
    int64_t shape[HB_MAX_RANK];
    int64_t strides[HB_MAX_RANK]; /* in elements */
    int64_t storage;              /* identity of the storage: equal for views of the same memory */
} hb_descriptor;
HB_API hb_status hb_describe(hb_tensor tensor, hb_descriptor* descriptor);

/* Copies the elements, in row-major order and the tensor's own type, to or from host memory. bytes must be exactly
 * elements * size of the type. */
HB_API hb_status hb_read(hb_tensor tensor, void* destination, int64_t bytes);
HB_API hb_status hb_write(hb_tensor tensor, const void* source, int64_t bytes);
/* Address of a dense CPU tensor's first element; valid while a handle of it lives. */
HB_API hb_status hb_data(hb_tensor tensor, void** address);

/* destination = source, converted to destination's type (round to nearest even; NaN stays NaN; float to integer
 * truncates and saturates); source must broadcast to destination's shape. In place. */
HB_API hb_status hb_copy(hb_tensor destination, hb_tensor source);
/* A dense tensor of the given type; always a new storage. */
HB_API hb_tensor hb_cast(hb_tensor x, hb_dtype dtype);
/* A dense tensor on the given device; always a new storage. */
HB_API hb_tensor hb_to_device(hb_tensor x, hb_device device);

/* -------------------------------------------------------------------------------------------------- views */

/* Same elements, new shape; one size may be -1. A view where the strides allow it, else a dense copy. */
HB_API hb_tensor hb_reshape(hb_tensor x, int32_t rank, const int64_t* shape);
/* A view of [start, stop) with the given step >= 1 along `dimension`; 0 <= start <= stop <= size. */
HB_API hb_tensor hb_slice(hb_tensor x, int32_t dimension, int64_t start, int64_t stop, int64_t step);
/* A view with dimension i = x's dimension order[i]. */
HB_API hb_tensor hb_permute(hb_tensor x, int32_t rank, const int32_t* order);
/* A view in which dimensions of size 1 (or missing leading ones) repeat; numpy's rule. */
HB_API hb_tensor hb_expand(hb_tensor x, int32_t rank, const int64_t* shape);
/* Dense: x itself (another handle) where it already is, else a copy. */
HB_API hb_tensor hb_dense(hb_tensor x);

/* ------------------------------------------------------------------------------------------------ movement */

/* Joins `count` >= 1 tensors of one type along `dimension`; the other sizes are equal. */
HB_API hb_tensor hb_concat(int32_t count, const hb_tensor* tensors, int32_t dimension);
/* Adds before[i] and after[i] elements of `value` around dimension i; negative numbers cut. */
HB_API hb_tensor hb_pad(hb_tensor x, const int64_t* before, const int64_t* after, double value);
/* Rows x[index[j], …]; x of rank >= 1 and any type, index i64 [m] with 0 <= index < x.shape[0]. Result [m, …]. */
HB_API hb_tensor hb_gather_rows(hb_tensor x, hb_tensor index);
/* In place: destination[index[j], …] = source[j, …] (add = 0) or += (add = 1, floating types, in order of j).
 * Indices may repeat only with add = 1; with add = 0 the last one wins. */
HB_API hb_status hb_scatter_rows(hb_tensor destination, hb_tensor index, hb_tensor source, int32_t add);
/* x [n, k] floating, index i64 [n]: result [n], x[i, index[i]]. */
HB_API hb_tensor hb_take_along_rows(hb_tensor x, hb_tensor index);
/* condition u8 (nonzero = true); all three broadcast together; a and b of one type. */
HB_API hb_tensor hb_where(hb_tensor condition, hb_tensor a, hb_tensor b);

/* --------------------------------------------------------------------------------------------- elementwise */

enum {
    HB_NEG = 0,
    HB_ABS = 1,
    HB_EXP = 2,
    HB_LOG = 3,
    HB_SQRT = 4,
    HB_RSQRT = 5,
    HB_SQUARE = 6,
    HB_SIGN = 7,
    HB_RECIPROCAL = 8,
    HB_RELU = 9,
    HB_LEAKY_RELU = 10, /* alpha: slope for x < 0 */
    HB_GELU = 11,       /* exact, by erf */
    HB_GELU_TANH = 12,  /* Hendrycks and Gimpel's tanh form */
    HB_SIGMOID = 13,
    HB_TANH = 14,
    HB_CLAMP = 15 /* to [alpha, beta] */
};
/* y = f(x), floating types. */
HB_API hb_tensor hb_unary(int32_t kind, hb_tensor x, double alpha, double beta);
/* dx = dy * f'(x); the derivative at a kink is 0 (abs, relu, sign), that of the left side for leaky, 1 at clamp's ends.
 */
HB_API hb_tensor hb_unary_backward(int32_t kind, hb_tensor x, hb_tensor dy, double alpha, double beta);

enum {
    HB_ADD = 0,
    HB_SUB = 1,
    HB_MUL = 2,
    HB_DIV = 3,
    HB_MAX = 4,
    HB_MIN = 5,
    HB_EQ = 6, /* from here on the result is u8, 0 or 1 */
    HB_NE = 7,
    HB_LT = 8,
    HB_LE = 9,
    HB_GT = 10,
    HB_GE = 11
};
/* Broadcasting by numpy's rule; both of one type: floating, or integer for the comparisons. */
HB_API hb_tensor hb_binary(int32_t kind, hb_tensor a, hb_tensor b);
/* The same with a number on the right. */
HB_API hb_tensor hb_binary_scalar(int32_t kind, hb_tensor a, double b);
/* In place: destination += alpha * source; same shape and floating type. */
HB_API hb_status hb_add_scaled(hb_tensor destination, hb_tensor source, double alpha);
/* In place: destination = beta * destination + alpha * source (moving averages). */
HB_API hb_status hb_blend(hb_tensor destination, hb_tensor source, double beta, double alpha);

/* ---------------------------------------------------------------------------------------------- reductions */

enum { HB_REDUCE_SUM = 0, HB_REDUCE_MEAN = 1, HB_REDUCE_MAX = 2, HB_REDUCE_MIN = 3 };
/* Over `count` distinct dimensions (count = 0: all). keep = 1 leaves them with size 1. Max and min of nothing are an
 * error. Sums are accumulated wider than the type, in an order that depends on the shape alone; of bf16, a sum or mean
 * is rounded to bf16 once. */
HB_API hb_tensor hb_reduce(int32_t kind, hb_tensor x, int32_t count, const int32_t* dimensions, int32_t keep);
/* Gradient of max/min: dy goes to the elements equal to y, shared evenly among equals. y and dy have the kept shape
 * (keep = 1). */
HB_API hb_tensor hb_reduce_extreme_backward(hb_tensor x, hb_tensor y, hb_tensor dy);
/* i64 index of the largest element along the last dimension; the first of equals; NaN counts as largest. */
HB_API hb_tensor hb_argmax(hb_tensor x);
/* The k largest along the last dimension, in falling order, ties by rising index: out[0] values, out[1] i64 indices. */
HB_API hb_status hb_top_k(hb_tensor x, int64_t k, hb_tensor out[2]);
/* Sorts a vector [n] by value, stable; NaN last. out[0] sorted values, out[1] i64 permutation. */
HB_API hb_status hb_sort(hb_tensor x, int32_t descending, hb_tensor out[2]);

/* ------------------------------------------------------------------------------------------ weight noise */

enum { HB_NOISE_NONE = 0, HB_NOISE_MULTIPLICATIVE = 1, HB_NOISE_ADDITIVE = 2 };
enum { HB_GRADIENT_AT_PERTURBED = 0, HB_GRADIENT_CHAIN_RULE = 1 };
/*
 * Noise on a weight, drawn where the weight is read (DAMP: Trinh et al. 2024, Algorithm 1; DAAP: Algorithm 3).
 * The batch of n rows (images) is split into `sub_batches` runs: run m holds rows [m*n/M, (m+1)*n/M), whole division.
 * Run m sees w * (1 + sigma * z) (multiplicative) or w + sigma * z (additive), z = normal draws of the stream
 * (seed, purpose WEIGHT_NOISE, tensor, step, first_stream + m), element = flat index in w.
 * gradient: AT_PERTURBED gives the gradient with respect to the perturbed weight (the published code); CHAIN_RULE
 * multiplies run m's gradient by (1 + sigma * z).
 * A null pointer, kind NONE or sigma 0 mean no noise. sigma >= 0, sub_batches >= 1.
 */
typedef struct hb_noise {
    int32_t kind;
    int32_t gradient;
    int32_t sub_batches;
    float sigma;
    uint64_t seed;
    uint32_t tensor;
    uint32_t step;
    uint32_t first_stream;
    uint32_t reserved; /* 0 */
} hb_noise;
/* The perturbed copy of w that run `sub_batch` sees: for tests and for looking at it; no op of the engine needs it. */
HB_API hb_tensor hb_perturb_weight(hb_tensor w, const hb_noise* noise, int32_t sub_batch);

/* ------------------------------------------------------------------------------------------ linear algebra */

/* a [.., m, k] (or [.., k, m] when transpose_a), b [.., k, n] (or [.., n, k]) -> [.., m, n]. Rank >= 2 each; leading
 * dimensions equal, or one side has rank 2 and serves every batch. */
HB_API hb_tensor hb_matmul(hb_tensor a, hb_tensor b, int32_t transpose_a, int32_t transpose_b);

/* x [.., in], w [out, in], bias [out] or 0 -> x wT + bias, [.., out]. Noise runs split x's first dimension. */
HB_API hb_tensor hb_linear(hb_tensor x, hb_tensor w, hb_tensor bias, const hb_noise* noise);
HB_API hb_tensor hb_linear_backward_data(hb_tensor dy, hb_tensor w, const hb_noise* noise);
/* out[0] dw; out[1] dbias when want_bias, else 0. w is needed for its shape only. */
HB_API hb_status hb_linear_backward_weight(hb_tensor x, hb_tensor dy, int32_t want_bias, const hb_noise* noise,
                                           hb_tensor out[2]);

/* ----------------------------------------------------------------------------------------------- convolution */

typedef struct hb_conv2d_params {
    int32_t stride_h, stride_w;
    int32_t pad_h, pad_w; /* zeros on both sides */
    int32_t dilation_h, dilation_w;
    int32_t groups;
} hb_conv2d_params;
/* x [n,h,w,c], w [o,kh,kw,c/groups], bias [o] or 0 -> [n,oh,ow,o], oh = (h + 2 pad - dilation (kh-1) - 1)/stride + 1.
 */
HB_API hb_tensor hb_conv2d(hb_tensor x, hb_tensor w, hb_tensor bias, const hb_conv2d_params* params,
                           const hb_noise* noise);
/* dx [n,height,width,c] of the convolution whose result had dy's shape. */
HB_API hb_tensor hb_conv2d_backward_data(hb_tensor dy, hb_tensor w, int64_t height, int64_t width,
                                         const hb_conv2d_params* params, const hb_noise* noise);
/* out[0] dw [o,kernel_h,kernel_w,c/groups]; out[1] dbias [o] when want_bias, else 0. */
HB_API hb_status hb_conv2d_backward_weight(hb_tensor x, hb_tensor dy, int64_t kernel_h, int64_t kernel_w,
                                           int32_t want_bias, const hb_conv2d_params* params, const hb_noise* noise,
                                           hb_tensor out[2]);

/* --------------------------------------------------------------------------------------------------- pooling */

typedef struct hb_pool2d_params {
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_h, pad_w;  /* at most half the kernel */
    int32_t count_padding; /* average: divide by the kernel's size (1) or by the elements inside the image (0) */
} hb_pool2d_params;
/* out[0] y [n,oh,ow,c]; out[1] i32 [n,oh,ow,c]: h * width + w of the maximum (the first of equals; NaN wins). */
HB_API hb_status hb_max_pool2d(hb_tensor x, const hb_pool2d_params* params, hb_tensor out[2]);
HB_API hb_tensor hb_max_pool2d_backward(hb_tensor dy, hb_tensor index, int64_t height, int64_t width);
HB_API hb_tensor hb_avg_pool2d(hb_tensor x, const hb_pool2d_params* params);
HB_API hb_tensor hb_avg_pool2d_backward(hb_tensor dy, int64_t height, int64_t width, const hb_pool2d_params* params);
/* [n,h,w,c] -> [n,c], the mean over the image. */
HB_API hb_tensor hb_global_avg_pool(hb_tensor x);
HB_API hb_tensor hb_global_avg_pool_backward(hb_tensor dy, int64_t height, int64_t width);

/* --------------------------------------------------------------------------------------------- normalisation */

enum { HB_ACT_NONE = 0, HB_ACT_RELU = 1, HB_ACT_LEAKY_RELU = 2 };
typedef struct hb_batch_norm_params {
    int32_t training; /* 1: statistics of the batch; 0: the running ones, constants for the gradient */
    int32_t
        update_running; /* training only: running = (1 - momentum) * running + momentum * batch (variance unbiased) */
    int32_t statistics_groups; /* 1: one set of statistics over the whole batch (synchronised); M: each of the M noise
                                  runs of the batch has its own; running statistics then take their mean */
    int32_t activation;        /* HB_ACT_*, after the residual is added */
    float slope;               /* of HB_ACT_LEAKY_RELU */
    float momentum;            /* PyTorch's sense: weight of the new value, 0..1 */
    float epsilon;
    int32_t reserved; /* 0 */
} hb_batch_norm_params;
/*
 * Ioffe and Szegedy 2015, with residual and activation in the same pass: y = act(gamma * (x - mean) / sqrt(var + eps)
 * + beta + residual). x [.., c]; gamma, beta, running_mean, running_var [c]; residual like x, or 0. Noise perturbs
 * gamma per run of x's first dimension.
 * out[0] y; out[1] mean [groups, c]; out[2] 1/sqrt(var + eps) [groups, c]: the statistics used.
 */
HB_API hb_status hb_batch_norm(hb_tensor x, hb_tensor gamma, hb_tensor beta, hb_tensor running_mean,
                               hb_tensor running_var, hb_tensor residual, const hb_batch_norm_params* params,
                               const hb_noise* noise, hb_tensor out[3]);
/* out[0] dx, out[1] dgamma, out[2] dbeta, out[3] dresidual when want_residual, else 0. y is forward's result: the
 * activation's mask is read from its sign. */
HB_API hb_status hb_batch_norm_backward(hb_tensor x, hb_tensor y, hb_tensor dy, hb_tensor gamma, hb_tensor mean,
                                        hb_tensor inverse_deviation, int32_t want_residual,
                                        const hb_batch_norm_params* params, const hb_noise* noise, hb_tensor out[4]);

/*
 * Convolution, batch norm, residual and activation as one op with one backward: act(bn(conv(x, w)) + residual).
 * Arguments as in hb_conv2d (no bias) and hb_batch_norm; conv_noise perturbs w, norm_noise gamma.
 * out[0] y; out[1] the convolution's result; out[2], out[3] mean and inverse deviation: what the backward pass needs, 0
 * unless want_gradient. Without them nothing but y is stored, and in evaluation mode it is written once; its bits are
 * the same.
 */
HB_API hb_status hb_conv_bn_act(hb_tensor x, hb_tensor w, hb_tensor gamma, hb_tensor beta, hb_tensor running_mean,
                                hb_tensor running_var, hb_tensor residual, const hb_conv2d_params* conv,
                                const hb_batch_norm_params* norm, const hb_noise* conv_noise,
                                const hb_noise* norm_noise, int32_t want_gradient, hb_tensor out[4]);
/* out[0] dx (0 unless want_dx), out[1] dw, out[2] dgamma, out[3] dbeta, out[4] dresidual (0 unless want_residual). */
HB_API hb_status hb_conv_bn_act_backward(hb_tensor x, hb_tensor w, hb_tensor convolved, hb_tensor y, hb_tensor dy,
                                         hb_tensor gamma, hb_tensor mean, hb_tensor inverse_deviation, int32_t want_dx,
                                         int32_t want_residual, const hb_conv2d_params* conv,
                                         const hb_batch_norm_params* norm, const hb_noise* conv_noise,
                                         const hb_noise* norm_noise, hb_tensor out[5]);

/* Wu and He 2018. x [n, .., c], groups divides c; gamma, beta [c]. Noise perturbs gamma per run of the first dimension.
 * out[0] y, out[1] mean [n, groups], out[2] inverse deviation [n, groups]. */
HB_API hb_status hb_group_norm(hb_tensor x, hb_tensor gamma, hb_tensor beta, int32_t groups, double epsilon,
                               const hb_noise* noise, hb_tensor out[3]);
/* out[0] dx, out[1] dgamma, out[2] dbeta. */
HB_API hb_status hb_group_norm_backward(hb_tensor x, hb_tensor dy, hb_tensor gamma, hb_tensor mean,
                                        hb_tensor inverse_deviation, int32_t groups, const hb_noise* noise,
                                        hb_tensor out[3]);
/* Ba et al. 2016, over the last dimension. x [.., c]; gamma, beta [c]. out[0] y, out[1] mean [..], out[2] inverse
 * deviation [..]. Noise runs split x's first dimension. */
HB_API hb_status hb_layer_norm(hb_tensor x, hb_tensor gamma, hb_tensor beta, double epsilon, const hb_noise* noise,
                               hb_tensor out[3]);
HB_API hb_status hb_layer_norm_backward(hb_tensor x, hb_tensor dy, hb_tensor gamma, hb_tensor mean,
                                        hb_tensor inverse_deviation, const hb_noise* noise, hb_tensor out[3]);

/* ------------------------------------------------------------------------------------------------- attention */

/*
 * Softmax attention within every head (Vaswani et al. 2017), each position over all t of its sample:
 * y = softmax(q kT * scale) v. qkv [n, t, 3 * heads * d], with d >= 1, is read as [n, t, 3, heads, d]: queries, keys
 * and values as one linear layer makes them. scale >= 0; 0 stands for 1/sqrt(d). The t x t scores exist in tiles only
 * (Dao et al. 2022). out[0] y [n, t, heads * d]; out[1] log_sum [n, heads, t], the logarithm of a row's sum of exp(q k
 * * scale).
 */
HB_API hb_status hb_attention(hb_tensor qkv, int32_t heads, double scale, hb_tensor out[2]);
/* dqkv, shaped like qkv; y and log_sum are forward's results. */
HB_API hb_tensor hb_attention_backward(hb_tensor qkv, hb_tensor y, hb_tensor log_sum, hb_tensor dy, int32_t heads,
                                       double scale);

/* ----------------------------------------------------------------------------------------- softmax and losses */

/* Over the last dimension, k >= 1. */
HB_API hb_tensor hb_softmax(hb_tensor x);
HB_API hb_tensor hb_softmax_backward(hb_tensor y, hb_tensor dy);
HB_API hb_tensor hb_log_softmax(hb_tensor x);
HB_API hb_tensor hb_log_softmax_backward(hb_tensor y, hb_tensor dy);

/*
 * Cross-entropy per sample, not reduced: logits [n,k]; targets i64 [n] with 0 <= t < k, or soft targets [n,k] of the
 * logits' type (f32 beside bf16 logits) -> [n], -sum_c t_c log softmax(logits)_c. smoothing s in [0,1) mixes the target
 * with s/k (Szegedy et al. 2016). Weights and means are taken by the caller on the [n] losses.
 */
HB_API hb_tensor hb_cross_entropy(hb_tensor logits, hb_tensor targets, double smoothing);
/* dloss [n] -> dlogits [n,k]. The soft targets get no gradient here: theirs is -log softmax(logits). */
HB_API hb_tensor hb_cross_entropy_backward(hb_tensor logits, hb_tensor targets, hb_tensor dloss, double smoothing);
/*
 * One pass over the logits [n,k] with targets i64 [n]: out[0] softmax [n,k]; out[1] cross-entropy [n]; out[2] the
 * squared norm of the loss-layer gradient, sum_c (softmax_c - onehot_c)^2, [n] (PRL-L's score, Liu et al. 2021).
 * Not differentiable: use hb_cross_entropy where a gradient is wanted.
 */
HB_API hb_status hb_softmax_scores(hb_tensor logits, hb_tensor targets, hb_tensor out[3]);
/* Per sample sum_c p_c (log p_c - log q_c) with p, q the softmax of p_logits, q_logits [n,k] -> [n]. */
HB_API hb_tensor hb_kl_divergence(hb_tensor p_logits, hb_tensor q_logits);
/* out[0] d p_logits, out[1] d q_logits, for dloss [n]. */
HB_API hb_status hb_kl_divergence_backward(hb_tensor p_logits, hb_tensor q_logits, hb_tensor dloss, hb_tensor out[2]);
/* Per sample: x, target [n, ..] of one type -> [n], the sum of squared differences. */
HB_API hb_tensor hb_squared_error(hb_tensor x, hb_tensor target);
/* d x for dloss [n]; that of the target is its negative. */
HB_API hb_tensor hb_squared_error_backward(hb_tensor x, hb_tensor target, hb_tensor dloss);

/* --------------------------------------------------------------------------------------------------- dropout */

/* Zeroes elements with probability p in [0,1) and divides the others by 1-p. channels = 1 drops whole channels of
 * x [n, .., c] (element of the draw = sample * c + channel), and so whole samples of x [n, .., 1]; 0 single elements.
 * An element is dropped when its uniform < p. The gradient is the same op, with the same stream, on dy: nothing is
 * stored. */
HB_API hb_tensor hb_dropout(hb_tensor x, double p, int32_t channels, const hb_stream* stream);

/* ---------------------------------------------------------------------- optimizers, over many tensors at once */

/* All dense f32 (or all f64), gradients[i] shaped like parameters[i]; in place. An entry of `gradients` may be 0: that
 * parameter is left alone. */

typedef struct hb_sgd_params {
    double learning_rate;
    double momentum; /* 0: none; momenta may then be null */
    double dampening;
    double weight_decay; /* added to the gradient: g + decay * w */
    int32_t nesterov;
    int32_t first_step; /* 1: momenta are set to the gradient (PyTorch's start) instead of blended */
} hb_sgd_params;
/* decay[i] scales weight_decay for tensor i (null: 1 for all). */
HB_API hb_status hb_sgd_step(int32_t count, const hb_tensor* parameters, const hb_tensor* gradients,
                             const hb_tensor* momenta, const double* decay, const hb_sgd_params* params);

typedef struct hb_adam_params {
    double learning_rate;
    double beta1, beta2;
    double epsilon;
    double weight_decay;
    int32_t decoupled; /* 1: AdamW (Loshchilov and Hutter 2019); 0: decay added to the gradient */
    int32_t amsgrad;   /* 1: max_second[i] keeps the largest second moment (Reddi et al. 2018) */
    int64_t step;      /* 1 for the first */
} hb_adam_params;
HB_API hb_status hb_adam_step(int32_t count, const hb_tensor* parameters, const hb_tensor* gradients,
                              const hb_tensor* first, const hb_tensor* second, const hb_tensor* max_second,
                              const double* decay, const hb_adam_params* params);

/* Euclidean norm of all elements together, accumulated in double; entries of 0 are skipped. */
HB_API hb_status hb_global_norm(int32_t count, const hb_tensor* tensors, double* norm);
/* In place: every tensor *= factor; entries of 0 are skipped. */
HB_API hb_status hb_scale_all(int32_t count, const hb_tensor* tensors, double factor);

typedef struct hb_ascent_params {
    double rho;       /* radius */
    double eta;       /* ASAM's offset */
    int32_t adaptive; /* 0: SAM (Foret et al. 2021); 1: ASAM (Kwon et al. 2021) */
    int32_t reserved; /* 0 */
} hb_ascent_params;
/*
 * backup = w, then w += epsilon: SAM rho * g/|g|; ASAM, with T = |w| + eta where adaptive_tensor[i] is nonzero and 1
 * elsewhere, rho * T^2 g / |T g|. Norms run over all tensors together. A zero gradient moves nothing. Writes |g| or
 * |T g| to *norm.
 */
HB_API hb_status hb_ascend(int32_t count, const hb_tensor* parameters, const hb_tensor* gradients,
                           const hb_tensor* backups, const int32_t* adaptive_tensor, const hb_ascent_params* params,
                           double* norm);
/* w = backup, to the bit. */
HB_API hb_status hb_restore(int32_t count, const hb_tensor* parameters, const hb_tensor* backups);

/* ---------------------------------------------------------------------------------------------- collectives */

/*
 * Sums over replicas, such as the gradients of one network on several devices: tensors[r * count + i] is tensor i of
 * replica r, and for every i becomes the sum over r of weights[r] times it, in all replicas (weights null: 1 each; 1/R
 * each gives the mean). All tensors of a replica are on one device; devices are of one kind and may repeat. Dense f32
 * (or all f64), of one shape in all replicas; an entry of 0 is left alone, and must be 0 in all. In place; summed in
 * the order of the replicas, so the same inputs give the same bits, the same ones in every replica. replicas: 1..64.
 */
HB_API hb_status hb_all_reduce(int32_t replicas, int32_t count, const hb_tensor* tensors, const double* weights);

/* ------------------------------------------------------------------------------------------------- images */

/*
 * No ops, and no tensors: loops over the pixels of one image in the caller's memory, which corrupted images are made
 * with. Images are rows of red, green and blue bytes, at least one pixel; levels are floats, 0 black and 255 white, not
 * cut to bytes yet, and belong to values (3 a pixel). A call runs on the calling thread alone, keeps nothing, and gives
 * the same bits on every tier. Input and result do not overlap.
 */

/* What JPEG does to pixels, by these 64 steps each (1..255, row by row) for luma and for chroma, which has half the
 * resolution in both directions: the islow transforms and fancy upsampling of the IJG's library. */
HB_API hb_status hb_image_jpeg(const uint8_t* in, uint8_t* out, int32_t height, int32_t width, const uint8_t* luma,
                               const uint8_t* chroma);
/* Pillow's box filter to a smaller image (1..height, 1..width) and back. */
HB_API hb_status hb_image_pixelate(const uint8_t* in, uint8_t* out, int32_t height, int32_t width, int32_t small_height,
                                   int32_t small_width);
/* SciPy's gaussian_filter, outermost pixels going on; kernel[k], k = 0 .. radius, is the weight of both neighbours at
 * distance k. Right in so far as cutting to bytes is as if it were computed in double precision. */
HB_API hb_status hb_image_gaussian(const uint8_t* in, float* levels, int32_t height, int32_t width,
                                   const double* kernel, int32_t radius);

/* A disk smoothed by a Gaussian. */
typedef struct hb_disk {
    int32_t rows;        /* of the disk, from the middle downwards */
    int32_t reach;       /* of the Gaussian */
    int32_t margin;      /* how far a pixel takes from others */
    int32_t corrections; /* of weights near the border of the grid that the disk stands on */
    float scale;         /* 1 by the pixels of the disk */
    float bias;          /* added to every level */
} hb_disk;
/* half_width[rows]: pixels to the right in every row. For every correction: the row that it is added at, that it takes,
 * and how many weights its column has, at[], from[], length[], and its weight[]. columns: those weights, one correction
 * after the other. gauss[reach + 1]: weights by distance. Images are mirrored at their border, the outermost pixel
 * once. */
HB_API hb_status hb_image_defocus(const uint8_t* in, float* levels, int32_t height, int32_t width, const hb_disk* disk,
                                  const int32_t* half_width, const int32_t* at, const int32_t* from,
                                  const int32_t* length, const float* gauss, const float* weight, const float* columns);

typedef struct hb_drops {
    float mean, deviation; /* of the normal numbers that drops are made of, one per pixel */
    float threshold;       /* of these, blurred */
    float alpha;           /* of the brightest water, 0..1 */
    int32_t mud;           /* 0: water */
    int32_t radius;        /* of the blur */
    int32_t soft_radius;   /* of the blur of the edges of mud */
    int32_t reserved;      /* 0 */
} hb_drops;
/* Drops of water or splashes of mud. Weights of the blurs, weights[radius + 1] and soft_weights[soft_radius + 1], are
 * for both neighbours at a distance. */
HB_API hb_status hb_image_spatter(const uint8_t* in, float* levels, int32_t height, int32_t width,
                                  const hb_drops* drops, const float* weights, const float* soft_weights,
                                  const hb_stream* stream);
/* Adds a landscape of clouds (diamond-square; its deviation falls by `decay` with every halving) times the strength,
 * and darkens by m / (m + strength), m being the brightest value, 1 for white. */
HB_API hb_status hb_image_fog(const uint8_t* in, float* levels, int32_t height, int32_t width, double strength,
                              double decay, const hb_stream* stream);
/* level + deviation * normal(e) of value e; proportional: level + level * (deviation * normal(e)). */
HB_API hb_status hb_image_noise(const uint8_t* in, float* levels, int64_t count, float deviation, int32_t proportional,
                                const hb_stream* stream);
/* For value e a sample of the distribution that is tabulated for its level, by uniform numbers 2e (upper bits) and 2e
 * + 1. place[512], guide[65536]. Level l's place[2 l ..]: where its distribution function begins, its smallest sample.
 * An entry of its guide, guide[256 l + i], tells of the numbers from i / 256 to (i + 1) / 256. It is s << 16 | t where
 * their sample is s if the 16 bits behind the first 8 are below t, s + 1 if they are above, and one of both by all bits
 * if they are t; or, if there are more than two samples among them, ~e, e being where the search begins.
 * level_of[sample] is the result. */
HB_API hb_status hb_image_poisson(const uint8_t* in, float* levels, int64_t count, const int32_t* place,
                                  const int32_t* guide, const double* cumulative, const float* level_of,
                                  const hb_stream* stream);
/* a * in + b * other */
HB_API hb_status hb_image_mix(const uint8_t* in, const uint8_t* other, float* levels, int64_t count, float a, float b);
/* Levels clipped to 0..255 and cut, not rounded, to bytes; NaN becomes 0. */
HB_API hb_status hb_image_cut(const float* levels, uint8_t* out, int64_t count);

#ifdef __cplusplus
}
#endif

#endif
