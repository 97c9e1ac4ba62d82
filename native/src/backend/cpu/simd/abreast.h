// Several vectors that go through the same operations side by side. A polynomial or a random number is one long chain
// of dependent operations: a single one leaves most of the machine idle, and a scheduler of 64 to 128 entries does not
// see far enough ahead to find the next.
#pragma once

#include <type_traits>

#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/vec.h"

namespace hb::cpu::HB_TIER {

template <class V, int kWide>
struct Abreast {
    V v[kWide];
    Abreast() = default;
    template <class Scalar>
    [[gnu::always_inline]] explicit Abreast(Scalar x) {
        for (int i = 0; i < kWide; i++) v[i] = V(x);
    }
};
template <int kWide>
using F32s = Abreast<F32, kWide>;
template <int kWide>
using I32s = Abreast<I32, kWide>;

// One vector or several.
template <class V>
inline constexpr bool kIsFloats = std::is_same_v<V, F32>;
template <int kWide>
inline constexpr bool kIsFloats<Abreast<F32, kWide>> = true;
template <class V>
concept Floats = kIsFloats<V>;

// f of the first ones, f of the second ones, ..
template <class F, class... V, int kWide>
[[gnu::always_inline]] inline auto each(F f, const Abreast<V, kWide>&... a) {
    Abreast<decltype(f(a.v[0]...)), kWide> r;
#pragma GCC unroll 8
    for (int i = 0; i < kWide; i++) r.v[i] = f(a.v[i]...);
    return r;
}

#define HB_ABREAST(op)                                                                                                 \
    template <class V, int kWide>                                                                                      \
    [[gnu::always_inline]] inline auto operator op(const Abreast<V, kWide>& a, const Abreast<V, kWide>& b) {           \
        return each([](V x, V y) { return x op y; }, a, b);                                                            \
    }
HB_ABREAST(+)
HB_ABREAST(-)
HB_ABREAST(*)
HB_ABREAST(/)
HB_ABREAST(&)
HB_ABREAST(|)
HB_ABREAST(^)
HB_ABREAST(<)
HB_ABREAST(>)
#undef HB_ABREAST

#define HB_ABREAST(function)                                                                                           \
    template <class V, int kWide>                                                                                      \
    [[gnu::always_inline]] inline auto function(const Abreast<V, kWide>& a) {                                          \
        return each([](V x) { return function(x); }, a);                                                               \
    }
HB_ABREAST(operator-)
HB_ABREAST(abs)
HB_ABREAST(sqrt)
HB_ABREAST(round)
HB_ABREAST(to_int)
HB_ABREAST(to_float)
HB_ABREAST(bits)
HB_ABREAST(from_bits)
HB_ABREAST(odd_to_even)
#undef HB_ABREAST

#define HB_ABREAST(function)                                                                                           \
    template <class V, int kWide>                                                                                      \
    [[gnu::always_inline]] inline auto function(const Abreast<V, kWide>& a, const Abreast<V, kWide>& b) {              \
        return each([](V x, V y) { return function(x, y); }, a, b);                                                    \
    }
HB_ABREAST(min)
HB_ABREAST(max)
HB_ABREAST(multiply_even)
#undef HB_ABREAST

#define HB_ABREAST(shift)                                                                                              \
    template <int n, int kWide>                                                                                        \
    [[gnu::always_inline]] inline I32s<kWide> shift(const I32s<kWide>& a) {                                            \
        return each([](I32 x) { return shift<n>(x); }, a);                                                             \
    }
HB_ABREAST(shift_left)
HB_ABREAST(shift_right)
HB_ABREAST(shift_right_signed)
#undef HB_ABREAST

template <int kWide>
[[gnu::always_inline]] inline F32s<kWide> fma(const F32s<kWide>& a, const F32s<kWide>& b, const F32s<kWide>& c) {
    return each([](F32 x, F32 y, F32 z) { return fma(x, y, z); }, a, b, c);
}
template <int kWide>
[[gnu::always_inline]] inline F32s<kWide> select(const Abreast<Mask, kWide>& m, const F32s<kWide>& yes,
                                                 const F32s<kWide>& no) {
    return each([](Mask s, F32 x, F32 y) { return select(s, x, y); }, m, yes, no);
}

// kWide vectors in a row, of float or Bf16.
template <int kWide, class T>
[[gnu::always_inline]] inline F32s<kWide> load_row(const T* p) {
    F32s<kWide> r;
#pragma GCC unroll 8
    for (int i = 0; i < kWide; i++) r.v[i] = load(p + i * F32::kLanes);
    return r;
}
template <int kWide, class T>
[[gnu::always_inline]] inline void store_row(T* p, const F32s<kWide>& x) {
#pragma GCC unroll 8
    for (int i = 0; i < kWide; i++) store(p + i * F32::kLanes, x.v[i]);
}

}  // namespace hb::cpu::HB_TIER
