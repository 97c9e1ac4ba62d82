// Functions of CUDA's device library that the host's has not, or has under another name.
//
// Those that are fast and rough on a GPU (__expf and its like) are the host's exact ones here: a result that needs the
// rough one's errors to be right is not checked by the emulation.
#pragma once

#include <climits>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <math.h>

#include <vector_types.h>

#define HB_INTRINSIC [[gnu::always_inline]] inline

// ---- Loads and stores with a hint for the caches
// -----------------------------------------------------------------------
#define HB_LOAD(name)                                                                                                  \
    template <class T>                                                                                                 \
    HB_INTRINSIC T name(const T* address) {                                                                            \
        return *address;                                                                                               \
    }
HB_LOAD(__ldg)
HB_LOAD(__ldca)
HB_LOAD(__ldcg)
HB_LOAD(__ldcs)
HB_LOAD(__ldlu)
HB_LOAD(__ldcv)
#undef HB_LOAD
#define HB_STORE(name)                                                                                                 \
    template <class T, class V>                                                                                        \
    HB_INTRINSIC void name(T* address, V value) {                                                                      \
        *address = value;                                                                                              \
    }
HB_STORE(__stcg)
HB_STORE(__stcs)
HB_STORE(__stwb)
HB_STORE(__stwt)
#undef HB_STORE

// ---- Bits
// --------------------------------------------------------------------------------------------------------------
HB_INTRINSIC int __popc(unsigned x) { return __builtin_popcount(x); }
HB_INTRINSIC int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
HB_INTRINSIC int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
HB_INTRINSIC int __clzll(long long x) { return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64; }
HB_INTRINSIC int __ffs(int x) { return __builtin_ffs(x); }
HB_INTRINSIC int __ffsll(long long x) { return __builtin_ffsll(x); }
HB_INTRINSIC unsigned __brev(unsigned x) {
    x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
    return __builtin_bswap32(x);
}
HB_INTRINSIC unsigned long long __brevll(unsigned long long x) {
    return static_cast<unsigned long long>(__brev(static_cast<unsigned>(x))) << 32 |
           __brev(static_cast<unsigned>(x >> 32));
}
HB_INTRINSIC unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
    uint64_t bytes = static_cast<uint64_t>(y) << 32 | x;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        unsigned choice = selector >> (4 * i) & 0xf;
        unsigned byte = static_cast<unsigned>(bytes >> (8 * (choice & 7))) & 0xff;
        if (choice & 8) byte = byte & 0x80 ? 0xff : 0;  // the sign, repeated
        result |= byte << (8 * i);
    }
    return result;
}
HB_INTRINSIC unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
    return static_cast<unsigned>((static_cast<uint64_t>(high) << 32 | low) << (shift & 31) >> 32);
}
HB_INTRINSIC unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
    return static_cast<unsigned>((static_cast<uint64_t>(high) << 32 | low) >> (shift & 31));
}
HB_INTRINSIC unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(uint64_t(a) * b >> 32); }
HB_INTRINSIC int __mulhi(int a, int b) { return static_cast<int>(int64_t(a) * b >> 32); }
HB_INTRINSIC unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}

template <class To, class From>
HB_INTRINSIC To hb_emulation_bits(From value) {
    static_assert(sizeof(To) == sizeof(From));
    return __builtin_bit_cast(To, value);
}
HB_INTRINSIC int __float_as_int(float x) { return hb_emulation_bits<int>(x); }
HB_INTRINSIC unsigned __float_as_uint(float x) { return hb_emulation_bits<unsigned>(x); }
HB_INTRINSIC float __int_as_float(int x) { return hb_emulation_bits<float>(x); }
HB_INTRINSIC float __uint_as_float(unsigned x) { return hb_emulation_bits<float>(x); }
HB_INTRINSIC long long __double_as_longlong(double x) { return hb_emulation_bits<long long>(x); }
HB_INTRINSIC double __longlong_as_double(long long x) { return hb_emulation_bits<double>(x); }

// ---- Arithmetic, rounded to the nearest
// --------------------------------------------------------------------------------
HB_INTRINSIC float __fadd_rn(float a, float b) { return a + b; }
HB_INTRINSIC float __fsub_rn(float a, float b) { return a - b; }
HB_INTRINSIC float __fmul_rn(float a, float b) { return a * b; }
HB_INTRINSIC float __fdiv_rn(float a, float b) { return a / b; }
HB_INTRINSIC float __frcp_rn(float a) { return 1.0f / a; }
HB_INTRINSIC float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
HB_INTRINSIC float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
HB_INTRINSIC float __frsqrt_rn(float a) { return static_cast<float>(1.0 / __builtin_sqrt(double(a))); }
HB_INTRINSIC double __dadd_rn(double a, double b) { return a + b; }
HB_INTRINSIC double __dmul_rn(double a, double b) { return a * b; }
HB_INTRINSIC double __ddiv_rn(double a, double b) { return a / b; }
HB_INTRINSIC double __dsqrt_rn(double a) { return __builtin_sqrt(a); }
HB_INTRINSIC double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
HB_INTRINSIC float rsqrtf(float a) { return static_cast<float>(1.0 / __builtin_sqrt(double(a))); }
HB_INTRINSIC double rsqrt(double a) { return 1.0 / __builtin_sqrt(a); }
HB_INTRINSIC float __saturatef(float a) { return a > 0 ? a < 1 ? a : 1.0f : 0.0f; }

