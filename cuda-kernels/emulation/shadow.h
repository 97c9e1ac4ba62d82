// What the checker remembers of memory: for every four bytes, who accessed them last.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hb::emulation {

// One access. Numbers of 16 bits wrap; what is compared lies closer together than that.
struct Access {
    uint32_t run;      // number of the block among all blocks ever run; 0 is none
    uint32_t pc;       // of the call in the kernel, from the start of the module
    uint16_t thread;   // linear in its block
    uint16_t barrier;  // how many barriers its block had passed
    uint16_t clock;    // the thread's own: advances at each __syncwarp and fence
    uint8_t bytes;     // which of the four
    uint8_t atomic;

    uint32_t warp() const { return thread >> 5; }
};

// The last write, and two reads: of different warps or blocks where there are such, so that one of them conflicts with
// whatever writer conflicts with any.
struct History {
    Access write, read, other_read;
};

struct GlobalCell {
    History history;
};

// Shared memory is new in every block: a cell of an earlier run is as one that nobody touched.
struct SharedCell {
    History history;
    uint32_t run;
    uint32_t copy_pc;  // the asynchronous copy to it that nobody waited for yet
    uint8_t written;   // which of the four bytes hold something
    uint8_t copying;   // which of them such a copy will write
};

// Of a device's memory: low four bits, which bytes are allocated; high four, which hold something.
using ByteState = uint8_t;

// Address space that takes memory when it is touched, and holds zeros until then.
void* reserve_zeros(size_t bytes);
template <class T>
T* reserve(size_t count) {
    return static_cast<T*>(reserve_zeros(count * sizeof(T)));
}

}  // namespace hb::emulation
