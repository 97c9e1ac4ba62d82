// The checker: every access to memory that a kernel makes is held against those before it.
//
// Kernels are compiled with -fsanitize=thread, and that library is not linked: the functions that its code calls at
// each access are at the end of this file. Who may see what follows from what has met:
//   - threads of different warps have met where a barrier lies between; both know how many their block had passed;
//   - lanes of a warp have met where a __syncwarp of both lies between: every lane has a clock, and knows how far those
//     of the others had gone when they last met;
//   - blocks never meet, but what a thread had done or seen before a fence is visible to a block that finds, with an
//   atomic
//     operation, what the thread wrote after its fence with one to the same address.
//   - operations of the queue have met where streams, events or the host put one before the other; each knows the last
//     before it of every chain of operations, which is a stream or a path through a graph.
// A conflict is two accesses to a byte, one at least a write and one at least not atomic, that have not met. It does
// not matter which came first, so one order of the threads finds what others would.
#ifdef HB_EMULATION_CHECKED

#include "emulation/checker.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include <link.h>
#include <sys/mman.h>

#include "emulation/atomics.h"
#include "emulation/memory.h"
#include "emulation/queue.h"
#include "emulation/report.h"
#include "emulation/scheduler.h"
#include "emulation/shadow.h"

namespace hb::emulation {

void* reserve_zeros(size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) exit_with("no address space for %zu bytes of shadow memory", bytes);
    return memory;
}

namespace {

enum class Kind : uint8_t { read, write, atomic };

struct Segment {
    const char* start = nullptr;
    const char* end = nullptr;
    bool holds(const void* address) const { return address >= start && address < end; }
};

// The library or program that holds kernels and emulation: its variables are the shared memory of kernels.
struct Module {
    const char* base = nullptr;
    std::vector<Segment> constants;
    Segment variables;

    Module() {
        dl_iterate_phdr(
            [](dl_phdr_info* info, size_t, void* self) { return static_cast<Module*>(self)->read(*info) ? 1 : 0; },
            this);
    }

  private:
    bool read(const dl_phdr_info& info) {
        bool own = false;
        std::vector<Segment> constant;
        Segment variable;
        for (int i = 0; i < info.dlpi_phnum; i++) {
            const ElfW(Phdr)& part = info.dlpi_phdr[i];
            if (part.p_type != PT_LOAD) continue;
            const char* start = reinterpret_cast<const char*>(info.dlpi_addr + part.p_vaddr);
            Segment segment{start, start + part.p_memsz};
            own |= segment.holds(&running);
            if (!(part.p_flags & PF_W)) {
                constant.push_back(segment);
            } else {
                variable.start = variable.start ? std::min(variable.start, segment.start) : segment.start;
                variable.end = std::max(variable.end, segment.end);
            }
        }
        if (!own) return false;
        constants = constant;
        variables = variable;
        base = std::min(variable.start, constant.empty() ? variable.start : constant[0].start);
        return true;
    }
};

// What a thread had seen of its warp and block when it passed a fence.
struct Fence {
    uint32_t run = 0;
    uint16_t barrier = 0, warp = 0;
    uint16_t known[32] = {};
};

struct ThreadClock {
    uint16_t clock = 1;
    uint16_t known[32] = {};  // how far the lanes of its warp had gone when it last met them
    Fence fence;              // run 0: none in this block
};

// One that ran and that the host did not wait for yet.
struct Ran {
    uint32_t first_run, last_run;  // the last one's end is not known while it runs
    uint32_t chain, tick;
    std::string name;
};

using Seen = std::vector<uint32_t>;

inline uint32_t seen_of(const Seen& seen, uint32_t chain) { return chain < seen.size() ? seen[chain] : 0; }
void merge(Seen& into, const Seen& from) {
    if (into.size() < from.size()) into.resize(from.size());
    for (size_t i = 0; i < from.size(); i++) into[i] = std::max(into[i], from[i]);
}

struct Checker {
    Module module;
    GlobalCell* global = nullptr;
    ByteState* state = nullptr;
    SharedCell* variables;  // of static shared memory
    SharedCell* dynamic;
    uint32_t run = 0;            // of the block that runs
    uint32_t first_run = 1;      // of the launch
    uint32_t ordered_below = 1;  // runs below are before the operation that runs
    Seen seen;                   // by the operation that runs
    Seen seen_by_host;
    Seen ticks;  // the last of each chain
    std::vector<Ran> ran;
    std::vector<uint32_t> blocks;  // the block of each run of the launch
    uint16_t barrier = 0;
    const void* barrier_site = nullptr;
    ThreadClock clocks[1024];
    std::unordered_map<const void*, std::vector<Fence>> released;  // by address of the atomic
    std::unordered_map<uint32_t, std::vector<Fence>> acquired;     // by run, by the block that runs

