// Errors of the CUDA runtime as errors of the engine.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace hb::cuda {

// Throws Error(HB_ERROR_DEVICE), or HB_ERROR_MEMORY where that is what failed, unless result is cudaSuccess. what: the
// call, "cudaStreamCreate".
void check(cudaError_t result, const char* what);

// After a launch: throws when it was refused, with the kernel and its configuration.
void check_launch(const char* kernel, dim3 grid, dim3 block, size_t shared_bytes);

}  // namespace hb::cuda
