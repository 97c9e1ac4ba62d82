// Weights as products read them: of the product's type, and with noise.
#pragma once

#include "backend/backend.h"
#include "core/bf16.h"

namespace hb::cuda {

// y [runs, n]: what noise runs first_run, first_run + 1, .. see of w [n]; without noise w itself, rounded.
void seen_weights(const float* w, int64_t n, const Noise& noise, int64_t first_run, int64_t runs, float* y);
void seen_weights(const float* w, int64_t n, const Noise& noise, int64_t first_run, int64_t runs, Bf16* y);

}  // namespace hb::cuda
