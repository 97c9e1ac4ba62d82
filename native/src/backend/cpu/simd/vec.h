// The vector types that the files of this folder are written with: 8 lanes when compiled for AVX2, 16 for AVX-512.
// Everything is in namespace hb::cpu::HB_TIER, so that the two builds never meet at link time.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(HB_AVX512_VIA_SIMDE)
// Lets a CPU without AVX-512 run the AVX-512 tier in tests.
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

#include "backend/cpu/simd/simde_missing.h"
#else
// GCC 12 warns of its own _mm512_undefined_ps.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

#if defined(HB_TIER_AMX)  // the products in bf16: paired/
#define HB_TIER amx
#define HB_TIER_AVX512
#elif defined(HB_TIER_AVX512_BF16)
#define HB_TIER avx512_bf16
#define HB_TIER_AVX512
#elif defined(HB_TIER_AVX512)
#define HB_TIER avx512
#elif defined(HB_TIER_AVX2)
#define HB_TIER avx2
#else
#error "compile simd/ with -DHB_TIER_AVX2 or -DHB_TIER_AVX512, paired/ with -DHB_TIER_AMX or -DHB_TIER_AVX512_BF16"
#endif

namespace hb::cpu::HB_TIER {

#if defined(HB_TIER_AVX512)

struct I32;
struct Mask {
    __mmask16 m;
};
struct F32 {
    static constexpr int kLanes = 16;
    __m512 v;
    F32() = default;
    F32(__m512 x) : v(x) {}
    F32(float x) : v(_mm512_set1_ps(x)) {}
};
struct I32 {
    __m512i v;
    I32() = default;
    I32(__m512i x) : v(x) {}
    I32(int32_t x) : v(_mm512_set1_epi32(x)) {}
};
inline F32 zero() { return _mm512_setzero_ps(); }
inline F32 load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, F32 x) { _mm512_storeu_ps(p, x.v); }
// The first n lanes, n in 0..kLanes; the others are 0 (load) or left alone (store).
inline Mask first(int n) { return {static_cast<__mmask16>((1u << n) - 1)}; }
inline F32 load(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m.m, p); }
inline void store(float* p, F32 x, Mask m) { _mm512_mask_storeu_ps(p, m.m, x.v); }
inline F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }
inline F32 operator+(F32 a, F32 b) { return _mm512_add_ps(a.v, b.v); }
inline F32 operator-(F32 a, F32 b) { return _mm512_sub_ps(a.v, b.v); }
inline F32 operator*(F32 a, F32 b) { return _mm512_mul_ps(a.v, b.v); }
inline F32 operator/(F32 a, F32 b) { return _mm512_div_ps(a.v, b.v); }
// As x86: the second operand when one is NaN.
inline F32 max(F32 a, F32 b) { return _mm512_max_ps(a.v, b.v); }
inline F32 min(F32 a, F32 b) { return _mm512_min_ps(a.v, b.v); }
inline F32 sqrt(F32 a) { return _mm512_sqrt_ps(a.v); }
inline I32 bits(F32 a) { return _mm512_castps_si512(a.v); }
inline F32 from_bits(I32 a) { return _mm512_castsi512_ps(a.v); }
inline I32 operator+(I32 a, I32 b) { return _mm512_add_epi32(a.v, b.v); }
inline I32 operator-(I32 a, I32 b) { return _mm512_sub_epi32(a.v, b.v); }
inline I32 operator&(I32 a, I32 b) { return _mm512_and_si512(a.v, b.v); }
inline I32 operator|(I32 a, I32 b) { return _mm512_or_si512(a.v, b.v); }
inline I32 operator^(I32 a, I32 b) { return _mm512_xor_si512(a.v, b.v); }
template <int n>
I32 shift_left(I32 a) {
    return _mm512_slli_epi32(a.v, n);
}
template <int n>
I32 shift_right(I32 a) {  // logical
    return _mm512_srli_epi32(a.v, n);
}
template <int n>
I32 shift_right_signed(I32 a) {
    return _mm512_srai_epi32(a.v, n);
}
inline I32 load(const int32_t* p) { return _mm512_loadu_si512(p); }
inline void store(int32_t* p, I32 x) { _mm512_storeu_si512(p, x.v); }
inline void store(int32_t* p, I32 x, Mask m) { _mm512_mask_storeu_epi32(p, m.m, x.v); }
inline F32 to_float(I32 a) { return _mm512_cvtepi32_ps(a.v); }
inline I32 to_int(F32 a) { return _mm512_cvttps_epi32(a.v); }       // truncates
inline I32 round_to_int(F32 a) { return _mm512_cvtps_epi32(a.v); }  // nearest even
inline F32 round(F32 a) { return _mm512_roundscale_ps(a.v, 8); }    // nearest even, no exceptions
inline Mask operator<(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
inline Mask operator<=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
inline Mask operator>(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
inline Mask operator>=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
inline Mask operator==(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
inline Mask is_nan(F32 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
inline Mask operator==(I32 a, I32 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
inline Mask operator|(Mask a, Mask b) { return {static_cast<__mmask16>(a.m | b.m)}; }
inline Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.m & b.m)}; }
inline bool any(Mask a) { return a.m != 0; }
inline F32 select(Mask m, F32 yes, F32 no) { return _mm512_mask_blend_ps(m.m, no.v, yes.v); }
inline I32 select(Mask m, I32 yes, I32 no) { return _mm512_mask_blend_epi32(m.m, no.v, yes.v); }
// Sums of lanes in one fixed order: halves, then halves again.
inline float sum(F32 a) {
    alignas(64) float t[16];
    _mm512_store_ps(t, a.v);
    for (int h = 8; h > 0; h /= 2)
        for (int i = 0; i < h; i++) t[i] += t[i + h];
    return t[0];
}
inline float largest(F32 a) {
    alignas(64) float t[16];
    _mm512_store_ps(t, a.v);
    for (int h = 8; h > 0; h /= 2)
        for (int i = 0; i < h; i++) t[i] = t[i] > t[i + h] ? t[i] : t[i + h];
    return t[0];
}
// The four products of even lanes and of odd lanes: 32 x 32 -> 64 bits, for Philox.
inline void multiply_wide(I32 a, I32 b, I32& high, I32& low) {
    __m512i even = _mm512_mul_epu32(a.v, b.v);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a.v, 32), _mm512_srli_epi64(b.v, 32));
    low = _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
    high = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
}
inline I32 lane_numbers() { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
// Four products of 64-bit lanes: the low (even) 32 bits of a and b, all 64 bits of the result.
inline I32 multiply_even(I32 a, I32 b) { return _mm512_mul_epu32(a.v, b.v); }
// The odd 32-bit lanes moved down to the even ones.
inline I32 odd_to_even(I32 a) { return _mm512_srli_epi64(a.v, 32); }
// The even lanes of `even` where they are, the even lanes of `odd` moved up to the odd ones.
inline I32 merge_even(I32 even, I32 odd) {
    return _mm512_mask_blend_epi32(0xAAAA, even.v, _mm512_slli_epi64(odd.v, 32));
}
// a0..a3 hold words 0..3 of blocks 0..15; afterwards a0, a1, .. hold the 64 words in order of element.
inline void interleave4(F32& a0, F32& a1, F32& a2, F32& a3) {
    __m512 t0 = _mm512_unpacklo_ps(a0.v, a1.v), t1 = _mm512_unpackhi_ps(a0.v, a1.v);
    __m512 t2 = _mm512_unpacklo_ps(a2.v, a3.v), t3 = _mm512_unpackhi_ps(a2.v, a3.v);
    __m512 q0 = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t0), _mm512_castps_pd(t2)));  // blocks 0 4 8 12
    __m512 q1 = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t0), _mm512_castps_pd(t2)));  // blocks 1 5 9 13
    __m512 q2 = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t1), _mm512_castps_pd(t3)));  // blocks 2 6 10 14
    __m512 q3 = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t1), _mm512_castps_pd(t3)));  // blocks 3 7 11 15
    __m512 r0 = _mm512_shuffle_f32x4(q0, q1, 0x44), r1 = _mm512_shuffle_f32x4(q2, q3, 0x44);
    __m512 r2 = _mm512_shuffle_f32x4(q0, q1, 0xEE), r3 = _mm512_shuffle_f32x4(q2, q3, 0xEE);
    a0 = _mm512_shuffle_f32x4(r0, r1, 0x88);
    a1 = _mm512_shuffle_f32x4(r0, r1, 0xDD);
    a2 = _mm512_shuffle_f32x4(r2, r3, 0x88);
    a3 = _mm512_shuffle_f32x4(r2, r3, 0xDD);
}
// a[i], lane j becomes a[j], lane i.
inline void transpose(F32 (&a)[16]) {
    __m512 t[16];
    for (int g = 0; g < 16; g += 4) {  // rows g .. g + 3: t[g + j] has columns j, 4 + j, 8 + j, 12 + j of them
        __m512 l0 = _mm512_unpacklo_ps(a[g].v, a[g + 1].v), h0 = _mm512_unpackhi_ps(a[g].v, a[g + 1].v);
        __m512 l1 = _mm512_unpacklo_ps(a[g + 2].v, a[g + 3].v), h1 = _mm512_unpackhi_ps(a[g + 2].v, a[g + 3].v);
        t[g] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(l0), _mm512_castps_pd(l1)));
        t[g + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(l0), _mm512_castps_pd(l1)));
        t[g + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(h0), _mm512_castps_pd(h1)));
        t[g + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(h0), _mm512_castps_pd(h1)));
    }
    for (int j = 0; j < 4; j++) {
        __m512 l0 = _mm512_shuffle_f32x4(t[j], t[4 + j], 0x44), h0 = _mm512_shuffle_f32x4(t[j], t[4 + j], 0xEE);
        __m512 l1 = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0x44),
               h1 = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0xEE);
        a[j] = _mm512_shuffle_f32x4(l0, l1, 0x88);
        a[4 + j] = _mm512_shuffle_f32x4(l0, l1, 0xDD);
        a[8 + j] = _mm512_shuffle_f32x4(h0, h1, 0x88);
        a[12 + j] = _mm512_shuffle_f32x4(h0, h1, 0xDD);
    }
}

