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
HB_ABREAST(<=)
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
template <int kWide>
[[gnu::always_inline]] inline void store_row(Bf16* p, const F32s<kWide>& x) {
    static_assert(kWide % 2 == 0);
#pragma GCC unroll 8
    for (int i = 0; i < kWide; i += 2) store_two(p + i * F32::kLanes, x.v[i], x.v[i + 1]);
}

// Stands for two whole vectors, as All does for one.
struct Both {};
template <class T>
[[gnu::always_inline]] inline F32s<2> load(const T* p, Both) {
    return load_row<2>(p);
}
template <class T>
[[gnu::always_inline]] inline void store(T* p, const F32s<2>& x, Both) {
    store_row(p, x);
}

// lanes() and far_lanes() for passes that write T. bf16 goes two vectors at a time where that makes it quicker to pack:
// body(i, Both), then the rest as there.
template <class T>
inline constexpr bool kTwoAtOnce = std::is_same_v<T, Bf16>&& F32::kLanes == 8;
template <class T, class Body>
[[gnu::always_inline]] inline void lanes_of(int64_t n, Body&& body) {
    int64_t i = 0;
    if constexpr (kTwoAtOnce<T>)
        for (; i + 2 * F32::kLanes <= n; i += 2 * F32::kLanes) body(i, Both{});
    lanes(n - i, [&](int64_t j, auto m) { body(i + j, m); });
}
template <class T, class Body>
[[gnu::always_inline]] inline void far_lanes_of(int64_t n, Body&& body) {
    if constexpr (kTwoAtOnce<T>) {
        const int64_t half = n / (4 * F32::kLanes) * 2 * F32::kLanes;
        for (int64_t i = 0; i < half; i += 2 * F32::kLanes) {
            body(i, Both{});
            body(half + i, Both{});
        }
        lanes(n - 2 * half, [&](int64_t i, auto m) { body(2 * half + i, m); });
    } else {
        far_lanes(n, body);
    }
}

// f of vectors, or of the first ones, the second ones, ..
template <class F, class... V>
[[gnu::always_inline]] inline auto on_each(F f, const V&... x) {
    if constexpr ((std::is_same_v<V, F32> && ...))
        return f(x...);
    else
        return each(f, x...);
}

}  // namespace hb::cpu::HB_TIER
