// Caching allocator for host memory: two-level segregated fit (Masmano et al. 2004) over blocks of whole huge pages.
//
// A training step asks for the same few hundred sizes again and again. Freed memory is merged with its neighbours and
// kept, so a warmed-up step reaches the system no more; blocks are aligned to 2 MiB and marked for huge pages, which
// saves the page faults that cost other allocators up to a quarter of a step. Constant time, one lock, headers in band.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "hornbeam.h"

namespace hb {

class HostAllocator {
  public:
    static HostAllocator& instance();

    // 64-byte aligned, not cleared. Throws Error(HB_ERROR_MEMORY).
    void* allocate(int64_t bytes);
    void release(void* data);

    void stats(hb_memory* out);
    void reset_peak();
    void limit(int64_t bytes);
    void trim();

  private:
    // Sizes are multiples of 64 and of 1/32 of their power of two. First level: power of two; second: 32 steps of it.
    static constexpr int kFirst = 48, kSecond = 32;
    static constexpr size_t kAlign = 64, kHugePage = size_t(2) << 20, kRegion = size_t(64) << 20;

    // Lies before each payload, and marks the end of a region with size 0.
    struct alignas(kAlign) Block {
        size_t size;      // of the payload
        Block* previous;  // neighbour at lower addresses, null at the start of a region
        Block *next_free, *previous_free;
        size_t region;  // bytes of the whole region, in its first block only
        bool free;
    };
    static_assert(sizeof(Block) == kAlign);

    static Block* next_of(Block* b) { return reinterpret_cast<Block*>(reinterpret_cast<char*>(b + 1) + b->size); }
    static size_t rounded(int64_t bytes);
    static void classify(size_t size, int& first, int& second);
    void insert(Block* b);
    void remove(Block* b);
    Block* find(size_t size);
    Block* grow(size_t size);
    void give_back_unused();

    std::mutex mutex_;
    uint64_t first_map_ = 0;
    uint32_t second_map_[kFirst] = {};
    Block* lists_[kFirst][kSecond] = {};
    int64_t in_use_ = 0, peak_ = 0, reserved_ = 0, limit_ = 0, allocations_ = 0, system_calls_ = 0;
};

}  // namespace hb