#else

struct Mask {
    __m256 m;
};
struct F32 {
    static constexpr int kLanes = 8;
    __m256 v;
    F32() = default;
    F32(__m256 x) : v(x) {}
    F32(float x) : v(_mm256_set1_ps(x)) {}
};
struct I32 {
    __m256i v;
    I32() = default;
    I32(__m256i x) : v(x) {}
    I32(int32_t x) : v(_mm256_set1_epi32(x)) {}
};
inline F32 zero() { return _mm256_setzero_ps(); }
inline F32 load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, F32 x) { _mm256_storeu_ps(p, x.v); }
inline I32 lane_numbers() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
inline Mask first(int n) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane_numbers().v))}; }
inline F32 load(const float* p, Mask m) { return _mm256_maskload_ps(p, _mm256_castps_si256(m.m)); }
inline void store(float* p, F32 x, Mask m) { _mm256_maskstore_ps(p, _mm256_castps_si256(m.m), x.v); }
inline F32 fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a.v, b.v, c.v); }
inline F32 operator+(F32 a, F32 b) { return _mm256_add_ps(a.v, b.v); }
inline F32 operator-(F32 a, F32 b) { return _mm256_sub_ps(a.v, b.v); }
inline F32 operator*(F32 a, F32 b) { return _mm256_mul_ps(a.v, b.v); }
inline F32 operator/(F32 a, F32 b) { return _mm256_div_ps(a.v, b.v); }
inline F32 max(F32 a, F32 b) { return _mm256_max_ps(a.v, b.v); }
inline F32 min(F32 a, F32 b) { return _mm256_min_ps(a.v, b.v); }
inline F32 sqrt(F32 a) { return _mm256_sqrt_ps(a.v); }
inline I32 bits(F32 a) { return _mm256_castps_si256(a.v); }
inline F32 from_bits(I32 a) { return _mm256_castsi256_ps(a.v); }
inline I32 operator+(I32 a, I32 b) { return _mm256_add_epi32(a.v, b.v); }
inline I32 operator-(I32 a, I32 b) { return _mm256_sub_epi32(a.v, b.v); }
inline I32 operator&(I32 a, I32 b) { return _mm256_and_si256(a.v, b.v); }
inline I32 operator|(I32 a, I32 b) { return _mm256_or_si256(a.v, b.v); }
inline I32 operator^(I32 a, I32 b) { return _mm256_xor_si256(a.v, b.v); }
template <int n>
I32 shift_left(I32 a) {
    return _mm256_slli_epi32(a.v, n);
}
template <int n>
I32 shift_right(I32 a) {
    return _mm256_srli_epi32(a.v, n);
}
template <int n>
I32 shift_right_signed(I32 a) {
    return _mm256_srai_epi32(a.v, n);
}
inline I32 load(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline void store(int32_t* p, I32 x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.v); }
inline void store(int32_t* p, I32 x, Mask m) { _mm256_maskstore_epi32(p, _mm256_castps_si256(m.m), x.v); }
inline F32 to_float(I32 a) { return _mm256_cvtepi32_ps(a.v); }
inline I32 to_int(F32 a) { return _mm256_cvttps_epi32(a.v); }
inline I32 round_to_int(F32 a) { return _mm256_cvtps_epi32(a.v); }
inline F32 round(F32 a) { return _mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Mask operator<(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
inline Mask operator<=(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
inline Mask operator>(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
inline Mask operator>=(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
inline Mask operator==(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
inline Mask is_nan(F32 a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
inline Mask operator==(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))}; }
inline Mask operator|(Mask a, Mask b) { return {_mm256_or_ps(a.m, b.m)}; }
inline Mask operator&(Mask a, Mask b) { return {_mm256_and_ps(a.m, b.m)}; }
inline bool any(Mask a) { return _mm256_movemask_ps(a.m) != 0; }
inline F32 select(Mask m, F32 yes, F32 no) { return _mm256_blendv_ps(no.v, yes.v, m.m); }
inline I32 select(Mask m, I32 yes, I32 no) {
    return _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(no.v), _mm256_castsi256_ps(yes.v), m.m));
}
inline float sum(F32 a) {
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_movehdup_ps(h)));
}
inline float largest(F32 a) {
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}
inline void multiply_wide(I32 a, I32 b, I32& high, I32& low) {
    __m256i even = _mm256_mul_epu32(a.v, b.v);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a.v, 32), _mm256_srli_epi64(b.v, 32));
    low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
    high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
}
inline I32 multiply_even(I32 a, I32 b) { return _mm256_mul_epu32(a.v, b.v); }
inline I32 odd_to_even(I32 a) { return _mm256_srli_epi64(a.v, 32); }
inline I32 merge_even(I32 even, I32 odd) { return _mm256_blend_epi32(even.v, _mm256_slli_epi64(odd.v, 32), 0xAA); }
inline void interleave4(F32& a0, F32& a1, F32& a2, F32& a3) {
    __m256 t0 = _mm256_unpacklo_ps(a0.v, a1.v), t1 = _mm256_unpackhi_ps(a0.v, a1.v);
    __m256 t2 = _mm256_unpacklo_ps(a2.v, a3.v), t3 = _mm256_unpackhi_ps(a2.v, a3.v);
    __m256 q0 = _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(t0), _mm256_castps_pd(t2)));  // blocks 0 4
    __m256 q1 = _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(t0), _mm256_castps_pd(t2)));  // blocks 1 5
    __m256 q2 = _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(t1), _mm256_castps_pd(t3)));  // blocks 2 6
    __m256 q3 = _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(t1), _mm256_castps_pd(t3)));  // blocks 3 7
    a0 = _mm256_permute2f128_ps(q0, q1, 0x20);
    a1 = _mm256_permute2f128_ps(q2, q3, 0x20);
    a2 = _mm256_permute2f128_ps(q0, q1, 0x31);
    a3 = _mm256_permute2f128_ps(q2, q3, 0x31);
}
inline void transpose(F32 (&a)[8]) {
    __m256 t[8];
    for (int g = 0; g < 8; g += 4) {  // rows g .. g + 3: t[g + j] has columns j and 4 + j of them
        __m256 l0 = _mm256_unpacklo_ps(a[g].v, a[g + 1].v), h0 = _mm256_unpackhi_ps(a[g].v, a[g + 1].v);
        __m256 l1 = _mm256_unpacklo_ps(a[g + 2].v, a[g + 3].v), h1 = _mm256_unpackhi_ps(a[g + 2].v, a[g + 3].v);
        t[g] = _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(l0), _mm256_castps_pd(l1)));
        t[g + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(l0), _mm256_castps_pd(l1)));
        t[g + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(h0), _mm256_castps_pd(h1)));
        t[g + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(h0), _mm256_castps_pd(h1)));
    }
    for (int j = 0; j < 4; j++) {
        a[j] = _mm256_permute2f128_ps(t[j], t[4 + j], 0x20);
        a[4 + j] = _mm256_permute2f128_ps(t[j], t[4 + j], 0x31);
    }
}

