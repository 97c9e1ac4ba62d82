#include "emulation/collectives.h"

#include <algorithm>

#include "emulation/checker.h"
#include "emulation/report.h"
#include "emulation/scheduler.h"

namespace hb::emulation {

namespace {

// A collective that names lanes which do not execute it is undefined.
inline void check_mask([[maybe_unused]] uint32_t mask, [[maybe_unused]] const void* site) {
#ifdef HB_EMULATION_CHECKED
    Warp& warp = own_warp();
    if (!(mask & own_bit())) report("sync: the calling lane is not in the mask of its collective", site);
    if (mask & warp.existing & ~warp.alive) {
        report("sync: the mask of a collective names lanes that have returned", site);
    }
#endif
}

template <class Function>
inline void for_lanes(uint32_t lanes, Function function) {
    for (; lanes; lanes &= lanes - 1) function(static_cast<uint32_t>(std::countr_zero(lanes)));
}

void finish_barrier(Warp& warp, uint32_t participants) { checker::warp_barrier(warp, participants); }

void finish_shuffle(Warp& warp, uint32_t participants) {
    for_lanes(participants, [&](uint32_t lane) {
        uint32_t source = warp.source[lane];
        warp.result[lane] = participants >> source & 1 ? warp.given[source] : ~uint64_t(0);
    });
}

void finish_ballot(Warp& warp, uint32_t participants) {
    uint64_t votes = 0;
    for_lanes(participants, [&](uint32_t lane) { votes |= warp.given[lane] << lane; });
    for_lanes(participants, [&](uint32_t lane) { warp.result[lane] = votes; });
}

void finish_match(Warp& warp, uint32_t participants) {
    for_lanes(participants, [&](uint32_t lane) {
        uint32_t same = 0;
        for_lanes(participants, [&](uint32_t other) {
            if (warp.given[other] == warp.given[lane]) same |= 1u << other;
        });
        warp.result[lane] = same;
    });
}

template <class Combine>
void finish_reduce(Warp& warp, uint32_t participants) {
    uint32_t first = static_cast<uint32_t>(std::countr_zero(participants));
    auto total = static_cast<uint32_t>(warp.given[first]);
    for_lanes(participants & (participants - 1),
              [&](uint32_t lane) { total = Combine()(total, static_cast<uint32_t>(warp.given[lane])); });
    for_lanes(participants, [&](uint32_t lane) { warp.result[lane] = total; });
}

struct Sum {
    uint32_t operator()(uint32_t a, uint32_t b) const { return a + b; }
};
template <class T>
struct Smallest {
    uint32_t operator()(uint32_t a, uint32_t b) const { return static_cast<T>(a) < static_cast<T>(b) ? a : b; }
};
template <class T>
struct Largest {
    uint32_t operator()(uint32_t a, uint32_t b) const { return static_cast<T>(a) > static_cast<T>(b) ? a : b; }
};
struct AllBits {
    uint32_t operator()(uint32_t a, uint32_t b) const { return a & b; }
};
struct AnyBit {
    uint32_t operator()(uint32_t a, uint32_t b) const { return a | b; }
};
struct OddBits {
    uint32_t operator()(uint32_t a, uint32_t b) const { return a ^ b; }
};

uint32_t source_of(Shuffle kind, uint32_t operand, uint32_t width) {
    uint32_t lane = running.thread->lane;
    uint32_t segment = lane & ~(width - 1);
    switch (kind) {
        case Shuffle::indexed:
            return segment | (operand & (width - 1));
        case Shuffle::up:
            return lane - segment < operand ? lane : lane - operand;
        case Shuffle::down:
            return lane - segment + operand >= width ? lane : lane + operand;
        case Shuffle::exclusive:
            return (lane ^ operand) >= segment + width ? lane : lane ^ operand;
    }
    __builtin_unreachable();
}

}  // namespace

uint32_t block_barrier(bool predicate, uint32_t* threads) {
    const void* site = __builtin_return_address(0);
    checker::arrive_at_barrier(site);
    Warp& warp = own_warp();
    warp.at_barrier |= own_bit();
    block.count += predicate;
    running.thread->site = site;
    running.thread->waits_for = "__syncthreads";
    if (++block.arrived == block.alive) release_barrier();
    wait_turn();
    if (threads) *threads = block.released_threads;
    return block.released_count;
}

void warp_barrier(uint32_t mask) {
    const void* site = __builtin_return_address(0);
    check_mask(mask, site);
    meet(mask, finish_barrier, site, "__syncwarp");
}

void fence() { checker::fence(); }

uint32_t active_lanes() { return own_warp().alive; }

uint64_t shuffle(uint32_t mask, uint64_t value, Shuffle kind, uint32_t operand, uint32_t width) {
    const void* site = __builtin_return_address(0);
    check_mask(mask, site);
    Warp& warp = own_warp();
    uint32_t lane = running.thread->lane;
    warp.given[lane] = value;
    warp.source[lane] = source_of(kind, operand, width);
    meet(mask, finish_shuffle, site, "a shuffle");
    return warp.result[lane];
}

uint32_t ballot(uint32_t mask, bool predicate) {
    const void* site = __builtin_return_address(0);
    check_mask(mask, site);
    Warp& warp = own_warp();
    uint32_t lane = running.thread->lane;
    warp.given[lane] = predicate;
    meet(mask, finish_ballot, site, "a vote");
    return static_cast<uint32_t>(warp.result[lane]);
}

uint32_t reduce(uint32_t mask, uint32_t value, Reduction kind) {
    static constexpr Finish kFinish[] = {finish_reduce<Sum>,
                                         finish_reduce<Smallest<uint32_t>>,
                                         finish_reduce<Largest<uint32_t>>,
                                         finish_reduce<Smallest<int32_t>>,
                                         finish_reduce<Largest<int32_t>>,
                                         finish_reduce<AllBits>,
                                         finish_reduce<AnyBit>,
                                         finish_reduce<OddBits>};
    const void* site = __builtin_return_address(0);
    check_mask(mask, site);
    Warp& warp = own_warp();
    uint32_t lane = running.thread->lane;
    warp.given[lane] = value;
    meet(mask, kFinish[static_cast<int>(kind)], site, "a warp's reduction");
    return static_cast<uint32_t>(warp.result[lane]);
}

uint32_t match(uint32_t mask, uint64_t value) {
    const void* site = __builtin_return_address(0);
    check_mask(mask, site);
    Warp& warp = own_warp();
    uint32_t lane = running.thread->lane;
    warp.given[lane] = value;
    meet(mask, finish_match, site, "a match");
    return static_cast<uint32_t>(warp.result[lane]);
}

}  // namespace hb::emulation
