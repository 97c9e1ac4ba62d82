// The tile engine behind every matrix product: y [m, n] = sum over k of a [m, k] b [k, n], where a and b are windows on
// tensors (below), so that linear layers, convolutions and both of their gradients are the same kernel.
//
// A block of 4 or 8 warps makes one tile of y; a warp 64x32 or 32x32 of it, in registers. Tiles of a and b, 64 bytes of
// k deep, come to shared memory through a ring of stages by cp.async, 16 bytes a thread at a time, one barrier a step.
// A tile lies in shared memory as its tensor does: k innermost ("k-major") or m, n innermost; rows are padded by 16
// bytes (8 elements where k is outermost), which moves neighbouring rows by 4 (tf32, k outermost: 8) banks: neither
// ldmatrix nor the plain loads of tf32 fragments conflict.
//
// Products:
//   Bf16   mma.m16n8k16, fragments by ldmatrix (transposing where k is outermost).
//   Tf32   mma.m16n8k8. Alone it keeps 11 bits of each operand. As "tf32x3", the standard for f32, an operand is the
//          sum of two tf32 numbers, big = nearest and small = the rest, and a b ~ small big + big small + big big: an
//          error of about an ulp of f32 per product. The tensor core cuts sums off instead of rounding them; so a step
//          of 16 k is summed there from zero and added by an FADD.
//   Fma    f32, explicit fmaf, in ascending k: as exact as f32 is. No tensor cores.
//
// Variants: a tile loaded through registers (dev/gemm_ladder.cu, steps 1 to 3) waits for memory in every step; swizzled
// instead of padded shared memory saves 11 to 25 % of it and costs address arithmetic in the inner loop; im2col into
// memory costs kh kw times the reads and writes of x, where the window costs some ten integer operations per 16 bytes.
// wgmma and TMA (sm_90a) would about double the rate of mma.sync on an H100; sm_80 and later run this one.
//
// Work: 2 m n k operations. A 128x128 tile reads (128 + 128) k elements from L2 and does 32768 k operations: in bf16 64
// operations a byte, so that at 989 TFLOP/s L2 would have to give 15 TB/s, and mma.sync reaches some 60 % of that peak:
// L2 (about 5.5 TB/s) bounds it at some 350 TFLOP/s; tf32 (495 TFLOP/s) at 32 operations a byte at some 175, tf32x3 at
// the arithmetic: a third of tf32's, 100 to 165. Memory: x is read kh kw times through L2, from DRAM about once.
#pragma once

#include "core/philox.h"
#include "core/weight_noise.h"
#include "kernels/gemm.h"
#include "kernels/mma.cuh"
#include "kernels/numbers.cuh"

