// Convolutions as data: shared by the rows of conv2d and of conv_bn_act.
#pragma once

#include "op_table/table.h"

namespace hb::test {

struct Convolution {
    int64_t n, h, w, c, o, kh, kw;
    hb_conv2d_params p;
    bool bias = false;
    hb_noise noise = no_noise();

    int64_t oh() const { return (h + 2 * p.pad_h - p.dilation_h * (kh - 1) - 1) / p.stride_h + 1; }
    int64_t ow() const { return (w + 2 * p.pad_w - p.dilation_w * (kw - 1) - 1) / p.stride_w + 1; }
    Sizes x() const { return {n, h, w, c}; }
    Sizes weight() const { return {o, kh, kw, c / p.groups}; }
    Sizes y() const { return {n, oh(), ow(), o}; }
    // Products behind one element of the result, and in all of them.
    double depth() const { return double(kh * kw * (c / p.groups)); }
    double flops() const { return 2 * double(n * oh() * ow() * o) * depth(); }
    std::string name() const;
};

// Square images and kernels.
Convolution square(int64_t n, int64_t size, int64_t c, int64_t o, int64_t kernel, int32_t stride = 1, int32_t pad = 0,
                   int32_t dilation = 1, int32_t groups = 1);

// With every kind of noise.
std::vector<Convolution> noisy_convolutions();

}  // namespace hb::test
