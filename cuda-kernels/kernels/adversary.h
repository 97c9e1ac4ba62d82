// Steps of projected gradient ascent on inputs (Madry et al. 2018), for TRADES and for attacks.
#pragma once

#include "backend/backend.h"

namespace hb::cuda {

// x' = clip(clip(x' + rate sign(g), x - radius, x + radius), low, high), elementwise. adversarial (x'), gradient (g)
// and x are dense, of one type, f32 or bf16, and of one shape; x' is replaced. Where g is 0 or not a number, nothing is
// added.
void ascend_in_box(const View& adversarial, const View& gradient, const View& x, double rate, double radius, double low,
                   double high);

// By samples [n, ...]: x' + rate g / |g|, brought to the nearest point with |x' - x| <= radius, then clipped to
// [low, high]. A sample whose gradient is 0 is only brought in.
void ascend_in_ball(const View& adversarial, const View& gradient, const View& x, double rate, double radius,
                    double low, double high);

}  // namespace hb::cuda
