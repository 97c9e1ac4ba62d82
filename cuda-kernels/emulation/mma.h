// The emulated halves of kernels/mma.cuh.
#pragma once

#include <cstdint>
#include <cstring>

namespace hb::cuda {

// Called by all lanes of a warp; the last one multiplies for all.
HB_EMULATION_NOSAN inline void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    ::hb::emulation::mma_m16n8k16_bf16(d, a, b);
}

namespace emulated {
struct TfOperands {
    uint32_t a[4], b[2];
    float d[4];
};
HB_EMULATION_NOSAN inline void multiply_tf32(char (*slots)[128]) {
    float a[16][8], b[8][8];
    auto value = [](uint32_t bits) {
        bits &= 0xffffe000u;
        float f;
        std::memcpy(&f, &bits, 4);
        return f;
    };
    for (int l = 0; l < 32; l++) {
        TfOperands in;
        std::memcpy(&in, slots[l], sizeof in);
        int g = l >> 2, t = l & 3;
        for (int i = 0; i < 4; i++) a[g + 8 * (i & 1)][t + 4 * (i >> 1)] = value(in.a[i]);
        for (int i = 0; i < 2; i++) b[t + 4 * i][g] = value(in.b[i]);
    }
    for (int l = 0; l < 32; l++) {
        TfOperands in;
        std::memcpy(&in, slots[l], sizeof in);
        int g = l >> 2, t = l & 3;
        for (int i = 0; i < 4; i++) {
            double sum = 0;
            for (int k = 0; k < 8; k++) sum += double(a[g + 8 * (i >> 1)][k]) * b[k][2 * t + (i & 1)];
            in.d[i] += float(sum);
        }
        std::memcpy(slots[l], &in, sizeof in);
    }
}
struct RowAddress {
    const void* row;
};
template <int matrices, bool transposed>
HB_EMULATION_NOSAN inline void load_matrices(uint32_t* r, const void* row) {
    RowAddress in{row};
    unsigned part;
    const char* slots = ::hb::emulation::coll(0xffffffffu, __builtin_return_address(0), &in, sizeof in, &part);
    int lane = int(::hb::emulation::g.self->lane), g = lane >> 2, t = lane & 3;
    for (int m = 0; m < matrices; m++) {
        uint16_t pair[2];
        for (int i = 0; i < 2; i++) {
            int y = transposed ? 2 * t + i : g, x = transposed ? g : 2 * t + i;
            RowAddress from;
            std::memcpy(&from, slots + 128 * (8 * m + y), sizeof from);
            std::memcpy(&pair[i], static_cast<const char*>(from.row) + 2 * x, 2);
        }
        std::memcpy(&r[m], pair, 4);
    }
    ::hb::emulation::coll_done();
}
}  // namespace emulated

HB_EMULATION_NOSAN inline void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    emulated::TfOperands in;
    std::memcpy(in.a, a, 16);
    std::memcpy(in.b, b, 8);
    std::memcpy(in.d, d, 16);
    unsigned part;
    const char* slots = ::hb::emulation::coll(0xffffffffu, __builtin_return_address(0), &in, sizeof in, &part, true,
                                              emulated::multiply_tf32);
    std::memcpy(&in, slots + 128 * ::hb::emulation::g.self->lane, sizeof in);
    std::memcpy(d, in.d, 16);
    ::hb::emulation::coll_done();
}
HB_EMULATION_NOSAN inline void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
    emulated::load_matrices<4, false>(r, row);
}
HB_EMULATION_NOSAN inline void ldmatrix_x2(uint32_t (&r)[2], const void* row) {
    emulated::load_matrices<2, false>(r, row);
}
HB_EMULATION_NOSAN inline void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row) {
    emulated::load_matrices<4, true>(r, row);
}
HB_EMULATION_NOSAN inline void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row) {
    emulated::load_matrices<2, true>(r, row);
}
template <int bytes>
inline void cp_async(void* shared, const void* global, int valid = bytes) {
    std::memcpy(shared, global, size_t(valid));
    std::memset(static_cast<char*>(shared) + valid, 0, size_t(bytes - valid));
}
inline void cp_async_commit() {}
template <int pending>
inline void cp_async_wait() {}

}  // namespace hb::cuda
