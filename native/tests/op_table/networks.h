// What mode perf measures: the layers of the seven networks that docs/performance.md compares, at the batch and image
// size of that comparison. Layers that are alike are there once, with all the networks that have them.
#pragma once

#include "op_table/convolutions.h"

namespace hb::test {

struct NetworkConvolution {
    Convolution shape;
    const char* networks;
};

struct NetworkLayer {
    Sizes x;  // [.., in]
    int64_t out;
    bool bias;
    const char* networks;
};

struct NetworkTensor {
    Sizes x;
    const char* networks;
};

std::vector<NetworkConvolution> network_convolutions();
std::vector<NetworkLayer> network_layers();
// Inputs of batch norm.
std::vector<NetworkTensor> network_norms();

}  // namespace hb::test
