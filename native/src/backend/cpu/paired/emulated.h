// AMX tiles and the bf16 instructions of AVX-512 in plain code, for tests on CPUs without them: the operations as
// Intel's manual (Software Developer's Manual, volume 2) writes them, down to the last bit. What the hardware would
// answer with an exception is counted and printed instead, and so is what it would let pass but no kernel may do: to
// load a configuration over one that was not released.
#pragma once

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "backend/cpu/simd/vec.h"

namespace hb::cpu::emulated {

inline std::atomic<int64_t> tile_faults{0};       // since the program began
inline std::atomic<int64_t> tiles_in_use{0};      // threads that hold a configuration
inline std::atomic<bool> tile_products{false};    // whether TDPBF16PS was run
inline std::atomic<bool> vector_products{false};  // whether VDPBF16PS was

// Written once, so that threads do not fight for it.
inline void note(std::atomic<bool>& done) {
    if (!done.load(std::memory_order_relaxed)) done = true;
}
inline void tile_fault(const char* instruction, const char* why) {
    if (tile_faults++ < 20) std::printf("tiles: %s: %s\n", instruction, why);
}

// As the instructions see denormals: zero as operands, zero as results. MXCSR has bits for just that.
class FlushDenormals {
  public:
    FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80 | 0x8000 | 0x0040); }
    ~FlushDenormals() { _mm_setcsr(saved_); }
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

  private:
    const unsigned saved_;
};

struct TileState {
    bool configured = false;
    int rows[8] = {}, bytes[8] = {};
    alignas(64) unsigned char data[8][16][64] = {};
};
inline thread_local TileState tile_state;

// The tile, where it may be used.
inline bool tile_ready(const char* instruction, int tile) {
    const TileState& s = tile_state;
    if (!s.configured) return tile_fault(instruction, "no configuration is loaded"), false;
    if (tile < 0 || tile > 7) return tile_fault(instruction, "no such tile"), false;
    if (s.rows[tile] == 0 || s.bytes[tile] == 0) return tile_fault(instruction, "the tile has no size"), false;
    return true;
}

inline void tile_loadconfig(const void* memory) {
    unsigned char b[64];
    std::memcpy(b, memory, sizeof(b));
    TileState& s = tile_state;
    if (s.configured)
        tile_fault("ldtilecfg", "the configuration before was not released");
    else
        tiles_in_use++;
    s = TileState();
    s.configured = true;
    if (b[0] != 1) return tile_fault("ldtilecfg", "the palette is not 1");
    for (int i = 1; i < 16; i++)
        if (b[i] != 0) return tile_fault("ldtilecfg", "bytes 1 to 15 are not zero");
    for (int i = 0; i < 16; i++) {
        const int bytes = b[16 + 2 * i] | b[17 + 2 * i] << 8, rows = b[48 + i];
        if (i >= 8) {
            if (bytes != 0 || rows != 0) tile_fault("ldtilecfg", "tiles 8 to 15 have a size");
            continue;
        }
        if (bytes > 64 || rows > 16) return tile_fault("ldtilecfg", "a tile has more than 16 rows or 64 bytes a row");
        if ((bytes == 0) != (rows == 0)) return tile_fault("ldtilecfg", "a tile has rows of no bytes, or no rows");
        s.bytes[i] = bytes;
        s.rows[i] = rows;
    }
}
inline void tile_release() {
    if (!tile_state.configured)
        tile_fault("tilerelease", "no configuration is loaded");
    else
        tiles_in_use--;
    tile_state = TileState();
}
inline void tile_zero(int tile) {
    if (tile_ready("tilezero", tile)) std::memset(tile_state.data[tile], 0, sizeof(tile_state.data[tile]));
}
inline void tile_loadd(int tile, const void* base, int64_t stride) {
    if (!tile_ready("tileloadd", tile)) return;
    TileState& s = tile_state;
    std::memset(s.data[tile], 0, sizeof(s.data[tile]));
    for (int r = 0; r < s.rows[tile]; r++)
        std::memcpy(s.data[tile][r], static_cast<const char*>(base) + r * stride, static_cast<size_t>(s.bytes[tile]));
}
inline void tile_stored(int tile, void* base, int64_t stride) {
    if (!tile_ready("tilestored", tile)) return;
    const TileState& s = tile_state;
    for (int r = 0; r < s.rows[tile]; r++)
        std::memcpy(static_cast<char*>(base) + r * stride, s.data[tile][r], static_cast<size_t>(s.bytes[tile]));
}

