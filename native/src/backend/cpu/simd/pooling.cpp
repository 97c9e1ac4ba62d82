// Max and average pooling, channels in the lanes. The windows of neighbouring results overlap in the cache, so memory
// sees every element once: 4 bytes an element of the larger image and 4 (average) or 8 (max) of the smaller; of bf16, 2
// and 2 or 6. The cache hides what bf16 saves: max pooling 3x3 of [32, 112, 112, 64] takes 11 ms of one core in f32 and
// 13 in bf16, where each of nine readings is widened.
#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/columns.h"
#include "core/parallel.h"

namespace hb::cpu::HB_TIER {
namespace {

const Backend* plain_ = nullptr;

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

// body(row) for rows 0 .. rows-1 of `elements` elements, several to a task.
template <class Body>
void for_each_row(int64_t rows, int64_t elements, Body&& body) {
    parallel_ranges(rows, kGrain / 4 / std::max<int64_t>(1, elements), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) body(row);
    });
}

template <class T>
void max_pool2d_of(const PoolShape& s, const View& x, const View& y, const View& index) {
    for_each_row(s.n * s.oh, s.ow * s.c, [&](int64_t row) {
        const T* image = x.as<T>() + row / s.oh * s.h * s.w * s.c;
        for (int64_t ow = 0; ow < s.ow; ow++) {
            const Window window(s, row % s.oh, ow);
            const int64_t at = (row * s.ow + ow) * s.c;
            const int64_t first_pixel = window.top * s.w + window.left;
            lanes(s.c, [&](int64_t c, auto m) {
                auto pixel_at = [&](int64_t pixel) { return load(image + pixel * s.c + c, m); };
                // body(v, number) for every pixel of the window
                auto walk = [&](auto&& body) {
                    for (int64_t ih = window.top; ih < window.bottom; ih++) {
                        I32 number = static_cast<int32_t>(ih * s.w + window.left);
                        for (int64_t iw = window.left; iw < window.right; iw++, number = number + I32(1))
                            body(pixel_at(ih * s.w + iw), number);
                    }
                };
                F32 most = pixel_at(first_pixel), total = zero();
                I32 best = static_cast<int32_t>(first_pixel);
                walk([&](F32 v, I32 number) {
                    const Mask better = v > most;
                    most = select(better, v, most);
                    best = select(better, number, best);
                    total = total + v;
                });
                if (any(is_nan(total))) {  // a NaN, or infinities: again, with care
                    most = pixel_at(first_pixel);
                    best = static_cast<int32_t>(first_pixel);
                    walk([&](F32 v, I32 number) {
                        const Mask better = (v > most) | (is_nan(v) & (most == most));
                        most = select(better, v, most);
                        best = select(better, number, best);
                    });
                }
                store(y.as<T>() + at + c, most, m);
                store(index.as<int32_t>() + at + c, best, m);
            });
        }
    });
}

// A task owns some channels of one image, so no two add to the same element.
template <class T>
void max_pool2d_backward_of(const PoolShape& s, const View& dy, const View& index, const View& dx) {
    constexpr int64_t kChannels = 64;
    const int64_t bands = (s.c + kChannels - 1) / kChannels;
    parallel(s.n * bands, [&](int64_t task) {
        const int64_t begin = task % bands * kChannels, count = std::min(kChannels, s.c - begin);
        // bf16 is summed in f32, of the image's channels together, and rounded once.
        constexpr bool kRounded = !std::is_same_v<T, float>;
        const Scratch<float> sums(kRounded ? s.h * s.w * count : 0);
        T* image = dx.as<T>() + task / bands * s.h * s.w * s.c + begin;
        float* sum;
        if constexpr (kRounded)
            sum = sums.data();
        else
            sum = image;
        const int64_t apart = kRounded ? count : s.c;
        for (int64_t pixel = 0; pixel < s.h * s.w; pixel++) std::fill_n(sum + pixel * apart, count, 0.0f);
        for (int64_t pixel = 0; pixel < s.oh * s.ow; pixel++) {
            const int64_t at = (task / bands * s.oh * s.ow + pixel) * s.c + begin;
            const T* gradient = dy.as<T>() + at;
            const int32_t* from = index.as<int32_t>() + at;
            for (int64_t c = 0; c < count; c++) sum[from[c] * apart + c] += widen(gradient[c]);
        }
        if constexpr (kRounded)
            for (int64_t pixel = 0; pixel < s.h * s.w; pixel++)
                lanes(count,
                      [&](int64_t c, auto m) { store(image + pixel * s.c + c, load(sum + pixel * apart + c, m), m); });
    });
}

