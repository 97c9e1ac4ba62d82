// One CUDA device as the backend uses it: its memory, its streams, its limits.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>

#include "host/device_memory.h"
#include "host/staging.h"
#include "host/step_graphs.h"

namespace hb::cuda {

class Device {
  public:
    // Opens device `index`; throws Error(HB_ERROR_DEVICE).
    explicit Device(int index);
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    const int index;
    std::string name;
    int major = 0, minor = 0;  // compute capability
    int multiprocessors = 0;
    int64_t shared_bytes_per_block = 0;  // that a kernel may opt in to
    DeviceMemory memory;

    // What every kernel runs on, in the order of the calls: to be asked for before each piece of work.
    cudaStream_t stream() {
        graphs_->prepare();
        return stream_;
    }
    // The same for work that no graph can hold, since it has to do with other devices: all work before is on it.
    cudaStream_t flushed_stream() {
        graphs_->flush();
        return stream_;
    }
    // Of check_launch.
    void launched(const char* kernel, dim3 grid, dim3 block, size_t shared_bytes) {
        if (graphs_->enabled()) [[unlikely]]
            graphs_->launched(kernel, grid, block, shared_bytes);
    }

    // To and from host memory; copy_in returns when `host` may be changed, copy_out when it has been written.
    void copy_in(void* device, const void* host, int64_t bytes);
    void copy_out(void* host, const void* device, int64_t bytes);
    // Waits for all work; throws what a kernel did wrong.
    void synchronize();

    StepGraphs::Counts graph_counts() { return graphs_->counts(); }

  private:
    cudaStream_t stream_ = nullptr;
    std::unique_ptr<StepGraphs> graphs_;
    std::unique_ptr<Staging> staging_;
};

// Devices of this machine that can be used, opened when first selected.
int device_count();
// Of the calling thread: makes `index` the device that functions work on.
void select_device(int index);
// The one selected, device 0 at first.
Device& device();
// Its stream, for the next piece of work.
inline cudaStream_t stream() { return device().stream(); }

// Temporary memory of the selected device; content undefined. Reused in stream order: it may be dropped while kernels
// that use it are still under way.
template <class T>
class DeviceScratch {
  public:
    explicit DeviceScratch(int64_t count)
        : memory_(device().memory),
          data_(count > 0 ? static_cast<T*>(memory_.allocate(count * int64_t(sizeof(T)))) : nullptr) {}
    ~DeviceScratch() { memory_.release(data_); }
    DeviceScratch(const DeviceScratch&) = delete;
    DeviceScratch& operator=(const DeviceScratch&) = delete;
    T* data() const { return data_; }

  private:
    DeviceMemory& memory_;
    T* data_;
};

}  // namespace hb::cuda
