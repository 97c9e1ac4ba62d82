#include "host/device.h"

#include <array>
#include <mutex>

#include "core/error.h"
#include "host/launch_error.h"

namespace hb::cuda {
namespace {

constexpr int kMostDevices = 16;
thread_local int selected = 0;
thread_local Device* selected_device = nullptr;

struct Devices {
    std::mutex mutex;
    std::array<std::unique_ptr<Device>, kMostDevices> opened;

    Device& open(int index) {
        std::lock_guard<std::mutex> lock(mutex);
        if (!opened[size_t(index)]) opened[size_t(index)] = std::make_unique<Device>(index);
        return *opened[size_t(index)];
    }
};

// Never destroyed: tensors may be released while the process ends, after the driver has.
Devices& devices() {
    static Devices* all = new Devices;
    return *all;
}

int attribute(cudaDeviceAttr which, int index) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, index), "cudaDeviceGetAttribute");
    return value;
}

}  // namespace

Device::Device(int device_index)
    // Memory that captured work uses goes back to the driver only when that work is on the stream.
    : index(device_index), memory(device_index, [this] { graphs_->flush(); }) {
    check(cudaSetDevice(index), "cudaSetDevice");
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
    name = properties.name;
    major = properties.major;
    minor = properties.minor;
    multiprocessors = properties.multiProcessorCount;
    shared_bytes_per_block = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, index);
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    graphs_ = std::make_unique<StepGraphs>(stream_, StepGraphs::wanted());
    staging_ = std::make_unique<Staging>(stream_);
}

void Device::copy_in(void* to, const void* host, int64_t bytes) {
    if (bytes <= 0) return;
    graphs_->flush();
    staging_->upload(to, host, bytes);
}

void Device::copy_out(void* host, const void* from, int64_t bytes) {
    if (bytes <= 0) return;
    graphs_->flush();
    staging_->download(host, from, bytes);
}

void Device::synchronize() {
    graphs_->flush();
    check_wait(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

int device_count() {
    int count = 0;
    check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    return count < kMostDevices ? count : kMostDevices;
}

void select_device(int index) {
    if (selected_device && selected == index) return;
    selected_device = &devices().open(index);
    selected = index;
    check(cudaSetDevice(index), "cudaSetDevice");
}

Device& device() {
    if (!selected_device) select_device(selected);
    return *selected_device;
}

}  // namespace hb::cuda