namespace hb::cuda {
namespace {

// ---- shapes of tiles

enum class Product { Bf16, Tf32, Fma };

// vector: elements that are loaded together, 16 bytes or 1 element.
template <Product product_, int tile_m_, int tile_n_, int warps_m_, int warps_n_, bool a_k_major_, bool b_k_major_,
          bool vector_, bool drawn_>
struct Tile {
    static constexpr Product product = product_;
    using T = std::conditional_t<product == Product::Bf16, Bf16, float>;
    static constexpr int m = tile_m_, n = tile_n_, k = 64 / int(sizeof(T)), stages = 3;
    static constexpr int warps_m = warps_m_, warps_n = warps_n_, threads = 32 * warps_m * warps_n;
    static constexpr int warp_m = m / warps_m, warp_n = n / warps_n;
    static constexpr int fragments_m = warp_m / 16, fragments_n = warp_n / 8;
    static constexpr bool a_k_major = a_k_major_, b_k_major = b_k_major_, drawn = drawn_;
    static constexpr int vector = vector_ ? 16 / int(sizeof(T)) : 1;
    // Of a multiprocessor; 0: as ptxas finds best. Of this one it would take 96 registers and spill some on sm_100.
    static constexpr int least_blocks = product == Product::Bf16 && drawn && vector_ ? 4 : 0;
    static_assert(fragments_n % 2 == 0);
};

// The part of a tile that is one operand, in shared memory. width: m or n of the tile.
template <class C, int width, bool k_major>
struct Plan {
    static constexpr int rows = k_major ? width : C::k, columns = k_major ? C::k : width;
    static constexpr int stride = columns + (k_major ? 16 / int(sizeof(typename C::T)) : 8);
    static constexpr int elements = rows * stride;
    static constexpr int chunks = columns / C::vector;        // in a row
    static constexpr int rows_at_once = C::threads / chunks;  // that the block loads
    static constexpr int passes = rows / rows_at_once;
    static_assert(C::threads % chunks == 0 && rows % rows_at_once == 0);
};
template <class C>
using PlanA = Plan<C, C::m, C::a_k_major>;
template <class C>
using PlanB = Plan<C, C::n, C::b_k_major>;
template <class C>
constexpr int stage_elements = PlanA<C>::elements + PlanB<C>::elements;
template <class C>
constexpr int shared_bytes = C::stages* stage_elements<C>* int(sizeof(typename C::T));

// ---- windows

constexpr int kOutside = -(1 << 30);

struct WindowRow {
    int64_t base;
    int y, x;  // kOutside: no such row
};
struct WindowColumn {
    int64_t offset;
    int y, x;
};

__device__ __forceinline__ WindowRow row_of(const Window& w, int row, bool exists) {
    const uint32_t image = w.by_image.quotient(row), position = row - image * w.by_image.divisor;
    const uint32_t line = w.by_width.quotient(position), place = position - line * w.by_width.divisor;
    const int y = int(line) * w.mul_h + w.off_h, x = int(place) * w.mul_w + w.off_w;
    return {int64_t(image) * w.stride_image + int64_t(y) * w.stride_y + int64_t(x) * w.stride_x, exists ? y : kOutside,
            x};
}
__device__ __forceinline__ WindowColumn column_of(const Window& w, int column, bool exists) {
    const uint32_t tap = w.by_channels.quotient(column), channel = column - tap * w.by_channels.divisor;
    const uint32_t tap_h = w.by_taps_w.quotient(tap), tap_w = tap - tap_h * w.by_taps_w.divisor;
    const int y = int(tap_h) * w.step_h, x = int(tap_w) * w.step_w;
    return {int64_t(y) * w.stride_y + int64_t(x) * w.stride_x + channel, exists ? y : kOutside, x};
}
__device__ __forceinline__ bool inside(const Window& w, const WindowRow& r, const WindowColumn& c) {
    return uint32_t(r.y + c.y) < uint32_t(w.limit_h) && uint32_t(r.x + c.x) < uint32_t(w.limit_w);
}

// ---- from global to shared memory

// The weights of a noise run, drawn where they are loaded.
struct Draw {
    bool noisy;
    int kind;
    float sigma;
    PhiloxKey key;

