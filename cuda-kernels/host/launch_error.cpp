#include "host/launch_error.h"

#include "core/error.h"

namespace hb::cuda {

void check(cudaError_t result, const char* what) {
    if (result == cudaSuccess) [[likely]]
        return;
    (void)cudaGetLastError();  // an error that is not sticky is told once
    fail(result == cudaErrorMemoryAllocation ? HB_ERROR_MEMORY : HB_ERROR_DEVICE, "%s failed: %s (%s)", what,
         cudaGetErrorString(result), cudaGetErrorName(result));
}

void check_launch(const char* kernel, dim3 grid, dim3 block, size_t shared_bytes) {
    cudaError_t result = cudaGetLastError();
    if (result == cudaSuccess) [[likely]]
        return;
    fail(HB_ERROR_DEVICE,
         "kernel %s with grid (%u, %u, %u), block (%u, %u, %u) and %zu bytes of shared memory: %s (%s)", kernel, grid.x,
         grid.y, grid.z, block.x, block.y, block.z, shared_bytes, cudaGetErrorString(result), cudaGetErrorName(result));
}

}  // namespace hb::cuda
