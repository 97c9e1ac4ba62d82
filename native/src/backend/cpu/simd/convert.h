// Vectors of double, and the steps between the f32 vectors of vec.h and double, bf16 and bytes.
#pragma once

#include <cstring>

#include "backend/cpu/simd/vec.h"
#include "core/bf16.h"
#include "core/view.h"

namespace hb::cpu::HB_TIER {

// Half as many lanes as F32.
struct F64 {
    static constexpr int kLanes = F32::kLanes / 2;
#if defined(HB_TIER_AVX512)
    __m512d v;
    F64(__m512d x) : v(x) {}
    F64(double x) : v(_mm512_set1_pd(x)) {}
#else
    __m256d v;
    F64(__m256d x) : v(x) {}
    F64(double x) : v(_mm256_set1_pd(x)) {}
#endif
    F64() = default;
};

#if defined(HB_TIER_AVX512)

inline F64 load(const double* p) { return _mm512_loadu_pd(p); }
inline void store(double* p, F64 x) { _mm512_storeu_pd(p, x.v); }
inline F64 operator+(F64 a, F64 b) { return _mm512_add_pd(a.v, b.v); }
inline F64 operator-(F64 a, F64 b) { return _mm512_sub_pd(a.v, b.v); }
inline F64 operator*(F64 a, F64 b) { return _mm512_mul_pd(a.v, b.v); }
inline F64 operator/(F64 a, F64 b) { return _mm512_div_pd(a.v, b.v); }
inline F64 fma(F64 a, F64 b, F64 c) { return _mm512_fmadd_pd(a.v, b.v, c.v); }
inline F64 max(F64 a, F64 b) { return _mm512_max_pd(a.v, b.v); }
inline F64 sqrt(F64 a) { return _mm512_sqrt_pd(a.v); }
inline F64 abs(F64 a) {
    return _mm512_castsi512_pd(_mm512_and_si512(_mm512_castpd_si512(a.v), _mm512_set1_epi64(INT64_MAX)));
}
// Lanes 0 .. kLanes/2 - 1, and the others.
inline F64 low_half(F32 a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a.v)); }
inline F64 high_half(F32 a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1)); }
inline F32 narrow(F64 low, F64 high) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low.v)), _mm512_cvtpd_ps(high.v), 1);
}

inline Mask operator~(Mask a) { return {static_cast<__mmask16>(~a.m)}; }
// kLanes bytes, 1 where the mask is set, else 0.
inline void store_bytes(uint8_t* p, Mask m) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_maskz_set1_epi32(m.m, 1)));
}
// Set where the byte is not 0.
inline Mask load_bytes(const uint8_t* p) {
    __m512i x = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return {_mm512_test_epi32_mask(x, x)};
}
// The lower 16 bits of every lane.
inline void store_low16(uint16_t* p, I32 x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x.v));
}
inline I32 load_low16(const uint16_t* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

#else

inline F64 load(const double* p) { return _mm256_loadu_pd(p); }
inline void store(double* p, F64 x) { _mm256_storeu_pd(p, x.v); }
inline F64 operator+(F64 a, F64 b) { return _mm256_add_pd(a.v, b.v); }
inline F64 operator-(F64 a, F64 b) { return _mm256_sub_pd(a.v, b.v); }
inline F64 operator*(F64 a, F64 b) { return _mm256_mul_pd(a.v, b.v); }
inline F64 operator/(F64 a, F64 b) { return _mm256_div_pd(a.v, b.v); }
inline F64 fma(F64 a, F64 b, F64 c) { return _mm256_fmadd_pd(a.v, b.v, c.v); }
inline F64 max(F64 a, F64 b) { return _mm256_max_pd(a.v, b.v); }
inline F64 sqrt(F64 a) { return _mm256_sqrt_pd(a.v); }
inline F64 abs(F64 a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v); }
inline F64 low_half(F32 a) { return _mm256_cvtps_pd(_mm256_castps256_ps128(a.v)); }
inline F64 high_half(F32 a) { return _mm256_cvtps_pd(_mm256_extractf128_ps(a.v, 1)); }
inline F32 narrow(F64 low, F64 high) { return _mm256_set_m128(_mm256_cvtpd_ps(high.v), _mm256_cvtpd_ps(low.v)); }

inline Mask operator~(Mask a) { return {_mm256_xor_ps(a.m, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))}; }
inline void store_bytes(uint8_t* p, Mask m) {
    __m256i x = _mm256_castps_si256(m.m);
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_and_si128(_mm_packs_epi16(words, words), _mm_set1_epi8(1)));
}
inline Mask load_bytes(const uint8_t* p) {
    __m256i x = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(x, _mm256_setzero_si256()))};
}
inline void store_low16(uint16_t* p, I32 x) {
    __m256i low = _mm256_and_si256(x.v, _mm256_set1_epi32(0xffff));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
}
inline I32 load_low16(const uint16_t* p) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

#endif

// Sums of lanes in one fixed order: halves, then halves again.
inline double sum(F64 a) {
    double t[F64::kLanes];
    store(t, a);
    for (int h = F64::kLanes / 2; h > 0; h /= 2)
        for (int i = 0; i < h; i++) t[i] += t[i + h];
    return t[0];
}