    __device__ __forceinline__ float operator()(const float* w, int64_t i) const {
        return noisy ? perturbed(kind, w[i], sigma, normal(i)) : w[i];
    }
    // key.normal(i), without an index into words that would put them into local memory.
    __device__ __forceinline__ float normal(int64_t i) const {
        const PhiloxBlock u = key.block(uint32_t(i >> 2));
        float even, odd;
        box_muller<float, uint32_t>(i & 2 ? u.word[2] : u.word[0], i & 2 ? u.word[3] : u.word[1], even, odd);
        return i & 1 ? odd : even;
    }
    // w[i .. i+3], i a multiple of 4 and w aligned to 16 bytes.
    __device__ __forceinline__ void four(const float* w, int64_t i, float (&to)[4]) const {
        const float4 from = *reinterpret_cast<const float4*>(w + i);
        to[0] = from.x, to[1] = from.y, to[2] = from.z, to[3] = from.w;
        if (!noisy) return;
        float z[4];
        key.normals(uint32_t(i >> 2), z);
#pragma unroll
        for (int e = 0; e < 4; e++) to[e] = perturbed(kind, to[e], sigma, z[e]);
    }
};

// One chunk of C::vector elements, zero where it is not `there`.
template <class C>
__device__ __forceinline__ void copy_chunk(typename C::T* to, const typename C::T* from, int64_t at, bool there) {
    using T = typename C::T;
    constexpr int bytes = C::vector * int(sizeof(T));
    if constexpr (bytes >= 4)
        cp_async<bytes>(to, there ? from + at : from, there ? bytes : 0);
    else
        *to = there ? from[at] : T{};
}

template <class C>
__device__ __forceinline__ void draw_chunk(typename C::T* to, const float* from, int64_t at, bool there,
                                           const Draw& draw) {
    using T = typename C::T;
    if constexpr (C::vector == 1) {
        *to = stored<T>(there ? draw(from, at) : 0.0f);
    } else {
#pragma unroll
        for (int i = 0; i < C::vector; i += 4) {
            float w[4] = {0, 0, 0, 0};
            if (there) draw.four(from, at + i, w);
            if constexpr (sizeof(T) == 4) {
                *reinterpret_cast<float4*>(to + i) = make_float4(w[0], w[1], w[2], w[3]);
            } else {
                uint2 packed;
                packed.x = rounded_bf16(w[0]).bits | uint32_t(rounded_bf16(w[1]).bits) << 16;
                packed.y = rounded_bf16(w[2]).bits | uint32_t(rounded_bf16(w[3]).bits) << 16;
                *reinterpret_cast<uint2*>(to + i) = packed;
            }
        }
    }
}

// Loads an operand's tiles: what does not change from step to step is kept.
template <class C, class P, bool k_major, bool drawn>
class Loader {
  public:
    // The tile begins at `first` of m or n, which ends at `end`; at: of the window's first element in data.
    __device__ __forceinline__ Loader(const Window& window, const Draw& draw, int64_t at, int first, int end)
        : window_(window), draw_(draw), at_(window.first + at), first_(first), end_(end) {
        if constexpr (!k_major) {
            fixed_ = column(first + chunk() * C::vector, end);
        } else if constexpr (keeps_rows) {
#pragma unroll
            for (int pass = 0; pass < P::passes; pass++) rows_[pass] = row(first + line(pass), end);
        }
    }

    // k = begin .. begin + C::k - 1, zero from k_end.
    __device__ __forceinline__ void operator()(typename C::T* shared, int begin, int k_end) const {
        if constexpr (k_major) {
            const WindowColumn c = column(begin + chunk() * C::vector, k_end);
#pragma unroll
            for (int pass = 0; pass < P::passes; pass++)
                if constexpr (keeps_rows)
                    load(shared, pass, rows_[pass], c);
                else
                    load(shared, pass, row(first_ + line(pass), end_), c);
        } else {
#pragma unroll
            for (int pass = 0; pass < P::passes; pass++) load(shared, pass, row(begin + line(pass), k_end), fixed_);
        }
    }

  private:
    static constexpr bool keeps_rows = k_major && P::passes <= 4;

    __device__ __forceinline__ static int chunk() { return int(threadIdx.x) % P::chunks; }
    __device__ __forceinline__ static int line(int pass) {
        return pass * P::rows_at_once + int(threadIdx.x) / P::chunks;
    }
    __device__ __forceinline__ WindowRow row(int i, int end) const { return row_of(window_, i, i < end); }
    __device__ __forceinline__ WindowColumn column(int i, int end) const { return column_of(window_, i, i < end); }
    __device__ __forceinline__ void load(typename C::T* shared, int pass, const WindowRow& r,
                                         const WindowColumn& c) const {
        typename C::T* to = shared + line(pass) * P::stride + chunk() * C::vector;
        const int64_t at = at_ + r.base + c.offset;
        if constexpr (drawn)
            draw_chunk<C>(to, static_cast<const float*>(window_.data), at, inside(window_, r, c), draw_);
        else
            copy_chunk<C>(to, static_cast<const typename C::T*>(window_.data), at, inside(window_, r, c));
    }

