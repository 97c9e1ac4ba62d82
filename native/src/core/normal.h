// Normal numbers from uniform words by Box-Muller, with the same bits on every machine.
//
// The one source below is compiled for one lane (float and uint32_t), for AVX2 and AVX-512 (the vector classes of
// backend/cpu/simd/vec.h) and for CUDA. Java's dev.hornbeam.tensor.Philox and testdata/python/philox_reference.py
// say the same again, operation by operation. Bits agree because every operation used is exact or correctly rounded:
// fused multiply-add, *, -, sqrt, conversion of integers that a float holds, integer arithmetic. No product is added
// without fma, so nothing is left for a compiler to contract; no result is subnormal, so flush-to-zero does not matter;
// no branch, no table, no mask.
//
// What a pair of vector types must have (F floats, I 32-bit integers, the same number of lanes), found by
// argument-dependent lookup, so F and I are classes and the functions stand in their namespace:
//   F(float), I(int32_t)          the value in every lane
//   fma(F, F, F), F * F, F - F, sqrt(F)
//   I + I, I - I, I & I, I ^ I    wrapping
//   shift_right<n>(I)             logical
//   to_float(I)                   signed; only called with values that a float holds exactly
//   bits(F) -> I, from_bits(I) -> F
// Per pair of normals: 25 floating point operations and a square root, 2 conversions, 11 integer operations (9 where
// two logical operations are one instruction, as in AVX-512).
//
// Largest errors over all 2^24 values of each word, measured by philox_test against double precision:
//   radius 2.2 ulp, cosine 2.1 ulp, sine 2.8 ulp; of the polynomials c and p alone 0.8 and 1.2 ulp.
#pragma once

#include <cstdint>

#if defined(__FAST_MATH__)
#error "the bits of random numbers need IEEE arithmetic: compile without -ffast-math"
#endif

#if defined(__CUDACC__)
#define HB_LANE __host__ __device__ __forceinline__
#else
// Always inlined, and built-ins below: a file compiled for AVX-512 must not leave a copy of any of this behind for the
// linker to pick.
#define HB_LANE [[gnu::always_inline]] inline
#endif

namespace hb {

// The operations above for one lane.
namespace lane {

HB_LANE float fma(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
    return __fmaf_rn(a, b, c);
#else
    return __builtin_fmaf(a, b, c);
#endif
}
HB_LANE float sqrt(float a) {
#if defined(__CUDA_ARCH__)
    return __fsqrt_rn(a);
#else
    return __builtin_sqrtf(a);
#endif
}
HB_LANE uint32_t bits(float a) {
#if defined(__CUDA_ARCH__)
    return __float_as_uint(a);
#else
    return __builtin_bit_cast(uint32_t, a);
#endif
}
HB_LANE float from_bits(uint32_t a) {
#if defined(__CUDA_ARCH__)
    return __uint_as_float(a);
#else
    return __builtin_bit_cast(float, a);
#endif
}
HB_LANE float to_float(uint32_t a) { return static_cast<float>(static_cast<int32_t>(a)); }
template <int n>
HB_LANE uint32_t shift_right(uint32_t a) {
    return a >> n;
}

// sqrt(-2 ln x) for x = ((u >> 8) + 1) / 2^24, which runs from 2^-24 to 1.
//
// x = m 2^e with m in [3/4, 3/2); f = 1 - m; -2 ln x = f Q(f) - 2 ln(2) e with Q(f) ~ -2 ln(1 - f) / f. Q minimises the
// largest relative error of the whole, 2^-22.8, which the square root halves.
template <class F, class I>
HB_LANE F radius(I u) {
    I k = bits(to_float(shift_right<8>(u) + I(1)));           // x 2^24
    I e = (k - I(0x3f400000 + 0x0c000000)) & I(-0x00800000);  // e 2^23: exponent of x against 3/4
    F f = fma(from_bits(k - e), F(-0x1p-24f), F(1.0f));       // exact
    F q = F(0x1.123a48p-3f);
    q = fma(q, f, F(0x1.24b3fep-2f));
    q = fma(q, f, F(0x1.65865cp-2f));
    q = fma(q, f, F(0x1.9b9dfep-2f));
    q = fma(q, f, F(0x1.ff522ep-2f));
    q = fma(q, f, F(0x1.554c90p-1f));
    q = fma(q, f, F(0x1.0000aap+0f));
    q = fma(q, f, F(2.0f));
    return sqrt(fma(f, q, to_float(e) * F(-0x1.62e430p-23f)));  // -2 ln(2) 2^-23
}

// For the angle 2 pi (u >> 8) / 2^24 = pi h + pi/2 s, h an integer and s in [-1, 1): cos(pi/2 s) in two factors,
// (s^2 - 1) and c; sin(pi/2 s) in two factors, s and p; and the sign (-1)^h as a sign bit. The factor s^2 - 1 carries
// the zeros of the cosine, so the error is relative everywhere. c and p are minimax polynomials in s^2, with relative
// errors 2^-29.6 and 2^-25.1.
template <class F, class I>
HB_LANE void turn(I u, F& s, F& p, F& zeros, F& c, I& sign) {
    // The 23 bits below the half turn are the fraction of a float in [2, 4), their first bit flipped; minus 3 is s.
    s = from_bits((shift_right<8>(u) & I(0x007fffff)) ^ I(0x40400000)) - F(3.0f);
    sign = (u + I(0x40000000)) & I(INT32_MIN);
    F y = s * s;
    p = F(0x1.4701dep-13f);
    p = fma(p, y, F(-0x1.32e974p-8f));
    p = fma(p, y, F(0x1.466f3ep-4f));
    p = fma(p, y, F(-0x1.4abbf0p-1f));
    p = fma(p, y, F(0x1.921fb6p+0f));
    c = F(-0x1.8bd854p-16f);
    c = fma(c, y, F(0x1.d4786ep-11f));
    c = fma(c, y, F(-0x1.472a76p-6f));
    c = fma(c, y, F(0x1.de9e60p-3f));
    c = fma(c, y, F(-1.0f));
    zeros = fma(s, s, F(-1.0f));
}

// Two independent normals from two words: n0 = r cos(a), n1 = r sin(a), r = sqrt(-2 ln(((u0 >> 8) + 1) 2^-24)),
// a = 2 pi (u1 >> 8) 2^-24. |n| is at most 5.77.
template <class F, class I>
HB_LANE void box_muller(I u0, I u1, F& n0, F& n1) {
    F s, p, zeros, c;
    I sign;
    turn<F, I>(u1, s, p, zeros, c, sign);
    F r = from_bits(bits(radius<F, I>(u0)) ^ sign);
    n0 = (r * zeros) * c;
    n1 = (r * s) * p;
}

// (u >> 8) / 2^24, exact, in [0, 1).
template <class F, class I>
HB_LANE F unit_uniform(I u) {
    return to_float(shift_right<8>(u)) * F(0x1p-24f);
}

}  // namespace lane

using lane::box_muller;
using lane::unit_uniform;

}  // namespace hb
