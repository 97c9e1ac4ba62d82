// Convolutions by Winograd's minimal filtering, F(4x4, 3x3): see winograd.cpp.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/simd/finish.h"
#include "backend/cpu/simd/vec.h"

namespace hb::cpu::HB_TIER {

// Whether the pass is faster this way; depends on the shape only.
bool winograd_suits_forward(const ConvShape& shape, const Noise& noise);
bool winograd_suits_backward_data(const ConvShape& shape, const Noise& noise);
bool winograd_suits_backward_weight(const ConvShape& shape, const Noise& noise);

// As the functions of the backend table; E, the type of images, is float or Bf16. Moments of y's columns are taken
// where `moments` is not null: one statistics group for each noise run, or a single one.
template <class E>
void winograd_conv2d(const ConvShape& shape, const E* x, const float* w, const float* bias, const Noise& noise, E* y,
                     const Epilogue& after);
template <class E>
void winograd_backward_data(const ConvShape& shape, const E* dy, const float* w, const Noise& noise, E* dx);
template <class E>
void winograd_backward_weight(const ConvShape& shape, const E* x, const E* dy, float* dw);

}  // namespace hb::cpu::HB_TIER
