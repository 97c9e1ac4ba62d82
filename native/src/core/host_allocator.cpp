#include "core/host_allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "core/scratch.h"

namespace hb {

HostAllocator& HostAllocator::instance() {
    // Never destroyed: storages may be released by other threads while the process ends.
    static HostAllocator* allocator = new HostAllocator;
    return *allocator;
}

size_t HostAllocator::rounded(int64_t bytes) {
    size_t size = std::max<size_t>(static_cast<size_t>(bytes), kAlign);
    size_t step = std::max<size_t>(kAlign, std::bit_floor(size) / kSecond);
    return (size + step - 1) / step * step;
}

void HostAllocator::classify(size_t size, int& first, int& second) {
    first = std::bit_width(size) - 1;
    second = static_cast<int>(size >> (first - 5)) & (kSecond - 1);
}

void HostAllocator::insert(Block* b) {
    int f, s;
    classify(b->size, f, s);
    b->free = true;
    b->previous_free = nullptr;
    b->next_free = lists_[f][s];
    if (b->next_free) b->next_free->previous_free = b;
    lists_[f][s] = b;
    first_map_ |= uint64_t(1) << f;
    second_map_[f] |= 1u << s;
}

void HostAllocator::remove(Block* b) {
    int f, s;
    classify(b->size, f, s);
    if (b->next_free) b->next_free->previous_free = b->previous_free;
    if (b->previous_free) {
        b->previous_free->next_free = b->next_free;
    } else {
        lists_[f][s] = b->next_free;
        if (!lists_[f][s]) {
            second_map_[f] &= ~(1u << s);
            if (!second_map_[f]) first_map_ &= ~(uint64_t(1) << f);
        }
    }
    b->free = false;
}

HostAllocator::Block* HostAllocator::find(size_t size) {
    int f, s;
    classify(size, f, s);  // sizes are rounded to classes, so any block of this class or above is large enough
    uint32_t seconds = second_map_[f] & (~0u << s);
    if (!seconds) {
        uint64_t firsts = f + 1 < 64 ? first_map_ & (~uint64_t(0) << (f + 1)) : 0;
        if (!firsts) return nullptr;
        f = std::countr_zero(firsts);
        seconds = second_map_[f];
    }
    return lists_[f][std::countr_zero(seconds)];
}

HostAllocator::Block* HostAllocator::grow(size_t size) {
    size_t bytes = std::max(kRegion, size + 2 * sizeof(Block));
    bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
    if (limit_ > 0 && reserved_ + static_cast<int64_t>(bytes) > limit_) {
        bytes = (size + 2 * sizeof(Block) + 4095) / 4096 * 4096;
        if (reserved_ + static_cast<int64_t>(bytes) > limit_) {
            give_back_unused();
            if (reserved_ + static_cast<int64_t>(bytes) > limit_)
                fail(HB_ERROR_MEMORY,
                     "out of memory: %zu bytes asked for, %lld in use, %lld held, limit %lld; use a smaller batch or "
                     "raise the limit",
                     size, (long long)in_use_, (long long)reserved_, (long long)limit_);
        }
    }
    // One huge page more, to cut an aligned piece out of.
    system_calls_++;
    char* raw = static_cast<char*>(
        mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (raw == MAP_FAILED)
        fail(HB_ERROR_MEMORY, "out of memory: the system refused %zu bytes; %lld in use, %lld held", bytes,
             (long long)in_use_, (long long)reserved_);
    size_t head = (kHugePage - reinterpret_cast<uintptr_t>(raw) % kHugePage) % kHugePage;
    if (head) munmap(raw, head);
    if (kHugePage - head) munmap(raw + head + bytes, kHugePage - head);
    raw += head;
    madvise(raw, bytes, MADV_HUGEPAGE);
    reserved_ += static_cast<int64_t>(bytes);

    Block* b = reinterpret_cast<Block*>(raw);
    b->size = bytes - 2 * sizeof(Block);
    b->previous = nullptr;
    b->region = bytes;
    Block* end = next_of(b);
    end->size = 0;
    end->previous = b;
    end->free = false;
    end->region = 0;
    insert(b);
    return b;
}

void* HostAllocator::allocate(int64_t bytes) {
    if (bytes < 0 || bytes > (int64_t(1) << 46))
        fail(HB_ERROR_MEMORY, "out of memory: %lld bytes asked for", (long long)bytes);
    size_t size = rounded(bytes);
    std::lock_guard<std::mutex> lock(mutex_);
    allocations_++;
    Block* b = find(size);
    if (!b) b = grow(size);
    remove(b);
    if (b->size >= size + sizeof(Block) + kAlign) {
        size_t rest = b->size - size - sizeof(Block);
        b->size = size;
        Block* tail = next_of(b);
        tail->size = rest;
        tail->previous = b;
        tail->region = 0;
        next_of(tail)->previous = tail;
        insert(tail);
    }
    in_use_ += static_cast<int64_t>(b->size);
    peak_ = std::max(peak_, in_use_);
    return b + 1;
}

void HostAllocator::release(void* data) {
    std::lock_guard<std::mutex> lock(mutex_);
    Block* b = static_cast<Block*>(data) - 1;
    in_use_ -= static_cast<int64_t>(b->size);
    Block* next = next_of(b);
    if (next->free) {
        remove(next);
        b->size += sizeof(Block) + next->size;
    }
    if (b->previous && b->previous->free) {
        Block* before = b->previous;
        remove(before);
        before->size += sizeof(Block) + b->size;
        b = before;
    }
    next_of(b)->previous = b;
    insert(b);
}

void HostAllocator::give_back_unused() {
    for (auto& row : lists_)
        for (Block*& list : row)
            for (Block* b = list; b;) {
                Block* following = b->next_free;
                // A free block that begins a region and reaches its end mark is the whole region.
                if (!b->previous && next_of(b)->size == 0) {
                    remove(b);
                    size_t bytes = b->region;
                    reserved_ -= static_cast<int64_t>(bytes);
                    system_calls_++;
                    munmap(b, bytes);
                }
                b = following;
            }
}

void HostAllocator::stats(hb_memory* out) {
    std::lock_guard<std::mutex> lock(mutex_);
    out->in_use = in_use_;
    out->peak = peak_;
    out->reserved = reserved_;
    out->limit = limit_;
    out->allocations = allocations_;
    out->system_calls = system_calls_;
}

void HostAllocator::reset_peak() {
    std::lock_guard<std::mutex> lock(mutex_);
    peak_ = in_use_;
}

void HostAllocator::limit(int64_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    limit_ = bytes;
}

void HostAllocator::trim() {
    std::lock_guard<std::mutex> lock(mutex_);
    give_back_unused();
}

void* allocate_host(int64_t bytes) { return HostAllocator::instance().allocate(bytes); }
void release_host(void* data) { HostAllocator::instance().release(data); }

}  // namespace hb
