// Elements by 16 bytes: what one load or store instruction of a thread moves at most.
#pragma once

#include <cstdint>

#include "kernels/numbers.cuh"

namespace hb::cuda {

template <class T>
inline constexpr int kLanes = static_cast<int>(16 / sizeof(T));

template <class T, int N>
struct alignas(sizeof(T) * N) Packed {
    T lane[N];
};

// `from` and `to` are aligned to the N elements.
template <int N, class T>
__device__ __forceinline__ Packed<T, N> load_packed(const T* from) {
    return *reinterpret_cast<const Packed<T, N>*>(from);
}
template <int N, class T>
__device__ __forceinline__ void store_packed(T* to, const Packed<T, N>& packed) {
    *reinterpret_cast<Packed<T, N>*>(to) = packed;
}

inline bool is_aligned(const void* data, uintptr_t bytes = 16) {
    return reinterpret_cast<uintptr_t>(data) % bytes == 0;
}

}  // namespace hb::cuda
