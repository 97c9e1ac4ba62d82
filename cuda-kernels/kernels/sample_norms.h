// Squared norms of every sample's own gradient, for methods that choose samples by it (PRL-G: Liu et al. 2021).
#pragma once

#include "backend/backend.h"

namespace hb::cuda {

// How the gradient of one sample is taken: from products between positions, or by making it, tile by tile.
enum class SampleNormForm { kCheaper, kGram, kDirect };

// norms[i] (f32, [n]), or norms[i] += where `add` says so: |d loss_i / d w|^2 of the convolution whose input was x
// [n, h, w, c] and whose output's gradient is dy [n, oh, ow, o]; with that of a bias where `bias` says so. x and dy are
// f32 or bf16 and dense. A linear layer is the case h = w = kh = kw = 1. Nothing of the size of the weights is stored.
void conv_sample_norms(const ConvShape& shape, const View& x, const View& dy, bool bias, bool add, const View& norms,
                       SampleNormForm form = SampleNormForm::kCheaper);

}  // namespace hb::cuda
