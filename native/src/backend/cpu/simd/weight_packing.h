// Panels of B for gemm.h: [panel][k][columns of a panel], the columns past the last one zero.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/gemm.h"
#include "backend/cpu/simd/vec.h"

namespace hb::cpu::HB_TIER {

// to[c * to_stride + r] = from[r * from_stride + c] for r < rows and c < columns; for r up to the next multiple of
// kLanes zeros are stored when `pad` is set.
template <bool pad, class E>
inline void transpose_copy(const E* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                           int64_t to_stride) {
    for (int64_t r = 0; r < rows; r += kLanes) {
        const int height = static_cast<int>(std::min<int64_t>(rows - r, kLanes));
        for (int64_t c = 0; c < columns; c += kLanes) {
            const int width = static_cast<int>(std::min<int64_t>(columns - c, kLanes));
            const E* corner = from + r * from_stride + c;
            float* out = to + c * to_stride + r;
            F32 a[kLanes];
            if (height == kLanes && width == kLanes) {
#pragma GCC unroll 16
                for (int i = 0; i < kLanes; i++) a[i] = load(corner + i * from_stride);
                transpose(a);
#pragma GCC unroll 16
                for (int i = 0; i < kLanes; i++) store(out + i * to_stride, a[i]);
                continue;
            }
            const Mask in = first(width), stored = first(pad ? kLanes : height);
            for (int i = 0; i < kLanes; i++) a[i] = i < height ? load(corner + i * from_stride, in) : zero();
            transpose(a);
            for (int i = 0; i < width; i++) store(out + i * to_stride, a[i], stored);
        }
    }
}

// One panel from B given by columns: B(k, j) = columns[j * stride + k], j < count.
template <class E>
inline void pack_columns(const E* columns, int64_t stride, int64_t count, int64_t depth, int vectors, float* panel) {
    const int64_t width = vectors * kLanes, filled = (count + kLanes - 1) / kLanes * kLanes;
    transpose_copy<true>(columns, stride, count, depth, panel, width);
    for (int64_t k = 0; filled < width && k < depth; k++)
        for (int64_t j = filled; j < width; j += kLanes) store(panel + k * width + j, zero());
}

// `depth` rows of B, of float or Bf16, into panels: B(k, j) = rows[k * stride + j], j < count. Panels are panel_stride
// apart.
template <int V, class E>
inline void pack_rows(const E* rows, int64_t stride, int64_t depth, int64_t count, float* panel, int64_t panel_stride) {
    constexpr int kWidth = V * kLanes;
    for (int64_t j = 0; j < count; j += kWidth, panel += panel_stride) {
        const int64_t left = count - j;
        if (left >= kWidth) {
            for (int64_t k = 0; k < depth; k++)
                for (int v = 0; v < V; v++)
                    store(panel + k * kWidth + v * kLanes, load(rows + k * stride + j + v * kLanes));
            continue;
        }
        for (int v = 0; v < V; v++) {
            const Mask mask = first(static_cast<int>(std::clamp<int64_t>(left - v * kLanes, 0, kLanes)));
            for (int64_t k = 0; k < depth; k++)
                store(panel + k * kWidth + v * kLanes, load(rows + k * stride + j + v * kLanes, mask));
        }
    }
}
template <class E>
inline void pack_rows(int vectors, const E* rows, int64_t stride, int64_t depth, int64_t count, float* panel,
                      int64_t panel_stride) {
    if (vectors == 1)
        pack_rows<1>(rows, stride, depth, count, panel, panel_stride);
    else
        pack_rows<2>(rows, stride, depth, count, panel, panel_stride);
}

}  // namespace hb::cpu::HB_TIER