#endif

inline F32 operator-(F32 a) { return from_bits(bits(a) ^ I32(INT32_MIN)); }
inline F32 abs(F32 a) { return from_bits(bits(a) & I32(INT32_MAX)); }

inline void store_interleaved4(float* p, F32 a0, F32 a1, F32 a2, F32 a3) {
    interleave4(a0, a1, a2, a3);
    store(p, a0);
    store(p + F32::kLanes, a1);
    store(p + 2 * F32::kLanes, a2);
    store(p + 3 * F32::kLanes, a3);
}

// Stands for the mask of all lanes, so that one generic body serves full vectors and tails.
struct All {};
inline F32 load(const float* p, All) { return load(p); }
inline void store(float* p, F32 x, All) { store(p, x); }
inline void store(int32_t* p, I32 x, All) { store(p, x); }

// x with the other lanes 0.
inline F32 keep(F32 x, All) { return x; }
inline F32 keep(F32 x, Mask m) { return select(m, x, zero()); }

// Calls body(i, mask) for i = 0, kLanes, .. < n: All, but the mask of the rest at the end.
template <class Body>
[[gnu::always_inline]] inline void lanes(int64_t n, Body&& body) {
    int64_t i = 0;
    for (; i + F32::kLanes <= n; i += F32::kLanes) body(i, All{});
    if (i < n) body(i, first(static_cast<int>(n - i)));
}

