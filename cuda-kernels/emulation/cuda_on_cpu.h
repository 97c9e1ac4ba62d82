// Compiles a .cu file for the CPU: g++ -x c++ -include emulation/cuda_on_cpu.h kernel.cu (see README.md).
//
// The toolkit's headers give the types, and host versions of the conversions and arithmetic of bf16 and half. What only
// a GPU has is here.
#pragma once

// Before the toolkit's, whose macros (__noinline__) would break them.
#include <algorithm>
#include <array>
#include <cassert>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <cuda_runtime.h>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#undef HB_CUDA_EMULATED
#define HB_CUDA_EMULATED 1

#undef __shared__
#undef __launch_bounds__
#undef __grid_constant__
#undef __forceinline__
#undef __noinline__
#undef __restrict__
// Blocks run one after another, so what they share is a static variable. Kernels live in unnamed namespaces: else the
// variables of templates get no zones of AddressSanitizer around them.
#define __shared__ static
#define __launch_bounds__(...)
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
// The checker must see every access that the source makes.
#define __restrict__

#include "emulation/async_copies.h"
#include "emulation/atomics.h"
#include "emulation/collectives.h"
#include "emulation/intrinsics.h"
#include "emulation/launch.h"
#include "emulation/tensor_core.h"
#include "emulation/thread.h"

#define threadIdx (::hb::emulation::running.thread->index)
#define blockIdx (::hb::emulation::running.block_index)
#define blockDim (::hb::emulation::running.block_size)
#define gridDim (::hb::emulation::running.grid_size)
inline constexpr int warpSize = 32;

// Of the API's functions that take a kernel, the forms that only nvcc's headers have.
template <class... Parameters>
inline cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
    return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class... Parameters>
inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*kernel)(Parameters...)) {
    return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}
template <class... Parameters>
inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void (*kernel)(Parameters...),
                                                                 int threads, size_t dynamic_shared_bytes) {
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, reinterpret_cast<const void*>(kernel), threads,
                                                         dynamic_shared_bytes);
}
