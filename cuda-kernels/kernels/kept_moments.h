// Moments of a convolution's result on their way to the batch norm that the engine calls next, on the same thread, with
// the same arguments (conv2d_before_norm in backend.h). ColumnMoments is host memory; these stay on the device.
#pragma once

#include "backend/backend.h"
#include "kernels/gemm.h"

namespace hb::cuda {

// Every convolution before a norm forgets what another one left.
void forget_moments();
void keep_moments(const BatchNormArguments& norm, TileMoments moments);
// Those of norm.x, which are then forgotten; without values where none were taken.
TileMoments kept_moments(const BatchNormArguments& norm);

}  // namespace hb::cuda
