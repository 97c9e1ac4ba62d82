#include "host/launch_error.h"

#include <array>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "host/device.h"

namespace hb::cuda {
namespace {

// The kernels that the calling thread started last, since it last waited for the device.
struct Started {
    std::array<const char*, 4> names{};
    int64_t count = 0;

    void add(const char* name) { names[size_t(count++) % names.size()] = name; }
    std::string text() const {
        std::string list;
        int64_t shown = std::min<int64_t>(count, int64_t(names.size()));
        for (int64_t i = count - shown; i < count; i++)
            list += (list.empty() ? "" : ", ") + std::string(names[size_t(i) % names.size()]);
        return list;
    }
};
thread_local Started started;

bool launches_block() {
    const char* value = std::getenv("CUDA_LAUNCH_BLOCKING");
    return value && *value && std::strcmp(value, "0") != 0;
}

// A kernel's doing, told by whatever call comes next, and by all that follow.
bool is_kernels(cudaError_t result) {
    switch (result) {
        case cudaErrorIllegalAddress:
        case cudaErrorMisalignedAddress:
        case cudaErrorIllegalInstruction:
        case cudaErrorInvalidAddressSpace:
        case cudaErrorInvalidPc:
        case cudaErrorHardwareStackError:
        case cudaErrorAssert:
        case cudaErrorLaunchFailure:
        case cudaErrorLaunchTimeout:
            return true;
        default:
            return false;
    }
}

// The device itself has gone.
bool is_devices(cudaError_t result) {
    switch (result) {
        case cudaErrorECCUncorrectable:
        case cudaErrorNvlinkUncorrectable:
        case cudaErrorDevicesUnavailable:
        case cudaErrorContained:
        case cudaErrorSystemNotReady:
            return true;
        default:
            return false;
    }
}

// What a message ends with: what the error means, and what to do.
std::string advice(cudaError_t result, bool at_launch) {
    if (is_devices(result))
        return "; the device is lost to this process: look for Xid messages in the kernel log (dmesg) and at "
               "nvidia-smi -q, then start again, from the last checkpoint";
    if (!is_kernels(result)) return "";
    std::string text = "; ";
    if (launches_block() && at_launch) {
        text += "this kernel did it";
    } else {
        text += "a kernel started earlier did it, not this call";
        if (started.count > 0)
            text += format(" (%lld started since the last wait, the last ones %s)", (long long)started.count,
                           started.text().c_str());
        text += "; run again with CUDA_LAUNCH_BLOCKING=1 to learn which";
    }
    return text + "; this process can use the device no more";
}

}  // namespace

void check(cudaError_t result, const char* what) {
    if (result == cudaSuccess) [[likely]]
        return;
    (void)cudaGetLastError();  // an error that is not sticky is told once
    fail(result == cudaErrorMemoryAllocation ? HB_ERROR_MEMORY : HB_ERROR_DEVICE, "%s failed: %s (%s)%s", what,
         cudaGetErrorString(result), cudaGetErrorName(result), advice(result, false).c_str());
}

void check_wait(cudaError_t result, const char* what) {
    check(result, what);
    started.count = 0;
}

void check_launch(const char* kernel, dim3 grid, dim3 block, size_t shared_bytes) {
    started.add(kernel);
    cudaError_t result = cudaGetLastError();
    if (result == cudaSuccess) [[likely]] {
        device().launched(kernel, grid, block, shared_bytes);
        return;
    }
    fail(HB_ERROR_DEVICE,
         "kernel %s with grid (%u, %u, %u), block (%u, %u, %u) and %zu bytes of shared memory: %s (%s)%s", kernel,
         grid.x, grid.y, grid.z, block.x, block.y, block.z, shared_bytes, cudaGetErrorString(result),
         cudaGetErrorName(result), advice(result, true).c_str());
}

}  // namespace hb::cuda
