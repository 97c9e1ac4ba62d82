// Each device has one range of addresses. Freed memory is used again late in builds that look for its use after the
// free, and at once in others.
#include "emulation/memory.h"

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>

#include <sys/mman.h>

#include "emulation/checker.h"
#include "emulation/report.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace hb::emulation {

namespace {

constexpr size_t kAlignment = 256;
// Between allocations, so that what runs over the end of one does not reach the next.
constexpr size_t kGap = 1024;

#if defined(__SANITIZE_ADDRESS__) || defined(HB_EMULATION_CHECKED)
constexpr bool kReuseLate = true;
#else
constexpr bool kReuseLate = false;
#endif

void forbid([[maybe_unused]] char* start, [[maybe_unused]] size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    __asan_poison_memory_region(start, bytes);
#endif
}

void allow([[maybe_unused]] char* start, [[maybe_unused]] size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(start, bytes);
#endif
}

class Arena {
  public:
    char* start = nullptr;
    size_t in_use = 0;

    char* allocate(size_t bytes) {
        if (bytes > kDeviceBytes - in_use) return nullptr;
        size_t room = room_for(bytes);
        size_t offset = take(room);
        if (offset == kNone) return nullptr;
        in_use += bytes;
        char* result = start + offset;
        allow(result, bytes);
        forbid(result + bytes, room - bytes);
        std::memset(result, 0xff, bytes);
        return result;
    }

    void release(char* address, size_t bytes) {
        in_use -= bytes;
        size_t room = room_for(bytes);
        forbid(address, room);
        if (bytes >= (1 << 20)) madvise(address, bytes, MADV_DONTNEED);
        give(static_cast<size_t>(address - start), room);
    }

  private:
    static constexpr size_t kNone = ~size_t(0);

    static size_t room_for(size_t bytes) {
        size_t alignment = bytes >= (1 << 20) ? 4096 : kAlignment;
        return (bytes + kGap + alignment - 1) / alignment * alignment;
    }

    size_t take_fresh(size_t room) {
        size_t offset = room >= (1 << 20) ? (top_ + 4095) & ~size_t(4095) : top_;
        if (room > kArenaBytes - offset) return kNone;
        top_ = offset + room;
        return offset;
    }

    size_t take_free(size_t room) {
        for (auto range = free_.begin(); range != free_.end(); ++range) {
            auto [offset, bytes] = *range;
            if (bytes < room) continue;
            free_.erase(range);
            if (bytes > room) free_[offset + room] = bytes - room;
            return offset;
        }
        return kNone;
    }

    size_t take(size_t room) {
        size_t offset = kReuseLate ? take_fresh(room) : take_free(room);
        if (offset == kNone) offset = kReuseLate ? take_free(room) : take_fresh(room);
        return offset;
    }

    void give(size_t offset, size_t bytes) {
        auto after = free_.lower_bound(offset);
        if (after != free_.end() && after->first == offset + bytes) {
            bytes += after->second;
            after = free_.erase(after);
        }
        if (after != free_.begin()) {
            auto before = std::prev(after);
            if (before->first + before->second == offset) {
                before->second += bytes;
                return;
            }
        }
        free_[offset] = bytes;
    }

    size_t top_ = 4096;
    std::map<size_t, size_t> free_;  // bytes by offset; neighbours are merged
};

struct Books {
    Arena arenas[kMostDevices];
    char* first = nullptr;
    std::map<uintptr_t, Allocation> allocations;

    void reserve() {
        if (first) return;
        void* memory = mmap(nullptr, kMostDevices * kArenaBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) exit_with("no address space for the memory of %d devices", kMostDevices);
        first = static_cast<char*>(memory);
        for (int d = 0; d < kMostDevices; d++) arenas[d].start = first + d * kArenaBytes;
    }
};

// Never destroyed: what frees at the process's end may come later.
Books& books() {
    static Books* all = new Books;
    return *all;
}

void note(char* start, size_t bytes, int device, MemoryKind kind) {
    books().allocations[reinterpret_cast<uintptr_t>(start)] = {start, bytes, device, kind};
}

}  // namespace

char* allocate_on_device(int device, size_t bytes) {
    books().reserve();
    char* start = books().arenas[device].allocate(bytes);
    if (!start) return nullptr;
    note(start, bytes, device, MemoryKind::device);
    checker::allocated(start, bytes);
    return start;
}

char* allocate_pinned(size_t bytes) {
    auto* start = static_cast<char*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
    if (start) note(start, bytes, -1, MemoryKind::pinned);
    return start;
}

bool register_host_memory(void* start, size_t bytes) {
    if (allocation_of(start)) return false;
    note(static_cast<char*>(start), bytes, -1, MemoryKind::registered);
    return true;
}

bool release(void* start) {
    auto found = books().allocations.find(reinterpret_cast<uintptr_t>(start));
    if (found == books().allocations.end()) return false;
    Allocation allocation = found->second;
    books().allocations.erase(found);
    switch (allocation.kind) {
        case MemoryKind::device:
            checker::released(allocation.start, allocation.bytes);
            books().arenas[allocation.device].release(allocation.start, allocation.bytes);
            break;
        case MemoryKind::pinned:
            std::free(start);
            break;
        case MemoryKind::registered:
            break;
    }
    return true;
}

const Allocation* allocation_of(const void* address) {
    auto& all = books().allocations;
    auto after = all.upper_bound(reinterpret_cast<uintptr_t>(address));
    if (after == all.begin()) return nullptr;
    const Allocation& before = std::prev(after)->second;
    return before.holds(address) || before.start == address ? &before : nullptr;
}

std::vector<Allocation> device_allocations() {
    std::vector<Allocation> all;
    for (const auto& [start, allocation] : books().allocations) {
        if (allocation.kind == MemoryKind::device) all.push_back(allocation);
    }
    return all;
}

bool is_device_address(const void* address) {
    const char* first = books().first;
    return first && static_cast<size_t>(static_cast<const char*>(address) - first) < kMostDevices * kArenaBytes;
}

int device_of_address(const void* address) {
    return static_cast<int>(static_cast<size_t>(static_cast<const char*>(address) - books().first) / kArenaBytes);
}

const char* arenas() { return books().first; }

size_t device_bytes_in_use(int device) { return books().arenas[device].in_use; }

}  // namespace hb::emulation