    const Window& window_;
    const Draw& draw_;
    const int64_t at_;
    const int first_, end_;
    WindowColumn fixed_;
    WindowRow rows_[keeps_rows ? P::passes : 1];
};

// ---- products of tiles in shared memory

template <class C>
using Sums = float[C::fragments_m][C::fragments_n][4];

// Element (i, j) of fragment (fm, fn)[e] is row 16 fm + g + 8 (e / 2) and column 8 fn + 2 t + e % 2 of the warp's part,
// for lane 4 g + t: the layout of mma's results, kept by all products.
template <class C>
struct WarpPlace {
    int lane, g, t, m, n;
    __device__ __forceinline__ WarpPlace() {
        const int warp = int(threadIdx.x) / 32;
        lane = int(threadIdx.x) % 32;
        g = lane / 4, t = lane % 4;
        m = warp / C::warps_n * C::warp_m, n = warp % C::warps_n * C::warp_n;
    }
};

// Element (i, k) of an operand's tile.
template <class P, bool k_major, class T>
__device__ __forceinline__ const T& tile_element(const T* tile, int i, int k) {
    return k_major ? tile[i * P::stride + k] : tile[k * P::stride + i];
}

template <class C>
__device__ __forceinline__ void multiply_bf16(const Bf16* a, const Bf16* b, const WarpPlace<C>& at, Sums<C>& sums) {
    using A = PlanA<C>;
    using B = PlanB<C>;
    const int low = at.lane % 8, second = at.lane / 8 % 2, third = at.lane / 16;
#pragma unroll
    for (int k = 0; k < C::k; k += 16) {
        uint32_t fa[C::fragments_m][4], fb[C::fragments_n][2];
#pragma unroll
        for (int i = 0; i < C::fragments_m; i++) {
            const int row = at.m + 16 * i + low + 8 * second;
            if constexpr (C::a_k_major)
                ldmatrix_x4(fa[i], a + row * A::stride + k + 8 * third);
            else
                ldmatrix_x4_trans(fa[i], a + (k + low + 8 * third) * A::stride + at.m + 16 * i + 8 * second);
        }
#pragma unroll
        for (int j = 0; j < C::fragments_n; j += 2) {
            uint32_t two[4];
            if constexpr (C::b_k_major)
                ldmatrix_x4(two, b + (at.n + 8 * j + low + 8 * third) * B::stride + k + 8 * second);
            else
                ldmatrix_x4_trans(two, b + (k + low + 8 * second) * B::stride + at.n + 8 * j + 8 * third);
            fb[j][0] = two[0], fb[j][1] = two[1], fb[j + 1][0] = two[2], fb[j + 1][1] = two[3];
        }
#pragma unroll
        for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
            for (int j = 0; j < C::fragments_n; j++) mma_m16n8k16_bf16(sums[i][j], fa[i], fb[j]);
    }
}

// The nearest tf32 number (ties away from zero), and what it leaves; of an infinity nothing.
__device__ __forceinline__ void split_tf32(float x, uint32_t& big, uint32_t& small) {
    big = (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
    small = (big & 0x7fffffffu) == 0x7f800000u ? 0u : __float_as_uint(x - __uint_as_float(big));
}

template <class C>
__device__ __forceinline__ void multiply_tf32(const float* a, const float* b, const WarpPlace<C>& at, bool three,
                                              Sums<C>& sums) {
    using A = PlanA<C>;
    using B = PlanB<C>;
    Sums<C> step = {};
#pragma unroll
    for (int k = 0; k < C::k; k += 8) {
        uint32_t b_big[C::fragments_n][2], b_small[C::fragments_n][2];
#pragma unroll
        for (int j = 0; j < C::fragments_n; j++)
#pragma unroll
            for (int e = 0; e < 2; e++)
                split_tf32(tile_element<B, C::b_k_major>(b, at.n + 8 * j + at.g, k + at.t + 4 * e), b_big[j][e],
                           b_small[j][e]);
#pragma unroll
        for (int i = 0; i < C::fragments_m; i++) {
            uint32_t a_big[4], a_small[4];
#pragma unroll
            for (int e = 0; e < 4; e++)
                split_tf32(tile_element<A, C::a_k_major>(a, at.m + 16 * i + at.g + 8 * (e % 2), k + at.t + 4 * (e / 2)),
                           a_big[e], a_small[e]);
            if (three) {
#pragma unroll
                for (int j = 0; j < C::fragments_n; j++) mma_m16n8k8_tf32(step[i][j], a_small, b_big[j]);
#pragma unroll
                for (int j = 0; j < C::fragments_n; j++) mma_m16n8k8_tf32(step[i][j], a_big, b_small[j]);
            }
#pragma unroll
            for (int j = 0; j < C::fragments_n; j++) mma_m16n8k8_tf32(step[i][j], a_big, b_big[j]);
        }
    }
#pragma unroll
    for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
        for (int j = 0; j < C::fragments_n; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] += step[i][j][e];
}

template <class C>
__device__ __forceinline__ void multiply_fma(const float* a, const float* b, const WarpPlace<C>& at, Sums<C>& sums) {
    using A = PlanA<C>;
    using B = PlanB<C>;
#pragma unroll 4
    for (int k = 0; k < C::k; k++) {
        float fa[C::fragments_m][2], fb[C::fragments_n][2];
#pragma unroll
        for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
            for (int e = 0; e < 2; e++) fa[i][e] = tile_element<A, C::a_k_major>(a, at.m + 16 * i + at.g + 8 * e, k);
#pragma unroll
        for (int j = 0; j < C::fragments_n; j++)
#pragma unroll
            for (int e = 0; e < 2; e++) fb[j][e] = tile_element<B, C::b_k_major>(b, at.n + 8 * j + 2 * at.t + e, k);
#pragma unroll
        for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
            for (int j = 0; j < C::fragments_n; j++)
#pragma unroll
                for (int e = 0; e < 4; e++) sums[i][j][e] = fmaf(fa[i][e / 2], fb[j][e % 2], sums[i][j][e]);
    }
}

// ---- results

template <class T>
__device__ __forceinline__ void store_pair(T* to, float x, float y) {
    if constexpr (sizeof(T) == 4)
        *reinterpret_cast<float2*>(to) = make_float2(x, y);
    else
        *reinterpret_cast<uint32_t*>(to) = rounded_bf16(x).bits | uint32_t(rounded_bf16(y).bits) << 16;
}

// Where a row of the result begins; -1 for rows that do not exist.
__device__ __forceinline__ int64_t row_at(const Destination& to, int row) {
    const uint32_t image = to.by_image.quotient(row), position = row - image * to.by_image.divisor;
    const uint32_t line = to.by_width.quotient(position), place = position - line * to.by_width.divisor;
    return int64_t(image) * to.stride_image + int64_t(line) * to.stride_y + int64_t(place) * to.stride_x;
}

// Sums of a part of k, [m, n] in f32.
template <class C>
__device__ __forceinline__ void store_partial(const GemmArguments& g, float* to, int first_m, int end_m, int first_n,
                                              const WarpPlace<C>& at, const Sums<C>& sums) {
#pragma unroll
    for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const int row = first_m + at.m + 16 * i + 8 * half + at.g;
            if (row >= end_m) continue;
            float* line = to + int64_t(row) * g.n;
#pragma unroll
            for (int j = 0; j < C::fragments_n; j++) {
                const int column = first_n + at.n + 8 * j + 2 * at.t;
                if (column >= g.n) continue;
                const float x = sums[i][j][2 * half], y = sums[i][j][2 * half + 1];
                if (g.to.pairs) {
                    store_pair(line + column, x, y);
                } else {
                    line[column] = x;
                    if (column + 1 < g.n) line[column + 1] = y;
                }
            }
        }
}

// Results: with their bias, or normalised by constant statistics with residual and activation.
template <class C>
__device__ __forceinline__ void store_results(const GemmArguments& g, uint32_t batch, int first_m, int end_m,
                                              int first_n, const WarpPlace<C>& at, const Sums<C>& sums) {
    using T = typename C::T;
    T* to = static_cast<T*>(g.to.data) + int64_t(batch) * g.to_batch;
    const T* residual = static_cast<const T*>(g.norm.residual);
    int64_t rows[C::fragments_m][2];
#pragma unroll
    for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const int row = first_m + at.m + 16 * i + 8 * half + at.g;
            rows[i][half] = row < end_m ? row_at(g.to, row) : -1;
        }
#pragma unroll
    for (int j = 0; j < C::fragments_n; j++) {
        const int column = first_n + at.n + 8 * j + 2 * at.t;
        if (column >= g.n) continue;
        const bool pair = column + 1 < g.n;
        float mean[2] = {0, 0}, scale[2] = {1, 1}, shift[2] = {0, 0};
#pragma unroll
        for (int e = 0; e < 2; e++) {
            if (e == 1 && !pair) break;
            const int64_t k = int64_t(batch) * g.n + column + e;
            if (g.norm.mean) {
                mean[e] = g.norm.mean[k];
                scale[e] = g.norm.gamma[k] * (1 / sqrtf(g.norm.variance[k] + g.norm.epsilon));
                shift[e] = g.norm.beta[k];
            } else if (g.bias) {
                shift[e] = g.bias[k];
            }
        }
#pragma unroll
        for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const int64_t row = rows[i][half];
                if (row < 0) continue;
                float z[2];
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    float sum = sums[i][j][2 * half + e];
                    // As the norm by itself would read it: the same bits.
                    if (g.norm.mean) sum = widened(stored<T>(sum));
                    z[e] = fmaf(sum - mean[e], scale[e], shift[e]);
                    if (g.norm.residual && (e == 0 || pair))
                        z[e] += widened(residual[batch * g.to_batch + row + column + e]);
                    if (g.norm.activation == HB_ACT_RELU) z[e] = z[e] <= 0 ? 0 : z[e];
                    if (g.norm.activation == HB_ACT_LEAKY_RELU) z[e] = z[e] < 0 ? g.norm.slope * z[e] : z[e];
                }
                if (g.to.pairs) {
                    store_pair(to + row + column, z[0], z[1]);
                } else {
                    to[row + column] = stored<T>(z[0]);
                    if (pair) to[row + column + 1] = stored<T>(z[1]);
                }
            }
    }
}

