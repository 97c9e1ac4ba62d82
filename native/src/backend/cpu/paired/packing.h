// Operands for blocks.h: weights rounded to bf16, panels of B in pairs of k, and pixels turned so that k runs over
// them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "backend/backend.h"
#include "backend/cpu/paired/blocks.h"
#include "core/parallel.h"
#include "core/scratch.h"

// Noise is drawn as everywhere in the tier (simd/random.cpp).
namespace hb::cpu::avx512 {
void perturb(const hb_noise& noise, int64_t run, int64_t first_element, int64_t count, const float* w, float* out);
void multiply_slope(const hb_noise& noise, int64_t run, int64_t first_element, int64_t count, float* g);
}  // namespace hb::cpu::avx512

namespace hb::cpu::HB_TIER {

inline int64_t pieces_of(int64_t size, int64_t most) { return (size + most - 1) / most; }
inline int64_t rounded_up(int64_t size, int64_t unit) { return pieces_of(size, unit) * unit; }
// Elements of bf16, rounded up to an odd number of cache lines: rows with such a stride fall into different sets of the
// cache, where a power of two would put them into a few.
inline int64_t odd_lines(int64_t elements) { return (pieces_of(elements, kStep) | 1) * kStep; }

// 32 elements of bf16 of which those with a bit in the mask are read; the others are zero.
inline F32 load_words(const Bf16* p, uint32_t mask) {
#if defined(HB_AVX512_VIA_SIMDE)
    return _mm512_castsi512_ps(emulated::maskz_loadu_epi16_512(mask, p));
#else
    return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(mask, p));
#endif
}
// The first n of 32, n from 0 on.
inline uint32_t first_words(int64_t n) { return n >= 32 ? ~0u : (1u << n) - 1; }
inline void store_words(Bf16* p, F32 x) { _mm512_storeu_ps(p, x.v); }
inline void store_words(Bf16* p, F32 x, uint32_t mask) {
#if defined(HB_AVX512_VIA_SIMDE)
    emulated::mask_storeu_epi16_512(p, mask, _mm512_castps_si512(x.v));
#else
    _mm512_mask_storeu_epi16(p, mask, _mm512_castps_si512(x.v));
#endif
}

inline void copy_words(const Bf16* from, int64_t count, Bf16* to) {
    int64_t i = 0;
    for (; i + 32 <= count; i += 32) store_words(to + i, load_words(from + i, ~0u));
    if (i < count) store_words(to + i, load_words(from + i, first_words(count - i)), first_words(count - i));
}
inline void clear_words(Bf16* to, int64_t count) { std::memset(to, 0, static_cast<size_t>(count) * sizeof(Bf16)); }

// Weights [first, first + count) as noise run `run` sees them, rounded to nearest, ties to even: as the rest of the
// engine rounds, denormals and all.
inline void round_weights(const float* weights, const Noise& noise, int64_t run, int64_t first, int64_t count,
                          Bf16* out) {
    constexpr int64_t kAtOnce = 2048;  // stays in the first-level cache
    const bool noisy = has_noise(noise);
    const Scratch<float> perturbed(noisy ? std::min(kAtOnce, count) : 0);
    for (int64_t i = 0; i < count; i += kAtOnce) {
        const int64_t n = std::min(kAtOnce, count - i);
        const float* from = weights + first + i;
        if (noisy) {
            avx512::perturb(noise, run, first + i, n, from, perturbed.data());
            from = perturbed.data();
        }
        lanes(n, [&](int64_t j, auto mask) { store(out + i + j, load(from + j, mask), mask); });
    }
}

// One step of a panel from B given by columns: B(k, j) = columns[j * stride + k] for k from `begin` to `end` and j <
// count, at most 32; else 0.
inline void pack_columns(const Bf16* columns, int64_t stride, int64_t count, int64_t begin, int64_t end, Bf16* out) {
    const uint32_t mask = first_words(end) & ~first_words(begin);
    for (int64_t first = 0; first < count; first += kSide, out += kTile) {
        F32 pairs[kSide];  // of a column
#pragma GCC unroll 16
        for (int64_t j = 0; j < kSide; j++)
            pairs[j] = first + j < count ? load_words(columns + (first + j) * stride, mask) : zero();
        transpose(pairs);
#pragma GCC unroll 16
        for (int64_t p = 0; p < kSide; p++) store_words(out + p * kStep, pairs[p]);
    }
}

// One step of a panel from B given by rows: B(k, j) = rows[k][column + j] for j < count, at most 32; a null row is
// zeros.
inline void pack_rows(const Bf16* const* rows, int64_t column, int64_t count, Bf16* out) {
    for (int64_t first_column = 0; first_column < count; first_column += kSide, out += kTile) {
        const Mask mask = first(static_cast<int>(std::min<int64_t>(count - first_column, kSide)));
        const int64_t at = column + first_column;
        for (int64_t p = 0; p < kSide; p++) {
            // A loaded bf16 stands in the upper half of its lane.
            const I32 even = rows[2 * p] ? bits(load(rows[2 * p] + at, mask)) : I32(0);
            const I32 odd = rows[2 * p + 1] ? bits(load(rows[2 * p + 1] + at, mask)) : I32(0);
            store_words(out + p * kStep, from_bits(shift_right<16>(even) | odd));
        }
    }
}

// Turns 32 rows: out[c * stride + i] = rows[i][column + c] for c < count; a null row is zeros. Writes 32 elements for
// each of rounded_up(count, 16) values of c; those past the count are zeros.
inline void turn_rows(const Bf16* const* rows, int64_t column, int64_t count, Bf16* out, int64_t stride) {
    for (int64_t c = 0; c < count; c += kStep) {
        const uint32_t mask = first_words(count - c);
        F32 low[kSide], high[kSide];  // pairs of rows: of columns 0-3, 8-11, 16-19, 24-27, and of those between
#pragma GCC unroll 16
        for (int64_t i = 0; i < kSide; i++) {
            const Bf16 *even = rows[2 * i], *odd = rows[2 * i + 1];
            const __m512i a = bits(even ? load_words(even + column + c, mask) : zero()).v;
            const __m512i b = bits(odd ? load_words(odd + column + c, mask) : zero()).v;
            low[i] = from_bits(_mm512_unpacklo_epi16(a, b));
            high[i] = from_bits(_mm512_unpackhi_epi16(a, b));
        }
        transpose(low);
        transpose(high);
        const bool both_halves = count - c > kSide;
#pragma GCC unroll 16
        for (int64_t i = 0; i < kSide; i++) {
            const int64_t to = i / 4 * 8 + i % 4;
            if (to >= kSide && !both_halves) break;
            store_words(out + (c + to) * stride, low[i]);
            store_words(out + (c + to + 4) * stride, high[i]);
        }
    }
}

// Elements per task for passes over weights.
inline constexpr int64_t kWeightGrain = 32 * 1024;

}  // namespace hb::cpu::HB_TIER