inline void tile_dpbf16ps(int to, int a, int b) {
    const char* name = "tdpbf16ps";
    if (!tile_ready(name, to) || !tile_ready(name, a) || !tile_ready(name, b)) return;
    TileState& s = tile_state;
    if (to == a || to == b || a == b) return tile_fault(name, "two operands are one tile");
    if (s.bytes[to] % 4 != 0 || s.bytes[a] % 4 != 0 || s.bytes[b] % 4 != 0)
        return tile_fault(name, "rows are not whole pairs");
    if (s.rows[to] != s.rows[a] || s.bytes[to] != s.bytes[b] || s.bytes[a] / 4 != s.rows[b])
        return tile_fault(name, "the sizes of the tiles do not fit each other");
    note(tile_products);
    const FlushDenormals flush;
    const int depth = s.bytes[a] / 4;
    alignas(64) float even[16][16], odd[16][16];  // of B, [pair][column]
    for (int k = 0; k < depth; k++)
        for (int n = 0; n < 16; n++) {
            uint32_t pair;
            std::memcpy(&pair, s.data[b][k] + 4 * n, 4);
            even[k][n] = std::bit_cast<float>(pair << 16);
            odd[k][n] = std::bit_cast<float>(pair & 0xffff0000u);
        }
    for (int m = 0; m < s.rows[to]; m++) {
        float first[16] = {}, second[16] = {}, c[16];
        for (int k = 0; k < depth; k++) {
            uint32_t pair;
            std::memcpy(&pair, s.data[a][m] + 4 * k, 4);
            const float x = std::bit_cast<float>(pair << 16), y = std::bit_cast<float>(pair & 0xffff0000u);
            for (int n = 0; n < 16; n++) {
                first[n] = __builtin_fmaf(x, even[k][n], first[n]);
                second[n] = __builtin_fmaf(y, odd[k][n], second[n]);
            }
        }
        std::memcpy(c, s.data[to][m], sizeof(c));
        for (int n = 0; n < 16; n++) c[n] = c[n] + (first[n] + second[n]);
        std::memcpy(s.data[to][m], c, static_cast<size_t>(s.bytes[to]));
    }
}

// VDPBF16PS: the odd elements of the pairs first.
inline __m512 dpbf16_ps(__m512 sum, __m512i a, __m512i b) {
    note(vector_products);
    const FlushDenormals flush;
    Floats f = cast<Floats>(sum);
    const Ints x = cast<Ints>(a), y = cast<Ints>(b);
    auto high = [](int32_t pair) { return std::bit_cast<float>(static_cast<uint32_t>(pair) & 0xffff0000u); };
    auto low = [](int32_t pair) { return std::bit_cast<float>(static_cast<uint32_t>(pair) << 16); };
    for (int l = 0; l < 16; l++) f.x[l] = __builtin_fmaf(high(x.x[l]), high(y.x[l]), f.x[l]);
    for (int l = 0; l < 16; l++) f.x[l] = __builtin_fmaf(low(x.x[l]), low(y.x[l]), f.x[l]);
    return cast<__m512>(f);
}
// VCVTNEPS2BF16.
inline __m256i cvtneps_pbh(__m512 a) {
    const Ints u = cast<Ints>(a);
    Words w;
    for (int l = 0; l < 16; l++) {
        const uint32_t x = static_cast<uint32_t>(u.x[l]), magnitude = x & 0x7fffffffu;
        if (magnitude < 0x00800000u)  // zero or denormal
            w.x[l] = static_cast<uint16_t>(x >> 16 & 0x8000u);
        else if (magnitude > 0x7f800000u)  // NaN
            w.x[l] = static_cast<uint16_t>(x >> 16 | 0x40u);
        else
            w.x[l] = static_cast<uint16_t>((x + 0x7fffu + (x >> 16 & 1)) >> 16);
    }
    return cast<__m256i>(w);
}

struct ManyWords {
    uint16_t x[32];
};
inline __m512i maskz_loadu_epi16_512(uint32_t mask, const void* p) {
    ManyWords w;
    for (int l = 0; l < 32; l++) w.x[l] = mask >> l & 1 ? static_cast<const uint16_t*>(p)[l] : uint16_t{0};
    return cast<__m512i>(w);
}
inline void mask_storeu_epi16_512(void* p, uint32_t mask, __m512i a) {
    const ManyWords w = cast<ManyWords>(a);
    for (int l = 0; l < 32; l++)
        if (mask >> l & 1) static_cast<uint16_t*>(p)[l] = w.x[l];
}

}  // namespace hb::cpu::emulated

// Some of these are macros of the compiler's.
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig hb::cpu::emulated::tile_loadconfig
#define _tile_release hb::cpu::emulated::tile_release
#define _tile_zero hb::cpu::emulated::tile_zero
#define _tile_loadd hb::cpu::emulated::tile_loadd
#define _tile_stored hb::cpu::emulated::tile_stored
#define _tile_dpbf16ps hb::cpu::emulated::tile_dpbf16ps
