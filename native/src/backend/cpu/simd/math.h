// exp, log, tanh, sigmoid and gelu, for F32 vectors and, log apart, for several abreast. Polynomials are minimax fits
// (Remez) of this project. Largest errors over all floats, measured against double precision, in units of the last
// place: exp 0.9, log 0.8, tanh 1.5, sigmoid 1.6, gelu 1.6 above 0; below 0 gelu is right to 2.4e-6 of itself down to
// -5 and to 1e-9 beyond, and its derivative everywhere to 1.7e-7. Infinities, zeros, subnormals and NaN behave as in
// <cmath>.
#pragma once

#include <limits>

#include "backend/cpu/simd/abreast.h"
#include "backend/cpu/simd/vec.h"

namespace hb::cpu::HB_TIER {

template <Floats F>
[[gnu::always_inline]] inline F copy_sign(F magnitude, F sign) {
    using I = decltype(bits(sign));
    return from_bits((bits(magnitude) & I(INT32_MAX)) | (bits(sign) & I(INT32_MIN)));
}

// e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln(2) / 2: n, and e^r as the result.
template <Floats F>
[[gnu::always_inline]] inline F reduced_exp(F x, F& n) {
    n = round(x * F(0x1.715476p+0f));
    F r = fma(n, F(-0x1.62e430p-1f), x);
    r = fma(n, F(0x1.05c610p-29f), r);
    F p = F(0x1.6aa34ap-10f);
    p = fma(p, r, F(0x1.123f28p-7f));
    p = fma(p, r, F(0x1.555886p-5f));
    p = fma(p, r, F(0x1.555492p-3f));
    p = fma(p, r, F(0x1.fffffcp-2f));
    return F(1.0f) + fma(r * r, p, r);
}

template <Floats F>
[[gnu::always_inline]] inline F exp(F x) {
    using I = decltype(to_int(x));
    F n;
    const F p = reduced_exp(min(F(89.0f), max(F(-105.0f), x)), n);  // past these it is infinite or 0; NaN stays
    // In two steps: 2^n alone may be no float, and a subnormal result must be rounded once.
    I whole = to_int(n), half = shift_right_signed<1>(whole), rest = whole - half;
    return p * from_bits(shift_left<23>(half + I(127))) * from_bits(shift_left<23>(rest + I(127)));
}

// The same for x <= 0, where some 1e-38 does as well as 0: it falls no further than to 2^-126.
template <Floats F>
[[gnu::always_inline]] inline F exp_down(F x) {
    using I = decltype(to_int(x));
    F n;
    const F p = reduced_exp(max(F(-87.0f), x), n);
    return p * from_bits(shift_left<23>(to_int(n) + I(127)));
}

// ln x = e ln 2 + ln(1 + f), 1 + f in [sqrt(1/2), sqrt(2)).
inline F32 log(F32 x) {
    const F32 infinity = std::numeric_limits<float>::infinity();
    Mask tiny = x < F32(0x1p-126f);
    F32 scaled = select(tiny, x * F32(0x1p23f), x);
    I32 k = bits(scaled) - I32(0x3f3504f3);
    F32 e = to_float(shift_right_signed<23>(k)) - select(tiny, F32(23.0f), zero());
    F32 f = from_bits((k & I32(0x007fffff)) + I32(0x3f3504f3)) - F32(1.0f);
    F32 q = F32(-0x1.234010p-4f);
    q = fma(q, f, F32(0x1.04d774p-3f));
    q = fma(q, f, F32(-0x1.105c34p-3f));
    q = fma(q, f, F32(0x1.22ec0ep-3f));
    q = fma(q, f, F32(-0x1.544136p-3f));
    q = fma(q, f, F32(0x1.99a118p-3f));
    q = fma(q, f, F32(-0x1.00028ap-2f));
    q = fma(q, f, F32(0x1.555554p-2f));
    F32 y = f * f;
    F32 r = fma(y * f, q, fma(y, F32(-0.5f), e * F32(-0x1.05c610p-29f)));
    r = fma(e, F32(0x1.62e430p-1f), f + r);
    r = select(x < infinity, r, x);  // infinity and NaN
    r = select(x == zero(), -infinity, r);
    return select(x < zero(), F32(std::numeric_limits<float>::quiet_NaN()), r);
}

// A polynomial below 5/8, 1 - 2 / (e^2x + 1) above.
template <Floats F>
[[gnu::always_inline]] inline F tanh(F x) {
    F a = abs(x), y = x * x;
    F p = F(0x1.1a2816p-9f);
    p = fma(p, y, F(-0x1.0c5ed0p-7f));
    p = fma(p, y, F(0x1.63a550p-6f));
    p = fma(p, y, F(-0x1.b9f188p-5f));
    p = fma(p, y, F(0x1.11107ap-3f));
    p = fma(p, y, F(-0x1.555554p-2f));
    F large = F(1.0f) - F(2.0f) / (exp(a + a) + F(1.0f));
    return select(a < F(0.625f), fma(x * y, p, x), copy_sign(large, x));
}

template <Floats F>
[[gnu::always_inline]] inline F sigmoid(F x) {
    F e = exp(-abs(x));
    return select(x < F(0.0f), e, F(1.0f)) / (F(1.0f) + e);
}

// x Phi(x), Phi the normal distribution: max(x, 0) - |x| Q, where Q = Phi(-|x|) = e^g(|x|).
template <Floats F>
[[gnu::always_inline]] inline F gelu(F x) {
    const F a = min(F(11.0f), abs(x));  // beyond 5.66 Q is below 1e-8 and only falls
    const F b = a * a;                  // even and odd powers apart: two short chains instead of a long one
    F even = F(-0x1.0536a2p-26f), odd = F(0x1.f7b3e4p-22f);
    even = fma(even, b, F(-0x1.a0d304p-18f));
    odd = fma(odd, b, F(0x1.76db12p-15f));
    even = fma(even, b, F(-0x1.5932f4p-13f));
    odd = fma(odd, b, F(-0x1.02f1b2p-14f));
    even = fma(even, b, F(0x1.40941ep-8f));
    odd = fma(odd, b, F(-0x1.2a33acp-5f));
    even = fma(even, b, F(-0x1.45edeap-2f));
    odd = fma(odd, b, F(-0x1.98849cp-1f));
    even = fma(even, b, F(-0x1.62e42ep-1f));
    return fma(-a, exp_down(fma(odd, a, even)), max(F(0.0f), x));
}

// d gelu / dx = Phi(x) + x Phi'(x): w for x < 0 and 1 - w for the others, w = e^(-x^2 / 2) (1/2 + |x| r(|x|)).
template <Floats F>
[[gnu::always_inline]] inline F gelu_slope(F x) {
    const F a = min(F(13.0f), abs(x));  // there w is 0, but for rounding
    const F b = a * a;
    F even = F(-0x1.5bb48cp-22f), odd = F(0x1.08617ep-17f);
    even = fma(even, b, F(-0x1.69d3c2p-14f));
    odd = fma(odd, b, F(0x1.2b5cdep-11f));
    even = fma(even, b, F(-0x1.56645ap-9f));
    odd = fma(odd, b, F(0x1.28702cp-7f));
    even = fma(even, b, F(-0x1.a23266p-6f));
    odd = fma(odd, b, F(0x1.fb9e28p-5f));
    even = fma(even, b, F(-0x1.10067ep-3f));
    odd = fma(odd, b, F(0x1.fff424p-3f));
    even = fma(even, b, F(-0x1.98842ep-1f));
    const F w = exp_down(F(-0.5f) * b) * fma(fma(odd, a, even), a, F(0.5f));
    return select(x < F(0.0f), w, F(1.0f) - w);
}

}  // namespace hb::cpu::HB_TIER
