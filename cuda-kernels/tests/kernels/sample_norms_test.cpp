// Squared norms of per-sample gradients, in both forms, against the gradients themselves, made in double precision.
#include "kernels/sample_norms.h"

#include "tests/host/check.h"
#include "tests/kernels/arrays.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

struct Layer {
    const char* name;
    ConvShape s;
};

ConvShape conv(int64_t n, int64_t size, int64_t c, int64_t o, int64_t kernel, int64_t stride, int64_t pad,
               int64_t dilation, int64_t groups) {
    ConvShape s{};
    s.n = n, s.h = size, s.w = size + 1, s.c = c, s.o = o, s.kh = kernel, s.kw = kernel;
    s.stride_h = s.stride_w = stride, s.pad_h = s.pad_w = pad, s.dilation_h = s.dilation_w = dilation;
    s.groups = groups;
    s.oh = (s.h + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
    s.ow = (s.w + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
    s.runs_of = n;
    return s;
}
ConvShape linear(int64_t n, int64_t in, int64_t out) {
    ConvShape s = conv(n, 1, in, out, 1, 1, 0, 1, 1);
    s.w = s.ow = 1;
    return s;
}

// By making the gradient of every sample.
Values expected_norms(const ConvShape& s, const Values& x, const Values& dy, bool bias) {
    Values norms(size_t(s.n), 0.0);
    const int64_t depth = s.c / s.groups, outs = s.o / s.groups;
    for (int64_t n = 0; n < s.n; n++) {
        auto gradient_at = [&](int64_t o, int64_t ky, int64_t kx, int64_t channel) {
            double sum = 0;
            for (int64_t oy = 0; oy < s.oh; oy++)
                for (int64_t ox = 0; ox < s.ow; ox++) {
                    const int64_t y = oy * s.stride_h - s.pad_h + ky * s.dilation_h;
                    const int64_t z = ox * s.stride_w - s.pad_w + kx * s.dilation_w;
                    if (y < 0 || y >= s.h || z < 0 || z >= s.w) continue;
                    sum += x[size_t(((n * s.h + y) * s.w + z) * s.c + o / outs * depth + channel)] *
                           dy[size_t(((n * s.oh + oy) * s.ow + ox) * s.o + o)];
                }
            return sum;
        };
        for (int64_t o = 0; o < s.o; o++) {
            for (int64_t ky = 0; ky < s.kh; ky++)
                for (int64_t kx = 0; kx < s.kw; kx++)
                    for (int64_t channel = 0; channel < depth; channel++) {
                        const double g = gradient_at(o, ky, kx, channel);
                        norms[size_t(n)] += g * g;
                    }
            double of_bias = 0;
            for (int64_t position = 0; position < s.oh * s.ow; position++)
                of_bias += dy[size_t((n * s.oh * s.ow + position) * s.o + o)];
            if (bias) norms[size_t(n)] += of_bias * of_bias;
        }
    }
    return norms;
}

void norms_are_those_of_the_gradients() {
    const Layer layers[] = {
        {"linear", linear(5, 33, 70)},
        {"linear to one", linear(3, 200, 1)},
        {"small linear", linear(4, 16, 7)},
        {"long linear", linear(2, 1100, 3)},
        {"3x3", conv(3, 9, 5, 7, 3, 1, 1, 1, 1)},
        {"3x3, stride 2, dilated", conv(2, 11, 4, 6, 3, 2, 2, 2, 1)},
        {"1x1", conv(2, 5, 70, 66, 1, 1, 0, 1, 1)},
        {"grouped", conv(2, 6, 8, 12, 3, 1, 1, 1, 4)},
        {"depthwise", conv(2, 6, 6, 6, 3, 1, 1, 1, 6)},
        {"no padding", conv(1, 4, 3, 2, 3, 1, 0, 1, 1)},
    };
    for (const Layer& layer : layers)
        for (DType type : {DType::F32, DType::BF16}) {
            const ConvShape& s = layer.s;
            const int64_t inputs = s.n * s.h * s.w * s.c, outputs = s.n * s.oh * s.ow * s.o;
            Array x(type, shape_of(s.n, s.h, s.w, s.c), uniforms(inputs, -1, 1, 1));
            Array dy(type, shape_of(s.n, s.oh, s.ow, s.o), uniforms(outputs, -1, 1, 2));
            for (bool bias : {false, true}) {
                const Values expected = expected_norms(s, x.before(), dy.before(), bias);
                for (SampleNormForm form : {SampleNormForm::kCheaper, SampleNormForm::kGram, SampleNormForm::kDirect})
                    for (bool add : {false, true}) {
                        Array norms(DType::F32, shape_of(s.n), Values(size_t(s.n), 0.5));
                        conv_sample_norms(s, x.view(), dy.view(), bias, add, norms.view(), form);
                        Values wanted = expected;
                        for (double& v : wanted) v += add ? 0.5 : 0;
                        const double difference = largest_difference(norms.now(), wanted);
                        check(difference < 5e-6, "%s, form %d%s%s%s: differs by %g", layer.name, int(form),
                              bias ? ", bias" : "", add ? ", added" : "", type == DType::BF16 ? ", bf16" : "",
                              difference);
                    }
            }
        }
}

}  // namespace

int main() {
    norms_are_those_of_the_gradients();
    return finish();
}