    Checker() {
        variables = reserve<SharedCell>(static_cast<size_t>(module.variables.end - module.variables.start) / 4 + 2);
        dynamic = reserve<SharedCell>((256 << 10) / 4);
    }
    // Once there is an arena.
    void shadow_devices() {
        if (global || !arenas()) return;
        size_t words = kMostDevices * kArenaBytes / 4;
        global = reserve<GlobalCell>(words);
        state = reserve<ByteState>(words);
    }
};

Checker& checked() {
    static Checker* all = new Checker;
    return *all;
}

inline uint8_t mask_of(uint32_t first, uint32_t bytes) { return static_cast<uint8_t>(((1u << bytes) - 1) << first); }

// Calls function(index of the word, mask of its bytes) for the words that the bytes lie in.
template <class Function>
inline void for_words(size_t offset, size_t bytes, Function function) {
    while (bytes) {
        auto first = static_cast<uint32_t>(offset & 3);
        auto here = static_cast<uint32_t>(std::min<size_t>(4 - first, bytes));
        function(offset / 4, mask_of(first, here));
        offset += here;
        bytes -= here;
    }
}

const void* place(uint32_t pc) { return checked().module.base + pc; }

bool fence_covers(const Fence& fence, const Access& access) {
    if (static_cast<int16_t>(fence.barrier - access.barrier) > 0) return true;
    return fence.warp == access.warp() && static_cast<int16_t>(fence.known[access.thread & 31] - access.clock) >= 0;
}

// The operation of an earlier run, or null where the host has waited for it.
const Ran* operation_of(uint32_t run) {
    const std::vector<Ran>& ran = checked().ran;
    auto after =
        std::upper_bound(ran.begin(), ran.end(), run, [](uint32_t r, const Ran& one) { return r < one.first_run; });
    if (after == ran.begin()) return nullptr;
    const Ran& found = *std::prev(after);
    return run <= found.last_run ? &found : nullptr;
}

// Whether streams, events or the host put an earlier operation before the one that runs.
bool is_ordered(const Access& before) {
    const Ran* operation = operation_of(before.run);
    return !operation || seen_of(checked().seen, operation->chain) >= operation->tick;
}

// Whether what `before` did can be in conflict with `now`, which the running block does: both touch a byte.
bool conflict(const Access& before, const Access& now) {
    Checker& c = checked();
    if (before.run < c.ordered_below || !(before.bytes & now.bytes) || (before.atomic && now.atomic)) return false;
    if (before.run < c.first_run) return !is_ordered(before);
    if (before.run != now.run) {
        auto found = c.acquired.find(before.run);
        if (found == c.acquired.end()) return true;
        return std::none_of(found->second.begin(), found->second.end(),
                            [&](const Fence& fence) { return fence_covers(fence, before); });
    }
    if (before.thread == now.thread || before.barrier != now.barrier) return false;
    if (before.warp() != now.warp()) return true;
    const ThreadClock& own = c.clocks[now.thread];
    return static_cast<int16_t>(own.known[before.thread & 31] - before.clock) < 0;
}

std::string who(const Access& access) {
    Checker& c = checked();
    if (access.run < c.first_run) {
        const Ran* operation = operation_of(access.run);
        return operation ? operation->name : "?";
    }
    std::string text = "thread " + text_of(thread_index(access.thread));
    if (access.run == c.run) return text;
    uint32_t number = c.blocks[access.run - c.first_run];
    dim3 grid = running.grid_size;
    return text + " of block " + text_of({number % grid.x, number / grid.x % grid.y, number / (grid.x * grid.y)});
}

void report_race(const char* order, const char* memory, const Access& before, const Access& now) {
    std::string what = std::string("race: ") + order + ", in " + memory + " memory";
    if (before.run < checked().first_run) {
        what += ", between streams";
    } else if (before.run != now.run) {
        what += ", between blocks";
    }
    // Copies and fills have no place in a kernel.
    report(what.c_str(), now.pc ? place(now.pc) : nullptr, before.pc ? place(before.pc) : nullptr, who(before));
}

// Whether a new read need not be told from `old` any more.
bool outdated(const Access& old, const Access& now) {
    return old.run < checked().first_run || (old.run == now.run && old.barrier != now.barrier);
}

void note_read(History& history, const Access& now) {
    auto same_warp = [&](const Access& old) { return old.run == now.run && old.warp() == now.warp(); };
    if (outdated(history.read, now) || (history.read.thread == now.thread && history.read.run == now.run)) {
        // Two reads of one thread: the bytes of both count.
        uint8_t bytes = outdated(history.read, now) ? 0 : history.read.bytes;
        history.read = now;
        history.read.bytes |= bytes;
    } else if (!same_warp(history.read) || outdated(history.other_read, now) || same_warp(history.other_read)) {
        history.other_read = now;
    }
}

// The rules for one word: reports what is in conflict with the access, and remembers it.
void check(History& history, const Access& now, Kind kind, const char* memory) {
    if (conflict(history.write, now)) {
        report_race(kind == Kind::read ? "read after write" : "write after write", memory, history.write, now);
    }
    if (kind == Kind::read) {
        note_read(history, now);
        return;
    }
    for (const Access* read : {&history.read, &history.other_read}) {
        if (conflict(*read, now)) report_race("write after read", memory, *read, now);
    }
    // Other bytes of the word keep their writer only where the same thread wrote them.
    Access write = now;
    const Access& last = history.write;
    if (last.run == now.run && last.thread == now.thread && last.barrier == now.barrier && last.clock == now.clock &&
        last.atomic == now.atomic) {
        write.bytes |= last.bytes;
    }
    history.write = write;
}

SharedCell& fresh(SharedCell& cell) {
    uint32_t run = checked().run;
    if (cell.run != run) cell = {{}, run, 0, 0, 0};
    return cell;
}

// The cells of an address in shared memory, or null; *offset is its place among them.
SharedCell* shared_cells(const void* address, size_t bytes, size_t* offset) {
    Checker& c = checked();
    auto* at = static_cast<const char*>(address);
    auto* dynamic = static_cast<const char*>(running.dynamic_shared);
    if (at >= dynamic && at + bytes <= dynamic + running.dynamic_shared_bytes) {
        *offset = static_cast<size_t>(at - dynamic);
        return c.dynamic;
    }
    // Beyond what the launch asked for, but within what the emulation has.
    if (at >= dynamic && at < dynamic + (256 << 10)) return nullptr;
    if (!c.module.variables.holds(at)) return nullptr;
    *offset = static_cast<size_t>(at - c.module.variables.start);
    return c.variables;
}

bool is_beyond_dynamic_shared(const void* address) {
    auto* at = static_cast<const char*>(address);
    auto* dynamic = static_cast<const char*>(running.dynamic_shared);
    return at + 1 > dynamic + running.dynamic_shared_bytes && at < dynamic + (256 << 10) && at >= dynamic;
}

bool is_emulation_state(const void* address) {
    auto* at = static_cast<const char*>(address);
    auto within = [&](const void* start, size_t bytes) {
        return static_cast<size_t>(at - static_cast<const char*>(start)) < bytes;
    };
    return within(&running, sizeof running) || within(threads, sizeof threads);
}

Access access_by(uint32_t thread, const void* pc, bool atomic) {
    Checker& c = checked();
    Access now;
    now.run = c.run;
    now.pc = static_cast<uint32_t>(static_cast<const char*>(pc) - c.module.base);
    now.thread = static_cast<uint16_t>(thread);
    now.barrier = c.barrier;
    now.clock = c.clocks[thread].clock;
    now.bytes = 0;
    now.atomic = atomic;
    return now;
}

void access_shared(SharedCell* cells, size_t offset, size_t bytes, Kind kind, Access now) {
    for_words(offset, bytes, [&](size_t index, uint8_t mask) {
        SharedCell& cell = fresh(cells[index]);
        now.bytes = mask;
        if (cell.copying & mask) {
            report("async: access to the destination of an asynchronous copy before its wait", place(now.pc),
                   place(cell.copy_pc), "the copy");
        }
        if (kind != Kind::write && (cell.written & mask) != mask && !(cell.copying & mask)) {
            report("init: read of shared memory that nothing was written to", place(now.pc));
        }
        check(cell.history, now, kind, "shared");
        if (kind != Kind::read) cell.written |= mask;
    });
}

void access_global(const void* address, size_t bytes, Kind kind, Access now) {
    Checker& c = checked();
    c.shadow_devices();
    int device = device_of_address(address);
    int own = running_launch().device;
    if (device != own && !runtime().peers[own][device]) {
        report("memory: access to the memory of another device", place(now.pc));
        return;
    }
    auto offset = static_cast<size_t>(static_cast<const char*>(address) - arenas());
    bool outside = false;
    for_words(offset, bytes, [&](size_t index, uint8_t mask) { outside |= (c.state[index] & mask) != mask; });
    if (outside) {
        report(kind == Kind::read ? "memory: read of global memory out of bounds, or freed"
                                  : "memory: write of global memory out of bounds, or freed",
               place(now.pc));
        return;
    }
    for_words(offset, bytes, [&](size_t index, uint8_t mask) {
        now.bytes = mask;
        if (kind != Kind::write && (c.state[index] >> 4 & mask) != mask) {
            report("init: read of global memory that nothing was written to", place(now.pc));
        }
        check(c.global[index].history, now, kind, "global");
        if (kind != Kind::read) c.state[index] = static_cast<ByteState>(c.state[index] | mask << 4);
    });
}

void access_as(uint32_t thread, const void* address, size_t bytes, Kind kind, const void* pc) {
    Checker& c = checked();
    Access now = access_by(thread, pc, kind == Kind::atomic);
    if (is_device_address(address)) {
        access_global(address, bytes, kind, now);
        return;
    }
    size_t offset;
    if (SharedCell* cells = shared_cells(address, bytes, &offset)) {
        if (!is_emulation_state(address)) access_shared(cells, offset, bytes, kind, now);
        return;
    }
    if (is_beyond_dynamic_shared(address)) {
        report(kind == Kind::read ? "memory: read beyond the dynamic shared memory of the launch"
                                  : "memory: write beyond the dynamic shared memory of the launch",
               pc);
        return;
    }
    const Launch& launch = running_launch();
    auto* at = static_cast<const char*>(address);
    auto* arguments = static_cast<const char*>(launch.arguments);
    if (kind == Kind::read) {
        if (at >= arguments && at + bytes <= arguments + launch.argument_bytes) return;
        for (const Segment& segment : c.module.constants) {
            if (segment.holds(address)) return;
        }
    }
    // The host's memory can be used by kernels where it is pinned.
    if (const Allocation* allocation = allocation_of(address); allocation && allocation->holds(address)) return;
    report(kind == Kind::read ? "memory: read of an address that is no memory of the device"
                              : "memory: write to an address that is no memory of the device",
           pc);
    abandon_launch();
}

inline void access(const void* address, size_t bytes, Kind kind, const void* pc) {
    if (!running.thread || is_on_a_stack(address)) return;
    access_as(running.thread->linear, address, bytes, kind, pc);
}

void check_alignment(const void* address, size_t bytes, const void* pc) {
    if (reinterpret_cast<uintptr_t>(address) & (bytes - 1)) report("memory: address that is not aligned", pc);
}

inline void aligned_access(const void* address, size_t bytes, Kind kind, const void* pc) {
    if (!running.thread || is_on_a_stack(address)) return;
    check_alignment(address, bytes, pc);
    access_as(running.thread->linear, address, bytes, kind, pc);
}

void set_state(const void* start, size_t bytes, uint8_t set, uint8_t cleared) {
    Checker& c = checked();
    c.shadow_devices();
    auto offset = static_cast<size_t>(static_cast<const char*>(start) - arenas());
    for_words(offset, bytes, [&](size_t index, uint8_t mask) {
        auto wide = [&](uint8_t which) { return (which & 1 ? mask : 0) | (which & 2 ? mask << 4 : 0); };
        c.state[index] = static_cast<ByteState>((c.state[index] & ~wide(cleared)) | wide(set));
    });
}
constexpr uint8_t kAllocated = 1, kWritten = 2;

}  // namespace

