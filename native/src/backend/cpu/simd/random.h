// Random numbers many at a time: Philox for kLanes blocks at once, four numbers each. The bits are those of
// core/philox.h for any first element and count.
#pragma once

#include "backend/cpu/simd/abreast.h"
#include "backend/cpu/simd/vec.h"
#include "core/philox.h"
#include "core/weight_noise.h"

namespace hb::cpu::HB_TIER {

inline PhiloxKey key_of(const hb_stream& s) { return {s.seed, s.tensor, s.step, s.purpose, s.stream}; }

// What is common to all blocks of a stream. Only the first counter word differs between blocks, so of the first two
// rounds one product is a constant each.
struct PhiloxRounds {
    uint32_t second[4];           // constants of round 2
    uint32_t key0[10], key1[10];  // round keys

    explicit PhiloxRounds(const PhiloxKey& s) {
        key0[0] = s.key0();
        key1[0] = s.key1();
        for (int r = 1; r < 10; r++) {
            key0[r] = key0[r - 1] + 0x9E3779B9u;
            key1[r] = key1[r - 1] + 0xBB67AE85u;
        }
        uint64_t b = uint64_t{0xCD9E8D57u} * s.step;  // round 1
        uint64_t a = uint64_t{0xD2511F53u} * (static_cast<uint32_t>(b >> 32) ^ s.tensor ^ key0[0]);
        second[0] = s.role() ^ key1[0];
        second[1] = static_cast<uint32_t>(b) ^ key0[1];
        second[2] = static_cast<uint32_t>(a >> 32) ^ key1[1];
        second[3] = static_cast<uint32_t>(a);
    }
};

// The four words of the blocks whose numbers stand in the even 32-bit lanes of `index`. Odd lanes of the words are
// rubbish: they are never read by a multiplication, so nothing clears them.
template <class I>
[[gnu::always_inline]] inline void philox_even(const PhiloxRounds& s, I index, I w[4]) {
    auto number = [](uint32_t x) { return I(static_cast<int32_t>(x)); };
    const I m0 = number(0xD2511F53u), m1 = number(0xCD9E8D57u);
    I a = multiply_even(index, m0);
    I b = multiply_even(odd_to_even(a) ^ number(s.second[0]), m1);
    w[0] = odd_to_even(b) ^ number(s.second[1]);
    w[1] = b;
    w[2] = a ^ number(s.second[2]);
    w[3] = number(s.second[3]);
#pragma GCC unroll 8
    for (int r = 2; r < 10; r++) {
        a = multiply_even(w[0], m0);
        b = multiply_even(w[2], m1);
        w[0] = odd_to_even(b) ^ (w[1] ^ number(s.key0[r]));
        w[2] = odd_to_even(a) ^ (w[3] ^ number(s.key1[r]));
        w[1] = b;
        w[3] = a;
    }
}

// The words of kSets * kLanes blocks from `block` on, one block a lane.
template <int kSets>
[[gnu::always_inline]] inline void philox_blocks(const PhiloxRounds& s, uint32_t block, I32 (&w)[kSets][4]) {
    I32s<2 * kSets> index, words[4];
    for (int i = 0; i < kSets; i++) {
        index.v[2 * i] = lane_numbers() + I32(static_cast<int32_t>(block + static_cast<uint32_t>(i * F32::kLanes)));
        index.v[2 * i + 1] = odd_to_even(index.v[2 * i]);
    }
    philox_even(s, index, words);
    for (int i = 0; i < kSets; i++)
        for (int k = 0; k < 4; k++) w[i][k] = merge_even(words[k].v[2 * i], words[k].v[2 * i + 1]);
}

// What the words of kLanes * kSets blocks become: normals or uniforms.
struct DrawNormals {
    static constexpr int kSets = 2;
    template <int kSets>
    [[gnu::always_inline]] static void make(const I32 (&w)[kSets][4], F32 (&z)[kSets][4]) {
        I32s<2 * kSets> u0, u1;
        F32s<2 * kSets> n0, n1;
        for (int s = 0; s < kSets; s++)
            for (int p = 0; p < 2; p++) {
                u0.v[2 * s + p] = w[s][2 * p];
                u1.v[2 * s + p] = w[s][2 * p + 1];
            }
        box_muller<F32s<2 * kSets>, I32s<2 * kSets>>(u0, u1, n0, n1);
        for (int s = 0; s < kSets; s++)
            for (int p = 0; p < 2; p++) {
                z[s][2 * p] = n0.v[2 * s + p];
                z[s][2 * p + 1] = n1.v[2 * s + p];
            }
    }
};
struct DrawUniforms {
    static constexpr int kSets = 1;
    template <int kSets>
    [[gnu::always_inline]] static void make(const I32 (&w)[kSets][4], F32 (&z)[kSets][4]) {
        for (int s = 0; s < kSets; s++)
            for (int i = 0; i < 4; i++) z[s][i] = unit_uniform<F32, I32>(w[s][i]);
    }
};

// Numbers made at once, and room for them.
inline constexpr int kGroup = 4 * F32::kLanes;
struct GroupBuffer {
    float value[kGroup];
};

// Calls sink(i, z, mask) with z = draws first_element + i .., for i from 0 to count.
template <class Draw, class Sink>
[[gnu::always_inline]] inline void draw(const PhiloxKey& key, int64_t first_element, int64_t count, Draw, Sink&& sink) {
    const PhiloxRounds rounds(key);
    uint32_t block = static_cast<uint32_t>(first_element >> 2);
    int64_t i = 0;
    auto part = [&](int skip) {  // what is wanted of one group, from its draw `skip` on
        I32 w[1][4];
        F32 z[1][4];
        GroupBuffer t;
        philox_blocks<1>(rounds, block, w);
        Draw::template make<1>(w, z);
        store_interleaved4(t.value, z[0][0], z[0][1], z[0][2], z[0][3]);
        int64_t n = count - i < kGroup - skip ? count - i : kGroup - skip;
        lanes(n, [&](int64_t j, auto m) { sink(i + j, load(t.value + skip + j, m), m); });
        block += F32::kLanes;
        i += n;
    };
    if (int skip = static_cast<int>(first_element & 3); skip != 0 && count > 0) part(skip);
    constexpr int kSets = Draw::kSets;
    for (; i + kSets * kGroup <= count; i += kSets * kGroup, block += kSets * F32::kLanes) {
        I32 w[kSets][4];
        F32 z[kSets][4];
        philox_blocks<kSets>(rounds, block, w);
        Draw::template make<kSets>(w, z);
#pragma GCC unroll 4
        for (int s = 0; s < kSets; s++) {
            interleave4(z[s][0], z[s][1], z[s][2], z[s][3]);
            for (int j = 0; j < 4; j++) sink(i + s * kGroup + j * F32::kLanes, z[s][j], All{});
        }
    }
    while (i < count) part(0);
}

// Draws first_element .. first_element + count - 1 of a stream.
void normals(const PhiloxKey& key, int64_t first_element, int64_t count, float* out);
void uniforms(const PhiloxKey& key, int64_t first_element, int64_t count, float* out);

// out[i] = weight first_element + i, whose value is w[i], as noise run `run` sees it. w and out may be the same.
void perturb(const hb_noise& noise, int64_t run, int64_t first_element, int64_t count, const float* w, float* out);

// What a run's weight gradient is multiplied by under HB_GRADIENT_CHAIN_RULE: g[i] *= 1 + sigma z.
void multiply_slope(const hb_noise& noise, int64_t run, int64_t first_element, int64_t count, float* g);

}  // namespace hb::cpu::HB_TIER
