// bf16: the upper half of an f32, as a type of storage. Nothing computes in it: it is widened where it is read and
// rounded where it is written.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace hb {

struct Bf16 {
    uint16_t bits;
};

inline float widen(Bf16 x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

// Nearest, ties to even; a NaN stays a NaN.
inline Bf16 round_to_bf16(float x) {
    const uint32_t u = std::bit_cast<uint32_t>(x);
    if (x != x) return {static_cast<uint16_t>(u >> 16 | 0x40)};
    return {static_cast<uint16_t>((u + 0x7fff + (u >> 16 & 1)) >> 16)};
}

// For kernels that are templates over the type of storage, float or Bf16.
inline float widen(float x) { return x; }
template <class T>
T rounded_to(float x) {
    if constexpr (std::is_same_v<T, float>)
        return x;
    else
        return round_to_bf16(x);
}

}  // namespace hb
