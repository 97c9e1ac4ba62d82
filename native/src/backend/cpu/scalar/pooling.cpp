// Max and average pooling.
#include <algorithm>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

// The part of window (oh, ow) that lies inside the image.
struct Window {
    int64_t top, bottom, left, right;
    Window(const PoolShape& s, int64_t oh, int64_t ow)
        : top(std::max<int64_t>(0, oh * s.stride_h - s.pad_h)), bottom(std::min(s.h, oh * s.stride_h - s.pad_h + s.kh)),
          left(std::max<int64_t>(0, ow * s.stride_w - s.pad_w)),
          right(std::min(s.w, ow * s.stride_w - s.pad_w + s.kw)) {}
    int64_t elements(const PoolShape& s) const {
        return s.count_padding ? s.kh * s.kw : (bottom - top) * (right - left);
    }
};

void max_pool2d(const PoolShape& s, const View& x, const View& y, const View& index) {
    with_floating(x.type, [&]<class T>(T) {
        for_each_task(s.n * s.oh, s.ow * s.c * s.kh * s.kw, [&](int64_t row) {
            const T* image = x.as<T>() + row / s.oh * s.h * s.w * s.c;
            for (int64_t ow = 0; ow < s.ow; ow++) {
                Window window(s, row % s.oh, ow);
                for (int64_t c = 0; c < s.c; c++) {
                    int64_t best = window.top * s.w + window.left;
                    for (int64_t ih = window.top; ih < window.bottom; ih++)
                        for (int64_t iw = window.left; iw < window.right; iw++) {
                            T v = image[(ih * s.w + iw) * s.c + c], most = image[best * s.c + c];
                            if (v > most || (v != v && most == most)) best = ih * s.w + iw;
                        }
                    int64_t at = (row * s.ow + ow) * s.c + c;
                    y.as<T>()[at] = image[best * s.c + c];
                    index.as<int32_t>()[at] = int32_t(best);
                }
            }
        });
    });
}

// Sums a sample's gradient in double and rounds it once. body(sum) adds to sum[h, w, c] of one sample.
template <class T, class Body>
void for_each_image(const PoolShape& s, const View& dx, Body&& body) {
    int64_t image = s.h * s.w * s.c;
    for_each_task(s.n, image, [&](int64_t n) {
        Scratch<double> sum(image);
        std::fill_n(sum.data(), image, 0.0);
        body(n, sum.data());
        for (int64_t i = 0; i < image; i++) dx.as<T>()[n * image + i] = T(sum[i]);
    });
}

void max_pool2d_backward(const PoolShape& s, const View& dy, const View& index, const View& dx) {
    int64_t out = s.oh * s.ow * s.c;
    with_floating(dy.type, [&]<class T>(T) {
        for_each_image<T>(s, dx, [&](int64_t n, double* sum) {
            for (int64_t i = n * out; i < (n + 1) * out; i++)
                sum[index.as<int32_t>()[i] * s.c + i % s.c] += dy.as<T>()[i];
        });
    });
}

void avg_pool2d(const PoolShape& s, const View& x, const View& y) {
    with_floating(x.type, [&]<class T>(T) {
        for_each_task(s.n * s.oh, s.ow * s.c * s.kh * s.kw, [&](int64_t row) {
            const T* image = x.as<T>() + row / s.oh * s.h * s.w * s.c;
            for (int64_t ow = 0; ow < s.ow; ow++) {
                Window window(s, row % s.oh, ow);
                for (int64_t c = 0; c < s.c; c++) {
                    double sum = 0;
                    for (int64_t ih = window.top; ih < window.bottom; ih++)
                        for (int64_t iw = window.left; iw < window.right; iw++) sum += image[(ih * s.w + iw) * s.c + c];
                    y.as<T>()[(row * s.ow + ow) * s.c + c] = T(sum / double(window.elements(s)));
                }
            }
        });
    });
}

void avg_pool2d_backward(const PoolShape& s, const View& dy, const View& dx) {
    with_floating(dy.type, [&]<class T>(T) {
        for_each_image<T>(s, dx, [&](int64_t n, double* sum) {
            for (int64_t oh = 0; oh < s.oh; oh++)
                for (int64_t ow = 0; ow < s.ow; ow++) {
                    Window window(s, oh, ow);
                    const T* gradient = dy.as<T>() + ((n * s.oh + oh) * s.ow + ow) * s.c;
                    for (int64_t ih = window.top; ih < window.bottom; ih++)
                        for (int64_t iw = window.left; iw < window.right; iw++)
                            for (int64_t c = 0; c < s.c; c++)
                                sum[(ih * s.w + iw) * s.c + c] += gradient[c] / double(window.elements(s));
                }
        });
    });
}

}  // namespace

void add_pooling(Backend& table) {
    table.max_pool2d = max_pool2d;
    table.max_pool2d_backward = max_pool2d_backward;
    table.avg_pool2d = avg_pool2d;
    table.avg_pool2d_backward = avg_pool2d_backward;
}

}  // namespace hb::cpu::scalar
