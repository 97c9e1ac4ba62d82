// The order: of the warps that have a lane to run, the one of highest priority runs until all its lanes wait; seeded
// schedules redraw the priorities at every barrier, so that some warps fall behind others by as much as the barriers
// allow. Plain round robin would keep all of them close together and hide what is missing between them.
//
// A thread that never waits runs as a plain call: its fiber goes on to the next thread, and to the next block. Only a
// thread that stops to wait keeps its stack, and another stack is taken for the next one.
#include "emulation/scheduler.h"

#include <cstdlib>
#include <numeric>
#include <utility>

#include "emulation/async_copies.h"
#include "emulation/checker.h"
#include "emulation/fiber.h"
#include "emulation/report.h"
#include "emulation/schedule.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace hb::emulation {

Running running;
Block block;
Warp warps[32];
Thread threads[1024];

namespace {

const Stacks& stacks() {
    static const Stacks all;
    return all;
}

struct Execution {
    const Launch* launch;
    uint32_t blocks, blocks_done;
    // The order of blocks: number i of the order is block (first + i * step) mod blocks.
    uint32_t first, step;
    void* host_stack_pointer;
    bool abandoned;
    int free_stacks[Stacks::kStacks];
    int free_count;
    int stack;  // that of the thread that runs
#ifdef __SANITIZE_ADDRESS__
    const void* host_stack;
    size_t host_stack_bytes;
    void* fake_stacks[Stacks::kStacks];
    void* host_fake_stack;
    bool from_host;
#endif
};
Execution execution;

// Every change of stack passes here, so that AddressSanitizer can be told. -1 is the host's stack. `last`: nothing
// will come back to the stack that is left.
inline void go(void** save, int to_stack, void* to, [[maybe_unused]] bool last) {
#ifdef __SANITIZE_ADDRESS__
    int from = execution.stack;
    void** fake = from < 0 ? &execution.host_fake_stack : &execution.fake_stacks[from];
    if (to_stack < 0) {
        __sanitizer_start_switch_fiber(last ? nullptr : fake, execution.host_stack, execution.host_stack_bytes);
    } else {
        __sanitizer_start_switch_fiber(last ? nullptr : fake, stacks().bottom(to_stack), Stacks::kBytes);
    }
    execution.stack = to_stack;
    hb_emulation_switch(save, to);
    __sanitizer_finish_switch_fiber(*fake, nullptr, nullptr);
#else
    execution.stack = to_stack;
    hb_emulation_switch(save, to);
#endif
}

inline uint32_t pick(const Warp& warp) {
    switch (schedule().kind()) {
        case Schedule::Kind::reversed:
            return 31 - std::countl_zero(warp.ready);
        case Schedule::Kind::seeded:
            return (std::countr_zero(std::rotr(warp.ready, static_cast<int>(warp.rotation))) + warp.rotation) & 31;
        default:
            return std::countr_zero(warp.ready);
    }
}

// Null: none is ready.
inline Thread* take_next() {
    if (!block.ready_ranks) return nullptr;
    uint32_t rank = std::countr_zero(block.ready_ranks);
    uint32_t w = block.order[rank];
    Warp& warp = warps[w];
    uint32_t lane = pick(warp);
    warp.ready &= ~(1u << lane);
    if (!warp.ready) block.ready_ranks &= ~(1u << rank);
    return &threads[w * 32 + lane];
}

void draw_priorities() {
    Schedule& s = schedule();
    for (uint32_t i = block.warps; i > 1; i--) std::swap(block.order[i - 1], block.order[s.draw(i)]);
    for (uint32_t r = 0; r < block.warps; r++) {
        warps[block.order[r]].rank = r;
        warps[block.order[r]].rotation = s.draw(32);
    }
}

// After lanes of a warp have returned, those that waited for them wait no more, as on a GPU of today.
void release_survivors(Warp& warp) {
    for (int i = 0; i < warp.open; i++) {
        Group group = warp.groups[i];
        if (group.arrived == (group.mask & warp.alive)) {
            warp.groups[i--] = warp.groups[--warp.open];
            group.finish(warp, group.arrived);
            make_ready(warp, group.arrived);
        }
    }
}

void finish_thread() {
    Thread& thread = *running.thread;
    if (copies_asked) finish_copies();
    checker::thread_ends();
    Warp& warp = warps[thread.warp];
    warp.alive &= ~(1u << thread.lane);
    block.alive--;
    if (warp.open) release_survivors(warp);
    if (block.arrived && block.arrived == block.alive) release_barrier();
}

void start_block(uint32_t number) {
    const Launch& launch = *execution.launch;
    block.linear = number;
    running.block_index = {number % launch.grid.x, number / launch.grid.x % launch.grid.y,
                           number / launch.grid.x / launch.grid.y};
    block.alive = block.threads;
    block.arrived = block.count = 0;
    block.ready_ranks = 0;
    if (schedule().seeded()) draw_priorities();
    for (uint32_t w = 0; w < block.warps; w++) {
        Warp& warp = warps[w];
        warp.alive = warp.existing;
        warp.at_barrier = 0;
        warp.open = 0;
        warp.ready = 0;
        make_ready(warp, warp.existing);
    }
    if (running.dynamic_shared_bytes) {
        __builtin_memset(running.dynamic_shared, 0xff, running.dynamic_shared_bytes);  // no number is a NaN by luck
    }
    checker::start_block();
}

bool start_next_block() {
    if (execution.blocks_done == execution.blocks) return false;
    uint64_t i = execution.blocks_done++;
    start_block(static_cast<uint32_t>((execution.first + i * execution.step) % execution.blocks));
    return true;
}

[[noreturn]] void return_to_host() {
    void* nowhere;
    go(&nowhere, -1, execution.host_stack_pointer, true);
    std::abort();
}

[[noreturn]] void report_deadlock() {
    for (uint32_t i = 0; i < block.threads; i++) {
        if (threads[i].stack_pointer) report_waiting(threads[i]);
    }
    abandon_launch();
}

// What every fiber runs: one thread after another, until one that has its own stack is to go on.
#ifdef __SANITIZE_ADDRESS__
__attribute__((no_sanitize("address")))
#endif
[[noreturn]] void
fiber_main() {
#ifdef __SANITIZE_ADDRESS__
    const void* left;
    size_t left_bytes;
    __sanitizer_finish_switch_fiber(nullptr, &left, &left_bytes);
    if (std::exchange(execution.from_host, false)) {
        execution.host_stack = left;
        execution.host_stack_bytes = left_bytes;
    }
#endif
    const Launch& launch = *execution.launch;
    for (;;) {
        running.thread->stack = execution.stack;
        launch.body(launch.arguments);
        finish_thread();
        Thread* next = take_next();
        if (!next) {
            if (block.alive) report_deadlock();
            if (!start_next_block()) return_to_host();
            next = take_next();
        }
        running.thread = next;
        if (next->stack_pointer) {
            execution.free_stacks[execution.free_count++] = execution.stack;
            void* nowhere;
            go(&nowhere, next->stack, std::exchange(next->stack_pointer, nullptr), true);
        }
    }
}

// A stack with nothing on it, and what to switch to.
int take_stack(void** to) {
    int stack = execution.free_stacks[--execution.free_count];
    if (stacks().overflowed(stack)) {
        exit_with("kernel %s: a thread used more than the %zu KiB of stack that the emulation has",
                  execution.launch->name, Stacks::kBytes >> 10);
    }
    *to = stacks().prepare(stack, fiber_main);
    return stack;
}

// Shapes the threads and warps for blocks of this size.
void shape_block(dim3 size) {
    block.threads = size.x * size.y * size.z;
    block.warps = (block.threads + 31) / 32;
    for (uint32_t i = 0; i < block.threads; i++) {
        Thread& thread = threads[i];
        thread.index = {i % size.x, i / size.x % size.y, i / (size.x * size.y)};
        thread.linear = i;
        thread.warp = i / 32;
        thread.lane = i % 32;
        thread.stack_pointer = nullptr;
    }
    bool reversed = schedule().kind() == Schedule::Kind::reversed;
    for (uint32_t w = 0; w < block.warps; w++) {
        uint32_t lanes = block.threads - w * 32;
        warps[w].existing = lanes >= 32 ? ~0u : (1u << lanes) - 1;
        block.order[w] = static_cast<uint8_t>(reversed ? block.warps - 1 - w : w);
    }
    for (uint32_t r = 0; r < block.warps; r++) warps[block.order[r]].rank = r;
}

void order_blocks(uint32_t blocks) {
    execution.blocks = blocks;
    execution.blocks_done = 0;
    execution.first = 0;
    execution.step = 1;
    switch (schedule().kind()) {
        case Schedule::Kind::forward:
            return;
        case Schedule::Kind::reversed:
            execution.first = blocks - 1;
            execution.step = blocks - 1;
            if (blocks == 1) execution.step = 1;
            return;
        case Schedule::Kind::seeded:
            execution.first = schedule().draw(blocks);
            do execution.step = 1 + schedule().draw(blocks);
            while (std::gcd(execution.step, blocks) != 1);
    }
}

constexpr size_t kLargestShared = 256 << 10;

void prepare_shared(uint32_t bytes) {
    alignas(1024) static char memory[kLargestShared];
    running.dynamic_shared = memory;
    running.dynamic_shared_bytes = bytes;
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(memory, kLargestShared);
    __asan_poison_memory_region(memory + bytes, kLargestShared - bytes);
#endif
}

}  // namespace

