#include "op_table/networks.h"

namespace hb::test {

static Convolution biased(Convolution convolution) {
    convolution.bias = true;
    return convolution;
}

std::vector<NetworkConvolution> network_convolutions() {
    return {
        {square(128, 32, 3, 64, 3, 1, 1), "resnet18"},
        {square(128, 32, 64, 64, 3, 1, 1), "resnet18"},
        {square(128, 32, 64, 128, 3, 2, 1), "resnet18"},
        {square(128, 32, 64, 128, 1, 2), "resnet18"},
        {square(128, 16, 128, 128, 3, 1, 1), "resnet18"},
        {square(128, 16, 128, 256, 3, 2, 1), "resnet18"},
        {square(128, 16, 128, 256, 1, 2), "resnet18"},
        {square(128, 8, 256, 256, 3, 1, 1), "resnet18"},
        {square(128, 8, 256, 512, 3, 2, 1), "resnet18"},
        {square(128, 8, 256, 512, 1, 2), "resnet18"},
        {square(128, 4, 512, 512, 3, 1, 1), "resnet18"},
        {square(128, 32, 3, 16, 3, 1, 1), "resnet20 resnet32"},
        {square(128, 32, 16, 16, 3, 1, 1), "resnet20 resnet32"},
        {square(128, 32, 16, 32, 3, 2, 1), "resnet20 resnet32"},
        {square(128, 16, 32, 32, 3, 1, 1), "resnet20 resnet32"},
        {square(128, 16, 32, 64, 3, 2, 1), "resnet20 resnet32"},
        {square(128, 8, 64, 64, 3, 1, 1), "resnet20 resnet32"},
        {square(32, 64, 3, 64, 3, 1, 1), "preactresnet18"},
        {square(32, 64, 64, 64, 3, 1, 1), "preactresnet18"},
        {square(32, 64, 64, 128, 3, 2, 1), "preactresnet18"},
        {square(32, 64, 64, 128, 1, 2), "preactresnet18"},
        {square(32, 32, 128, 128, 3, 1, 1), "preactresnet18"},
        {square(32, 32, 128, 256, 3, 2, 1), "preactresnet18"},
        {square(32, 32, 128, 256, 1, 2), "preactresnet18"},
        {square(32, 16, 256, 256, 3, 1, 1), "preactresnet18"},
        {square(32, 16, 256, 512, 3, 2, 1), "preactresnet18"},
        {square(32, 16, 256, 512, 1, 2), "preactresnet18"},
        {square(32, 8, 512, 512, 3, 1, 1), "preactresnet18"},
        {square(32, 32, 3, 16, 3, 1, 1), "wrn-28-10"},
        {square(32, 32, 16, 160, 3, 1, 1), "wrn-28-10"},
        {square(32, 32, 16, 160, 1), "wrn-28-10"},
        {square(32, 32, 160, 160, 3, 1, 1), "wrn-28-10"},
        {square(32, 32, 160, 320, 3, 2, 1), "wrn-28-10"},
        {square(32, 32, 160, 320, 1, 2), "wrn-28-10"},
        {square(32, 16, 320, 320, 3, 1, 1), "wrn-28-10"},
        {square(32, 16, 320, 640, 3, 2, 1), "wrn-28-10"},
        {square(32, 16, 320, 640, 1, 2), "wrn-28-10"},
        {square(32, 8, 640, 640, 3, 1, 1), "wrn-28-10"},
        {biased(square(128, 32, 3, 128, 3, 1, 1)), "cnn9"},
        {biased(square(128, 32, 128, 128, 3, 1, 1)), "cnn9"},
        {biased(square(128, 16, 128, 256, 3, 1, 1)), "cnn9"},
        {biased(square(128, 16, 256, 256, 3, 1, 1)), "cnn9"},
        {biased(square(128, 8, 256, 512, 3)), "cnn9"},
        {biased(square(128, 6, 512, 256, 3)), "cnn9"},
        {biased(square(128, 4, 256, 128, 3)), "cnn9"},
        {biased(square(16, 224, 3, 384, 16, 16)), "vit-s-16"},
    };
}

std::vector<NetworkLayer> network_layers() {
    return {
        {{128, 512}, 10, true, "resnet18"},       {{128, 64}, 10, true, "resnet20 resnet32"},
        {{32, 512}, 200, true, "preactresnet18"}, {{32, 640}, 10, true, "wrn-28-10"},
        {{128, 128}, 10, true, "cnn9"},           {{16, 197, 384}, 1152, true, "vit-s-16"},
        {{16, 197, 384}, 384, true, "vit-s-16"},  {{16, 197, 384}, 1536, true, "vit-s-16"},
        {{16, 197, 1536}, 384, true, "vit-s-16"}, {{16, 384}, 1000, true, "vit-s-16"},
    };
}

std::vector<NetworkTensor> network_norms() {
    return {
        {{128, 32, 32, 64}, "resnet18"},
        {{128, 16, 16, 128}, "resnet18 cnn9"},
        {{128, 8, 8, 256}, "resnet18"},
        {{128, 4, 4, 512}, "resnet18"},
        {{128, 32, 32, 16}, "resnet20 resnet32"},
        {{128, 16, 16, 32}, "resnet20 resnet32"},
        {{128, 8, 8, 64}, "resnet20 resnet32"},
        {{32, 64, 64, 64}, "preactresnet18"},
        {{32, 32, 32, 128}, "preactresnet18"},
        {{32, 16, 16, 256}, "preactresnet18"},
        {{32, 8, 8, 512}, "preactresnet18"},
        {{32, 32, 32, 16}, "wrn-28-10"},
        {{32, 32, 32, 160}, "wrn-28-10"},
        {{32, 16, 16, 320}, "wrn-28-10"},
        {{32, 8, 8, 640}, "wrn-28-10"},
        {{128, 32, 32, 128}, "cnn9"},
        {{128, 16, 16, 256}, "cnn9"},
        {{128, 6, 6, 512}, "cnn9"},
        {{128, 4, 4, 256}, "cnn9"},
        {{128, 2, 2, 128}, "cnn9"},
    };
}

}  // namespace hb::test
