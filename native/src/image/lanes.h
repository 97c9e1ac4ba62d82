// Sixteen whole numbers of 16 bits, or eight of 32, in two groups that never meet: what one AVX2 register is, and a
// pair of SSE2 ones.
#pragma once

#include <cstdint>
#include <cstring>

// The intrinsics, as the tiers of the CPU backend take them.
#if defined(__AVX2__)
#include "backend/cpu/simd/vec.h"
#else
#include <immintrin.h>
#endif

#if defined(__AVX2__)
#define HB_IMAGE_TIER avx2
#else
#define HB_IMAGE_TIER baseline
#endif

namespace hb::image::HB_IMAGE_TIER {

#if defined(__AVX2__)

struct Lanes {
    __m256i v;
};
inline Lanes pair(__m128i a, __m128i b) { return {_mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1)}; }
inline __m128i lower(Lanes x) { return _mm256_castsi256_si128(x.v); }
inline __m128i upper(Lanes x) { return _mm256_extracti128_si256(x.v, 1); }
#define HB_BINARY(name, op)                                                                                            \
    inline Lanes name(Lanes x, Lanes y) { return {_mm256_##op(x.v, y.v)}; }
#define HB_SHIFT(name, op)                                                                                             \
    template <int n>                                                                                                   \
    inline Lanes name(Lanes x) {                                                                                       \
        return {_mm256_##op(x.v, n)};                                                                                  \
    }
inline Lanes exclusive_or(Lanes x, Lanes y) { return {_mm256_xor_si256(x.v, y.v)}; }
inline Lanes all16(int x) { return {_mm256_set1_epi16(static_cast<short>(x))}; }
inline Lanes all32(int x) { return {_mm256_set1_epi32(x)}; }

#else

struct Lanes {
    __m128i a, b;
};
inline Lanes pair(__m128i a, __m128i b) { return {a, b}; }
inline __m128i lower(Lanes x) { return x.a; }
inline __m128i upper(Lanes x) { return x.b; }
#define HB_BINARY(name, op)                                                                                            \
    inline Lanes name(Lanes x, Lanes y) { return {_mm_##op(x.a, y.a), _mm_##op(x.b, y.b)}; }
#define HB_SHIFT(name, op)                                                                                             \
    template <int n>                                                                                                   \
    inline Lanes name(Lanes x) {                                                                                       \
        return {_mm_##op(x.a, n), _mm_##op(x.b, n)};                                                                   \
    }
inline Lanes exclusive_or(Lanes x, Lanes y) { return {_mm_xor_si128(x.a, y.a), _mm_xor_si128(x.b, y.b)}; }
inline Lanes all16(int x) { return pair(_mm_set1_epi16(static_cast<short>(x)), _mm_set1_epi16(static_cast<short>(x))); }
inline Lanes all32(int x) { return pair(_mm_set1_epi32(x), _mm_set1_epi32(x)); }

#endif

HB_BINARY(add16, add_epi16)
HB_BINARY(sub16, sub_epi16)
HB_BINARY(add32, add_epi32)
HB_BINARY(sub32, sub_epi32)
HB_BINARY(multiply16, mullo_epi16)
HB_BINARY(high_product, mulhi_epi16)
HB_BINARY(high_product_unsigned, mulhi_epu16)
// x[2i] y[2i] + x[2i+1] y[2i+1], 32 bits
HB_BINARY(pair_products, madd_epi16)
HB_BINARY(low16, unpacklo_epi16)
HB_BINARY(high16, unpackhi_epi16)
HB_BINARY(low32, unpacklo_epi32)
HB_BINARY(high32, unpackhi_epi32)
HB_BINARY(low64, unpacklo_epi64)
HB_BINARY(high64, unpackhi_epi64)
HB_BINARY(narrow32, packs_epi32)
HB_BINARY(narrow_to_bytes, packus_epi16)
HB_BINARY(smaller16, min_epi16)
HB_BINARY(larger16, max_epi16)
HB_SHIFT(right16, srai_epi16)
HB_SHIFT(left16, slli_epi16)
HB_SHIFT(right_unsigned16, srli_epi16)
HB_SHIFT(right32, srai_epi32)
HB_SHIFT(right_unsigned32, srli_epi32)
#undef HB_BINARY
#undef HB_SHIFT

// Pairs of 16-bit weights for pair_products.
inline Lanes weights(int even, int odd) {
    return all32(static_cast<int>(static_cast<uint32_t>(odd) << 16 | (static_cast<uint32_t>(even) & 0xffff)));
}
// Eight numbers of 16 bits from either address.
inline Lanes load(const int16_t* a, const int16_t* b) {
    return pair(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)),
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(b)));
}
inline Lanes load(const int16_t* a) { return load(a, a + 8); }
inline void store(int16_t* a, int16_t* b, Lanes x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(a), lower(x));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(b), upper(x));
}
inline void store(int16_t* a, Lanes x) { store(a, a + 8, x); }

// Eight numbers, in one register or two.
typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));

template <class V, class T>
[[gnu::always_inline]] inline V load_vector(const T* p) {
    V x;
    std::memcpy(&x, p, sizeof x);
    return x;
}
template <class V, class T>
[[gnu::always_inline]] inline void store_vector(T* p, V x) {
    std::memcpy(p, &x, sizeof x);
}
// Whether any of eight comparisons held.
[[gnu::always_inline]] inline bool any(Ints mask) {
#if defined(__AVX2__)
    return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#else
    int32_t lanes[8], all = 0;
    std::memcpy(lanes, &mask, sizeof mask);
    for (int32_t lane : lanes) all |= lane;
    return all != 0;
#endif
}

}  // namespace hb::image::HB_IMAGE_TIER
