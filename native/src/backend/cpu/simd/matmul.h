// Matrix products for other files of this folder: see matmul.cpp.
#pragma once

#include "backend/cpu/simd/convert.h"

namespace hb::cpu::HB_TIER {

// y [m, n] = aT b of a [k, m] and b [k, n], of float or Bf16; m, n, k >= 1.
template <class E>
void multiply_transposed(int64_t m, int64_t n, int64_t k, const E* a, const E* b, float* y);

}  // namespace hb::cpu::HB_TIER
