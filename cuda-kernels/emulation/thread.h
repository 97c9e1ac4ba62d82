// The running CUDA thread, as kernels see it: threadIdx, blockIdx, blockDim, gridDim and dynamic shared memory.
#pragma once

#include <cstdint>

#include <vector_types.h>

namespace hb::emulation {

struct Thread {
    uint3 index;      // threadIdx
    uint32_t linear;  // x fastest, as warps are cut
    uint32_t warp, lane;
    // The scheduler's. Where the thread stopped to wait; null before it starts and after it ends.
    void* stack_pointer;
    int stack;
    const void* site;  // the call that it waits in
    const char* waits_for;
};

// One thread runs at a time, so this is one object.
struct Running {
    Thread* thread;  // null: the host runs
    uint3 block_index;
    dim3 block_size, grid_size;
    void* dynamic_shared;
    uint32_t dynamic_shared_bytes;
};
extern __attribute__((visibility("hidden"))) Running running;

}  // namespace hb::emulation
