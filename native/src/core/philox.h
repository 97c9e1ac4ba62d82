// Philox 4x32-10: the counter-based generator behind every random number of Hornbeam.
// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. See docs/randomness.md.
//
// A draw is a pure function of (seed, purpose, tensor, step, stream, element); nothing is remembered between draws, so
// any thread, tier or machine that asks for the same element gets the same bits.
#pragma once

#include <cstdint>

#include "core/normal.h"

namespace hb {

// What a stream of numbers is for; the top byte of the fourth counter word.
enum Purpose : uint32_t {
    kPurposeTest = 0,
    kPurposeInit = 1,         // initial weights
    kPurposeWeightNoise = 2,  // DAMP, DAAP
    kPurposeDropout = 3,
    kPurposeShuffle = 4,
    kPurposeAugment = 5,
    kPurposeLabelNoise = 6,
    kPurposeCorruption = 7,
    kPurposeInput = 8,  // perturbed inputs
    kPurposeData = 9,   // synthetic data, splits
};

struct PhiloxBlock {
    uint32_t word[4];
};

// Ten rounds on a counter, without the meaning given to it below.
HB_LANE PhiloxBlock philox4x32_10(PhiloxBlock c, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++) {
        uint64_t a = uint64_t{0xD2511F53u} * c.word[0], b = uint64_t{0xCD9E8D57u} * c.word[2];
        c = {{static_cast<uint32_t>(b >> 32) ^ c.word[1] ^ key0, static_cast<uint32_t>(b),
              static_cast<uint32_t>(a >> 32) ^ c.word[3] ^ key1, static_cast<uint32_t>(a)}};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}

// One stream of 2^34 elements.
struct PhiloxKey {
    uint64_t seed = 0;
    uint32_t tensor = 0;
    uint32_t step = 0;
    uint32_t purpose = kPurposeTest;  // its low 8 bits
    uint32_t stream = 0;              // its low 24 bits

    // The fourth counter word and the two key words.
    HB_LANE uint32_t role() const { return purpose << 24 | (stream & 0x00ffffffu); }
    HB_LANE uint32_t key0() const { return static_cast<uint32_t>(seed); }
    HB_LANE uint32_t key1() const { return static_cast<uint32_t>(seed >> 32); }

    // The words of elements 4 index .. 4 index + 3.
    HB_LANE PhiloxBlock block(uint32_t index) const {
        return philox4x32_10({{index, tensor, step, role()}}, key0(), key1());
    }

    HB_LANE uint32_t word(uint64_t element) const {
        return block(static_cast<uint32_t>(element >> 2)).word[element & 3];
    }

    // In [0, 1), a multiple of 2^-24.
    HB_LANE float uniform(uint64_t element) const { return unit_uniform<float, uint32_t>(word(element)); }

    // Words (0, 1) and (2, 3) of a block are the pairs of Box-Muller.
    HB_LANE float normal(uint64_t element) const {
        PhiloxBlock u = block(static_cast<uint32_t>(element >> 2));
        uint32_t pair = element & 2;
        float n0, n1;
        box_muller<float, uint32_t>(u.word[pair], u.word[pair + 1], n0, n1);
        return element & 1 ? n1 : n0;
    }

    // The normals of elements 4 index .. 4 index + 3.
    HB_LANE void normals(uint32_t index, float out[4]) const {
        PhiloxBlock u = block(index);
        box_muller<float, uint32_t>(u.word[0], u.word[1], out[0], out[1]);
        box_muller<float, uint32_t>(u.word[2], u.word[3], out[2], out[3]);
    }

    // In 0 .. bound - 1. The chances of two values differ by at most 2^-32.
    HB_LANE uint32_t below(uint64_t element, uint32_t bound) const {
        return static_cast<uint32_t>(uint64_t{word(element)} * bound >> 32);
    }
};

}  // namespace hb
