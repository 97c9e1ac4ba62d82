// Softmax attention, forward and backward; the t x t weights exist in tiles only (Dao et al. 2022).
//
// Forward: a block has 64 queries of one head, 16 a warp, and walks the keys and values, 64 or 32 at a time, with the
// running maximum and sum of each query's exponentials (Milakov and Gimelshein 2018). Scores and weights stay in the
// registers that the tensor core instructions leave them in. The next keys are copied while the values are multiplied
// and the other way round.
// Backward: the weights are computed again from log_sum. One kernel has 64 keys a block and walks the queries, for dk
// and dv; another has 64 queries and walks the keys, for dq. So every sum has one owner and one order, for seven
// products instead of five: atomic additions of dq, the usual way, change its bits from run to run.
// In bf16 the weights, and their gradients, are two bf16 numbers each: what one would round off is of the size of the
// results' own rounding, which is then the only one. It costs 6 products for 4 forward, 10 for 7 backward.
// Known and not taken: one warp per query (no tensor cores), the whole row of weights in shared memory (t up to 500),
// wgmma with warps of producers and consumers (Shah et al. 2024; 1.5 to 2 times as fast on sm_90a, nothing elsewhere).
//
// Operations, of n samples, h heads, t positions of d: 6 n h t^2 d forward and 20 backward, second parts included.
// Bytes: 4 n t h d elements forward, 9 backward, and the keys and values again for every 64 queries, from the L2 cache.
// ViT-S/16 at n = 64 (t 197, 6 heads of 64) in bf16: 5.7 GFLOP and 39 MB forward, 12 us of memory at 3.35 TB/s and 6 us
// of 989 TFLOP/s on an H100; backward 19 GFLOP and 87 MB, 26 us and 19 us. mma.sync reaches some 60 % of that rate, and
// tiles of 64 hide 41 % more work in padding at 197 (256^2 for 197^2 in scores): products bound both.
#include "host/device.h"
#include "kernels/attention_tiles.cuh"
#include "kernels/kernels.h"
#include "kernels/packs.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 128, kWarpRows = 16, kBlockRows = kThreads / 32 * kWarpRows;
constexpr float kLog2E = 1.4426950408889634f;

struct Sizes {
    int64_t n, t, heads, d, tiles;  // tiles: of kBlockRows positions
    float scale;
    bool packs;  // rows can be copied 16 bytes at a time
};

// One head of one sample, and this block's positions in it.
struct Head {
    int64_t q, k, v, y, sums;  // where its first rows are; sums: in log_sum
    int64_t apart, y_apart;    // from row to row, of qkv and of y
    int64_t first;             // of the block's positions

    __device__ explicit Head(const Sizes& s) {
        int64_t tile = blockIdx.x, head = divided(tile, s.tiles);
        sums = head * s.t;
        const int64_t sample = divided(head, s.heads);
        first = tile * kBlockRows;
        y_apart = s.heads * s.d;
        apart = 3 * y_apart;
        q = sample * s.t * apart + head * s.d;
        k = q + y_apart;
        v = k + y_apart;
        y = sample * s.t * y_apart + head * s.d;
    }
};

// Starts copying rows first .. first + kRows - 1 of `from` to a tile; beyond t and d it gets zeros.
template <class T, int kDepth, int kRows>
__device__ __forceinline__ void copy_rows(const T* from, int64_t apart, int64_t first, const Sizes& s, T* tile) {
    constexpr int kRowPacks = kDepth / kPack<T>;
#pragma unroll 4
    for (int i = int(threadIdx.x); i < kRows * kRowPacks; i += kThreads) {
        const int row = i / kRowPacks, column = i % kRowPacks * kPack<T>;
        T* to = tile + row * kPitch<kDepth> + column;
        const bool inside = first + row < s.t;
        const T* source = from + (inside ? (first + row) * apart : 0) + column;
        if (s.packs) {
            const bool any = inside && column < s.d;
            cp_async<16>(to, any ? source : from, any ? 16 : 0);
        } else {
            for (int j = 0; j < kPack<T>; j++) to[j] = inside && column + j < s.d ? source[j] : stored<T>(0);
        }
    }
}