const Launch& running_launch() { return *execution.launch; }

void release_barrier() {
    block.released_count = block.count;
    block.released_threads = block.alive;
    block.arrived = block.count = 0;
    checker::block_barrier();
    if (schedule().seeded()) draw_priorities();
    block.ready_ranks = 0;
    for (uint32_t w = 0; w < block.warps; w++) {
        uint32_t released = std::exchange(warps[w].at_barrier, 0);
        make_ready(warps[w], released);
    }
}

bool is_on_a_stack(const void* address) { return stacks().holds(address); }

void wait_turn() {
    Thread* self = running.thread;
    Thread* next = take_next();
    if (next == self) return;
    if (!next) report_deadlock();
    running.thread = next;
    if (next->stack_pointer) {
        go(&self->stack_pointer, next->stack, std::exchange(next->stack_pointer, nullptr), false);
    } else {
        void* start;
        int stack = take_stack(&start);
        go(&self->stack_pointer, stack, start, false);
    }
}

void abandon_launch() {
    execution.abandoned = true;
    return_to_host();
}

bool run(const Launch& launch) {
    execution.launch = &launch;
    execution.stack = -1;
    running.block_size = launch.block;
    running.grid_size = launch.grid;
    for (execution.free_count = 0; execution.free_count < Stacks::kStacks; execution.free_count++) {
        execution.free_stacks[execution.free_count] = Stacks::kStacks - 1 - execution.free_count;
    }
    shape_block(launch.block);
    order_blocks(launch.grid.x * launch.grid.y * launch.grid.z);
    prepare_shared(launch.dynamic_shared_bytes);
    drop_copies();
    checker::start_launch();
#ifdef __SANITIZE_ADDRESS__
    // What an abandoned launch left on the stacks is no more.
    if (execution.abandoned) __asan_unpoison_memory_region(stacks().bottom(0), Stacks::kStacks * Stacks::kBytes);
    execution.from_host = true;
#endif
    execution.abandoned = false;
    start_next_block();
    running.thread = take_next();
    void* start;
    int stack = take_stack(&start);
    go(&execution.host_stack_pointer, stack, start, false);
    running.thread = nullptr;
    checker::end_launch();
    return !execution.abandoned;
}

}  // namespace hb::emulation
