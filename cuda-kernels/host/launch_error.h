// Errors of the CUDA runtime as errors of the engine.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>

namespace hb::cuda {

// Throws Error(HB_ERROR_DEVICE), or HB_ERROR_MEMORY where that is what failed, unless result is cudaSuccess. what: the
// call, "cudaStreamCreate".
//
// A kernel that goes wrong is found out by a later call, any one. The message then says so, and names the kernels
// started last; with CUDA_LAUNCH_BLOCKING=1 it is the kernel's own launch that fails.
void check(cudaError_t result, const char* what);

// Of a call that has waited for the device: from here on, kernels started before it have run well.
void check_wait(cudaError_t result, const char* what);

// After a launch: throws when it was refused, with the kernel and its configuration.
void check_launch(const char* kernel, dim3 grid, dim3 block, size_t shared_bytes);

}  // namespace hb::cuda