// ---- what the scheduler tells

void note_atomic(const void* address, uint32_t bytes, const void* site) {
    aligned_access(address, bytes, Kind::atomic, site);
    if (!running.thread) return;
    Checker& c = checked();
    auto found = c.released.find(address);
    if (found != c.released.end()) {
        for (const Fence& fence : found->second) {
            if (fence.run != c.run) c.acquired[fence.run].push_back(fence);
        }
    }
    const Fence& own = c.clocks[running.thread->linear].fence;
    if (own.run != c.run) return;
    auto& all = c.released[address];
    if (all.empty() || std::memcmp(&all.back(), &own, sizeof own) != 0) all.push_back(own);
}

namespace checker {

void start_launch() {
    Checker& c = checked();
    c.first_run = c.run + 1;
    c.blocks.clear();
    c.released.clear();
    c.acquired.clear();
}

void end_launch() {}

void start_block() {
    Checker& c = checked();
    c.run++;
    c.blocks.push_back(block.linear);
    c.barrier = 0;
    c.acquired.clear();
    for (uint32_t i = 0; i < block.threads; i++) c.clocks[i] = {};
}

void thread_ends() {
    if (!block.arrived) return;
    for (uint32_t w = 0; w < block.warps; w++) {
        if (!warps[w].at_barrier) continue;
        const Thread& waiting = threads[w * 32 + static_cast<uint32_t>(std::countr_zero(warps[w].at_barrier))];
        report("sync: a thread returns while others of its block wait at a barrier", waiting.site, nullptr,
               "thread " + text_of(waiting.index) + " waits there");
        return;
    }
}

void arrive_at_barrier(const void* site) {
    Checker& c = checked();
    if (block.alive != block.threads) report("sync: a barrier after threads of the block have returned", site);
    if (block.arrived == 0) {
        c.barrier_site = site;
    } else if (c.barrier_site != site) {
        report_different_lines("sync: threads of a block wait at different barriers", site, c.barrier_site);
    }
}

void block_barrier() { checked().barrier++; }

void warp_barrier(Warp& warp, uint32_t participants) {
    Checker& c = checked();
    ThreadClock* lanes = c.clocks + (&warp - warps) * 32;
    uint16_t joint[32] = {};
    for (uint32_t lane = 0; lane < 32; lane++) {
        if (!(participants >> lane & 1)) continue;
        ThreadClock& own = lanes[lane];
        own.known[lane] = own.clock++;
        for (int i = 0; i < 32; i++) {
            if (static_cast<int16_t>(own.known[i] - joint[i]) > 0) joint[i] = own.known[i];
        }
    }
    for (uint32_t lane = 0; lane < 32; lane++) {
        if (participants >> lane & 1) std::memcpy(lanes[lane].known, joint, sizeof joint);
    }
}

void fence() {
    Checker& c = checked();
    const Thread& thread = *running.thread;
    ThreadClock& own = c.clocks[thread.linear];
    own.fence.run = c.run;
    own.fence.barrier = c.barrier;
    own.fence.warp = static_cast<uint16_t>(thread.warp);
    own.known[thread.lane] = own.clock++;
    std::memcpy(own.fence.known, own.known, sizeof own.known);
}

void whole_warp(const void* site) {
    const Warp& warp = own_warp();
    if (warp.existing != ~0u) report("sync: an instruction of a whole warp, in a warp of fewer lanes", site);
    if (warp.existing & ~warp.alive) {
        report("sync: an instruction of a whole warp, of which lanes have returned", site);
    }
}

void matrix_row_read(const Warp& warp, uint32_t lane, const void* row, const void* site) {
    size_t offset;
    if (!is_on_a_stack(row) && !shared_cells(row, 16, &offset)) {
        report("memory: ldmatrix of an address that is not in shared memory", site);
        return;
    }
    check_alignment(row, 16, site);
    access_as(static_cast<uint32_t>(&warp - warps) * 32 + lane, row, 16, Kind::read, site);
}

void async_copy_asked(const void* to, const void* from, uint32_t bytes, uint32_t source_bytes, const void* site) {
    check_alignment(to, bytes, site);
    if (source_bytes) check_alignment(from, bytes, site);
    size_t offset;
    SharedCell* cells = shared_cells(to, bytes, &offset);
    if (!cells) {
        report("memory: asynchronous copy to an address that is not in shared memory", site);
        return;
    }
    Access now = access_by(running.thread->linear, site, false);
    // From now on it may be written at any time.
    access_shared(cells, offset, bytes, Kind::write, now);
    for_words(offset, bytes, [&](size_t index, uint8_t mask) {
        SharedCell& cell = cells[index];
        cell.copying |= mask;
        cell.copy_pc = now.pc;
    });
}

void async_copy_made(const void* to, const void* from, uint32_t bytes, uint32_t source_bytes, const void* site) {
    if (source_bytes) {
        if (!is_device_address(from)) {
            report("memory: asynchronous copy from an address that is not in global memory", site);
        } else {
            access(from, source_bytes, Kind::read, site);
        }
    }
    size_t offset;
    SharedCell* cells = shared_cells(to, bytes, &offset);
    if (!cells) return;
    for_words(offset, bytes, [&](size_t index, uint8_t mask) {
        cells[index].copying = static_cast<uint8_t>(cells[index].copying & ~mask);
    });
    access_shared(cells, offset, bytes, Kind::write, access_by(running.thread->linear, site, false));
}

// ---- what the runtime tells

void allocated(const void* start, size_t bytes) { set_state(start, bytes, kAllocated, kWritten); }
void released(const void* start, size_t bytes) { set_state(start, bytes, 0, kAllocated | kWritten); }

namespace {

// A copy or fill is one access of each word.
void access_range(const void* start, size_t bytes, Kind kind) {
    Checker& c = checked();
    c.shadow_devices();
    Access now{};
    now.run = c.run;
    auto offset = static_cast<size_t>(static_cast<const char*>(start) - arenas());
    for_words(offset, bytes, [&](size_t index, uint8_t mask) {
        now.bytes = mask;
        check(c.global[index].history, now, kind, "global");
    });
}

}  // namespace

void written(const void* start, size_t bytes) {
    if (!is_device_address(start)) return;
    access_range(start, bytes, Kind::write);
    set_state(start, bytes, kWritten, 0);
}

void released_in_order(const void* start, size_t bytes) { access_range(start, bytes, Kind::write); }

void copied(void* to, const void* from, size_t bytes) {
    if (is_device_address(from)) access_range(from, bytes, Kind::read);
    if (!is_device_address(to)) return;
    access_range(to, bytes, Kind::write);
    set_state(to, bytes, kWritten, 0);
    if (!is_device_address(from)) return;
    // What was not written there is not written here.
    Checker& c = checked();
    auto source = static_cast<size_t>(static_cast<const char*>(from) - arenas());
    auto target = static_cast<size_t>(static_cast<char*>(to) - arenas());
    for (size_t i = 0; i < bytes; i++) {
        if (c.state[(source + i) / 4] >> 4 & mask_of((source + i) & 3, 1)) continue;
        ByteState& state = c.state[(target + i) / 4];
        state = static_cast<ByteState>(state & ~(mask_of((target + i) & 3, 1) << 4));
    }
}

void host_function_ran() {
    for (const Allocation& allocation : device_allocations())
        set_state(allocation.start, allocation.bytes, kWritten, 0);
}

void operation_added(Operation& operation, const std::vector<std::shared_ptr<Operation>>& after) {
    Checker& c = checked();
    Order& order = operation.order;
    order.seen = c.seen_by_host;
    for (const auto& before : after) {
        if (before) merge(order.seen, before->order.seen);
    }
    if (c.ticks.size() <= order.chain) c.ticks.resize(order.chain + 1);
    if (order.seen.size() <= order.chain) order.seen.resize(order.chain + 1);
    order.tick = order.seen[order.chain] = ++c.ticks[order.chain];
}

void start_operation(const Operation& operation) {
    Checker& c = checked();
    const Work& work = operation.work;
    c.seen = operation.order.seen;
    if (!c.ran.empty()) c.ran.back().last_run = std::min(c.ran.back().last_run, c.run);
    std::erase_if(c.ran, [&](const Ran& one) { return seen_of(c.seen_by_host, one.chain) >= one.tick; });
    c.first_run = c.run + 1;
    c.ordered_below = c.first_run;
    for (const Ran& one : c.ran) {
        if (seen_of(c.seen, one.chain) < one.tick) c.ordered_below = std::min(c.ordered_below, one.first_run);
    }
    if (work.kind == Work::Kind::nothing || work.kind == Work::Kind::host_call) return;
    bool kernel = work.kind == Work::Kind::kernel;
    c.ran.push_back({c.first_run, ~0u, operation.order.chain, operation.order.tick,
                     kernel ? std::string("kernel ") + work.kernel.name : work.call});
    // A kernel counts its blocks; other work is one.
    if (!kernel) c.run++;
}

void host_waited(const Operation& operation) { merge(checked().seen_by_host, operation.order.seen); }
void host_waited_for_all() { merge(checked().seen_by_host, checked().ticks); }

}  // namespace checker
}  // namespace hb::emulation