// bf16 in memory, f32 in registers: kernels that are templates over the type of their elements read and write both
// with the same words. Rounded to nearest, ties to even; a NaN stays a NaN.
inline I32 bf16_rounded(I32 u) { return u + (I32(0x7fff) + (shift_right<16>(u) & I32(1))); }  // of no NaN
inline I32 bf16_bits(F32 x) {
    const I32 u = bits(x);
#if defined(HB_TIER_AVX512)
    return shift_right<16>(I32(_mm512_mask_or_epi32(bf16_rounded(u).v, is_nan(x).m, u.v, I32(0x400000).v)));
#else
    return shift_right<16>(select(is_nan(x), u | I32(0x400000), bf16_rounded(u)));
#endif
}
inline F32 load(const Bf16* p) { return from_bits(shift_left<16>(load_low16(reinterpret_cast<const uint16_t*>(p)))); }
#if defined(HB_TIER_AVX512)
inline void store(Bf16* p, F32 x) { store_low16(reinterpret_cast<uint16_t*>(p), bf16_bits(x)); }
inline void store_two(Bf16* p, F32 a, F32 b) {
    store(p, a);
    store(p + F32::kLanes, b);
}
#else
inline __m128i packed_low16(I32 x) {  // of lanes below 2^16
    return _mm_packus_epi32(_mm256_castsi256_si128(x.v), _mm256_extracti128_si256(x.v, 1));
}
[[gnu::noinline]] inline void store_with_nan(Bf16* p, F32 x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed_low16(bf16_bits(x)));
}
inline void store(Bf16* p, F32 x) {
    if (any(is_nan(x))) [[unlikely]]
        return store_with_nan(p, x);
    const I32 rounded = shift_right<16>(bf16_rounded(bits(x)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed_low16(rounded));
}
// Two vectors in a row: 15 operations, where one by one they are 22.
inline void store_two(Bf16* p, F32 a, F32 b) {
    if (_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_UNORD_Q)) != 0) [[unlikely]] {
        store_with_nan(p, a);
        return store_with_nan(p + F32::kLanes, b);
    }
    const I32 low = shift_right<16>(bf16_rounded(bits(a))), high = shift_right<16>(bf16_rounded(bits(b)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm256_permute4x64_epi64(_mm256_packus_epi32(low.v, high.v), 0xd8));
}
#endif
inline F32 load(const Bf16* p, All) { return load(p); }
inline void store(Bf16* p, F32 x, All) { store(p, x); }
#if defined(HB_TIER_AVX512)
inline F32 load(const Bf16* p, Mask m) {
    return from_bits(shift_left<16>(I32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m.m, p)))));
}
inline void store(Bf16* p, F32 x, Mask m) { _mm256_mask_storeu_epi16(p, m.m, _mm512_cvtepi32_epi16(bf16_bits(x).v)); }
#else
// Tails only, so one copy of the code will do.
[[gnu::noinline]] inline F32 load(const Bf16* p, Mask m) {
    const int wanted = _mm256_movemask_ps(m.m);
    Bf16 t[F32::kLanes] = {};
    for (int i = 0; i < F32::kLanes; i++)
        if (wanted >> i & 1) t[i] = p[i];
    return load(t);
}
[[gnu::noinline]] inline void store(Bf16* p, F32 x, Mask m) {
    const int wanted = _mm256_movemask_ps(m.m);
    Bf16 t[F32::kLanes];
    store(t, x);
    for (int i = 0; i < F32::kLanes; i++)
        if (wanted >> i & 1) p[i] = t[i];
}
#endif

// body(T()) with T the type of storage of a view that is F32 or BF16.
inline bool is_stored_f32_or_bf16(const View& view) { return view.type == DType::F32 || view.type == DType::BF16; }
template <class Body>
void with_storage(const View& view, Body&& body) {
    if (view.type == DType::BF16) return body(Bf16());
    body(float());
}

// Both halves of an F32 as doubles, for arithmetic that is rounded once at the end.
struct Wide {
    F64 low, high;
    Wide() = default;
    Wide(F64 l, F64 h) : low(l), high(h) {}
    explicit Wide(double x) : low(x), high(x) {}
    explicit Wide(F32 x) : low(low_half(x)), high(high_half(x)) {}
};
inline F32 narrow(const Wide& a) { return narrow(a.low, a.high); }
inline Wide operator+(const Wide& a, const Wide& b) { return {a.low + b.low, a.high + b.high}; }
inline Wide operator-(const Wide& a, const Wide& b) { return {a.low - b.low, a.high - b.high}; }
inline Wide operator*(const Wide& a, const Wide& b) { return {a.low * b.low, a.high * b.high}; }
inline Wide operator/(const Wide& a, const Wide& b) { return {a.low / b.low, a.high / b.high}; }
inline Wide fma(const Wide& a, const Wide& b, const Wide& c) {
    return {fma(a.low, b.low, c.low), fma(a.high, b.high, c.high)};
}
inline Wide max(const Wide& a, const Wide& b) { return {max(a.low, b.low), max(a.high, b.high)}; }
inline Wide sqrt(const Wide& a) { return {sqrt(a.low), sqrt(a.high)}; }
inline Wide abs(const Wide& a) { return {abs(a.low), abs(a.high)}; }
inline double sum(const Wide& a) { return sum(a.low + a.high); }

// Two sums at once.
struct Two {
    F32 a, b;
    Two(F32 x, F32 y) : a(x), b(y) {}
    explicit Two(float x) : a(x), b(x) {}
};
inline Two operator+(const Two& x, const Two& y) { return {x.a + y.a, x.b + y.b}; }

// What is read again after x was stored as E.
template <class E>
[[gnu::always_inline]] inline F32 as_stored(F32 x) {
    if constexpr (std::is_same_v<E, float>)
        return x;
    else
        return from_bits(shift_left<16>(bf16_bits(x)));
}

}  // namespace hb::cpu::HB_TIER