// The sum of this warp's rows, in the lanes of every column.
__device__ __forceinline__ float sum_of_rows(float x) {
    x += __shfl_xor_sync(0xffffffffu, x, 4);
    x += __shfl_xor_sync(0xffffffffu, x, 8);
    return x + __shfl_xor_sync(0xffffffffu, x, 16);
}

// Mean and sum of squared deviations of every column of the tile, of results as they are stored: two sums over
// registers, warps meeting in shared memory. to [2, columns of all batches].
template <class C>
__device__ __forceinline__ void store_moments(float* to, int64_t columns, int64_t first_column, int left_n, int rows,
                                              float* shared, const WarpPlace<C>& at, const Sums<C>& sums) {
    using T = typename C::T;
    const float share = 1.0f / float(rows);
    auto row_exists = [&](int i, int half) { return at.m + 16 * i + 8 * half + at.g < rows; };
    // [warps_m, n], then again for the squares.
    auto slot = [&](int which, int warp, int column) -> float& {
        return shared[(which * C::warps_m + warp) * C::n + column];
    };
    __syncthreads();  // the last tiles have been read
#pragma unroll
    for (int j = 0; j < C::fragments_n; j++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
            float sum = 0;
#pragma unroll
            for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
                for (int half = 0; half < 2; half++)
                    if (row_exists(i, half)) sum += widened(stored<T>(sums[i][j][2 * half + e]));
            sum = sum_of_rows(sum);
            if (at.g == 0) slot(0, at.m / C::warp_m, at.n + 8 * j + 2 * at.t + e) = sum;
        }
    __syncthreads();
    auto mean_of = [&](int column) {
        float sum = 0;
#pragma unroll
        for (int warp = 0; warp < C::warps_m; warp++) sum += slot(0, warp, column);
        return sum * share;
    };
#pragma unroll
    for (int j = 0; j < C::fragments_n; j++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
            const float mean = mean_of(at.n + 8 * j + 2 * at.t + e);
            float squares = 0;
#pragma unroll
            for (int i = 0; i < C::fragments_m; i++)
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    const float apart = widened(stored<T>(sums[i][j][2 * half + e])) - mean;
                    if (row_exists(i, half)) squares = fmaf(apart, apart, squares);
                }
            squares = sum_of_rows(squares);
            if (at.g == 0) slot(1, at.m / C::warp_m, at.n + 8 * j + 2 * at.t + e) = squares;
        }
    __syncthreads();
    for (int column = int(threadIdx.x); column < min(C::n, left_n); column += C::threads) {
        float squares = 0;
#pragma unroll
        for (int warp = 0; warp < C::warps_m; warp++) squares += slot(1, warp, column);
        to[first_column + column] = mean_of(column);
        to[columns + first_column + column] = squares;
    }
}

