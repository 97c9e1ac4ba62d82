// Convolution of thin groups (depthwise), and sums of columns.
#pragma once

#include "backend/backend.h"

namespace hb::cuda {

void direct_convolution(const ConvShape& shape, const View& x, const View& w, const View& bias, const Noise& noise,
                        const View& y);
void direct_convolution_data(const ConvShape& shape, const View& dy, const View& w, const Noise& noise, const View& dx);
void direct_convolution_weight(const ConvShape& shape, const View& x, const View& dy, const Noise& noise,
                               const View& dw);

// sums [columns], of x [rows, columns].
void column_sums(const View& x, int64_t rows, int64_t columns, float* sums);

}  // namespace hb::cuda
