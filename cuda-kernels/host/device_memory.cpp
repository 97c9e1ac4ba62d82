#include "host/device_memory.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "host/launch_error.h"

namespace hb::cuda {
namespace {

constexpr int64_t kAlign = 512;
constexpr int64_t kSmall = int64_t(1) << 20;         // up to here, blocks share segments of kSmallSegment
constexpr int64_t kSmallSegment = int64_t(2) << 20;  // the driver's own granularity
constexpr int64_t kLargeSegment = int64_t(32) << 20;

bool wants_direct() {
    const char* mode = std::getenv("HORNBEAM_CUDA_MEMORY");
    if (!mode || !*mode) return false;
    if (std::string_view(mode) == "direct") return true;
    if (std::string_view(mode) == "cached") return false;
    fail(HB_ERROR_ARGUMENT, "HORNBEAM_CUDA_MEMORY is \"%s\"; expected cached or direct", mode);
}

}  // namespace

DeviceMemory::DeviceMemory(int device, std::function<void()> before_free)
    : device_(device), direct_(wants_direct()), before_free_(std::move(before_free)) {}

int64_t DeviceMemory::rounded(int64_t bytes) { return (std::max<int64_t>(bytes, 1) + kAlign - 1) / kAlign * kAlign; }

int64_t DeviceMemory::segment_bytes(int64_t bytes) {
    if (bytes <= kSmall) return kSmallSegment;
    if (bytes < kLargeSegment / 2) return kLargeSegment;
    return (bytes + kSmallSegment - 1) / kSmallSegment * kSmallSegment;
}

void DeviceMemory::insert_free(Blocks::iterator block) {
    block->second.free = true;
    free_.insert({block->second.bytes, block->first});
}

void DeviceMemory::erase_free(Blocks::iterator block) {
    block->second.free = false;
    free_.erase({block->second.bytes, block->first});
}

DeviceMemory::Blocks::iterator DeviceMemory::grow(int64_t bytes) {
    int64_t wanted = direct_ ? bytes : segment_bytes(bytes);
    void* data = nullptr;
    // A second time after giving back what is unused: its pieces may have been too small.
    for (int attempt = 0;; attempt++) {
        bool within = limit_ == 0 || reserved_ + wanted <= limit_;
        system_calls_++;
        cudaError_t result = within ? cudaMalloc(&data, size_t(wanted)) : cudaErrorMemoryAllocation;
        if (result == cudaSuccess) break;
        (void)cudaGetLastError();
        if (result != cudaErrorMemoryAllocation) check(result, "cudaMalloc");
        if (attempt > 0) {
            size_t available = 0, total = 0;
            (void)cudaMemGetInfo(&available, &total);
            fail(HB_ERROR_MEMORY,
                 "out of memory on cuda:%d: %lld bytes asked for, %lld in use, %lld held, %lld free of %lld on the "
                 "device, limit %lld; use a smaller batch or bf16 activations",
                 device_, (long long)bytes, (long long)in_use_, (long long)reserved_, (long long)available,
                 (long long)total, (long long)limit_);
        }
        give_back_unused();
        wanted = bytes;
    }
    reserved_ += wanted;
    char* segment = static_cast<char*>(data);
    segments_[segment] = wanted;
    auto block = blocks_.insert({segment, {wanted, segment, false}}).first;
    insert_free(block);
    return block;
}

void* DeviceMemory::allocate(int64_t bytes) {
    if (bytes < 0 || bytes > (int64_t(1) << 46))
        fail(HB_ERROR_MEMORY, "out of memory on cuda:%d: %lld bytes asked for", device_, (long long)bytes);
    int64_t size = direct_ ? std::max<int64_t>(bytes, 1) : rounded(bytes);
    std::lock_guard<std::mutex> lock(mutex_);
    allocations_++;
    Blocks::iterator block;
    auto fit = direct_ ? free_.end() : free_.lower_bound({size, nullptr});
    // A small request must not cut up a large segment that a large one will miss.
    if (fit != free_.end() && size <= kSmall && segments_[blocks_.find(fit->second)->second.segment] > kSmallSegment)
        fit = free_.end();
    block = fit != free_.end() ? blocks_.find(fit->second) : grow(size);
    erase_free(block);
    int64_t rest = block->second.bytes - size;
    if (rest >= kAlign && !direct_) {
        block->second.bytes = size;
        insert_free(blocks_.insert({block->first + size, {rest, block->second.segment, false}}).first);
    }
    in_use_ += block->second.bytes;
    peak_ = std::max(peak_, in_use_);
    return block->first;
}

void DeviceMemory::release(void* data) {
    if (!data) return;
    std::lock_guard<std::mutex> lock(mutex_);
    auto block = blocks_.find(static_cast<char*>(data));
    if (block == blocks_.end() || block->second.free)
        fail(HB_ERROR_INTERNAL, "cuda:%d: a block was released that is not in use", device_);
    in_use_ -= block->second.bytes;
    if (direct_) {
        // cudaFree waits for the device: whatever still reads the block has then run.
        return give_back(block->first);
    }
    auto next = std::next(block);
    if (next != blocks_.end() && next->second.free && next->second.segment == block->second.segment) {
        erase_free(next);
        block->second.bytes += next->second.bytes;
        blocks_.erase(next);
    }
    if (block != blocks_.begin()) {
        auto before = std::prev(block);
        if (before->second.free && before->second.segment == block->second.segment) {
            erase_free(before);
            before->second.bytes += block->second.bytes;
            blocks_.erase(block);
            block = before;
        }
    }
    insert_free(block);
}

void DeviceMemory::give_back_unused() {
    std::vector<char*> unused;
    for (auto& [at, block] : blocks_)
        if (block.free && at == block.segment && block.bytes == segments_[at]) unused.push_back(at);
    if (unused.empty()) return;
    for (char* segment : unused) {
        erase_free(blocks_.find(segment));
        give_back(segment);
    }
}

// A segment of one block, which is not in free_.
void DeviceMemory::give_back(char* segment) {
    auto block = blocks_.find(segment);
    reserved_ -= block->second.bytes;
    system_calls_++;
    blocks_.erase(block);
    segments_.erase(segment);
    before_free_();
    check(cudaFree(segment), "cudaFree");
}

void DeviceMemory::stats(hb_memory* out) {
    std::lock_guard<std::mutex> lock(mutex_);
    out->in_use = in_use_;
    out->peak = peak_;
    out->reserved = reserved_;
    out->limit = limit_;
    out->allocations = allocations_;
    out->system_calls = system_calls_;
}

void DeviceMemory::reset_peak() {
    std::lock_guard<std::mutex> lock(mutex_);
    peak_ = in_use_;
}

void DeviceMemory::limit(int64_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    limit_ = bytes;
}

void DeviceMemory::trim() {
    std::lock_guard<std::mutex> lock(mutex_);
    give_back_unused();
}

}  // namespace hb::cuda