HB_INTRINSIC float __expf(float a) { return expf(a); }
HB_INTRINSIC float __exp10f(float a) { return powf(10.0f, a); }
HB_INTRINSIC float __logf(float a) { return logf(a); }
HB_INTRINSIC float __log2f(float a) { return log2f(a); }
HB_INTRINSIC float __log10f(float a) { return log10f(a); }
HB_INTRINSIC float __powf(float a, float b) { return powf(a, b); }
HB_INTRINSIC float __sinf(float a) { return sinf(a); }
HB_INTRINSIC float __cosf(float a) { return cosf(a); }
HB_INTRINSIC float __tanf(float a) { return tanf(a); }
HB_INTRINSIC float __tanhf(float a) { return tanhf(a); }
HB_INTRINSIC void __sincosf(float a, float* sine, float* cosine) {
    *sine = sinf(a);
    *cosine = cosf(a);
}
HB_INTRINSIC float __fdividef(float a, float b) { return a / b; }
HB_INTRINSIC float normcdff(float a) { return 0.5f * erfcf(-a * 0.70710678118654752f); }

// ---- Conversions: an integer that cannot hold the value is the nearest that it can, and 0 for a NaN
// -----------------------
template <class Integer>
HB_INTRINSIC Integer hb_emulation_saturate(float a) {
    if (a != a) return 0;
    constexpr Integer smallest = std::is_signed_v<Integer> ? static_cast<Integer>(INT_MIN) : Integer(0);
    constexpr Integer largest =
        std::is_signed_v<Integer> ? static_cast<Integer>(INT_MAX) : static_cast<Integer>(UINT_MAX);
    if (a <= static_cast<float>(smallest)) return smallest;
    if (a >= static_cast<float>(largest)) return largest;
    return static_cast<Integer>(a);
}
HB_INTRINSIC int __float2int_rn(float a) { return hb_emulation_saturate<int>(nearbyintf(a)); }
HB_INTRINSIC int __float2int_rz(float a) { return hb_emulation_saturate<int>(truncf(a)); }
HB_INTRINSIC int __float2int_rd(float a) { return hb_emulation_saturate<int>(floorf(a)); }
HB_INTRINSIC int __float2int_ru(float a) { return hb_emulation_saturate<int>(ceilf(a)); }
HB_INTRINSIC unsigned __float2uint_rn(float a) { return hb_emulation_saturate<unsigned>(nearbyintf(a)); }
HB_INTRINSIC unsigned __float2uint_rz(float a) { return hb_emulation_saturate<unsigned>(truncf(a)); }
HB_INTRINSIC unsigned __float2uint_rd(float a) { return hb_emulation_saturate<unsigned>(floorf(a)); }
HB_INTRINSIC unsigned __float2uint_ru(float a) { return hb_emulation_saturate<unsigned>(ceilf(a)); }
HB_INTRINSIC float __int2float_rn(int a) { return static_cast<float>(a); }
HB_INTRINSIC float __uint2float_rn(unsigned a) { return static_cast<float>(a); }
HB_INTRINSIC float __double2float_rn(double a) { return static_cast<float>(a); }

// ---- min and max of mixed types, as CUDA has them in the global namespace
// ---------------------------------------------------
#define HB_MIN_MAX(R, A, B)                                                                                            \
    HB_INTRINSIC constexpr R min(A a, B b) {                                                                           \
        return static_cast<R>(a) < static_cast<R>(b) ? static_cast<R>(a) : static_cast<R>(b);                          \
    }                                                                                                                  \
    HB_INTRINSIC constexpr R max(A a, B b) {                                                                           \
        return static_cast<R>(a) > static_cast<R>(b) ? static_cast<R>(a) : static_cast<R>(b);                          \
    }
HB_MIN_MAX(int, int, int)
HB_MIN_MAX(unsigned, unsigned, unsigned)
HB_MIN_MAX(unsigned, int, unsigned)
HB_MIN_MAX(unsigned, unsigned, int)
HB_MIN_MAX(long, long, long)
HB_MIN_MAX(unsigned long, unsigned long, unsigned long)
HB_MIN_MAX(unsigned long, long, unsigned long)
HB_MIN_MAX(unsigned long, unsigned long, long)
HB_MIN_MAX(long long, long long, long long)
HB_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
HB_MIN_MAX(unsigned long long, long long, unsigned long long)
HB_MIN_MAX(unsigned long long, unsigned long long, long long)
#undef HB_MIN_MAX
// A NaN gives way to the number, as in fminf and fmaxf.
#define HB_MIN_MAX(R, A, B)                                                                                            \
    HB_INTRINSIC R min(A a, B b) { return std::fmin(static_cast<R>(a), static_cast<R>(b)); }                           \
    HB_INTRINSIC R max(A a, B b) { return std::fmax(static_cast<R>(a), static_cast<R>(b)); }
HB_MIN_MAX(float, float, float)
HB_MIN_MAX(double, double, double)
HB_MIN_MAX(double, float, double)
HB_MIN_MAX(double, double, float)
#undef HB_MIN_MAX

#define __trap() __builtin_trap()
