// Convolution and its two gradients, weight noise included. A linear layer comes here as a 1x1 convolution of 1x1
// images.
//
// y[n, oh, ow, o] = bias[o] + sum over kh, kw, i of x[n, oh*stride - pad + kh*dilation, …, g*(c/groups) + i] w[o, kh,
// kw, i] with g the group of o. Noise run m of the batch sees its own perturbed copy of w, made here in full: the other
// tiers do without it.
#include <algorithm>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"
#include "core/profile.h"

namespace hb::cpu::scalar {
namespace {

// body(kh, kw, offset of x[.., ih, iw, 0] in the image) for every kernel position that falls into the image.
template <class Body>
void for_each_tap(const ConvShape& s, int64_t oh, int64_t ow, Body&& body) {
    for (int64_t kh = 0; kh < s.kh; kh++) {
        int64_t ih = oh * s.stride_h - s.pad_h + kh * s.dilation_h;
        if (ih < 0 || ih >= s.h) continue;
        for (int64_t kw = 0; kw < s.kw; kw++) {
            int64_t iw = ow * s.stride_w - s.pad_w + kw * s.dilation_w;
            if (iw >= 0 && iw < s.w) body(kh, kw, (ih * s.w + iw) * s.c);
        }
    }
}

// Offset of w[o, kh, kw, 0].
int64_t weight_at(const ConvShape& s, int64_t o, int64_t kh, int64_t kw) {
    return ((o * s.kh + kh) * s.kw + kw) * (s.c / s.groups);
}

// First input channel of output channel o.
int64_t first_channel(const ConvShape& s, int64_t o) { return o / (s.o / s.groups) * (s.c / s.groups); }

int64_t weights(const ConvShape& s) { return s.o * s.kh * s.kw * (s.c / s.groups); }

// body(first sample, end, weights seen) for every noise run that has samples.
template <class T, class Body>
void for_each_run(const ConvShape& s, const View& w, const Noise& noise, Body&& body) {
    if (!has_noise(noise)) return body(int64_t{0}, s.n, w.as<const T>());
    Scratch<T> seen(weights(s));
    for (int64_t m = 0; m < noise.sub_batches; m++) {
        int64_t begin = first_row(noise, s.n, s.runs_of, m), end = first_row(noise, s.n, s.runs_of, m + 1);
        if (begin == end) continue;
        perturb(w.as<T>(), weights(s), noise, m, seen.data());
        body(begin, end, static_cast<const T*>(seen.data()));
    }
}

void conv2d(const ConvShape& s, const View& x, const View& w, const View& bias, const Noise& noise, const View& y) {
    profile_algorithm("direct");
    int64_t depth = s.c / s.groups;
    with_floating(x.type, [&]<class T>(T) {
        for_each_run<T>(s, w, noise, [&](int64_t begin, int64_t end, const T* seen) {
            for_each_task((end - begin) * s.oh, s.ow * weights(s), [&](int64_t task) {
                int64_t n = begin + task / s.oh, oh = task % s.oh;
                const T* image = x.as<T>() + n * s.h * s.w * s.c;
                for (int64_t ow = 0; ow < s.ow; ow++) {
                    T* out = y.as<T>() + ((n * s.oh + oh) * s.ow + ow) * s.o;
                    for (int64_t o = 0; o < s.o; o++) {
                        double sum = bias ? bias.as<T>()[o] : T(0);
                        for_each_tap(s, oh, ow, [&](int64_t kh, int64_t kw, int64_t at) {
                            const T* from = image + at + first_channel(s, o);
                            const T* weight = seen + weight_at(s, o, kh, kw);
                            for (int64_t i = 0; i < depth; i++) sum += double(from[i]) * double(weight[i]);
                        });
                        out[o] = T(sum);
                    }
                }
            });
        });
    });
}

void conv2d_backward_data(const ConvShape& s, const View& dy, const View& w, const Noise& noise, const View& dx) {
    profile_algorithm("direct");
    int64_t depth = s.c / s.groups, image = s.h * s.w * s.c;
    with_floating(dy.type, [&]<class T>(T) {
        for_each_run<T>(s, w, noise, [&](int64_t begin, int64_t end, const T* seen) {
            for_each_task(end - begin, s.oh * s.ow * weights(s), [&](int64_t task) {
                int64_t n = begin + task;
                Scratch<double> sum(image);
                std::fill_n(sum.data(), image, 0.0);
                for (int64_t position = 0; position < s.oh * s.ow; position++) {
                    const T* gradient = dy.as<T>() + (n * s.oh * s.ow + position) * s.o;
                    for_each_tap(s, position / s.ow, position % s.ow, [&](int64_t kh, int64_t kw, int64_t at) {
                        for (int64_t o = 0; o < s.o; o++) {
                            double* to = sum.data() + at + first_channel(s, o);
                            const T* weight = seen + weight_at(s, o, kh, kw);
                            for (int64_t i = 0; i < depth; i++) to[i] += double(gradient[o]) * double(weight[i]);
                        }
                    });
                }
                for (int64_t i = 0; i < image; i++) dx.as<T>()[n * image + i] = T(sum[i]);
            });
        });
    });
}

void conv2d_backward_weight(const ConvShape& s, const View& x, const View& dy, const Noise& noise, const View& dw,
                            const View& dbias) {
    profile_algorithm("direct");
    int64_t depth = s.c / s.groups, per_output = s.kh * s.kw * depth;
    with_floating(x.type, [&]<class T>(T) {
        for_each_task(s.o, s.n * s.oh * s.ow * per_output, [&](int64_t o) {
            Scratch<double> total(per_output), of_run(per_output);
            std::fill_n(total.data(), per_output, 0.0);
            double bias = 0;
            for (int64_t m = 0; m < runs_of(noise); m++) {
                std::fill_n(of_run.data(), per_output, 0.0);
                int64_t end = first_row(noise, s.n, s.runs_of, m + 1);
                for (int64_t n = first_row(noise, s.n, s.runs_of, m); n < end; n++) {
                    const T* image = x.as<T>() + n * s.h * s.w * s.c + first_channel(s, o);
                    for (int64_t position = 0; position < s.oh * s.ow; position++) {
                        double gradient = dy.as<T>()[(n * s.oh * s.ow + position) * s.o + o];
                        bias += gradient;
                        for_each_tap(s, position / s.ow, position % s.ow, [&](int64_t kh, int64_t kw, int64_t at) {
                            double* to = of_run.data() + (kh * s.kw + kw) * depth;
                            for (int64_t i = 0; i < depth; i++) to[i] += gradient * double(image[at + i]);
                        });
                    }
                }
                for (int64_t i = 0; i < per_output; i++) total[i] += of_run[i] * slope_of(noise, m, o * per_output + i);
            }
            for (int64_t i = 0; i < per_output; i++) dw.as<T>()[o * per_output + i] = T(total[i]);
            if (dbias) dbias.as<T>()[o] = T(bias);
        });
    });
}

void perturb_weight(const View& w, const Noise& noise, int32_t sub_batch, const View& y) {
    with_floating(w.type, [&]<class T>(T) { perturb(w.as<T>(), w.elements(), noise, sub_batch, y.as<T>()); });
}

}  // namespace

void add_convolution(Backend& table) {
    table.conv2d = conv2d;
    table.conv2d_backward_data = conv2d_backward_data;
    table.conv2d_backward_weight = conv2d_backward_weight;
    table.perturb_weight = perturb_weight;
}

}  // namespace hb::cpu::scalar
