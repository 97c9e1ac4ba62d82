// Packs: neighbouring elements that one instruction loads or stores, 16 bytes of them.
#pragma once

#include <cstdint>

#include "kernels/numbers.cuh"

namespace hb::cuda {

template <class T>
inline constexpr int kPack = 16 / int(sizeof(T));

// V elements from p on, widened; V is 1 or a multiple of what 16 bytes hold, to which p is then aligned.
template <int V>
__device__ __forceinline__ void load(const float* p, float (&x)[V]) {
    if constexpr (V % 4 == 0) {
#pragma unroll
        for (int i = 0; i < V; i += 4) {
            const float4 four = *reinterpret_cast<const float4*>(p + i);
            x[i] = four.x, x[i + 1] = four.y, x[i + 2] = four.z, x[i + 3] = four.w;
        }
    } else {
        static_assert(V == 1);
        x[0] = *p;
    }
}
template <int V>
__device__ __forceinline__ void load(const Bf16* p, float (&x)[V]) {
    if constexpr (V == 8) {
        const uint4 eight = *reinterpret_cast<const uint4*>(p);
        const uint32_t pairs[4] = {eight.x, eight.y, eight.z, eight.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            x[2 * i] = __uint_as_float(pairs[i] << 16);
            x[2 * i + 1] = __uint_as_float(pairs[i] & 0xffff0000u);
        }
    } else {
        static_assert(V == 1);
        x[0] = widened(*p);
    }
}

template <int V>
__device__ __forceinline__ void store(float* p, const float (&x)[V]) {
    if constexpr (V % 4 == 0) {
#pragma unroll
        for (int i = 0; i < V; i += 4)
            *reinterpret_cast<float4*>(p + i) = make_float4(x[i], x[i + 1], x[i + 2], x[i + 3]);
    } else {
        static_assert(V == 1);
        *p = x[0];
    }
}
template <int V>
__device__ __forceinline__ void store(Bf16* p, const float (&x)[V]) {
    if constexpr (V == 8) {
        uint32_t pairs[4];
#pragma unroll
        for (int i = 0; i < 4; i++)
            pairs[i] = rounded_bf16(x[2 * i]).bits | uint32_t{rounded_bf16(x[2 * i + 1]).bits} << 16;
        *reinterpret_cast<uint4*>(p) = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
    } else {
        static_assert(V == 1);
        *p = rounded_bf16(x[0]);
    }
}
template <int V>
__device__ __forceinline__ void store(int32_t* p, const int32_t (&x)[V]) {
    if constexpr (V % 4 == 0) {
#pragma unroll
        for (int i = 0; i < V; i += 4) *reinterpret_cast<int4*>(p + i) = make_int4(x[i], x[i + 1], x[i + 2], x[i + 3]);
    } else {
        static_assert(V == 1);
        *p = x[0];
    }
}
template <int V>
__device__ __forceinline__ void load(const int32_t* p, int32_t (&x)[V]) {
    if constexpr (V % 4 == 0) {
#pragma unroll
        for (int i = 0; i < V; i += 4) {
            const int4 four = *reinterpret_cast<const int4*>(p + i);
            x[i] = four.x, x[i + 1] = four.y, x[i + 2] = four.z, x[i + 3] = four.w;
        }
    } else {
        static_assert(V == 1);
        x[0] = *p;
    }
}

// Can rows of `columns` elements be read in packs, in all of these views? An absent view can.
template <class... Views>
bool packs(int64_t columns, int pack, const Views&... views) {
    return columns % pack == 0 && ((reinterpret_cast<uintptr_t>(views.data) % 16 == 0) && ...);
}

// body(std::integral_constant<int, V>()): V a pack of T where all the views allow it, else 1.
template <class T, class Body, class... Views>
void with_pack(int64_t columns, Body&& body, const Views&... views) {
    if (packs(columns, kPack<T>, views...))
        body(std::integral_constant<int, kPack<T>>());
    else
        body(std::integral_constant<int, 1>());
}

// i / divisor, and i becomes the remainder. Divisions of 32 bits take a third of the time.
__device__ __forceinline__ int64_t divided(int64_t& i, int64_t divisor) {
    int64_t quotient =
        (i | divisor) >> 31 == 0 ? int64_t{static_cast<uint32_t>(i) / static_cast<uint32_t>(divisor)} : i / divisor;
    i -= quotient * divisor;
    return quotient;
}

// Sum of a warp's 32 values, in every lane; always of the same pairs.
template <class T>
__device__ __forceinline__ T warp_sum(T x) {
#pragma unroll
    for (int apart = 16; apart > 0; apart >>= 1) x += __shfl_xor_sync(0xffffffffu, x, apart);
    return x;
}

}  // namespace hb::cuda
