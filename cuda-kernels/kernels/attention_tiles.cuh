// Products of tiles in shared memory by a warp's tensor core instructions, as attention needs them: 16 rows against the
// rows, or the columns, of another tile.
//
// bf16 operands are multiplied as they are; f32 ones are split into two tf32 numbers, of which three products are added
// (small times small is below f32's rounding), for f32 accuracy at a third of tf32's speed. The inner index of a
// product may be permuted in both operands alike: f32 fragments take neighbours 2t, 2t + 1 where the instruction has t,
// t + 4, so that they are loaded as pairs and accumulators become operands without a shuffle.
#pragma once

#include <cstdint>

#include "kernels/mma.cuh"
#include "kernels/numbers.cuh"

namespace hb::cuda {

// Elements from row to row of a tile of kDepth: rows begin in different banks for ldmatrix and for pairs of f32.
template <int kDepth>
inline constexpr int kPitch = kDepth + 8;

template <class T>
struct TileProduct;

template <>
struct TileProduct<Bf16> {
    // 16 rows by 16 of the inner index.
    struct Rows {
        uint32_t r[4];
    };
    // 16 of the inner index by two times 8 columns.
    struct Columns {
        uint32_t r[2][2];
    };
    // An operand made of accumulators, as the sum of two bf16 numbers: 16 bits.
    struct Weights {
        Rows big, small;
    };

