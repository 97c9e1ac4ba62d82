// The AVX-512 intrinsics of this folder that SIMDe 0.7 lacks, lane by lane. Only for running the AVX-512 tier on a CPU
// without it, in tests.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace hb::cpu::emulated {

struct Floats {
    float x[16];
};
struct Ints {
    int32_t x[16];
};
template <class To, class From>
To cast(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(&to, &from, sizeof(to));
    return to;
}
// Out of range and NaN give the "integer indefinite" of x86.
inline int32_t to_int(float x) { return x >= -0x1p31f && x < 0x1p31f ? static_cast<int32_t>(x) : INT32_MIN; }

inline __m512 cvtepi32_ps(__m512i a) {
    Ints i = cast<Ints>(a);
    Floats f;
    for (int l = 0; l < 16; l++) f.x[l] = static_cast<float>(i.x[l]);
    return cast<__m512>(f);
}
inline __m512i cvttps_epi32(__m512 a) {
    Floats f = cast<Floats>(a);
    Ints i;
    for (int l = 0; l < 16; l++) i.x[l] = to_int(f.x[l]);
    return cast<__m512i>(i);
}
inline __m512i cvtps_epi32(__m512 a) {
    Floats f = cast<Floats>(a);
    Ints i;
    for (int l = 0; l < 16; l++) i.x[l] = to_int(std::nearbyint(f.x[l]));
    return cast<__m512i>(i);
}
inline __m512i srai_epi32(__m512i a, unsigned n) {
    Ints i = cast<Ints>(a);
    for (int l = 0; l < 16; l++) i.x[l] >>= n;
    return cast<__m512i>(i);
}
inline __m512 shuffle_f32x4(__m512 a, __m512 b, int order) {
    Floats f = cast<Floats>(a), g = cast<Floats>(b), r;
    for (int q = 0; q < 4; q++) std::memcpy(r.x + 4 * q, (q < 2 ? f.x : g.x) + 4 * (order >> (2 * q) & 3), 16);
    return cast<__m512>(r);
}
inline __m512 maskz_loadu_ps(uint32_t mask, const void* p) {
    Floats f;
    for (int l = 0; l < 16; l++) f.x[l] = mask >> l & 1 ? static_cast<const float*>(p)[l] : 0.0f;
    return cast<__m512>(f);
}
inline void mask_storeu_ps(void* p, uint32_t mask, __m512 a) {
    Floats f = cast<Floats>(a);
    for (int l = 0; l < 16; l++)
        if (mask >> l & 1) static_cast<float*>(p)[l] = f.x[l];
}

inline void mask_storeu_epi32(void* p, uint32_t mask, __m512i a) {
    Ints i = cast<Ints>(a);
    for (int l = 0; l < 16; l++)
        if (mask >> l & 1) static_cast<int32_t*>(p)[l] = i.x[l];
}

struct Doubles {
    double x[8];
};
struct HalfFloats {
    float x[8];
};
struct Words {
    uint16_t x[16];
};
struct Bytes {
    uint8_t x[16];
};
inline __m512d cvtps_pd(__m256 a) {
    HalfFloats f = cast<HalfFloats>(a);
    Doubles d;
    for (int l = 0; l < 8; l++) d.x[l] = f.x[l];
    return cast<__m512d>(d);
}
inline __m256 cvtpd_ps(__m512d a) {
    Doubles d = cast<Doubles>(a);
    HalfFloats f;
    for (int l = 0; l < 8; l++) f.x[l] = static_cast<float>(d.x[l]);
    return cast<__m256>(f);
}
inline __m256 extractf32x8_ps(__m512 a, int half) {
    Floats f = cast<Floats>(a);
    HalfFloats r;
    std::memcpy(r.x, f.x + 8 * half, sizeof(r));
    return cast<__m256>(r);
}
inline __m128i cvtepi32_epi8(__m512i a) {
    Ints i = cast<Ints>(a);
    Bytes b;
    for (int l = 0; l < 16; l++) b.x[l] = static_cast<uint8_t>(i.x[l]);
    return cast<__m128i>(b);
}
inline __m512i cvtepu8_epi32(__m128i a) {
    Bytes b = cast<Bytes>(a);
    Ints i;
    for (int l = 0; l < 16; l++) i.x[l] = b.x[l];
    return cast<__m512i>(i);
}
inline __m256i cvtepi32_epi16(__m512i a) {
    Ints i = cast<Ints>(a);
    Words w;
    for (int l = 0; l < 16; l++) w.x[l] = static_cast<uint16_t>(i.x[l]);
    return cast<__m256i>(w);
}
inline __m512i cvtepu16_epi32(__m256i a) {
    Words w = cast<Words>(a);
    Ints i;
    for (int l = 0; l < 16; l++) i.x[l] = w.x[l];
    return cast<__m512i>(i);
}
inline __m256i maskz_loadu_epi16(uint32_t mask, const void* p) {
    Words w;
    for (int l = 0; l < 16; l++) w.x[l] = mask >> l & 1 ? static_cast<const uint16_t*>(p)[l] : uint16_t{0};
    return cast<__m256i>(w);
}
inline void mask_storeu_epi16(void* p, uint32_t mask, __m256i a) {
    Words w = cast<Words>(a);
    for (int l = 0; l < 16; l++)
        if (mask >> l & 1) static_cast<uint16_t*>(p)[l] = w.x[l];
}

}  // namespace hb::cpu::emulated

#define _mm512_cvtps_pd hb::cpu::emulated::cvtps_pd
#define _mm512_cvtpd_ps hb::cpu::emulated::cvtpd_ps
#define _mm512_extractf32x8_ps hb::cpu::emulated::extractf32x8_ps
#define _mm512_cvtepi32_epi8 hb::cpu::emulated::cvtepi32_epi8
#define _mm512_cvtepu8_epi32 hb::cpu::emulated::cvtepu8_epi32
#define _mm512_cvtepi32_epi16 hb::cpu::emulated::cvtepi32_epi16
#define _mm512_cvtepu16_epi32 hb::cpu::emulated::cvtepu16_epi32
#define _mm512_cvtepi32_ps hb::cpu::emulated::cvtepi32_ps
#define _mm512_cvttps_epi32 hb::cpu::emulated::cvttps_epi32
#define _mm512_cvtps_epi32 hb::cpu::emulated::cvtps_epi32
#define _mm512_srai_epi32 hb::cpu::emulated::srai_epi32
#define _mm512_shuffle_f32x4 hb::cpu::emulated::shuffle_f32x4
#define _mm512_maskz_loadu_ps hb::cpu::emulated::maskz_loadu_ps
#define _mm512_mask_storeu_ps hb::cpu::emulated::mask_storeu_ps
#define _mm512_mask_storeu_epi32 hb::cpu::emulated::mask_storeu_epi32
#define _mm256_maskz_loadu_epi16 hb::cpu::emulated::maskz_loadu_epi16
#define _mm256_mask_storeu_epi16 hb::cpu::emulated::mask_storeu_epi16
