// conv_bn_act without what its backward pass needs writes results once, norm and residual included: their bits must be
// those of the call that keeps everything, and of a convolution and a norm one after the other.
#include <cstdio>

#include "support/check.h"

using namespace hb::test;

namespace {

struct Layer {
    const char* name;
    int64_t n, size, c, o, kernel;
    int32_t stride, padding, groups;
};

hb_tensor normal(Handles& own, const Sizes& shape, double mean, double deviation, uint32_t tensor) {
    const hb_stream stream = {11, 0, tensor, 0, 0};
    return own(hb_random_normal(0, static_cast<int32_t>(shape.size()), shape.data(), mean, deviation, &stream));
}

void compare(const Layer& l, hb_dtype type, int32_t training, int32_t activation, bool residual) {
    Handles own;
    const int64_t side = (l.size + 2 * l.padding - l.kernel) / l.stride + 1;
    const Sizes vector{l.o}, result{l.n, side, side, l.o};
    hb_tensor x = own(hb_cast(normal(own, {l.n, l.size, l.size, l.c}, 0, 1, 0), type));
    hb_tensor w = normal(own, {l.o, l.kernel, l.kernel, l.c / l.groups}, 0, 0.3, 1);
    hb_tensor gamma = normal(own, vector, 1, 0.3, 2), beta = normal(own, vector, 0, 0.5, 3);
    hb_tensor added = residual ? own(hb_cast(normal(own, result, 0, 1, 4), type)) : 0;
    const hb_conv2d_params conv = {l.stride, l.stride, l.padding, l.padding, 1, 1, l.groups};
    const hb_batch_norm_params norm = {training, 1, 1, activation, 0.1f, 0.1f, 1e-5f, 0};
    hb_tensor y[3], statistics[3][2];
    for (int i = 0; i < 3; i++) {
        hb_tensor mean = normal(own, vector, 0.2, 1, 5);
        hb_tensor variance = own(tensor_of(HB_F32, vector, uniform_values(l.o, 0.5, 2, 6)));
        statistics[i][0] = mean;
        statistics[i][1] = variance;
        hb_tensor r[4] = {};
        if (i == 2) {
            hb_tensor convolved = own(hb_conv2d(x, w, 0, &conv, nullptr));
            ok(hb_batch_norm(convolved, gamma, beta, mean, variance, added, &norm, nullptr, r));
        } else {
            ok(hb_conv_bn_act(x, w, gamma, beta, mean, variance, added, &conv, &norm, nullptr, nullptr, i == 0, r));
        }
        for (hb_tensor t : r) own(t);
        y[i] = r[0];
        if (i == 1)
            check(!r[1] && !r[2] && !r[3], "%s: results that were not wanted are %lld, %lld, %lld", l.name,
                  static_cast<long long>(r[1]), static_cast<long long>(r[2]), static_cast<long long>(r[3]));
    }
    // In training the moments that a convolution takes are summed in another order than those of a pass of their own.
    const int same = training ? 2 : 3;
    for (int i = 1; i < same; i++) {
        check(bytes_of(y[0]) == bytes_of(y[i]), "%s, %s, training %d, activation %d, residual %d: bits differ", l.name,
              name_of_type(type), training, activation, residual);
        for (int s = 0; s < 2; s++)
            check(bytes_of(statistics[0][s]) == bytes_of(statistics[i][s]), "%s: running statistics differ", l.name);
    }
}

}  // namespace

int main() {
    for (const Layer& l :
         {Layer{"Winograd", 3, 14, 32, 40, 3, 1, 1, 1}, Layer{"Winograd, shared", 2, 9, 384, 400, 3, 1, 1, 1},
          Layer{"direct", 3, 9, 3, 19, 3, 1, 1, 1}, Layer{"stride 2", 3, 9, 16, 40, 3, 2, 1, 1},
          Layer{"1x1", 2, 7, 24, 33, 1, 1, 0, 1}, Layer{"1x1, stride 2", 2, 7, 24, 33, 1, 2, 0, 1},
          Layer{"7x7", 2, 17, 3, 8, 7, 2, 3, 1}, Layer{"groups", 2, 8, 8, 16, 3, 1, 1, 2},
          Layer{"depthwise", 2, 8, 16, 16, 3, 1, 1, 16}})
        for (hb_dtype type : {HB_F32, HB_BF16})
            for (int32_t training : {0, 1})
                for (int32_t activation : {HB_ACT_NONE, HB_ACT_RELU, HB_ACT_LEAKY_RELU})
                    for (bool residual : {false, true}) compare(l, type, training, activation, residual);
    return finish();
}
