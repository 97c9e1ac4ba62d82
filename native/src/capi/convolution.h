// Checking of convolution arguments, shared by conv2d and conv_bn_act.
#pragma once

#include "capi/call.h"

namespace hb {

// The shape of a convolution of x [n,h,w,c] with kernels [o,kh,kw,c/groups]; names the arguments in errors.
ConvShape conv_shape(const Call& call, const hb_conv2d_params* params, const Shape& x, const Shape& w);
inline Shape conv_output(const ConvShape& s) { return shape_of(s.n, s.oh, s.ow, s.o); }

}  // namespace hb
