// What the files of this folder share: the products of bf16 operands, by tiles or pairs (blocks.h).
//
// The folder is compiled twice, as simd/ is: for AMX and for AVX512-BF16. Both stand on the avx512 tier, whose
// functions they replace for bf16 (table.cpp); its f32 and f64 calls, grouped convolutions and everything else stay as
// they are.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/simd/vec.h"

namespace hb::cpu::HB_TIER {

// As the functions of the backend table, for bf16 activations, f32 weights, one group and nothing empty.
void paired_conv2d(const ConvShape& shape, const View& x, const View& w, const View& bias, const Noise& noise,
                   const View& y);
// As conv2d_before_norm of the backend table.
bool paired_conv2d_before_norm(const ConvShape& shape, const View& x, const View& w, const Noise& noise,
                               const BatchNormArguments& norm, ColumnMoments& moments);
void paired_backward_data(const ConvShape& shape, const View& dy, const View& w, const Noise& noise, const View& dx);
// dbias may be absent
void paired_backward_weight(const ConvShape& shape, const View& x, const View& dy, const Noise& noise, const View& dw,
                            const View& dbias);
void paired_matmul(const MatMulShape& shape, const View& a, const View& b, const View& y);

}  // namespace hb::cpu::HB_TIER
