// The memory of the emulated devices, and the host's that copies may use asynchronously.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hb::emulation {

enum class MemoryKind : uint8_t { device, pinned, registered };

struct Allocation {
    char* start;
    size_t bytes;
    int device;  // -1 for the host's
    MemoryKind kind;

    bool holds(const void* address) const {
        return static_cast<size_t>(static_cast<const char*>(address) - start) < bytes;
    }
};

constexpr int kMostDevices = 8;
// Address space of one device, and how much of it can be in use at once.
constexpr size_t kArenaBytes = size_t(16) << 30;
constexpr size_t kDeviceBytes = size_t(8) << 30;

// Filled with ones: a number that nobody wrote is a NaN. Null: no memory.
char* allocate_on_device(int device, size_t bytes);
// Page-aligned memory of the host; null: no memory.
char* allocate_pinned(size_t bytes);
// False: it is known already.
bool register_host_memory(void* start, size_t bytes);
// Takes what starts there out of the books, and gives its memory back. False: nothing starts there.
bool release(void* start);

// That which holds the address, or null. Valid until the next change.
const Allocation* allocation_of(const void* address);
std::vector<Allocation> device_allocations();
// Whether the address lies where devices have their memory, allocated or not.
bool is_device_address(const void* address);
// The device whose memory would be at the address.
int device_of_address(const void* address);
const char* arenas();  // the first byte, or null while nothing was allocated
size_t device_bytes_in_use(int device);

}  // namespace hb::emulation