template <class T>
void avg_pool2d_of(const PoolShape& s, const View& x, const View& y) {
    if (s.oh == 1 && s.ow == 1 && s.c > 0) {  // over the whole image, or nearly: row by row
        const Window window(s, 0, 0);
        const Columns columns(s.c);
        for_each_row(s.n, s.h * s.w * s.c, [&](int64_t n) {
            Scratch<double> sums(2 * columns.width);
            double* total = sums.data() + columns.width;
            std::fill_n(total, s.c, 0.0);
            const T* image = x.as<T>() + n * s.h * s.w * s.c;
            const bool whole = window.left == 0 && window.right == s.w;  // rows follow each other
            const int64_t rows = whole ? 1 : window.bottom - window.top;
            const int64_t pixels = whole ? (window.bottom - window.top) * s.w : window.right - window.left;
            for (int64_t ih = window.top; ih < window.top + rows; ih++) {
                column_sums(columns, image + (ih * s.w + window.left) * s.c, pixels, sums.data());
                for (int64_t c = 0; c < s.c; c++) total[c] += sums[c];
            }
            const double count = static_cast<double>(window.elements(s));
            for (int64_t c = 0; c < s.c; c++)
                y.as<T>()[n * s.c + c] = rounded_to<T>(static_cast<float>(total[c] / count));
        });
        return;
    }
    for_each_row(s.n * s.oh, s.ow * s.c, [&](int64_t row) {
        const T* image = x.as<T>() + row / s.oh * s.h * s.w * s.c;
        for (int64_t ow = 0; ow < s.ow; ow++) {
            const Window window(s, row % s.oh, ow);
            const Wide count(static_cast<double>(window.elements(s)));
            lanes(s.c, [&](int64_t c, auto m) {
                Wide sum(0.0);
                for (int64_t ih = window.top; ih < window.bottom; ih++)
                    for (int64_t iw = window.left; iw < window.right; iw++)
                        sum = sum + Wide(load(image + (ih * s.w + iw) * s.c + c, m));
                store(y.as<T>() + (row * s.ow + ow) * s.c + c, narrow(sum / count), m);
            });
        }
    });
}

// The windows along one side that contain position i.
struct Covering {
    int64_t begin, end;
    Covering(int64_t i, int64_t pad, int64_t kernel, int64_t stride, int64_t windows)
        : begin(std::max<int64_t>(0, i + pad - kernel + stride) / stride),
          end(std::min(windows, (i + pad) / stride + 1)) {}
};

// Every element of the image asks the windows that it lies in.
template <class T>
void avg_pool2d_backward_of(const PoolShape& s, const View& dy, const View& dx) {
    for_each_row(s.n * s.h, s.w * s.c, [&](int64_t row) {
        const T* gradients = dy.as<T>() + row / s.h * s.oh * s.ow * s.c;
        const Covering down(row % s.h, s.pad_h, s.kh, s.stride_h, s.oh);
        for (int64_t iw = 0; iw < s.w; iw++) {
            const Covering across(iw, s.pad_w, s.kw, s.stride_w, s.ow);
            T* to = dx.as<T>() + (row * s.w + iw) * s.c;
            if (down.end - down.begin == 1 && across.end - across.begin == 1) {
                const F32 count = static_cast<float>(Window(s, down.begin, across.begin).elements(s));
                const T* from = gradients + (down.begin * s.ow + across.begin) * s.c;
                lanes(s.c, [&](int64_t c, auto m) { store(to + c, load(from + c, m) / count, m); });
                continue;
            }
            lanes(s.c, [&](int64_t c, auto m) {
                Wide sum(0.0);
                for (int64_t oh = down.begin; oh < down.end; oh++)
                    for (int64_t ow = across.begin; ow < across.end; ow++) {
                        const Wide count(static_cast<double>(Window(s, oh, ow).elements(s)));
                        sum = sum + Wide(load(gradients + (oh * s.ow + ow) * s.c + c, m)) / count;
                    }
                store(to + c, narrow(sum), m);
            });
        }
    });
}

void max_pool2d(const PoolShape& s, const View& x, const View& y, const View& index) {
    if (!is_stored_f32_or_bf16(x)) return plain_->max_pool2d(s, x, y, index);
    with_storage(x, [&]<class T>(T) { max_pool2d_of<T>(s, x, y, index); });
}

void max_pool2d_backward(const PoolShape& s, const View& dy, const View& index, const View& dx) {
    if (!is_stored_f32_or_bf16(dy)) return plain_->max_pool2d_backward(s, dy, index, dx);
    with_storage(dy, [&]<class T>(T) { max_pool2d_backward_of<T>(s, dy, index, dx); });
}

void avg_pool2d(const PoolShape& s, const View& x, const View& y) {
    if (!is_stored_f32_or_bf16(x)) return plain_->avg_pool2d(s, x, y);
    with_storage(x, [&]<class T>(T) { avg_pool2d_of<T>(s, x, y); });
}

void avg_pool2d_backward(const PoolShape& s, const View& dy, const View& dx) {
    if (!is_stored_f32_or_bf16(dy)) return plain_->avg_pool2d_backward(s, dy, dx);
    with_storage(dy, [&]<class T>(T) { avg_pool2d_backward_of<T>(s, dy, dx); });
}

}  // namespace

void add_pooling(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.max_pool2d = max_pool2d;
    table.max_pool2d_backward = max_pool2d_backward;
    table.avg_pool2d = avg_pool2d;
    table.avg_pool2d_backward = avg_pool2d_backward;
}

}  // namespace hb::cpu::HB_TIER