// ---- the kernel

// Grid: tiles of n, then of m, then parts of k, noise runs and batches.
template <class C>
__global__ void __launch_bounds__(C::threads, C::least_blocks) gemm_kernel(GemmArguments g) {
    using T = typename C::T;
    HB_DYNAMIC_SHARED(T, shared);
    uint32_t block = blockIdx.x;
    const uint32_t tile_n = block % g.tiles_n;
    block /= g.tiles_n;
    const uint32_t tile_m = block % g.tiles_m;
    block /= g.tiles_m;
    const uint32_t part = block % g.parts;
    block /= g.parts;
    const uint32_t run = block % g.runs, batch = g.first_batch + block / g.runs;

    const int run_begin = g.run_begin(run), run_end = g.run_begin(run + 1);
    const int end_m = g.runs_split_k ? g.m : run_end;
    const int first_m = (g.runs_split_k ? 0 : run_begin) + int(tile_m) * C::m, first_n = int(tile_n) * C::n;
    const int part_begin = (g.runs_split_k ? run_begin : 0) + int(part) * g.part_k;
    const int part_end = min(part_begin + g.part_k, g.runs_split_k ? run_end : g.k);
    const int64_t columns = g.batches * g.n, first_column = int64_t(batch) * g.n + first_n;
    float* moments = g.moments ? g.moments + int64_t(run * g.tiles_m + tile_m) * 2 * columns : nullptr;
    if (first_m >= end_m) {  // the runs' numbers of tiles differ by one
        if (moments)
            for (int column = int(threadIdx.x); column < min(C::n, g.n - first_n); column += C::threads)
                moments[first_column + column] = moments[columns + first_column + column] = 0;
        return;
    }

    const Draw none{};
    Draw draw{};
    if constexpr (C::drawn)
        draw = {g.noise.kind != HB_NOISE_NONE, g.noise.kind, g.noise.sigma, noise_key(g.noise, run)};
    const Loader<C, PlanA<C>, C::a_k_major, false> load_a(g.a, none, int64_t(batch) * g.a_batch, first_m, end_m);
    const Loader<C, PlanB<C>, C::b_k_major, C::drawn> load_b(
        g.b, draw, int64_t(batch) * g.b_batch + int64_t(run) * g.b_run, first_n, g.n);

    const int steps = part_end > part_begin ? (part_end - part_begin + C::k - 1) / C::k : 0;
    auto load = [&](int step) {
        if (step < steps) {
            T* stage = shared + step % C::stages * stage_elements<C>;
            load_a(stage, part_begin + step * C::k, part_end);
            load_b(stage + PlanA<C>::elements, part_begin + step * C::k, part_end);
        }
        cp_async_commit();
    };
#pragma unroll
    for (int step = 0; step < C::stages - 1; step++) load(step);

    const WarpPlace<C> at;
    Sums<C> sums = {};
    for (int step = 0; step < steps; step++) {
        cp_async_wait<C::stages - 2>();
        __syncthreads();  // this step's tiles are complete, and nobody reads the ones before any more
        load(step + C::stages - 1);
        const T* a = shared + step % C::stages * stage_elements<C>;
        const T* b = a + PlanA<C>::elements;
        if constexpr (C::product == Product::Bf16)
            multiply_bf16<C>(a, b, at, sums);
        else if constexpr (C::product == Product::Tf32)
            multiply_tf32<C>(a, b, at, g.three, sums);
        else
            multiply_fma<C>(a, b, at, sums);
    }
    cp_async_wait<0>();

    if (g.partial) {
        float* to = g.partial + (int64_t(batch * g.runs + run) * g.parts + part) * g.m * g.n;
        return store_partial<C>(g, to, first_m, end_m, first_n, at, sums);
    }
    store_results<C>(g, batch, first_m, end_m, first_n, at, sums);
    if (moments)
        store_moments<C>(moments, columns, first_column, g.n - first_n, min(C::m, end_m - first_m),
                         reinterpret_cast<float*>(shared), at, sums);
}

