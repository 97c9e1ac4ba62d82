// Caching allocator for the memory of one CUDA device.
//
// cudaMalloc and cudaFree wait for the device and take milliseconds, so freed memory is kept and given out again. All
// kernels run on the device's one compute stream, in order: a block may be reused as soon as it is released, since
// whatever still reads it comes before whatever will write it.
//
// HORNBEAM_CUDA_MEMORY=direct asks the driver for every block instead, so that compute-sanitizer and the emulation's
// checker see each tensor's bounds; slow.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "hornbeam.h"

namespace hb::cuda {

class DeviceMemory {
  public:
    // before_free is called before memory goes back to the driver.
    explicit DeviceMemory(
        int device, std::function<void()> before_free = [] {});

    // 512-byte aligned, not cleared. Throws Error(HB_ERROR_MEMORY).
    void* allocate(int64_t bytes);
    void release(void* data);

    void stats(hb_memory* out);
    void reset_peak();
    void limit(int64_t bytes);
    void trim();

  private:
    // A piece of a segment; pieces of one segment lie in address order in `blocks_`.
    struct Block {
        int64_t bytes;
        char* segment;  // where the driver's allocation begins
        bool free;
    };
    using Blocks = std::map<char*, Block>;

    static int64_t rounded(int64_t bytes);
    static int64_t segment_bytes(int64_t bytes);
    Blocks::iterator grow(int64_t bytes);
    void insert_free(Blocks::iterator block);
    void erase_free(Blocks::iterator block);
    void give_back_unused();
    void give_back(char* segment);

    const int device_;
    const bool direct_;
    const std::function<void()> before_free_;
    std::mutex mutex_;
    Blocks blocks_;                                // all, by address
    std::set<std::pair<int64_t, char*>> free_;     // by size, then address: best fit
    std::unordered_map<char*, int64_t> segments_;  // bytes of each
    int64_t in_use_ = 0, peak_ = 0, reserved_ = 0, limit_ = 0, allocations_ = 0, system_calls_ = 0;
};

}  // namespace hb::cuda
