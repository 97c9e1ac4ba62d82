// Runs the blocks of a launch one after another, and the threads of a block as fibers that stop only to wait.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "emulation/thread.h"

namespace hb::emulation {

// A kernel, its configuration and its arguments.
struct Launch {
    const char* name;
    dim3 grid, block;
    uint32_t dynamic_shared_bytes;
    void (*body)(const void* arguments);  // what one thread does
    const void* arguments;
    size_t argument_bytes;
    int device;
};

// Runs it to its end on the calling host thread. False where it could not end: its threads wait for each other, or one
// touched what is no memory (in checked builds); the reason is then reported.
bool run(const Launch& launch);

struct Warp;
// What the last lane to arrive does for all that took part: from what they left in the warp to their results there.
using Finish = void (*)(Warp& warp, uint32_t participants);

// Lanes of a warp that wait for each other in one operation.
struct Group {
    uint32_t mask, arrived;
    Finish finish;
};

struct Warp {
    uint32_t existing;    // lanes that the block has
    uint32_t alive;       // have not returned
    uint32_t ready;       // could run now: not started, or what they waited for has come
    uint32_t at_barrier;  // wait in a __syncthreads
    uint32_t rank;        // its place in the order of priority
    uint32_t rotation;    // the lane that runs first, in seeded schedules
    int open;             // groups that wait
    Group groups[32];
    // What collectives pass between lanes. A result stays until its lane takes part in the next collective.
    uint64_t given[32], result[32];
    uint32_t source[32];
    void* operands[32];
};

// The state of the block that runs.
struct Block {
    uint32_t threads, warps;
    uint32_t alive;
    uint32_t linear;       // its number in the grid, x fastest
    uint32_t ready_ranks;  // bit r: the warp of rank r has a lane that is ready
    uint8_t order[32];     // warp by rank
    // __syncthreads
    uint32_t arrived, count;
    uint32_t released_count, released_threads;
};

extern Block block;
extern Warp warps[32];
extern Thread threads[1024];
const Launch& running_launch();

inline Warp& own_warp() { return warps[running.thread->warp]; }
inline uint32_t own_bit() { return 1u << running.thread->lane; }

inline void make_ready(Warp& warp, uint32_t lanes) {
    warp.ready |= lanes;
    if (lanes) block.ready_ranks |= 1u << warp.rank;
}

// Stops the running thread and runs those that are ready, until it is ready itself and its turn comes.
void wait_turn();
// Gives the launch up; run() returns false. Call on a fiber.
[[noreturn]] void abandon_launch();
// All threads of the block that have not returned are at the barrier: they are ready.
void release_barrier();
// Whether `address` lies in the stack of some fiber.
bool is_on_a_stack(const void* address);

// Waits for every lane of `mask` that has not returned to come to the same operation; the last runs `finish`.
inline void meet(uint32_t mask, Finish finish, const void* site, const char* operation) {
    Warp& warp = own_warp();
    uint32_t bit = own_bit();
    Group* group = warp.groups;
    Group* end = group + warp.open;
    while (group != end && (group->mask != mask || group->finish != finish || (group->arrived & bit))) group++;
    if (group == end) {
        *group = {mask, 0, finish};
        warp.open++;
    }
    group->arrived |= bit;
    if (group->arrived == (mask & warp.alive)) {
        uint32_t participants = group->arrived;
        *group = warp.groups[--warp.open];
        finish(warp, participants);
        make_ready(warp, participants & ~bit);
        return;
    }
    running.thread->site = site;
    running.thread->waits_for = operation;
    wait_turn();
}

}  // namespace hb::emulation
