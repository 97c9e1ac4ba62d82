// What the threads of a block find together.
#pragma once

#include <cstdint>

#include "kernels/launch.cuh"

namespace hb::cuda {

// The sum of the values of all threads before this one; total: of all. Every thread of a block of `threads` calls it;
// `warps` is shared, one number a warp, and may be used again after the next barrier.
template <int threads>
__device__ __forceinline__ uint32_t exclusive_sum(uint32_t value, uint32_t* warps, uint32_t& total) {
    static_assert(threads % 32 == 0 && threads <= 1024);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    uint32_t sum = value;
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
        const uint32_t before = __shfl_up_sync(0xffffffffu, sum, d);
        if (lane >= d) sum += before;
    }
    if (lane == 31) warps[warp] = sum;
    __syncthreads();
    uint32_t before = 0;
    total = 0;
#pragma unroll
    for (int w = 0; w < threads / 32; w++) {
        const uint32_t of_warp = warps[w];
        if (w < warp) before += of_warp;
        total += of_warp;
    }
    return before + sum - value;
}

}  // namespace hb::cuda
