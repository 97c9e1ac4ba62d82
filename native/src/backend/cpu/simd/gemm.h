// The matrix product under convolution, linear layers and matmul: C (+)= A B for one tile of C, from operands that are
// already where they should be.
//
//   B  lies in panels of one or two vectors of columns, [k][columns]: weight_packing.h makes them.
//   A  is never put into a special order. Row r of A begins at a + a_row[r]; its elements are found in one of two ways.
//      In spans, k runs over contiguous pieces: forward and data gradient, where a row is a pixel and a span is a row
//      of the kernel's window. At points, k jumps: weight gradient, where a row is a channel of a tap and a point is a
//      pixel. Offsets and not strides, so that stride, dilation, padding and image borders cost the inner loop
//      nothing, and a 3x3 convolution reads its input in place instead of nine copies of it (im2col).
//   C  rows begin at c + c_row[r].
//
// Register blocks, rows x columns. AVX2: 6 x 16, 12 accumulators, 8 loads for 12 FMA; 4 x 24 needs as many registers
// and more loads of B; 8 x 8 is for results of at most 8 columns. AVX-512: 10 x 32 and 10 x 16; 14 x 32 has registers
// enough, but every row needs an address register too, and 6 x 64 reads B twice as fast, more than the second-level
// cache likes.
//
// Measured on one core, AVX2, peak 103 GF/s, operands in the second-level cache: spans of K = 144: 97, 384: 100, 576:
// 100; 128 points: 96 GF/s. Tried: prefetching C at the start of a block, nothing gained; prefetching B 16 rows ahead,
// 2-3 % where B comes from the third-level cache (512 channels, 4x4 images), 8 or 24 rows ahead less. A step of k is
// 23 instructions in 6 cycles, so there is nothing to unroll for.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/cpu/simd/vec.h"

namespace hb::cpu::HB_TIER {

inline constexpr int kLanes = F32::kLanes;

// Rows of the register block with V vectors of columns.
template <int V>
inline constexpr int kBlockRows = V == 2 ? (kLanes == 16 ? 10 : 6) : (kLanes == 16 ? 10 : 8);

// Vectors of a panel for a result of n columns.
inline int panel_vectors(int64_t n) { return n <= kLanes ? 1 : 2; }

// k runs over begin[0] .. + length, begin[1] .. + length, and so on.
struct Spans {
    const int64_t* begin;
    int64_t count, length;
};
// k-th element at[k].
struct Points {
    const int64_t* at;
    int64_t count;
};

// One panel of B and where its product goes.
struct Panel {
    const float* b;
    float* c;
    int columns;         // of C, at most the panel's
    bool accumulate;     // C += A B; else C = start + A B
    const float* start;  // [columns], or null for 0
};

template <int R, int V>
[[gnu::always_inline]] inline void multiply_add(const float* const (&a)[R], int64_t k, const float* b,
                                                F32 (&sum)[R][V]) {
    F32 column[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) column[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        const F32 x = a[r][k];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) sum[r][v] = fma(x, column[v], sum[r][v]);
    }
}
// Rows of B that are fetched early; past the end of a panel lies the next one.
inline constexpr int64_t kAhead = 16;

template <int R, int V>
[[gnu::always_inline]] inline void reduce(const Spans& spans, const float* const (&a)[R], const float* b,
                                          F32 (&sum)[R][V]) {
    for (int64_t s = 0; s < spans.count; s++) {
        int64_t k = spans.begin[s];
        const int64_t end = k + spans.length;
        for (; k < end; k++, b += V * kLanes) {
            __builtin_prefetch(b + kAhead * V * kLanes);
            multiply_add<R, V>(a, k, b, sum);
        }
    }
}
template <int R, int V>
[[gnu::always_inline]] inline void reduce(const Points& points, const float* const (&a)[R], const float* b,
                                          F32 (&sum)[R][V]) {
    const int64_t *at = points.at, *const end = at + points.count;
    for (; at < end; at++, b += V * kLanes) multiply_add<R, V>(a, *at, b, sum);
}

// R rows of one panel.
template <int R, int V, class Reduction>
void multiply_block(const Reduction& reduction, const Panel& panel, const float* a, const int64_t* a_row,
                    const int64_t* c_row) {
    const float* row[R];
    F32 sum[R][V];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) row[r] = a + a_row[r];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) sum[r][v] = zero();
    reduce<R, V>(reduction, row, panel.b, sum);
    if (panel.columns == V * kLanes) {
        if (panel.accumulate) {
#pragma GCC unroll 16
            for (int r = 0; r < R; r++)
#pragma GCC unroll 4
                for (int v = 0; v < V; v++) sum[r][v] = load(panel.c + c_row[r] + v * kLanes) + sum[r][v];
        } else if (panel.start) {
#pragma GCC unroll 16
            for (int r = 0; r < R; r++)
#pragma GCC unroll 4
                for (int v = 0; v < V; v++) sum[r][v] = load(panel.start + v * kLanes) + sum[r][v];
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; r++)
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) store(panel.c + c_row[r] + v * kLanes, sum[r][v]);
        return;
    }
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
        const int left = panel.columns - v * kLanes;
        if (left <= 0) return;
        const Mask mask = first(std::min(left, kLanes));
        const F32 start = !panel.accumulate && panel.start ? load(panel.start + v * kLanes, mask) : zero();
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            float* c = panel.c + c_row[r] + v * kLanes;
            store(c, (panel.accumulate ? load(c, mask) : start) + sum[r][v], mask);
        }
    }
}

template <int V, class Reduction>
void multiply_rows(const Reduction& reduction, const Panel& panel, const float* a, int64_t rows, const int64_t* a_row,
                   const int64_t* c_row) {
    // Blocks of nearly equal height: a last block of one or two rows would leave most of the machine idle.
    constexpr int kMost = kBlockRows<V>;
    const int64_t blocks = (rows + kMost - 1) / kMost;
    if (blocks == 0) return;
    const int64_t least = rows / blocks, higher = rows % blocks;
    for (int64_t i = 0; i < blocks; i++) {
        const int64_t height = least + (i < higher);
        switch (height) {
#define HB_CASE(R)                                                                                                     \
    case R:                                                                                                            \
        if constexpr (R <= kMost) multiply_block<R, V>(reduction, panel, a, a_row, c_row);                             \
        break;
            HB_CASE(1)
            HB_CASE(2)
            HB_CASE(3)
            HB_CASE(4)
            HB_CASE(5)
            HB_CASE(6)
            HB_CASE(7)
            HB_CASE(8)
            HB_CASE(9)
            HB_CASE(10)
#undef HB_CASE
        }
        a_row += height;
        c_row += height;
    }
}

// All rows of one panel of `vectors` vectors.
template <class Reduction>
void multiply_panel(int vectors, const Reduction& reduction, const Panel& panel, const float* a, int64_t rows,
                    const int64_t* a_row, const int64_t* c_row) {
    if (vectors == 1)
        multiply_rows<1>(reduction, panel, a, rows, a_row, c_row);
    else
        multiply_rows<2>(reduction, panel, a, rows, a_row, c_row);
}

}  // namespace hb::cpu::HB_TIER