// ---- what the compiler calls, in code built with -fsanitize=thread,alignment

using namespace hb::emulation;

#define HB_PC __builtin_return_address(0)
#define HB_HOOKS(bytes)                                                                                                \
    void __tsan_read##bytes(void* at) { aligned_access(at, bytes, Kind::read, HB_PC); }                                \
    void __tsan_write##bytes(void* at) { aligned_access(at, bytes, Kind::write, HB_PC); }                              \
    void __tsan_unaligned_read##bytes(void* at) { access(at, bytes, Kind::read, HB_PC); }                              \
    void __tsan_unaligned_write##bytes(void* at) { access(at, bytes, Kind::write, HB_PC); }                            \
    void __tsan_volatile_read##bytes(void* at) { aligned_access(at, bytes, Kind::read, HB_PC); }                       \
    void __tsan_volatile_write##bytes(void* at) { aligned_access(at, bytes, Kind::write, HB_PC); }

// The host's code in the same files counts references, notes what is done, and guards its static variables with these.
#define HB_ATOMIC_UPDATE(bits, T, update)                                                                              \
    T __tsan_atomic##bits##_fetch_##update(volatile T* at, T v, int) {                                                 \
        return __atomic_fetch_##update(at, v, __ATOMIC_SEQ_CST);                                                       \
    }
