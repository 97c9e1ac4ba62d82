#include "budget/occupancy.h"

#include <stdexcept>

// The header has functions that are not used here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <cuda_occupancy.h>
#pragma GCC diagnostic pop

namespace hb::budget {

namespace {

// CUDA C++ Programming Guide, "Compute Capabilities": technical specifications per compute capability. What a GPU's
// number of multiprocessors is plays no part.
cudaOccDeviceProp device_of(const std::string& architecture) {
    cudaOccDeviceProp device;
    device.maxThreadsPerBlock = 1024;
    device.maxThreadsPerMultiprocessor = 2048;
    device.regsPerBlock = device.regsPerMultiprocessor = 65536;
    device.warpSize = 32;
    device.sharedMemPerBlock = 48 << 10;
    device.reservedSharedMemPerBlock = 1 << 10;
    device.numSms = 1;
    int shared_kilobytes;
    if (architecture == "sm_80") {
        device.computeMajor = 8;
        shared_kilobytes = 164;
    } else if (architecture == "sm_90a") {
        device.computeMajor = 9;
        shared_kilobytes = 228;
    } else if (architecture == "sm_100") {
        device.computeMajor = 10;
        shared_kilobytes = 228;
    } else {
        throw std::runtime_error(architecture + " is not known; expected sm_80, sm_90a or sm_100");
    }
    device.sharedMemPerMultiprocessor = static_cast<size_t>(shared_kilobytes) << 10;
    device.sharedMemPerBlockOptin = device.sharedMemPerMultiprocessor - device.reservedSharedMemPerBlock;
    return device;
}

std::string name_of(unsigned limits) {
    if (limits & OCC_LIMIT_REGISTERS) return "registers";
    if (limits & OCC_LIMIT_SHARED_MEMORY) return "shared memory";
    return limits & OCC_LIMIT_WARPS ? "threads" : "blocks";
}

}  // namespace

Occupancy occupancy(const std::string& architecture, const Resources& kernel, int threads, int dynamic_shared) {
    const cudaOccDeviceProp device = device_of(architecture);
    cudaOccFuncAttributes function;
    function.maxThreadsPerBlock = kernel.most_threads > 0 ? kernel.most_threads : device.maxThreadsPerBlock;
    function.numRegs = kernel.registers;
    function.sharedSizeBytes = static_cast<size_t>(kernel.static_shared);
    function.partitionedGCConfig = PARTITIONED_GC_OFF;
    function.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
    function.maxDynamicSharedSizeBytes = static_cast<size_t>(dynamic_shared);
    function.numBlockBarriers = 1;
    const cudaOccDeviceState state;
    if (threads < 1 || threads > function.maxThreadsPerBlock || kernel.static_shared > int(device.sharedMemPerBlock))
        return {};
    cudaOccResult result;
    const cudaOccError error = cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &function, &state, threads,
                                                                       static_cast<size_t>(dynamic_shared));
    if (error != CUDA_OCC_SUCCESS) throw std::runtime_error("cuda_occupancy.h refuses " + architecture);
    const int warps = (threads + 31) / 32;
    const int blocks = result.activeBlocksPerMultiprocessor;
    return {blocks, 100 * blocks * warps / (device.maxThreadsPerMultiprocessor / 32), name_of(result.limitingFactors)};
}

}  // namespace hb::budget
