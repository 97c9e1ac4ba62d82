// Types of storage and the work of a grid, for kernels that are templates over them.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <type_traits>

#include "backend/backend.h"
#include "core/bf16.h"
#include "kernels/launch.cuh"

namespace hb::cuda {

// ---- numbers: kernels compute in f32 and store float or Bf16

__device__ __forceinline__ float widened(float x) { return x; }
__device__ __forceinline__ float widened(Bf16 x) { return __uint_as_float(uint32_t{x.bits} << 16); }

// Nearest, ties to even; a NaN stays a NaN: the bits of round_to_bf16.
__device__ __forceinline__ Bf16 rounded_bf16(float x) {
    const uint32_t u = __float_as_uint(x);
    if (x != x) return {static_cast<uint16_t>(u >> 16 | 0x40)};
    return {static_cast<uint16_t>((u + 0x7fff + (u >> 16 & 1)) >> 16)};
}
template <class T>
__device__ __forceinline__ T stored(float x) {
    if constexpr (std::is_same_v<T, float>)
        return x;
    else
        return rounded_bf16(x);
}

// Calls body(T()) with the type of a view of activations, float or Bf16; f64 belongs to the CPU's oracle.
template <class Body>
void with_activation(DType type, Body&& body) {
    if (type == DType::F32) return body(float());
    if (type == DType::BF16) return body(Bf16());
    fail(HB_ERROR_UNSUPPORTED, "CUDA kernels compute in f32 and bf16, not in %s", name_of(type));
}

// ---- grids

// Blocks of `threads` for n elements, at most `most` of them: kernels step through what is left.
inline unsigned blocks_for(int64_t n, int threads, int64_t most = 1 << 16) {
    int64_t blocks = (n + threads - 1) / threads;
    return static_cast<unsigned>(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

// This thread's elements of n: for (int64_t i : ...) as a plain loop.
#define HB_GRID_STRIDE(i, n)                                                                                           \
    for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < (n); i += int64_t{gridDim.x} * blockDim.x)

}  // namespace hb::cuda
