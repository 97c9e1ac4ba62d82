// The product of matrices under everything in this folder: C (+)= A B with A and B in bf16 and C in f32, block by block
// of 32 x 32 of C. The same interface, and the same order of operands in memory, for two sets of instructions:
//
//   AMX (TDPBF16PS)              eight registers of 16 rows of 64 bytes, called tiles. A block of C is four of them,
//   two
//                                more hold 16 rows of A each, 32 elements of k long, and two hold 16 columns of B each.
//   AVX512-BF16 (VDPBF16PS)      registers of 16 sums. Eight rows of a block are sixteen of them; a step of two
//   elements
//                                of k reads two vectors of B and broadcasts a pair of each row of A.
//
//   A  a row's elements of k are contiguous in pieces of 32, a step; step s of row r begins at a + r * stride + at[s].
//      Rows are equally far apart, that is all. Steps jump as they like: a step is a piece of a kernel's tap.
//   B  in pairs of k, [step][half of 16 columns][16 pairs][16 columns][2]: 1 KiB a half, and a step of B is a tile as
//   it
//      lies in memory. packing.h makes it.
//   C  [row half][column half][16][16] floats, 4 KiB.
//
// What a step costs with AMX: four TDPBF16PS of 16 cycles each, 2 x 32 x 32 x 32 flops in 64 cycles. It loads two tiles
// of A and two of B, 4 KiB: 64 bytes a cycle, of the 128 that the first-level cache gives; a block of 16 x 16 would
// want 128 of them, one of 16 x 32 96. There is no larger block: eight tiles are four of C, two of A and two of B. So
// one of A and B must come from the first-level cache and the other may come from the second (it gives 64 bytes at
// best, about 48 in practice): 32 bytes a cycle. B is what stays: kStepsMost steps of a panel of 32 columns are 36 KiB
// of its 48 KiB, read again for each block of rows, while A streams by from a strip in the second-level cache (2 MiB a
// core). A sum over more steps is made in pieces: C is kept in f32 between them, which moves 8 KiB in 18 x 64 cycles, 7
// bytes a cycle more. 18 steps and not 16, so that 3x3 kernels of 64 channels (576 elements) are one piece and C of
// most layers stays in registers until it is rounded.
//
// The last columns and rows of a product are not whole blocks: B is padded with zeros, A is read further than its rows
// go (whoever calls sees to it that there is memory; what is computed from it is not used). So all tiles always have
// the same size, and one constant configuration serves everything.
#pragma once

#include <cstdint>

#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/vec.h"
#include "core/bf16.h"
#if defined(HB_AVX512_VIA_SIMDE)
#include "backend/cpu/paired/emulated.h"
#endif