// Rows g and g + 8 of a warp's accumulators [16, kDepth], times `factor`, to rows first + row ...
template <class T, int kDepth>
__device__ __forceinline__ void store_rows(const float (&d)[kDepth / 8][4], const float (&factor)[2], T* to,
                                           int64_t apart, int64_t first, const Sizes& s) {
    const int lane = int(threadIdx.x) % 32, t = lane % 4;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int64_t row = first + lane / 4 + 8 * half;
        if (row >= s.t) continue;
#pragma unroll
        for (int n = 0; n < kDepth / 8; n++) {
            const int column = 8 * n + 2 * t;
            const float two[2] = {d[n][2 * half] * factor[half], d[n][2 * half + 1] * factor[half]};
            T* at = to + row * apart + column;
            if (s.packs && column < s.d) {
                if constexpr (std::is_same_v<T, float>)
                    *reinterpret_cast<float2*>(at) = make_float2(two[0], two[1]);
                else
                    *reinterpret_cast<uint32_t*>(at) = TileProduct<Bf16>::pair(two[0], two[1]);
            } else {
                if (column < s.d) at[0] = stored<T>(two[0]);
                if (column + 1 < s.d) at[1] = stored<T>(two[1]);
            }
        }
    }
}

template <int n>
__device__ __forceinline__ void clear(float (&d)[n][4]) {
#pragma unroll
    for (int i = 0; i < n; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) d[i][j] = 0;
}

// Over the four lanes that share a row.
__device__ __forceinline__ float most_of_row(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ __forceinline__ float sum_of_row(float x) {
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// ---- forward

template <class T, int kDepth>
inline constexpr int kKeys = kDepth > 64 ? 32 : 64;

template <class T, int kDepth>
constexpr int forward_shared_bytes() {
    return (kBlockRows + 2 * kKeys<T, kDepth>)*kPitch<kDepth> * int(sizeof(T));
}

template <class T, int kDepth>
__global__ void __launch_bounds__(kThreads) attention_kernel(const T* qkv, Sizes s, T* y, float* log_sum) {
    constexpr int kStep = kKeys<T, kDepth>, kTile = kPitch<kDepth>;
    HB_DYNAMIC_SHARED(T, queries);
    T *keys = queries + kBlockRows * kTile, *values = keys + kStep * kTile;
    const Head head(s);
    const int lane = int(threadIdx.x) % 32, row = int(threadIdx.x) / 32 * kWarpRows;
    const float factor = s.scale * kLog2E;
    float out[kDepth / 8][4], most[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};
    clear(out);
    copy_rows<T, kDepth, kBlockRows>(qkv + head.q, head.apart, head.first, s, queries);
    copy_rows<T, kDepth, kStep>(qkv + head.k, head.apart, 0, s, keys);
    cp_async_commit();
    copy_rows<T, kDepth, kStep>(qkv + head.v, head.apart, 0, s, values);
    cp_async_commit();
    for (int64_t key = 0; key < s.t; key += kStep) {
        cp_async_wait<1>();
        __syncthreads();
        float score[kStep / 8][4];
        clear(score);
        multiply_rows<T, kDepth, kStep>(queries, row, keys, score);
        __syncthreads();
        if (key + kStep < s.t) copy_rows<T, kDepth, kStep>(qkv + head.k, head.apart, key + kStep, s, keys);
        cp_async_commit();

        const int inside = int(s.t - key < kStep ? s.t - key : kStep) - 2 * (lane % 4);
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float higher = most[half];
#pragma unroll
            for (int n = 0; n < kStep / 8; n++)
#pragma unroll
                for (int i = 0; i < 2; i++)
                    if (8 * n + i < inside) higher = fmaxf(higher, score[n][2 * half + i]);
            higher = most_of_row(higher);
            const float shrink = exp2f((most[half] - higher) * factor);
            most[half] = higher;
            total[half] *= shrink;
#pragma unroll
            for (int n = 0; n < kStep / 8; n++)
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    float& at = score[n][2 * half + i];
                    at = 8 * n + i < inside ? exp2f((at - higher) * factor) : 0;
                    total[half] += at;
                }
#pragma unroll
            for (int n = 0; n < kDepth / 8; n++)
#pragma unroll
                for (int i = 0; i < 2; i++) out[n][2 * half + i] *= shrink;
        }
        cp_async_wait<1>();
        __syncthreads();
        multiply_weights<T, kDepth, kStep>(score, values, out);
        __syncthreads();
        if (key + kStep < s.t) copy_rows<T, kDepth, kStep>(qkv + head.v, head.apart, key + kStep, s, values);
        cp_async_commit();
    }
    float inverse[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const float sum = sum_of_row(total[half]);
        inverse[half] = 1 / sum;
        const int64_t position = head.first + row + lane / 4 + 8 * half;
        if (lane % 4 == 0 && position < s.t) log_sum[head.sums + position] = fmaf(most[half], s.scale, logf(sum));
    }
    store_rows<T, kDepth>(out, inverse, y + head.y, head.y_apart, head.first + row, s);
}

