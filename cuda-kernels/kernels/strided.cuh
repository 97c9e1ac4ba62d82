// Walking the elements of strided views.
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/numbers.cuh"

namespace hb::cuda {

// Division by a number that a launch knows, of dividends below 2^31: a multiplication and a shift (Granlund and
// Montgomery 1994) for the 20 instructions of a 32-bit division.
class Divisor {
  public:
    Divisor() = default;
    explicit Divisor(uint32_t divisor) : divisor_(divisor) {
        while (shift_ < 31 && (uint32_t{1} << shift_) < divisor) shift_++;
        multiplier_ = static_cast<uint32_t>((((uint64_t{1} << shift_) - divisor) << 32) / divisor + 1);
    }
    __device__ __forceinline__ uint32_t quotient(uint32_t n) const {
        const uint32_t high = static_cast<uint32_t>(uint64_t{n} * multiplier_ >> 32);
        return (high + n) >> shift_;
    }

  private:
    uint32_t divisor_ = 1, multiplier_ = 1, shift_ = 0;
};

// Splits i into a quotient and a remainder by a size that the launch knows.
struct Split {
    int64_t size;
    Divisor divisor;  // where every i is below 2^31
    bool small;

    // i stays below `bound`.
    Split(int64_t size, int64_t bound) : size(size), small(bound <= INT32_MAX && size <= INT32_MAX && size > 0) {
        if (small) divisor = Divisor(static_cast<uint32_t>(size));
    }
    __device__ __forceinline__ int64_t quotient(int64_t i) const {
        return small ? divisor.quotient(static_cast<uint32_t>(i)) : i / size;
    }
};

// Where element i of a shape, in row-major order, lies in each of N views of that shape. Dimensions of size 1 are left
// out and those that are contiguous in every view are joined, so that a dense tensor has one.
template <int N>
struct Strided {
    int64_t elements;
    int rank;
    bool small;  // 32 bits count the elements
    int64_t size[HB_MAX_RANK];
    int64_t stride[N][HB_MAX_RANK];
    Divisor divisor[HB_MAX_RANK];

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
        prepare();
    }

    // To be called when sizes have changed.
    void prepare() {
        elements = 1;
        for (int d = 0; d < rank; d++) elements *= size[d];
        small = elements <= INT32_MAX;
        for (int d = 0; small && elements > 0 && d < rank; d++) divisor[d] = Divisor(static_cast<uint32_t>(size[d]));
    }

    // Makes `lanes` neighbours of the last dimension one element; strides still count the old ones. Only where
    // lanes_fit.
    void join_lanes(int lanes) {
        if (rank == 0) return;
        size[rank - 1] /= lanes;
        for (int v = 0; v < N; v++) stride[v][rank - 1] *= lanes;
        prepare();
    }
    // Whether every `lanes` neighbours from a multiple of `lanes` on lie side by side in view v, at offsets that are
    // multiples of `lanes`, or are all one element. Of a single dimension the last elements may be left over.
    bool lanes_fit(int v, int lanes) const {
        if (rank == 0) return false;
        const int last = rank - 1;
        if (stride[v][last] != 0 && stride[v][last] != 1) return false;
        if (rank > 1 && size[last] % lanes != 0) return false;
        for (int d = 0; stride[v][last] == 1 && d < last; d++)
            if (stride[v][d] % lanes != 0) return false;
        return true;
    }
    bool repeats(int v) const { return rank > 0 && stride[v][rank - 1] == 0; }

    // Takes dimension d out.
    void remove(int d) {
        for (int i = d; i + 1 < rank; i++) {
            size[i] = size[i + 1];
            for (int v = 0; v < N; v++) stride[v][i] = stride[v][i + 1];
        }
        rank--;
        prepare();
    }

    __device__ __forceinline__ void offsets(int64_t i, int64_t (&offset)[N]) const {
#pragma unroll
        for (int v = 0; v < N; v++) offset[v] = 0;
        for (int d = rank - 1; d > 0; d--) {
            const int64_t above = small ? divisor[d].quotient(static_cast<uint32_t>(i)) : i / size[d];
            const int64_t at = i - above * size[d];
            i = above;
#pragma unroll
            for (int v = 0; v < N; v++) offset[v] += at * stride[v][d];
        }
        if (rank == 0) return;
#pragma unroll
        for (int v = 0; v < N; v++) offset[v] += i * stride[v][0];
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

// Calls body(T()) with a type of that size, for kernels that only move elements.
template <class Body>
void with_bytes(int64_t bytes, Body&& body) {
    switch (bytes) {
        case 16:
            return body(uint4());
        case 8:
            return body(uint64_t());
        case 4:
            return body(uint32_t());
        case 2:
            return body(uint16_t());
        default:
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
