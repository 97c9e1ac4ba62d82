// How kernels are started and what they share: the same source for nvcc and, through emulation/cuda_on_cpu.h, for the
// host's compiler.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "host/launch_error.h"

#if defined(HB_CUDA_EMULATED)

// A block's dynamic shared memory.
#define HB_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(::hb::emulation::running.dynamic_shared)

// HB_LAUNCH((kernel<A, B>), grid, block, bytes of dynamic shared memory, stream, arguments...); throws hb::Error.
#define HB_LAUNCH(kernel, grid, block, shared, stream, ...)                                                            \
    do {                                                                                                               \
        const dim3 hb_grid(grid), hb_block(block);                                                                     \
        (void)::hb::emulation::launch_kernel(#kernel, (kernel), hb_grid, hb_block, shared, stream, __VA_ARGS__);       \
        ::hb::cuda::check_launch(#kernel, hb_grid, hb_block, shared);                                                  \
    } while (false)

#else

#define HB_DYNAMIC_SHARED(T, name)                                                                                     \
    extern __shared__ __align__(128) unsigned char hb_dynamic_shared[];                                                \
    T* name = reinterpret_cast<T*>(hb_dynamic_shared)

#define HB_LAUNCH(kernel, grid, block, shared, stream, ...)                                                            \
    do {                                                                                                               \
        const dim3 hb_grid(grid), hb_block(block);                                                                     \
        (kernel)<<<hb_grid, hb_block, shared, stream>>>(__VA_ARGS__);                                                  \
        ::hb::cuda::check_launch(#kernel, hb_grid, hb_block, shared);                                                  \
    } while (false)

#endif
