// Walking the elements of strided views.
#pragma once

#include <cstdint>

#include "kernels/numbers.cuh"

namespace hb::cuda {

// Where element i of a shape, in row-major order, lies in each of N views of that shape. Dimensions of size 1 are left
// out and those that are contiguous in every view are joined, so that a dense tensor has one.
template <int N>
struct Strided {
    int64_t elements;
    int rank;
    int64_t size[HB_MAX_RANK];
    int64_t stride[N][HB_MAX_RANK];

    Strided(const Shape& shape, const View* const (&views)[N]) : elements(shape.elements()), rank(0) {
        for (int i = 0; i < shape.rank; i++) {
            if (shape[i] == 1) continue;
            bool joins = rank > 0;
            for (int v = 0; joins && v < N; v++) joins = stride[v][rank - 1] == shape[i] * views[v]->stride[i];
            if (joins)
                size[rank - 1] *= shape[i];
            else
                size[rank++] = shape[i];
            for (int v = 0; v < N; v++) stride[v][rank - 1] = views[v]->stride[i];
        }
    }

    __device__ __forceinline__ void offsets(int64_t i, int64_t (&offset)[N]) const {
#pragma unroll
        for (int v = 0; v < N; v++) offset[v] = 0;
        for (int d = rank - 1; d >= 0; d--) {
            int64_t above, at;
            // A 64-bit division is some 70 instructions, a 32-bit one 20.
            if ((i | size[d]) >> 31 == 0) {
                above = static_cast<uint32_t>(i) / static_cast<uint32_t>(size[d]);
            } else {
                above = i / size[d];
            }
            at = i - above * size[d];
            i = above;
#pragma unroll
            for (int v = 0; v < N; v++) offset[v] += at * stride[v][d];
        }
    }
};

// Calls body(T()) with the element type of any view.
template <class Body>
void with_any(DType type, Body&& body) {
    switch (type) {
        case DType::F32:
            return body(float());
        case DType::F64:
            return body(double());
        case DType::BF16:
            return body(Bf16());
        case DType::I64:
            return body(int64_t());
        case DType::I32:
            return body(int32_t());
        case DType::U8:
            return body(uint8_t());
    }
}

template <class T>
struct Limits;
template <>
struct Limits<int64_t> {
    static constexpr int64_t lowest = INT64_MIN, highest = INT64_MAX;
};
template <>
struct Limits<int32_t> {
    static constexpr int32_t lowest = INT32_MIN, highest = INT32_MAX;
};
template <>
struct Limits<uint8_t> {
    static constexpr uint8_t lowest = 0, highest = 255;
};

}  // namespace hb::cuda
