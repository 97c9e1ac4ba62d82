// Barriers, votes, shuffles and reductions of a warp, as kernels call them.
#pragma once

#include <cstdint>
#include <cstring>

#include "emulation/thread.h"

namespace hb::emulation {
#pragma GCC visibility push(hidden)

// Returns how many threads of the block met with `predicate` not 0, and in *threads how many met.
uint32_t block_barrier(bool predicate, uint32_t* threads);
void warp_barrier(uint32_t mask);
void fence();
uint32_t active_lanes();

enum class Shuffle : uint8_t { indexed, up, down, exclusive };
// The bits that the lane chosen by `operand` gave. All ones where that lane takes no part: there the GPU's are
// undefined.
uint64_t shuffle(uint32_t mask, uint64_t value, Shuffle kind, uint32_t operand, uint32_t width);
uint32_t ballot(uint32_t mask, bool predicate);

enum class Reduction : uint8_t { sum, smallest, largest, smallest_signed, largest_signed, all_bits, any_bit, odd_bits };
uint32_t reduce(uint32_t mask, uint32_t value, Reduction kind);
// The lanes that gave the same bits.
uint32_t match(uint32_t mask, uint64_t value);

#pragma GCC visibility pop

template <class T>
[[gnu::always_inline]] inline T shuffle_value(uint32_t mask, T value, Shuffle kind, uint32_t operand, int width) {
    static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = shuffle(mask, bits, kind, operand, static_cast<uint32_t>(width));
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

}  // namespace hb::emulation

// The wrappers are always inlined: the runtime tells places in a kernel apart by the return address of its own
// functions.
#define HB_INLINED [[gnu::always_inline]] inline

HB_INLINED void __syncthreads() { ::hb::emulation::block_barrier(false, nullptr); }
HB_INLINED int __syncthreads_count(int predicate) {
    return static_cast<int>(::hb::emulation::block_barrier(predicate != 0, nullptr));
}
HB_INLINED int __syncthreads_or(int predicate) { return ::hb::emulation::block_barrier(predicate != 0, nullptr) != 0; }
HB_INLINED int __syncthreads_and(int predicate) {
    uint32_t threads;
    uint32_t holds = ::hb::emulation::block_barrier(predicate != 0, &threads);
    return holds == threads;
}
HB_INLINED void __syncwarp(unsigned mask = 0xffffffffu) { ::hb::emulation::warp_barrier(mask); }
HB_INLINED void __threadfence() { ::hb::emulation::fence(); }
HB_INLINED void __threadfence_block() { ::hb::emulation::fence(); }
HB_INLINED void __threadfence_system() { ::hb::emulation::fence(); }
HB_INLINED unsigned __activemask() { return ::hb::emulation::active_lanes(); }

HB_INLINED unsigned __ballot_sync(unsigned mask, int predicate) {
    return ::hb::emulation::ballot(mask, predicate != 0);
}
HB_INLINED int __any_sync(unsigned mask, int predicate) { return ::hb::emulation::ballot(mask, predicate != 0) != 0; }
HB_INLINED int __all_sync(unsigned mask, int predicate) { return ::hb::emulation::ballot(mask, predicate == 0) == 0; }

template <class T>
HB_INLINED T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
    return ::hb::emulation::shuffle_value(mask, value, ::hb::emulation::Shuffle::indexed, static_cast<uint32_t>(lane),
                                          width);
}
template <class T>
HB_INLINED T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32) {
    return ::hb::emulation::shuffle_value(mask, value, ::hb::emulation::Shuffle::up, distance, width);
}
template <class T>
HB_INLINED T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32) {
    return ::hb::emulation::shuffle_value(mask, value, ::hb::emulation::Shuffle::down, distance, width);
}
template <class T>
HB_INLINED T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
    return ::hb::emulation::shuffle_value(mask, value, ::hb::emulation::Shuffle::exclusive, static_cast<uint32_t>(bits),
                                          width);
}

HB_INLINED unsigned __reduce_add_sync(unsigned mask, unsigned value) {
    return ::hb::emulation::reduce(mask, value, ::hb::emulation::Reduction::sum);
}
HB_INLINED int __reduce_add_sync(unsigned mask, int value) {
    return static_cast<int>(
        ::hb::emulation::reduce(mask, static_cast<uint32_t>(value), ::hb::emulation::Reduction::sum));
}
HB_INLINED unsigned __reduce_min_sync(unsigned mask, unsigned value) {
    return ::hb::emulation::reduce(mask, value, ::hb::emulation::Reduction::smallest);
}
HB_INLINED int __reduce_min_sync(unsigned mask, int value) {
    return static_cast<int>(
        ::hb::emulation::reduce(mask, static_cast<uint32_t>(value), ::hb::emulation::Reduction::smallest_signed));
}
HB_INLINED unsigned __reduce_max_sync(unsigned mask, unsigned value) {
    return ::hb::emulation::reduce(mask, value, ::hb::emulation::Reduction::largest);
}
HB_INLINED int __reduce_max_sync(unsigned mask, int value) {
    return static_cast<int>(
        ::hb::emulation::reduce(mask, static_cast<uint32_t>(value), ::hb::emulation::Reduction::largest_signed));
}
HB_INLINED unsigned __reduce_and_sync(unsigned mask, unsigned value) {
    return ::hb::emulation::reduce(mask, value, ::hb::emulation::Reduction::all_bits);
}
HB_INLINED unsigned __reduce_or_sync(unsigned mask, unsigned value) {
    return ::hb::emulation::reduce(mask, value, ::hb::emulation::Reduction::any_bit);
}
HB_INLINED unsigned __reduce_xor_sync(unsigned mask, unsigned value) {
    return ::hb::emulation::reduce(mask, value, ::hb::emulation::Reduction::odd_bits);
}

template <class T>
HB_INLINED unsigned __match_any_sync(unsigned mask, T value) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return ::hb::emulation::match(mask, bits);
}
template <class T>
HB_INLINED unsigned __match_all_sync(unsigned mask, T value, int* all_same) {
    *all_same = __match_any_sync(mask, value) == mask;
    return *all_same ? mask : 0;
}