// ---- launches

template <class C>
void launch_tile(GemmArguments g) {
    constexpr int bytes = shared_bytes<C>;
    static AllowedShared allowed;
    allowed.on_this_device(reinterpret_cast<const void*>(&gemm_kernel<C>), bytes);
    const int64_t rows = g.runs_split_k ? g.m : g.longest_run();
    g.tiles_m = unsigned((rows + C::m - 1) / C::m);
    g.tiles_n = unsigned((g.n + C::n - 1) / C::n);
    const int64_t per_batch = int64_t(g.tiles_m) * g.tiles_n * g.parts * g.runs;
    const int64_t at_once = std::max<int64_t>(1, (int64_t{1} << 30) / per_batch);
    for (int64_t first = 0; first < g.batches; first += at_once) {
        g.first_batch = unsigned(first);
        const int64_t batches = std::min(at_once, g.batches - first);
        HB_LAUNCH((gemm_kernel<C>), dim3(unsigned(per_batch * batches)), C::threads, bytes, stream(), g);
    }
}

// gemm.cu asks for shapes that are here.
template <Product p, bool ak, bool bk>
void launch_shape(const GemmArguments& g, TileShape shape) {
    if constexpr (ak) {
        if (g.drawn && g.vectors) return launch_tile<Tile<p, 64, 64, 2, 2, ak, bk, true, true>>(g);
        if (g.drawn) return launch_tile<Tile<p, 64, 64, 2, 2, ak, bk, false, true>>(g);
    }
    if (!g.vectors) return launch_tile<Tile<p, 64, 64, 2, 2, ak, bk, false, false>>(g);
    if constexpr (p != Product::Fma) {
        if (shape == TileShape::Large) return launch_tile<Tile<p, 128, 128, 2, 4, ak, bk, true, false>>(g);
        if constexpr (ak)
            if (shape == TileShape::Tall) return launch_tile<Tile<p, 128, 32, 4, 1, ak, bk, true, false>>(g);
    }
    launch_tile<Tile<p, 64, 64, 2, 2, ak, bk, true, false>>(g);
}

template <Product p>
void launch_product(const GemmArguments& g, TileShape shape) {
    if (g.a_k_major)
        g.b_k_major ? launch_shape<p, true, true>(g, shape) : launch_shape<p, true, false>(g, shape);
    else
        g.b_k_major ? launch_shape<p, false, true>(g, shape) : launch_shape<p, false, false>(g, shape);
}

}  // namespace
}  // namespace hb::cuda
