#include "backend/cpu/cpu_features.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace hb::cpu {
namespace {

[[maybe_unused]] bool bit(unsigned word, int number) { return word >> number & 1; }

// The parts of a thread's state that the system saves, from XGETBV; 0 where it may not be asked.
[[maybe_unused]] uint64_t saved_state() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27)) return 0;  // OSXSAVE
    unsigned low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t{high} << 32 | low;
}

// Tiles are 8 KiB more of state in every thread, so Linux (5.16 and later) wants to be asked: arch_prctl with
// ARCH_REQ_XCOMP_PERM for the state component XTILEDATA. It refuses where a thread has too small a stack for signals.
[[maybe_unused]] bool permitted() {
    constexpr long kRequestPermission = 0x1023, kTileData = 18;
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("f16c");
}

#if defined(HB_AVX512_VIA_SIMDE)

// Written with AVX2; tiles and pairs are emulated. That AVX512-BF16 is not among the features leaves tier avx512 as it
// is on CPUs without it.
bool has_avx512() { return has_avx2(); }
bool has_avx512_bf16() { return false; }
bool has_amx() { return has_avx2(); }

#else

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512_bf16() {
    unsigned a, b, c, d;
    return has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && a >= 1 &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) && bit(a, 5);
}

bool has_amx() {
    static const bool usable = [] {
        unsigned a, b, c, d;
        const bool present =
            has_avx512_bf16() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && bit(d, 22) && bit(d, 24);  // BF16, TILE
        constexpr uint64_t kTileState = uint64_t{3} << 17;  // XTILECFG, XTILEDATA
        return present && (saved_state() & kTileState) == kTileState && permitted();
    }();
    return usable;
}

#endif

}  // namespace hb::cpu
