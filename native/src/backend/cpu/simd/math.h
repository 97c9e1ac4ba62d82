// exp, log, tanh, sigmoid, erf and what gelu needs, for F32 vectors and, log apart, for several abreast. Polynomials are
// minimax fits (Remez) of this project. Largest errors over all floats, measured against double precision, in units of
// the last place: exp 0.9, log 0.8, tanh 1.5, sigmoid 1.6, erf 1.3. Infinities, zeros, subnormals and NaN behave as in
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

// e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln(2) / 2.
template <Floats F>
[[gnu::always_inline]] inline F exp(F x) {
    using I = decltype(to_int(x));
    x = min(F(89.0f), max(F(-105.0f), x));  // past these it is infinite or 0; NaN stays
    F n = round(x * F(0x1.715476p+0f));
    F r = fma(n, F(-0x1.62e430p-1f), x);
    r = fma(n, F(0x1.05c610p-29f), r);
    F p = F(0x1.6aa34ap-10f);
    p = fma(p, r, F(0x1.123f28p-7f));
    p = fma(p, r, F(0x1.555886p-5f));
    p = fma(p, r, F(0x1.555492p-3f));
    p = fma(p, r, F(0x1.fffffcp-2f));
    p = F(1.0f) + fma(r * r, p, r);
    // In two steps: 2^n alone may be no float, and a subnormal result must be rounded once.
    I whole = to_int(n), half = shift_right_signed<1>(whole), rest = whole - half;
    return p * from_bits(shift_left<23>(half + I(127))) * from_bits(shift_left<23>(rest + I(127)));
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

// erf x and 1 + erf x. Near 0 a polynomial; from 0.93 on erfc |x| = e^(|x| (q(|x|) - 1)).
template <Floats F>
struct Erf {
    decltype(F() < F()) large;
    F near, tail;  // erf near 0; erfc |x|
    [[gnu::always_inline]] explicit Erf(F x) {
        F a = abs(x), y = x * x;
        F p = F(0x1.4f6760p-14f);
        p = fma(p, y, F(-0x1.a60a2ep-11f));
        p = fma(p, y, F(0x1.544a1ap-8f));
        p = fma(p, y, F(-0x1.b8011ap-6f));
        p = fma(p, y, F(0x1.ce2d64p-4f));
        p = fma(p, y, F(-0x1.812740p-2f));
        p = fma(p, y, F(0x1.06eba8p-3f));
        near = fma(x, p, x);
        F q = F(-0x1.78d114p-17f);
        q = fma(q, a, F(0x1.52795cp-12f));
        q = fma(q, a, F(-0x1.dd6ba8p-9f));
        q = fma(q, a, F(0x1.855122p-6f));
        q = fma(q, a, F(-0x1.b32568p-4f));
        q = fma(q, a, F(-0x1.45328ep-1f));
        q = fma(q, a, F(-0x1.0778dcp-3f));
        tail = select(a > F(4.0f), F(0.0f), exp(fma(a, q, -a)));  // below half an ulp of 1
        large = a > F(0.93f);
    }
};
template <Floats F>
[[gnu::always_inline]] inline F erf(F x) {
    const Erf<F> e(x);
    return select(e.large, copy_sign(F(1.0f) - e.tail, x), e.near);
}
template <Floats F>
[[gnu::always_inline]] inline F one_plus_erf(F x) {
    const Erf<F> e(x);
    return select(e.large, select(x < F(0.0f), e.tail, F(2.0f) - e.tail), F(1.0f) + e.near);
}

}  // namespace hb::cpu::HB_TIER
