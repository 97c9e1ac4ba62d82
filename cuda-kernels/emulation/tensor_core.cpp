#include "emulation/tensor_core.h"

#include <cstring>

#include "emulation/checker.h"
#include "emulation/scheduler.h"

namespace hb::emulation {

namespace {

// Products of the operands are exact in f32, so that a fused multiply-add gives the same bits as two operations do.
#if defined(__SANITIZE_ADDRESS__)
#define HB_CLONES
#else
#define HB_CLONES __attribute__((target_clones("arch=haswell", "default")))
#endif

using Row = float __attribute__((vector_size(32)));
using Words = uint32_t __attribute__((vector_size(32)));

struct MmaOperands {
    float* d;
    const uint32_t *a, *b;
};

// What the warp's registers hold, as matrices: d is 16 x 8; a and b have 16 x words and words x 8, of 32 bits.
template <int words>
struct Matrices {
    alignas(32) float d[16][8];
    alignas(32) uint32_t a[16][words];
    alignas(32) uint32_t b[words][8];
};

// The fragments of tf32 and of pairs of bf16 are laid out alike, with words of 32 bits for elements.
template <int words>
inline void gather(const Warp& warp, Matrices<words>& m) {
    for (int lane = 0; lane < 32; lane++) {
        const auto& of_lane = *static_cast<const MmaOperands*>(warp.operands[lane]);
        int group = lane >> 2, in_group = lane & 3;
        std::memcpy(&m.d[group][2 * in_group], of_lane.d, 8);
        std::memcpy(&m.d[group + 8][2 * in_group], of_lane.d + 2, 8);
        m.a[group][in_group] = of_lane.a[0];
        m.a[group + 8][in_group] = of_lane.a[1];
        m.a[group][in_group + 4] = of_lane.a[2];
        m.a[group + 8][in_group + 4] = of_lane.a[3];
        m.b[in_group][group] = of_lane.b[0];
        m.b[in_group + 4][group] = of_lane.b[1];
    }
}

template <int words>
inline void scatter(const Warp& warp, const Matrices<words>& m) {
    for (int lane = 0; lane < 32; lane++) {
        float* d = static_cast<const MmaOperands*>(warp.operands[lane])->d;
        int group = lane >> 2, in_group = lane & 3;
        std::memcpy(d, &m.d[group][2 * in_group], 8);
        std::memcpy(d + 2, &m.d[group + 8][2 * in_group], 8);
    }
}

inline float as_float(uint32_t bits) { return __builtin_bit_cast(float, bits); }

HB_CLONES void multiply_bf16(Matrices<8>& m) {
    for (int row = 0; row < 16; row++) {
        Row sum;
        std::memcpy(&sum, m.d[row], 32);
        for (int pair = 0; pair < 8; pair++) {
            Words b;
            std::memcpy(&b, m.b[pair], 32);
            uint32_t a = m.a[row][pair];
            sum += as_float(a << 16) * __builtin_bit_cast(Row, b << 16);
            sum += as_float(a & 0xffff0000u) * __builtin_bit_cast(Row, b & 0xffff0000u);
        }
        std::memcpy(m.d[row], &sum, 32);
    }
}

HB_CLONES void multiply_tf32(Matrices<8>& m) {
    constexpr uint32_t kKept = 0xffffe000u;
    for (int row = 0; row < 16; row++) {
        Row sum;
        std::memcpy(&sum, m.d[row], 32);
        for (int k = 0; k < 8; k++) {
            Words b;
            std::memcpy(&b, m.b[k], 32);
            sum += as_float(m.a[row][k] & kKept) * __builtin_bit_cast(Row, b & kKept);
        }
        std::memcpy(m.d[row], &sum, 32);
    }
}

template <void (*multiply)(Matrices<8>&)>
void finish_mma(Warp& warp, uint32_t participants) {
    if (participants != ~0u) return;  // reported where it was called; the sums stay as they are
    Matrices<8> m;
    gather(warp, m);
    multiply(m);
    scatter(warp, m);
}

void meet_for_mma(float* d, const uint32_t* a, const uint32_t* b, Finish finish, const void* site) {
    checker::whole_warp(site);
    MmaOperands operands{d, a, b};
    own_warp().operands[running.thread->lane] = &operands;
    meet(~0u, finish, site, "an mma");
}

struct LoadOperands {
    uint32_t* registers;
    const char* row;
    const void* site;
    uint32_t count;
    bool transposed;
};

void finish_load(Warp& warp, uint32_t participants) {
    if (participants != ~0u) return;
    const auto& first = *static_cast<const LoadOperands*>(warp.operands[0]);
    uint16_t rows[32][8];
    for (uint32_t lane = 0; lane < first.count * 8; lane++) {
        const auto& of_lane = *static_cast<const LoadOperands*>(warp.operands[lane]);
        checker::matrix_row_read(warp, lane, of_lane.row, of_lane.site);
        std::memcpy(rows[lane], of_lane.row, 16);
    }
    for (uint32_t lane = 0; lane < 32; lane++) {
        const auto& of_lane = *static_cast<const LoadOperands*>(warp.operands[lane]);
        uint32_t row = lane >> 2, pair = 2 * (lane & 3);
        for (uint32_t i = 0; i < first.count; i++) {
            uint32_t low = first.transposed ? rows[8 * i + pair][row] : rows[8 * i + row][pair];
            uint32_t high = first.transposed ? rows[8 * i + pair + 1][row] : rows[8 * i + row][pair + 1];
            of_lane.registers[i] = low | high << 16;
        }
    }
}

}  // namespace

void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    meet_for_mma(d, a, b, finish_mma<multiply_bf16>, __builtin_return_address(0));
}

void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    meet_for_mma(d, a, b, finish_mma<multiply_tf32>, __builtin_return_address(0));
}

void load_matrices(uint32_t* registers, uint32_t count, const void* row, bool transposed) {
    const void* site = __builtin_return_address(0);
    checker::whole_warp(site);
    LoadOperands operands{registers, static_cast<const char*>(row), site, count, transposed};
    own_warp().operands[running.thread->lane] = &operands;
    meet(~0u, finish_load, site, "an ldmatrix");
}

}  // namespace hb::emulation