#define HB_ATOMIC_EXCHANGE_IF(bits, T, strength, may_fail)                                                             \
    int __tsan_atomic##bits##_compare_exchange_##strength(volatile T* at, T* expected, T v, int, int) {                \
        return __atomic_compare_exchange_n(at, expected, v, may_fail, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);             \
    }
#define HB_ATOMIC_HOOKS(bits, T)                                                                                       \
    T __tsan_atomic##bits##_load(const volatile T* at, int) { return __atomic_load_n(at, __ATOMIC_SEQ_CST); }          \
    void __tsan_atomic##bits##_store(volatile T* at, T v, int) { __atomic_store_n(at, v, __ATOMIC_SEQ_CST); }          \
    T __tsan_atomic##bits##_exchange(volatile T* at, T v, int) {                                                       \
        return __atomic_exchange_n(at, v, __ATOMIC_SEQ_CST);                                                           \
    }                                                                                                                  \
    HB_ATOMIC_UPDATE(bits, T, add)                                                                                     \
    HB_ATOMIC_UPDATE(bits, T, sub)                                                                                     \
    HB_ATOMIC_UPDATE(bits, T, and)                                                                                     \
    HB_ATOMIC_UPDATE(bits, T, or)                                                                                      \
    HB_ATOMIC_UPDATE(bits, T, xor)                                                                                     \
    HB_ATOMIC_EXCHANGE_IF(bits, T, strong, false)                                                                      \
    HB_ATOMIC_EXCHANGE_IF(bits, T, weak, true)