namespace hb::cpu::HB_TIER {

inline constexpr int64_t kSide = 16;             // rows or columns of a tile of C
inline constexpr int64_t kStep = 32;             // elements of k of a step
inline constexpr int64_t kTile = kSide * kStep;  // elements of a tile of A or B
inline constexpr int64_t kBlockSide = 2 * kSide;
inline constexpr int64_t kBlock = kBlockSide * kBlockSide;  // elements of a block of C
inline constexpr int64_t kQuarter = kSide * kSide;
// Steps of a panel of B that are used as long as the first-level cache holds them.
inline constexpr int64_t kStepsMost = 18;

#if defined(HB_TIER_AMX)

inline constexpr const char* kInstructions = "amx";

// What LDTILECFG reads.
struct alignas(64) TileShapes {
    uint8_t palette = 1, first_row = 0, reserved[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileShapes) == 64);
// In memory from the start: the intrinsic tells the compiler of its first bytes only.
inline constexpr TileShapes kTileShapes;

// Around everything that multiplies, in the function that does. Tiles are a thread's own, and so is their
// configuration; while it is loaded, the system saves 8 KiB more of every switch between threads.
class Tiles {
  public:
    [[gnu::always_inline]] Tiles() { _tile_loadconfig(&kTileShapes); }
    [[gnu::always_inline]] ~Tiles() { _tile_release(); }
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;
};

// C (+)= A B for one block, or the half or quarter of it that has one tile of rows or columns. `upper` and `lower` are
// rows 0 and 16 of A; stride is in bytes, `at` in elements.
template <bool kTwoRows, bool kTwoColumns>
[[gnu::always_inline]] inline void multiply_block(const Bf16* upper, const Bf16* lower, int64_t stride,
                                                  const int64_t* at, int64_t steps, const Bf16* b, bool accumulate,
                                                  float* c) {
    // Loads of tiles do not tell the compiler that they read memory.
    asm volatile("" ::: "memory");
    if (accumulate) {
        _tile_loadd(0, c, 64);
        if constexpr (kTwoColumns) _tile_loadd(1, c + kQuarter, 64);
        if constexpr (kTwoRows) _tile_loadd(2, c + 2 * kQuarter, 64);
        if constexpr (kTwoRows && kTwoColumns) _tile_loadd(3, c + 3 * kQuarter, 64);
    } else {
        _tile_zero(0);
        if constexpr (kTwoColumns) _tile_zero(1);
        if constexpr (kTwoRows) _tile_zero(2);
        if constexpr (kTwoRows && kTwoColumns) _tile_zero(3);
    }
    for (int64_t s = 0; s < steps; s++, b += kTwoColumns ? 2 * kTile : kTile) {
        _tile_loadd(4, upper + at[s], stride);
        _tile_loadd(6, b, 64);
        _tile_dpbf16ps(0, 4, 6);
        if constexpr (kTwoColumns) {
            _tile_loadd(7, b + kTile, 64);
            _tile_dpbf16ps(1, 4, 7);
        }
        if constexpr (kTwoRows) {
            _tile_loadd(5, lower + at[s], stride);
            _tile_dpbf16ps(2, 5, 6);
            if constexpr (kTwoColumns) _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, c, 64);
    if constexpr (kTwoColumns) _tile_stored(1, c + kQuarter, 64);
    if constexpr (kTwoRows) _tile_stored(2, c + 2 * kQuarter, 64);
    if constexpr (kTwoRows && kTwoColumns) _tile_stored(3, c + 3 * kQuarter, 64);
}

#else

inline constexpr const char* kInstructions = "avx512_bf16";

class Tiles {
  public:
    Tiles() {}
    ~Tiles() {}
};

// sum + a0 b0 + a1 b1 for the pairs in each lane.
[[gnu::always_inline]] inline F32 add_pairs(F32 sum, I32 a, I32 b) {
#if defined(HB_AVX512_VIA_SIMDE)
    return emulated::dpbf16_ps(sum.v, a.v, b.v);
#else
    return _mm512_dpbf16_ps(sum.v, (__m512bh)a.v, (__m512bh)b.v);
#endif
}

template <int kRows, int kHalves>
[[gnu::always_inline]] inline void multiply_few_rows(const char* a, int64_t stride, const int64_t* at, int64_t steps,
                                                     const Bf16* b, bool accumulate, float* c) {
    F32 sum[kRows][kHalves];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; r++)
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; h++) sum[r][h] = accumulate ? load(c + h * kQuarter + r * kSide) : zero();
    for (int64_t s = 0; s < steps; s++, b += kHalves * kTile) {
        const char* row = a + at[s] * 2;
        for (int64_t p = 0; p < kSide; p++, row += 4) {
            I32 column[kHalves];
#pragma GCC unroll 2
            for (int h = 0; h < kHalves; h++)
                column[h] = load(reinterpret_cast<const int32_t*>(b + h * kTile + p * kStep));
#pragma GCC unroll 16
            for (int r = 0; r < kRows; r++) {
                int32_t pair;
                __builtin_memcpy(&pair, row + r * stride, sizeof(pair));
                const I32 x = pair;
#pragma GCC unroll 2
                for (int h = 0; h < kHalves; h++) sum[r][h] = add_pairs(sum[r][h], x, column[h]);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; r++)
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; h++) store(c + h * kQuarter + r * kSide, sum[r][h]);
}

// As above.
template <bool kTwoRows, bool kTwoColumns>
[[gnu::always_inline]] inline void multiply_block(const Bf16* upper, const Bf16* lower, int64_t stride,
                                                  const int64_t* at, int64_t steps, const Bf16* b, bool accumulate,
                                                  float* c) {
    // Sixteen sums either way.
    constexpr int kHalves = kTwoColumns ? 2 : 1, kRows = 16 / kHalves;
    for (int64_t r = 0; r < (kTwoRows ? kBlockSide : kSide); r += kRows) {
        const char* a = reinterpret_cast<const char*>(r < kSide ? upper : lower) + r % kSide * stride;
        multiply_few_rows<kRows, kHalves>(a, stride, at, steps, b, accumulate,
                                          c + r / kSide * 2 * kQuarter + r % kSide * kSide);
    }
}

#endif

// By the sizes of the block.
[[gnu::always_inline]] inline void multiply_block(bool two_rows, bool two_columns, const Bf16* upper, const Bf16* lower,
                                                  int64_t stride, const int64_t* at, int64_t steps, const Bf16* b,
                                                  bool accumulate, float* c) {
    if (two_rows && two_columns)
        multiply_block<true, true>(upper, lower, stride, at, steps, b, accumulate, c);
    else if (two_rows)
        multiply_block<true, false>(upper, lower, stride, at, steps, b, accumulate, c);
    else if (two_columns)
        multiply_block<false, true>(upper, lower, stride, at, steps, b, accumulate, c);
    else
        multiply_block<false, false>(upper, lower, stride, at, steps, b, accumulate, c);
}

// ---- rows times panels

// Up to 32 rows of A. `to` is the first one's number, for whoever stores the result.
struct RowBlock {
    const Bf16* a;
    int64_t to;
    int64_t rows;
};

// Rows of A and a packed B of `columns` columns, in panels of 32.
struct RowsAndPanels {
    const RowBlock* blocks;
    int64_t count;
    int64_t stride;     // of A's rows, in elements
    const int64_t* at;  // where each step of a row lies
    int64_t steps;
    const Bf16* packed;
    int64_t columns;