// ---- backward: p = exp(scale q k - log_sum), ds = scale p (dy v - dy y): dv = pT dy, dq = ds k, dk = dsT q

// dy y of every head and position: a warp each.
template <class T>
__global__ void __launch_bounds__(kThreads) products_kernel(const T* y, const T* dy, Sizes s, float* products) {
    const int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) / 32;  // of [n, heads, t]
    if (i >= s.n * s.heads * s.t) return;
    int64_t position = i, head = divided(position, s.t);
    const int64_t sample = divided(head, s.heads), row = ((sample * s.t + position) * s.heads + head) * s.d;
    float sum = 0;
    for (int64_t c = int(threadIdx.x) % 32; c < s.d; c += 32)
        sum = fmaf(widened(y[row + c]), widened(dy[row + c]), sum);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) products[i] = sum;
}

// Positions that the backward kernels walk at a time; with more, those of the widest heads would spill registers.
template <int kDepth>
inline constexpr int kSteps = kDepth > 64 ? 16 : 32;

// Two tiles of the block's own, and two stages of two tiles that it walks, with two numbers for each row of these.
template <class T, int kDepth>
constexpr int backward_shared_bytes() {
    return (2 * kBlockRows + 4 * kSteps<kDepth>)*kPitch<kDepth> * int(sizeof(T)) +
           4 * kSteps<kDepth> * int(sizeof(float));
}

template <class T>
struct BackwardViews {
    const T *qkv, *dy;
    const float *log_sum, *products;  // [n, heads, t]
    T* dqkv;
};

__device__ __forceinline__ float weight_of(float score, float scale, float log_sum) {
    return exp2f(fmaf(score, scale, -log_sum) * kLog2E);
}

