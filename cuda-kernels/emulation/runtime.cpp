// The CUDA runtime's API, as far as the backend calls it: devices, errors, memory, copies and functions. Streams and
// events are in streams.cpp, graphs in graphs.cpp.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "emulation/api.h"
#include "emulation/checker.h"
#include "emulation/report.h"

using namespace hb::emulation;

namespace {

constexpr int kMajor = 8, kMinor = 0;
// Few, so that kernels which size their grid by them have blocks that do several rounds.
constexpr int kMultiprocessors = 4;
constexpr int kSharedPerMultiprocessor = 164 << 10;
constexpr int kReservedShared = 1 << 10;
constexpr int kThreadsPerMultiprocessor = 2048, kBlocksPerMultiprocessor = 32;

// An address that a copy may read or write: of one allocation of a device, or of the host.
struct Span {
    bool valid = false;
    bool device = false;
    bool pinned = false;
};

Span span_of(const void* address, size_t bytes, const char* call_name) {
    Span span;
    const Allocation* allocation = allocation_of(address);
    if (allocation) {
        span.device = allocation->kind == MemoryKind::device;
        span.pinned = !span.device;
        span.valid =
            bytes <= allocation->bytes - static_cast<size_t>(static_cast<const char*>(address) - allocation->start);
    } else {
        span.device = is_device_address(address);
        span.valid = !span.device && address;
    }
    if (!span.valid) report_host("memory: a copy or fill goes out of bounds", call_name);
    return span;
}

bool kind_fits(cudaMemcpyKind kind, const Span& to, const Span& from) {
    switch (kind) {
        case cudaMemcpyHostToHost:
            return !to.device && !from.device;
        case cudaMemcpyHostToDevice:
            return to.device && !from.device;
        case cudaMemcpyDeviceToHost:
            return !to.device && from.device;
        case cudaMemcpyDeviceToDevice:
            return to.device && from.device;
        case cudaMemcpyDefault:
            return true;
    }
    return false;
}

struct CopyShape {
    size_t bytes, rows = 1, to_pitch = 0, from_pitch = 0;
    size_t to_extent() const { return (rows - 1) * to_pitch + bytes; }
    size_t from_extent() const { return (rows - 1) * from_pitch + bytes; }
};

// As the driver does it. From memory of the host that is not pinned, the bytes are taken at the call; to such memory,
// the call returns when they are there.
cudaError_t copy(Runtime& all, const char* name, void* to, const void* from, CopyShape shape, cudaMemcpyKind kind,
                 cudaStream_t handle, bool asynchronous) {
    if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
    if (shape.bytes == 0 || shape.rows == 0) return cudaSuccess;
    Span target = span_of(to, shape.to_extent(), name);
    Span source = span_of(from, shape.from_extent(), name);
    if (!target.valid || !source.valid || !kind_fits(kind, target, source)) return cudaErrorInvalidValue;
    CUstream_st* stream = stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    Work work;
    work.kind = Work::Kind::copy;
    work.call = name;
    work.to = static_cast<char*>(to);
    work.from = static_cast<const char*>(from);
    work.bytes = shape.bytes;
    work.rows = shape.rows;
    work.to_pitch = shape.to_pitch;
    work.from_pitch = shape.from_pitch;
    if (asynchronous && !stream->capture && !source.device && !source.pinned) {
        work.staged = std::make_shared<char[]>(shape.from_extent());
        std::memcpy(work.staged.get(), from, shape.from_extent());
    }
    bool captured = stream->capture;
    cudaError_t result = submit(std::move(work), handle);
    if (result != cudaSuccess || captured) return result;
    bool to_pageable = !target.device && !target.pinned;
    if (!asynchronous || to_pageable) all.queue.run_until(stream->last);
    return cudaSuccess;
}

cudaError_t fill(Runtime& all, const char* name, void* to, int value, CopyShape shape, cudaStream_t handle) {
    (void)all;
    if (shape.bytes == 0 || shape.rows == 0) return cudaSuccess;
    Span target = span_of(to, shape.to_extent(), name);
    if (!target.valid || !(target.device || target.pinned)) return cudaErrorInvalidValue;
    Work work;
    work.kind = Work::Kind::fill;
    work.call = name;
    work.to = static_cast<char*>(to);
    work.value = value;
    work.bytes = shape.bytes;
    work.rows = shape.rows;
    work.to_pitch = shape.to_pitch;
    return submit(std::move(work), handle);
}

cudaError_t allocate_host(void** pointer, size_t bytes) {
    return call([&](Runtime&) {
        if (!pointer) return cudaErrorInvalidValue;
        *pointer = nullptr;
        if (bytes == 0) return cudaSuccess;
        *pointer = allocate_pinned(bytes);
        return *pointer ? cudaSuccess : cudaErrorMemoryAllocation;
    });
}

// The host's memory goes away although queued work still uses it.
void check_unused(Runtime& all, const Allocation& allocation, const char* name) {
    if (const char* user = all.queue.user_of(allocation.start, allocation.bytes)) {
        report_host("memory: freed while queued work uses it", std::string(name) + ", used by " + user);
    }
}

struct ErrorText {
    cudaError_t error;
    const char *name, *text;
};
#define HB_ERROR_TEXT(error, text)                                                                                     \
    { error, #error, text }
// Those that the emulation returns.
constexpr ErrorText kErrors[] = {
    HB_ERROR_TEXT(cudaSuccess, "no error"),
    HB_ERROR_TEXT(cudaErrorInvalidValue, "invalid argument"),
    HB_ERROR_TEXT(cudaErrorMemoryAllocation, "out of memory"),
    HB_ERROR_TEXT(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    HB_ERROR_TEXT(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    HB_ERROR_TEXT(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    HB_ERROR_TEXT(cudaErrorInvalidDevice, "invalid device ordinal"),
    HB_ERROR_TEXT(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    HB_ERROR_TEXT(cudaErrorNotReady, "device not ready"),
    HB_ERROR_TEXT(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    HB_ERROR_TEXT(cudaErrorLaunchFailure, "unspecified launch failure"),
    HB_ERROR_TEXT(cudaErrorNotSupported, "operation not supported"),
    HB_ERROR_TEXT(cudaErrorPeerAccessAlreadyEnabled, "peer access is already enabled"),
    HB_ERROR_TEXT(cudaErrorPeerAccessNotEnabled, "peer access has not been enabled"),
    HB_ERROR_TEXT(cudaErrorHostMemoryAlreadyRegistered, "part or all of the requested memory range is already mapped"),
    HB_ERROR_TEXT(cudaErrorHostMemoryNotRegistered, "pointer does not correspond to a registered memory region"),
    HB_ERROR_TEXT(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    HB_ERROR_TEXT(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    HB_ERROR_TEXT(cudaErrorStreamCaptureUnmatched, "capture was not initiated in this stream"),
    HB_ERROR_TEXT(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    HB_ERROR_TEXT(cudaErrorStreamCaptureImplicit,
                  "operation would make the legacy stream depend on a capturing stream"),
    HB_ERROR_TEXT(cudaErrorStreamCaptureMerge, "dependency created on uncaptured work in another stream"),
    HB_ERROR_TEXT(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    HB_ERROR_TEXT(cudaErrorGraphExecUpdateFailure, "the graph update was not performed"),
};
#undef HB_ERROR_TEXT

const ErrorText& text_of_error(cudaError_t error) {
    static constexpr ErrorText kOther{cudaErrorUnknown, "cudaErrorUnknown",
                                      "an error that the emulation has no text for"};
    for (const ErrorText& one : kErrors) {
        if (one.error == error) return one;
    }
    return kOther;
}

}  // namespace

extern "C" {

// ---- errors

cudaError_t cudaGetLastError() {
    cudaError_t error = last_error();
    last_error() = cudaSuccess;
    return error;
}
cudaError_t cudaPeekAtLastError() { return last_error(); }
const char* cudaGetErrorString(cudaError_t error) { return text_of_error(error).text; }
const char* cudaGetErrorName(cudaError_t error) { return text_of_error(error).name; }

// ---- devices

cudaError_t cudaGetDeviceCount(int* count) {
    *count = runtime().devices;
    return keep(*count ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device) {
    return call([&](Runtime& all) {
        if (device < 0 || device >= all.devices) return cudaErrorInvalidDevice;
        current_device() = device;
        return cudaSuccess;
    });
}

cudaError_t cudaGetDevice(int* device) {
    *device = current_device();
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    return call([&](Runtime& all) {
        if (device < 0 || device >= all.devices) return cudaErrorInvalidDevice;
        switch (attribute) {
            case cudaDevAttrMaxThreadsPerBlock:
                *value = 1024;
                break;
            case cudaDevAttrMaxBlockDimX:
            case cudaDevAttrMaxBlockDimY:
                *value = 1024;
                break;
            case cudaDevAttrMaxBlockDimZ:
                *value = 64;
                break;
            case cudaDevAttrMaxGridDimX:
                *value = 0x7fffffff;
                break;
            case cudaDevAttrMaxGridDimY:
            case cudaDevAttrMaxGridDimZ:
                *value = 65535;
                break;
            case cudaDevAttrMaxSharedMemoryPerBlock:
                *value = kSharedBytes;
                break;
            case cudaDevAttrMaxSharedMemoryPerBlockOptin:
                *value = kSharedBytesOptIn;
                break;
            case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
                *value = kSharedPerMultiprocessor;
                break;
            case cudaDevAttrReservedSharedMemoryPerBlock:
                *value = kReservedShared;
                break;
            case cudaDevAttrMaxRegistersPerBlock:
            case cudaDevAttrMaxRegistersPerMultiprocessor:
                *value = 65536;
                break;
            case cudaDevAttrMaxThreadsPerMultiProcessor:
                *value = kThreadsPerMultiprocessor;
                break;
            case cudaDevAttrMaxBlocksPerMultiprocessor:
                *value = kBlocksPerMultiprocessor;
                break;
            case cudaDevAttrMultiProcessorCount:
                *value = kMultiprocessors;
                break;
            case cudaDevAttrComputeCapabilityMajor:
                *value = kMajor;
                break;
            case cudaDevAttrComputeCapabilityMinor:
                *value = kMinor;
                break;
            case cudaDevAttrWarpSize:
                *value = 32;
                break;
            case cudaDevAttrClockRate:
            case cudaDevAttrMemoryClockRate:
                *value = 1000000;
                break;
            case cudaDevAttrGlobalMemoryBusWidth:
                *value = 64;
                break;
            case cudaDevAttrL2CacheSize:
                *value = 1 << 20;
                break;
            case cudaDevAttrAsyncEngineCount:
                *value = 2;
                break;
            case cudaDevAttrUnifiedAddressing:
            case cudaDevAttrConcurrentKernels:
                *value = 1;
                break;
            default:
                *value = 0;
                break;
        }
        return cudaSuccess;
    });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    return call([&](Runtime& all) {
        if (device < 0 || device >= all.devices) return cudaErrorInvalidDevice;
        cudaDeviceProp p{};
        std::strcpy(p.name, "emulated on the CPU");
        p.totalGlobalMem = kDeviceBytes;
        p.sharedMemPerBlock = kSharedBytes;
        p.sharedMemPerBlockOptin = kSharedBytesOptIn;
        p.sharedMemPerMultiprocessor = kSharedPerMultiprocessor;
        p.reservedSharedMemPerBlock = kReservedShared;
        p.regsPerBlock = p.regsPerMultiprocessor = 65536;
        p.warpSize = 32;
        p.maxThreadsPerBlock = 1024;
        std::copy_n(std::begin({1024, 1024, 64}), 3, p.maxThreadsDim);
        std::copy_n(std::begin({0x7fffffff, 65535, 65535}), 3, p.maxGridSize);
        p.maxThreadsPerMultiProcessor = kThreadsPerMultiprocessor;
        p.maxBlocksPerMultiProcessor = kBlocksPerMultiprocessor;
        p.major = kMajor;
        p.minor = kMinor;
        p.multiProcessorCount = kMultiprocessors;
        p.memoryBusWidth = 64;
        p.l2CacheSize = 1 << 20;
        p.unifiedAddressing = 1;
        p.concurrentKernels = 1;
        p.asyncEngineCount = 2;
        p.pciBusID = device + 1;
        *properties = p;
        return cudaSuccess;
    });
}

cudaError_t cudaDeviceSynchronize() {
    return call([](Runtime& all) {
        if (cudaError_t forbidden = check_no_capture()) return forbidden;
        all.queue.run_all();
        return cudaSuccess;
    });
}

// Of all devices, whose queues are one; and their failure is forgotten.
cudaError_t cudaDeviceReset() {
    Runtime& all = runtime();
    std::lock_guard guard(all.lock);
    all.queue.drop_all();
    all.failure = cudaSuccess;
    last_error() = cudaSuccess;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
    return call([&](Runtime& all) {
        if (device < 0 || device >= all.devices || peer < 0 || peer >= all.devices) return cudaErrorInvalidDevice;
        *can = device != peer;
        return cudaSuccess;
    });
}
cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags) {
    return call([&](Runtime& all) {
        if (peer < 0 || peer >= all.devices || peer == current_device()) return cudaErrorInvalidDevice;
        if (flags != 0) return cudaErrorInvalidValue;
        bool& enabled = all.peers[current_device()][peer];
        if (enabled) return cudaErrorPeerAccessAlreadyEnabled;
        enabled = true;
        return cudaSuccess;
    });
}
cudaError_t cudaDeviceDisablePeerAccess(int peer) {
    return call([&](Runtime& all) {
        if (peer < 0 || peer >= all.devices) return cudaErrorInvalidDevice;
        bool& enabled = all.peers[current_device()][peer];
        if (!enabled) return cudaErrorPeerAccessNotEnabled;
        enabled = false;
        return cudaSuccess;
    });
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    if (least) *least = 0;
    if (greatest) *greatest = -5;
    return cudaSuccess;
}

// ---- memory

cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
    return call([&](Runtime&) {
        *total = kDeviceBytes;
        *available = kDeviceBytes - device_bytes_in_use(current_device());
        return cudaSuccess;
    });
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
    return call([&](Runtime& all) {
        if (!pointer) return cudaErrorInvalidValue;
        if (current_device() >= all.devices) return cudaErrorNoDevice;
        if (cudaError_t forbidden = check_no_capture()) return forbidden;
        *pointer = nullptr;
        if (bytes == 0) return cudaSuccess;
        *pointer = allocate_on_device(current_device(), bytes);
        return *pointer ? cudaSuccess : cudaErrorMemoryAllocation;
    });
}

// The memory is there at once, and goes in the stream's order.
cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
    return call([&](Runtime&) {
        CUstream_st* on = stream_of(stream);
        if (!pointer) return cudaErrorInvalidValue;
        if (!on) return cudaErrorInvalidResourceHandle;
        if (on->capture) return cudaErrorNotSupported;
        *pointer = bytes ? allocate_on_device(on->device, bytes) : nullptr;
        return *pointer || !bytes ? cudaSuccess : cudaErrorMemoryAllocation;
    });
}

// Waits for all work of the device, as the driver does.
cudaError_t cudaFree(void* pointer) {
    if (!pointer) return cudaSuccess;
    return call([&](Runtime& all) {
        if (cudaError_t forbidden = check_no_capture()) return forbidden;
        const Allocation* allocation = allocation_of(pointer);
        if (!allocation || allocation->start != pointer || allocation->kind != MemoryKind::device) {
            report_host("memory: what is freed was not allocated, or is freed already", "cudaFree");
            return cudaErrorInvalidValue;
        }
        all.queue.run_all();
        release(pointer);
        return cudaSuccess;
    });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
    if (!pointer) return cudaSuccess;
    return call([&](Runtime&) {
        const Allocation* allocation = allocation_of(pointer);
        if (!allocation || allocation->start != pointer || allocation->kind != MemoryKind::device) {
            report_host("memory: what is freed was not allocated, or is freed already", "cudaFreeAsync");
            return cudaErrorInvalidValue;
        }
        Work work;
        work.kind = Work::Kind::release;
        work.call = "cudaFreeAsync";
        work.to = static_cast<char*>(pointer);
        work.bytes = allocation->bytes;
        return submit(std::move(work), stream);
    });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) { return allocate_host(pointer, bytes); }
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) { return allocate_host(pointer, bytes); }

cudaError_t cudaFreeHost(void* pointer) {
    if (!pointer) return cudaSuccess;
    return call([&](Runtime& all) {
        const Allocation* allocation = allocation_of(pointer);
        if (!allocation || allocation->start != pointer || allocation->kind != MemoryKind::pinned) {
            report_host("memory: what is freed was not allocated, or is freed already", "cudaFreeHost");
            return cudaErrorInvalidValue;
        }
        check_unused(all, *allocation, "cudaFreeHost");
        all.queue.run_all();
        release(pointer);
        return cudaSuccess;
    });
}

cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned) {
    return call([&](Runtime&) {
        if (!pointer || !bytes) return cudaErrorInvalidValue;
        return register_host_memory(pointer, bytes) ? cudaSuccess : cudaErrorHostMemoryAlreadyRegistered;
    });
}
cudaError_t cudaHostUnregister(void* pointer) {
    return call([&](Runtime& all) {
        const Allocation* allocation = allocation_of(pointer);
        if (!allocation || allocation->start != pointer || allocation->kind != MemoryKind::registered) {
            return cudaErrorHostMemoryNotRegistered;
        }
        check_unused(all, *allocation, "cudaHostUnregister");
        all.queue.run_all();
        release(pointer);
        return cudaSuccess;
    });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
    return call([&](Runtime&) {
        cudaPointerAttributes a{};
        a.device = -1;
        a.type = cudaMemoryTypeUnregistered;
        if (const Allocation* allocation = allocation_of(pointer)) {
            bool device = allocation->kind == MemoryKind::device;
            a.type = device ? cudaMemoryTypeDevice : cudaMemoryTypeHost;
            a.device = device ? allocation->device : 0;
            a.devicePointer = const_cast<void*>(pointer);
            a.hostPointer = device ? nullptr : const_cast<void*>(pointer);
        }
        *attributes = a;
        return cudaSuccess;
    });
}

// ---- copies and fills

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    return call([&](Runtime& all) { return copy(all, "cudaMemcpy", to, from, {bytes}, kind, nullptr, false); });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    return call([&](Runtime& all) { return copy(all, "cudaMemcpyAsync", to, from, {bytes}, kind, stream, true); });
}
cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height,
                         cudaMemcpyKind kind) {
    return call([&](Runtime& all) {
        if (to_pitch < width || from_pitch < width) return cudaErrorInvalidPitchValue;
        return copy(all, "cudaMemcpy2D", to, from, {width, height, to_pitch, from_pitch}, kind, nullptr, false);
    });
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
    return call([&](Runtime& all) {
        if (to_pitch < width || from_pitch < width) return cudaErrorInvalidPitchValue;
        return copy(all, "cudaMemcpy2DAsync", to, from, {width, height, to_pitch, from_pitch}, kind, stream, true);
    });
}
cudaError_t cudaMemcpyPeer(void* to, int, const void* from, int, size_t bytes) {
    return call([&](Runtime& all) {
        return copy(all, "cudaMemcpyPeer", to, from, {bytes}, cudaMemcpyDeviceToDevice, nullptr, false);
    });
}
cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t bytes, cudaStream_t stream) {
    return call([&](Runtime& all) {
        return copy(all, "cudaMemcpyPeerAsync", to, from, {bytes}, cudaMemcpyDeviceToDevice, stream, true);
    });
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
    return call([&](Runtime& all) { return fill(all, "cudaMemset", to, value, {bytes}, nullptr); });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
    return call([&](Runtime& all) { return fill(all, "cudaMemsetAsync", to, value, {bytes}, stream); });
}
cudaError_t cudaMemset2DAsync(void* to, size_t pitch, int value, size_t width, size_t height, cudaStream_t stream) {
    return call([&](Runtime& all) {
        if (pitch < width) return cudaErrorInvalidPitchValue;
        return fill(all, "cudaMemset2DAsync", to, value, {width, height, pitch}, stream);
    });
}

// ---- functions

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
    return call([&](Runtime& all) {
        if (!function) return cudaErrorInvalidDeviceFunction;
        if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
            if (value < 0 || value > kSharedBytesOptIn) return cudaErrorInvalidValue;
            all.dynamic_shared_limits[function] = value;
        }
        return cudaSuccess;
    });
}

// Registers and local memory are the compiler's for a GPU, and are not known here.
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
    return call([&](Runtime& all) {
        if (!function) return cudaErrorInvalidDeviceFunction;
        *attributes = {};
        attributes->maxThreadsPerBlock = 1024;
        auto raised = all.dynamic_shared_limits.find(function);
        attributes->maxDynamicSharedSizeBytes =
            raised == all.dynamic_shared_limits.end() ? kSharedBytes : raised->second;
        attributes->binaryVersion = attributes->ptxVersion = kMajor * 10 + kMinor;
        return cudaSuccess;
    });
}

// By threads and dynamic shared memory alone.
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                          size_t dynamic_shared_bytes) {
    return call([&](Runtime&) {
        if (!function) return cudaErrorInvalidDeviceFunction;
        if (threads < 1) return cudaErrorInvalidValue;
        int by_threads = threads > 1024 ? 0 : kThreadsPerMultiprocessor / ((threads + 31) / 32 * 32);
        auto by_shared = static_cast<int>(kSharedPerMultiprocessor / (dynamic_shared_bytes + kReservedShared));
        *blocks = std::min({by_threads, by_shared, kBlocksPerMultiprocessor});
        return cudaSuccess;
    });
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* function, int threads,
                                                                   size_t dynamic_shared_bytes, unsigned) {
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, dynamic_shared_bytes);
}

}  // extern "C"