    static int64_t panels(int64_t columns) { return (columns + kBlockSide - 1) / kBlockSide; }
    static int64_t halves(int64_t columns) { return (columns + kSide - 1) / kSide; }
    // Elements of a packed B, and where the steps of a panel begin: every panel but the last has two halves.
    static int64_t packed_size(int64_t columns, int64_t steps) { return halves(columns) * steps * kTile; }
    static int64_t panel_begin(int64_t panel, int64_t steps) { return panel * steps * 2 * kTile; }
    // Floats that multiply_panels needs for sums that are made in pieces.
    static int64_t partial_size(int64_t blocks, int64_t steps) { return (steps > kStepsMost ? blocks : 1) * kBlock; }
};

// Panels [first, last): finish(block, column, columns, c) takes each block of results.
template <class Finish>
[[gnu::always_inline]] inline void multiply_panels(const RowsAndPanels& p, int64_t first, int64_t last, float* partial,
                                                   Finish&& finish) {
    const int64_t pieces = (p.steps + kStepsMost - 1) / kStepsMost;
    for (int64_t panel = first; panel < last; panel++) {
        const int64_t column = panel * kBlockSide, columns = p.columns - column;
        const bool two_columns = columns > kSide;
        const Bf16* b = p.packed + RowsAndPanels::panel_begin(panel, p.steps);
        for (int64_t piece = 0; piece < pieces; piece++) {
            const int64_t begin = p.steps * piece / pieces, end = p.steps * (piece + 1) / pieces;
            for (int64_t i = 0; i < p.count; i++) {
                const RowBlock& block = p.blocks[i];
                float* c = partial + (pieces > 1 ? i * kBlock : 0);
                multiply_block(block.rows > kSide, two_columns, block.a, block.a + kSide * p.stride, p.stride * 2,
                               p.at + begin, end - begin, b + begin * (two_columns ? 2 * kTile : kTile), piece > 0, c);
                if (piece + 1 == pieces) finish(block, column, columns < kBlockSide ? columns : kBlockSide, c);
            }
        }
    }
}

// ---- results

// Rounded to nearest, ties to even, as VCVTNEPS2BF16 does it: denormals become zero.
inline void store_rounded(Bf16* p, F32 x, Mask m) {
#if defined(HB_AVX512_VIA_SIMDE)
    const __m256i words = emulated::cvtneps_pbh(x.v);
#else
    const __m256i words = (__m256i)_mm512_cvtneps_pbh(x.v);
#endif
    _mm256_mask_storeu_epi16(p, m.m, words);
}

// The results of rows to bf16: row r goes to result + to[r] + column, unless to[r] is negative.
struct StoreRows {
    Bf16* result;
    const int64_t* to;
    const float* bias;  // may be null

    [[gnu::always_inline]] void operator()(const RowBlock& block, int64_t column, int64_t columns,
                                           const float* c) const {
        const Mask left = first(static_cast<int>(columns < kSide ? columns : kSide));
        const Mask right = first(static_cast<int>(columns < kSide ? 0 : columns - kSide));
        const F32 left_bias = bias ? load(bias + column, left) : zero();
        const F32 right_bias = bias && columns > kSide ? load(bias + column + kSide, right) : zero();
        for (int64_t r = 0; r < block.rows; r++) {
            const int64_t at = to[block.to + r];
            if (at < 0) continue;
            const float* from = c + r / kSide * 2 * kQuarter + r % kSide * kSide;
            Bf16* out = result + at + column;
            store_rounded(out, load(from) + left_bias, left);
            if (columns > kSide) store_rounded(out + kSide, load(from + kQuarter) + right_bias, right);
        }
    }
};

}  // namespace hb::cpu::HB_TIER