template <class T, int kDepth>
__global__ void __launch_bounds__(kThreads) keys_values_kernel(BackwardViews<T> views, Sizes s) {
    constexpr int kStep = kSteps<kDepth>, kTile = kPitch<kDepth>, kStage = 2 * kStep * kTile;
    HB_DYNAMIC_SHARED(T, keys);
    T *values = keys + kBlockRows * kTile, *walked = values + kBlockRows * kTile;
    float* sums = reinterpret_cast<float*>(walked + 2 * kStage);  // [stage][log_sum, product][kStep]
    const Head head(s);
    const int lane = int(threadIdx.x) % 32, row = int(threadIdx.x) / 32 * kWarpRows;
    auto copy_stage = [&](int64_t query, int stage) {
        T* queries = walked + stage * kStage;
        copy_rows<T, kDepth, kStep>(views.qkv + head.q, head.apart, query, s, queries);
        copy_rows<T, kDepth, kStep>(views.dy + head.y, head.y_apart, query, s, queries + kStep * kTile);
        const int i = int(threadIdx.x);
        if (i < 2 * kStep) {
            const int64_t position = query + i % kStep;
            const float* from = i < kStep ? views.log_sum : views.products;
            sums[2 * kStep * stage + i] = position < s.t ? from[head.sums + position] : 0;
        }
    };
    copy_rows<T, kDepth, kBlockRows>(views.qkv + head.k, head.apart, head.first, s, keys);
    copy_rows<T, kDepth, kBlockRows>(views.qkv + head.v, head.apart, head.first, s, values);
    copy_stage(0, 0);
    cp_async_commit();
    float dk[kDepth / 8][4], dv[kDepth / 8][4];
    clear(dk);
    clear(dv);
    int stage = 0;
    for (int64_t query = 0; query < s.t; query += kStep, stage ^= 1) {
        if (query + kStep < s.t) copy_stage(query + kStep, stage ^ 1);
        cp_async_commit();
        cp_async_wait<1>();
        __syncthreads();
        const T *queries = walked + stage * kStage, *dy = queries + kStep * kTile;
        const float *log_sum = sums + 2 * kStep * stage, *products = log_sum + kStep;
        float weight[kStep / 8][4], slope[kStep / 8][4];  // of 16 keys, for kStep queries
        clear(weight);
        clear(slope);
        multiply_rows<T, kDepth, kStep>(keys, row, queries, weight);
        multiply_rows<T, kDepth, kStep>(values, row, dy, slope);
#pragma unroll
        for (int n = 0; n < kStep / 8; n++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                const int at = 8 * n + 2 * (lane % 4) + i;
                const bool inside = query + at < s.t;
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    float &p = weight[n][2 * half + i], &ds = slope[n][2 * half + i];
                    p = inside ? weight_of(p, s.scale, log_sum[at]) : 0;
                    ds = inside ? s.scale * p * (ds - products[at]) : 0;
                }
            }
        multiply_weights<T, kDepth, kStep>(weight, dy, dv);
        multiply_weights<T, kDepth, kStep>(slope, queries, dk);
        __syncthreads();
    }
    const float one[2] = {1, 1};
    store_rows<T, kDepth>(dk, one, views.dqkv + head.k, head.apart, head.first + row, s);
    store_rows<T, kDepth>(dv, one, views.dqkv + head.v, head.apart, head.first + row, s);
}

template <class T, int kDepth>
__global__ void __launch_bounds__(kThreads) queries_kernel(BackwardViews<T> views, Sizes s) {
    constexpr int kStep = kSteps<kDepth>, kTile = kPitch<kDepth>, kStage = 2 * kStep * kTile;
    HB_DYNAMIC_SHARED(T, queries);
    T *dy = queries + kBlockRows * kTile, *walked = dy + kBlockRows * kTile;
    const Head head(s);
    const int lane = int(threadIdx.x) % 32, row = int(threadIdx.x) / 32 * kWarpRows;
    auto copy_stage = [&](int64_t key, int stage) {
        T* keys = walked + stage * kStage;
        copy_rows<T, kDepth, kStep>(views.qkv + head.k, head.apart, key, s, keys);
        copy_rows<T, kDepth, kStep>(views.qkv + head.v, head.apart, key, s, keys + kStep * kTile);
    };
    copy_rows<T, kDepth, kBlockRows>(views.qkv + head.q, head.apart, head.first, s, queries);
    copy_rows<T, kDepth, kBlockRows>(views.dy + head.y, head.y_apart, head.first, s, dy);
    copy_stage(0, 0);
    cp_async_commit();
    float log_sum[2], product[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int64_t position = head.first + row + lane / 4 + 8 * half;
        log_sum[half] = position < s.t ? views.log_sum[head.sums + position] : 0;
        product[half] = position < s.t ? views.products[head.sums + position] : 0;
    }
    float dq[kDepth / 8][4];
    clear(dq);
    int stage = 0;
    for (int64_t key = 0; key < s.t; key += kStep, stage ^= 1) {
        if (key + kStep < s.t) copy_stage(key + kStep, stage ^ 1);
        cp_async_commit();
        cp_async_wait<1>();
        __syncthreads();
        const T *keys = walked + stage * kStage, *values = keys + kStep * kTile;
        float score[kStep / 8][4], slope[kStep / 8][4];  // of 16 queries, for kStep keys
        clear(score);
        clear(slope);
        multiply_rows<T, kDepth, kStep>(queries, row, keys, score);
        multiply_rows<T, kDepth, kStep>(dy, row, values, slope);
#pragma unroll
        for (int n = 0; n < kStep / 8; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const bool inside = key + 8 * n + 2 * (lane % 4) + i % 2 < s.t;
                const float p = weight_of(score[n][i], s.scale, log_sum[i / 2]);
                slope[n][i] = inside ? s.scale * p * (slope[n][i] - product[i / 2]) : 0;
            }
        multiply_weights<T, kDepth, kStep>(slope, keys, dq);
        __syncthreads();
    }
    const float one[2] = {1, 1};
    store_rows<T, kDepth>(dq, one, views.dqkv + head.q, head.apart, head.first + row, s);
}

