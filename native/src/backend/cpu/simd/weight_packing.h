// Panels of B for gemm.h: [panel][k][columns of a panel], the columns past the last one zero.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/cpu/simd/gemm.h"
#include "backend/cpu/simd/vec.h"

namespace hb::cpu::HB_TIER {

// to[c * to_stride + r] = from[r * from_stride + c] for r < rows and c < columns; for r up to the next multiple of kLanes
// zeros are stored when `pad` is set.
template <bool pad>
inline void transpose_copy(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                           int64_t to_stride) {
    for (int64_t r = 0; r < rows; r += kLanes) {
        const int height = static_cast<int>(std::min<int64_t>(rows - r, kLanes));
        for (int64_t c = 0; c < columns; c += kLanes) {
            const int width = static_cast<int>(std::min<int64_t>(columns - c, kLanes));
            const float* corner = from + r * from_stride + c;
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
inline void pack_columns(const float* columns, int64_t stride, int64_t count, int64_t depth, int vectors, float* panel) {
    const int64_t width = vectors * kLanes, filled = (count + kLanes - 1) / kLanes * kLanes;
    transpose_copy<true>(columns, stride, count, depth, panel, width);
    for (int64_t k = 0; filled < width && k < depth; k++)
        for (int64_t j = filled; j < width; j += kLanes) store(panel + k * width + j, zero());
}

// One row k of B into every panel: B(k, j) = row[j], j < count. Rows k of two panels are panel_stride apart.
inline void pack_row(const float* row, int64_t count, int vectors, float* panel, int64_t panel_stride) {
    const int64_t width = vectors * kLanes;
    int64_t j = 0;
    for (; j + width <= count; j += width, panel += panel_stride)
        for (int v = 0; v < vectors; v++) store(panel + v * kLanes, load(row + j + v * kLanes));
    if (j < count)
        for (int v = 0; v < vectors; v++) {
            const int64_t left = std::clamp<int64_t>(count - j - v * kLanes, 0, kLanes);
            store(panel + v * kLanes, load(row + j + v * kLanes, first(static_cast<int>(left))));
        }
}

}  // namespace hb::cpu::HB_TIER
