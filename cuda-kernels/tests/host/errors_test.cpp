// Errors of the runtime as the engine's: what each message says.
#include <cstdlib>

#include "host/device.h"
#include "host/launch_error.h"
#include "tests/host/check.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

int main() {
    unsetenv("CUDA_LAUNCH_BLOCKING");
    cuda::check(cudaSuccess, "cudaMalloc");
    check_throws("a call", HB_ERROR_DEVICE, {"cudaEventCreate failed", "(cudaErrorInvalidValue)"},
                 [] { cuda::check(cudaErrorInvalidValue, "cudaEventCreate"); });
    check_throws("memory", HB_ERROR_MEMORY, {"cudaHostAlloc failed", "(cudaErrorMemoryAllocation)"},
                 [] { cuda::check(cudaErrorMemoryAllocation, "cudaHostAlloc"); });

    // A kernel's error, told by a later call.
    check_wait(cudaSuccess, "cudaStreamSynchronize");
    for (const char* kernel : {"one", "two", "three", "four", "five"}) check_launch(kernel, dim3(1), dim3(32), 0);
    check_throws("a kernel before", HB_ERROR_DEVICE,
                 {"cudaStreamSynchronize failed", "(cudaErrorIllegalAddress)", "a kernel started earlier did it",
                  "5 started since the last wait, the last ones two, three, four, five", "CUDA_LAUNCH_BLOCKING=1",
                  "can use the device no more"},
                 [] { check_wait(cudaErrorIllegalAddress, "cudaStreamSynchronize"); });
    check_throws("and again", HB_ERROR_DEVICE, {"cudaMemcpyAsync failed", "5 started since the last wait"},
                 [] { cuda::check(cudaErrorLaunchFailure, "cudaMemcpyAsync"); });
    check_wait(cudaSuccess, "cudaStreamSynchronize");
    try {
        cuda::check(cudaErrorMisalignedAddress, "cudaMemcpyAsync");
    } catch (const Error& error) {
        test::check(std::string(error.what()).find("since the last wait") == std::string::npos,
                    "no kernel was started: %s", error.what());
    }
    check_throws("a lost device", HB_ERROR_DEVICE, {"cudaMemcpyAsync failed", "the device is lost", "dmesg"},
                 [] { cuda::check(cudaErrorECCUncorrectable, "cudaMemcpyAsync"); });
    return finish();
}
