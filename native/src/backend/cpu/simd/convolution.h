// What the files of the convolution share.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/simd/vec.h"

namespace hb::cpu::HB_TIER {

// Enough for the largest machine this is meant for; cutting finer costs little, and must not depend on the threads in
// use.
inline constexpr int64_t kTasks = 64;

// First image (row of a linear layer) of noise run m.
inline int64_t first_of_run(const ConvShape& shape, const Noise& noise, int64_t m) {
    return shape.runs_of == 0 ? 0 : run_begin(noise, shape.runs_of, m) * (shape.n / shape.runs_of);
}

// One channel in and out per group.
inline bool is_depthwise(const ConvShape& shape) {
    return shape.groups > 1 && shape.groups == shape.c && shape.groups == shape.o;
}

void depthwise_conv2d(const ConvShape& shape, const View& x, const View& w, const View& bias, const Noise& noise,
                      const View& y);
void depthwise_backward_data(const ConvShape& shape, const View& dy, const View& w, const Noise& noise, const View& dx);
void depthwise_backward_weight(const ConvShape& shape, const View& x, const View& dy, const Noise& noise,
                               const View& dw);

// Images of float or Bf16.
template <class E>
void product_backward_weight(const ConvShape& shape, const E* x, const E* dy, const Noise& noise, float* dw);

}  // namespace hb::cpu::HB_TIER