// ---- host

constexpr int64_t kMostDepth = 128;

// body(std::integral_constant<int, depth of the tiles>())
template <class Body>
void with_depth(int64_t d, Body&& body) {
    if (d <= 32) return body(std::integral_constant<int, 32>());
    if (d <= 64) return body(std::integral_constant<int, 64>());
    if (d <= kMostDepth) return body(std::integral_constant<int, 128>());
    fail(HB_ERROR_UNSUPPORTED, "heads of %lld columns; CUDA attention takes at most %lld: use more heads", (long long)d,
         (long long)kMostDepth);
}

// Beyond 48 KB a kernel must be allowed its shared memory.
template <class Kernel>
void allow_shared(Kernel* kernel, int bytes) {
    if (bytes <= 48 << 10) return;
    check(
        cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
        "cudaFuncSetAttribute");
}

Sizes sizes_of(const AttentionShape& s, bool aligned) {
    return {s.n, s.t, s.heads, s.d, (s.t + kBlockRows - 1) / kBlockRows, float(s.scale), aligned};
}

void attention(const AttentionShape& shape, const View& qkv, const View& y, const View& log_sum) {
    with_activation(qkv.type, [&]<class T>(T) {
        const Sizes s = sizes_of(shape, packs(shape.d, kPack<T>, qkv, y));
        with_depth(s.d, [&]<int kDepth>(std::integral_constant<int, kDepth>) {
            constexpr int kBytes = forward_shared_bytes<T, kDepth>();
            allow_shared(attention_kernel<T, kDepth>, kBytes);
            HB_LAUNCH((attention_kernel<T, kDepth>), unsigned(s.tiles * s.n * s.heads), kThreads, kBytes, stream(),
                      qkv.as<T>(), s, y.as<T>(), log_sum.f32());
        });
    });
}

void attention_backward(const AttentionShape& shape, const View& qkv, const View& y, const View& log_sum,
                        const View& dy, const View& dqkv) {
    with_activation(qkv.type, [&]<class T>(T) {
        const Sizes s = sizes_of(shape, packs(shape.d, kPack<T>, qkv, dy, dqkv));
        const int64_t rows = s.n * s.heads * s.t;
        DeviceScratch<float> products(rows);
        HB_LAUNCH((products_kernel<T>), unsigned((rows * 32 + kThreads - 1) / kThreads), kThreads, 0, stream(),
                  y.as<T>(), dy.as<T>(), s, products.data());
        const BackwardViews<T> views{qkv.as<T>(), dy.as<T>(), log_sum.f32(), products.data(), dqkv.as<T>()};
        with_depth(s.d, [&]<int kDepth>(std::integral_constant<int, kDepth>) {
            constexpr int kBytes = backward_shared_bytes<T, kDepth>();
            const unsigned blocks = unsigned(s.tiles * s.n * s.heads);
            allow_shared(keys_values_kernel<T, kDepth>, kBytes);
            HB_LAUNCH((keys_values_kernel<T, kDepth>), blocks, kThreads, kBytes, stream(), views, s);
            allow_shared(queries_kernel<T, kDepth>, kBytes);
            HB_LAUNCH((queries_kernel<T, kDepth>), blocks, kThreads, kBytes, stream(), views, s);
        });
    });
}

}  // namespace

void add_attention(Backend& table) {
    table.attention = attention;
    table.attention_backward = attention_backward;
}

}  // namespace hb::cuda