    template <int kDepth>
    static __device__ __forceinline__ Rows rows_of(const Bf16* tile, int row, int inner) {
        const int lane = int(threadIdx.x) % 32;
        Rows a;
        ldmatrix_x4(a.r, tile + (row + lane % 16) * kPitch<kDepth> + inner + lane / 16 * 8);
        return a;
    }
    // Columns of the product are the tile's rows.
    template <int kDepth>
    static __device__ __forceinline__ Columns columns_of_rows(const Bf16* tile, int row, int inner) {
        const int lane = int(threadIdx.x) % 32;
        uint32_t r[4];
        ldmatrix_x4(r, tile + (row + lane / 16 * 8 + lane % 8) * kPitch<kDepth> + inner + lane / 8 % 2 * 8);
        return {{{r[0], r[1]}, {r[2], r[3]}}};
    }
    // The inner index runs down the tile's rows.
    template <int kDepth>
    static __device__ __forceinline__ Columns columns_of_columns(const Bf16* tile, int inner, int column) {
        const int lane = int(threadIdx.x) % 32;
        uint32_t r[4];
        ldmatrix_x4_trans(r, tile + (inner + lane % 16) * kPitch<kDepth> + column + lane / 16 * 8);
        return {{{r[0], r[1]}, {r[2], r[3]}}};
    }
    static __device__ __forceinline__ uint32_t pair(float low, float high) {
        return rounded_bf16(low).bits | uint32_t{rounded_bf16(high).bits} << 16;
    }
    static __device__ __forceinline__ float rest(float x) { return x - widened(rounded_bf16(x)); }
    // left, right: accumulators of the inner index's first and last 8.
    static __device__ __forceinline__ Weights weights_of(const float (&left)[4], const float (&right)[4]) {
        return {{{pair(left[0], left[1]), pair(left[2], left[3]), pair(right[0], right[1]), pair(right[2], right[3])}},
                {{pair(rest(left[0]), rest(left[1])), pair(rest(left[2]), rest(left[3])),
                  pair(rest(right[0]), rest(right[1])), pair(rest(right[2]), rest(right[3]))}}};
    }
    static __device__ __forceinline__ void add(float (&d)[4], const Rows& a, const Columns& b, int half) {
        mma_m16n8k16_bf16(d, a.r, b.r[half]);
    }
    static __device__ __forceinline__ void add(float (&d)[4], const Weights& a, const Columns& b, int half) {
        mma_m16n8k16_bf16(d, a.small.r, b.r[half]);
        mma_m16n8k16_bf16(d, a.big.r, b.r[half]);
    }
};

template <>
struct TileProduct<float> {
    // x = big + small + at most 2^-24 of x, each with tf32's 11 bits.
    struct Split {
        uint32_t big, small;
    };
    static __device__ __forceinline__ Split split(float x) {
        const uint32_t big = (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
        return {big, __float_as_uint(x - __uint_as_float(big))};
    }
    struct Rows {
        uint32_t big[2][4], small[2][4];
        __device__ __forceinline__ void set(int step, int i, float x) {
            const Split s = split(x);
            big[step][i] = s.big;
            small[step][i] = s.small;
        }
    };
    struct Columns {
        uint32_t big[2][2][2], small[2][2][2];  // [half][step]
        __device__ __forceinline__ void set(int half, int step, int i, float x) {
            const Split s = split(x);
            big[half][step][i] = s.big;
            small[half][step][i] = s.small;
        }
    };
    template <int kDepth>
    static __device__ __forceinline__ Rows rows_of(const float* tile, int row, int inner) {
        const int lane = int(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
        Rows a;
#pragma unroll
        for (int step = 0; step < 2; step++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                const float2 two = *reinterpret_cast<const float2*>(tile + (row + g + 8 * i) * kPitch<kDepth> + inner +
                                                                    8 * step + 2 * t);
                a.set(step, i, two.x);
                a.set(step, i + 2, two.y);
            }
        return a;
    }
    template <int kDepth>
    static __device__ __forceinline__ Columns columns_of_rows(const float* tile, int row, int inner) {
        const int lane = int(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
        Columns b;
#pragma unroll
        for (int half = 0; half < 2; half++)
#pragma unroll
            for (int step = 0; step < 2; step++) {
                const float2 two = *reinterpret_cast<const float2*>(tile + (row + 8 * half + g) * kPitch<kDepth> +
                                                                    inner + 8 * step + 2 * t);
                b.set(half, step, 0, two.x);
                b.set(half, step, 1, two.y);
            }
        return b;
    }
    template <int kDepth>
    static __device__ __forceinline__ Columns columns_of_columns(const float* tile, int inner, int column) {
        const int lane = int(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
        Columns b;
#pragma unroll
        for (int half = 0; half < 2; half++)
#pragma unroll
            for (int step = 0; step < 2; step++)
#pragma unroll
                for (int i = 0; i < 2; i++)
                    b.set(half, step, i, tile[(inner + 8 * step + 2 * t + i) * kPitch<kDepth> + column + 8 * half + g]);
        return b;
    }
    static __device__ __forceinline__ Rows weights_of(const float (&left)[4], const float (&right)[4]) {
        Rows a;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            // Accumulators: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
            constexpr int place[4] = {0, 2, 1, 3};
            a.set(0, place[i], left[i]);
            a.set(1, place[i], right[i]);
        }
        return a;
    }
    static __device__ __forceinline__ void add(float (&d)[4], const Rows& a, const Columns& b, int half) {
#pragma unroll
        for (int step = 0; step < 2; step++) {
            mma_m16n8k8_tf32(d, a.big[step], b.small[half][step]);
            mma_m16n8k8_tf32(d, a.small[step], b.big[half][step]);
            mma_m16n8k8_tf32(d, a.big[step], b.big[half][step]);
        }
    }
};

// d [16, kOthers] += rows `row`.. of `a` times the first kOthers rows of `b`.
template <class T, int kDepth, int kOthers>
__device__ __forceinline__ void multiply_rows(const T* a, int row, const T* b, float (&d)[kOthers / 8][4]) {
    using P = TileProduct<T>;
#pragma unroll 2
    for (int inner = 0; inner < kDepth; inner += 16) {
        const auto rows = P::template rows_of<kDepth>(a, row, inner);
#pragma unroll
        for (int n = 0; n < kOthers; n += 16) {
            const auto columns = P::template columns_of_rows<kDepth>(b, n, inner);
            P::add(d[n / 8], rows, columns, 0);
            P::add(d[n / 8 + 1], rows, columns, 1);
        }
    }
}

// d [16, kDepth] += w [16, kOthers] times the first kOthers rows of `b`.
template <class T, int kDepth, int kOthers>
__device__ __forceinline__ void multiply_weights(const float (&w)[kOthers / 8][4], const T* b,
                                                 float (&d)[kDepth / 8][4]) {
    using P = TileProduct<T>;
#pragma unroll
    for (int n = 0; n < kOthers; n += 16) {
        const auto weights = P::weights_of(w[n / 8], w[n / 8 + 1]);
#pragma unroll
        for (int c = 0; c < kDepth; c += 16) {
            const auto columns = P::template columns_of_columns<kDepth>(b, n, c);
            P::add(d[c / 8], weights, columns, 0);
            P::add(d[c / 8 + 1], weights, columns, 1);
        }
    }
}

}  // namespace hb::cuda