// The same, from 0 and from the middle on together: for passes over memory, which one stream of addresses alone does
// not keep busy.
template <class Body>
[[gnu::always_inline]] inline void far_lanes(int64_t n, Body&& body) {
    const int64_t half = n / (2 * F32::kLanes) * F32::kLanes;
    for (int64_t i = 0; i < half; i += F32::kLanes) {
        body(i, All{});
        body(half + i, All{});
    }
    lanes(n - 2 * half, [&](int64_t i, auto m) { body(2 * half + i, m); });
}

// The sum of term(i, mask), i as in lanes(), by four running sums so that no addition waits for the one before it. What
// term gives beyond the mask must be 0.
template <class Term>
[[gnu::always_inline]] inline auto add_lanes(int64_t n, Term&& term) {
    using V = decltype(term(n, All{}));
    constexpr int64_t kStep = F32::kLanes;
    V s0(0.0f), s1(0.0f), s2(0.0f), s3(0.0f);
    int64_t i = 0;
    for (; i + 4 * kStep <= n; i += 4 * kStep) {
        s0 = s0 + term(i, All{});
        s1 = s1 + term(i + kStep, All{});
        s2 = s2 + term(i + 2 * kStep, All{});
        s3 = s3 + term(i + 3 * kStep, All{});
    }
    for (; i + kStep <= n; i += kStep) s0 = s0 + term(i, All{});
    if (i < n) s1 = s1 + term(i, first(static_cast<int>(n - i)));
    return (s0 + s1) + (s2 + s3);
}

}  // namespace hb::cpu::HB_TIER