extern "C" {

HB_HOOKS(1)
HB_HOOKS(2)
HB_HOOKS(4)
HB_HOOKS(8)
HB_HOOKS(16)
HB_ATOMIC_HOOKS(8, uint8_t)
HB_ATOMIC_HOOKS(16, uint16_t)
HB_ATOMIC_HOOKS(32, uint32_t)
HB_ATOMIC_HOOKS(64, uint64_t)

void __tsan_read_range(void* at, size_t bytes) { access(at, bytes, Kind::read, HB_PC); }
void __tsan_write_range(void* at, size_t bytes) { access(at, bytes, Kind::write, HB_PC); }
void* __tsan_memcpy(void* to, const void* from, size_t bytes) {
    access(from, bytes, Kind::read, HB_PC);
    access(to, bytes, Kind::write, HB_PC);
    return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, size_t bytes) {
    access(from, bytes, Kind::read, HB_PC);
    access(to, bytes, Kind::write, HB_PC);
    return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, size_t bytes) {
    access(to, bytes, Kind::write, HB_PC);
    return std::memset(to, value, bytes);
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

// Of -fsanitize=alignment, which sees the type of an access that the compiler then takes apart. The rest of it asks for
// objects that are too small or null, and the hooks above find those.
struct HbTypeMismatch {
    const char* file;
    uint32_t line, column;
    const void* type;
    uint8_t log_alignment;
    uint8_t check_kind;
};
void __ubsan_handle_type_mismatch_v1(HbTypeMismatch* data, void* at) {
    if (!running.thread || !at || is_on_a_stack(at)) return;
    check_alignment(at, size_t(1) << data->log_alignment, HB_PC);
}
void __ubsan_handle_type_mismatch_v1_abort(HbTypeMismatch* data, void* at) {
    __ubsan_handle_type_mismatch_v1(data, at);
}
}

#endif
