// Convolution with one channel in and out per group. There is no sum over channels, so this is no product of matrices:
// the lanes of a vector are channels, and a tap is one fused multiply-add per vector. Limited by loads (two per FMA)
// and, on images larger than the caches, by memory: a 3x3 layer reads and writes 8 bytes for 18 flops.
#include <algorithm>
#include <cstring>

#include "backend/cpu/simd/convolution.h"
#include "backend/cpu/simd/image_tiles.h"
#include "backend/cpu/simd/random.h"
#include "backend/cpu/simd/weight_packing.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

// Elements of the result that one task makes.
constexpr int64_t kResultGrain = 32 * 1024;

// Weights by tap: out[tap][channel].
void spread_taps(const ConvShape& shape, const float* w, const Noise& noise, int64_t run, float* out) {
    const int64_t taps = shape.kh * shape.kw, size = shape.c * taps;
    const Scratch<float> perturbed(has_noise(noise) ? size : 0);
    if (has_noise(noise)) {
        perturb(noise, run, 0, size, w, perturbed.data());
        w = perturbed.data();
    }
    transpose_copy<false>(w, taps, shape.c, taps, out, shape.c);
}

// One row of the result: the sum over taps of source pixels times weights.
void make_row(const Axis& h, const Axis& w, int64_t kernel_columns, int64_t channels, const float* source, int64_t row,
              const float* weights, const float* bias, float* result) {
    const int64_t phase_h = row % h.spread, top = row / h.spread * h.step;
    for (int64_t column = 0; column < w.result; column++, result += channels) {
        const int64_t phase_w = column % w.spread, left = column / w.spread * w.step;
        lanes(channels, [&](int64_t c, auto mask) {
            F32 sum = bias ? load(bias + c, mask) : zero();
            for (int64_t a = h.begin[phase_h]; a < h.begin[phase_h + 1]; a++) {
                const int64_t y = top + h.taps[a].offset;
                if (y < 0 || y >= h.source) continue;
                for (int64_t b = w.begin[phase_w]; b < w.begin[phase_w + 1]; b++) {
                    const int64_t x = left + w.taps[b].offset;
                    if (x < 0 || x >= w.source) continue;
                    const int64_t tap = h.taps[a].kernel * kernel_columns + w.taps[b].kernel;
                    sum = fma(load(source + (y * w.source + x) * channels + c, mask),
                              load(weights + tap * channels + c, mask), sum);
                }
            }
            store(result + c, sum, mask);
        });
    }
}

void make_rows(const ConvShape& shape, const Axis& h, const Axis& w, const float* source, const float* weights,
               const float* bias, const Noise& noise, float* result) {
    const int64_t runs = has_noise(noise) ? noise.sub_batches : 1, size = shape.kh * shape.kw * shape.c;
    const Scratch<float> by_tap(runs * size);
    parallel(runs, [&](int64_t run) { spread_taps(shape, weights, noise, run, by_tap.data() + run * size); });
    const int64_t row = w.result * shape.c, grain = std::max<int64_t>(1, kResultGrain / std::max<int64_t>(row, 1));
    parallel_ranges(shape.n * h.result, grain, [&](int64_t begin, int64_t end) {
        int64_t run = 0;
        for (int64_t i = begin; i < end; i++) {
            const int64_t image = i / h.result;
            while (run + 1 < runs && first_of_run(shape, noise, run + 1) <= image) run++;
            make_row(h, w, shape.kw, shape.c, source + image * h.source * w.source * shape.c, i % h.result,
                     by_tap.data() + run * size, bias, result + i * row);
        }
    });
}

// sums[tap][channel] += x * dy over one image.
void add_image(const ConvShape& shape, const Axis& h, const Axis& w, const float* x, const float* dy, float* sums) {
    const int64_t channels = shape.c, across = w.step * channels;
    for (int64_t i = 0; i < shape.oh; i++)
        for (int64_t a = 0; a < shape.kh; a++) {
            const int64_t row = i * h.step + h.taps[a].offset;
            if (row < 0 || row >= h.source) continue;
            for (int64_t b = 0; b < shape.kw; b++) {
                // Result columns j with 0 <= j * step + offset < source.
                const int64_t offset = w.taps[b].offset;
                const int64_t begin = offset < 0 ? (-offset + w.step - 1) / w.step : 0;
                const int64_t end = offset < w.source ? std::min(shape.ow, (w.source - offset - 1) / w.step + 1) : 0;
                if (begin >= end) continue;
                const float* from = x + (row * w.source + begin * w.step + offset) * channels;
                const float* gradient = dy + (i * shape.ow + begin) * channels;
                float* to = sums + (a * shape.kw + b) * channels;
                constexpr int kAbreast = 4;
                int64_t c = 0;
                for (; c + kAbreast * kLanes <= channels; c += kAbreast * kLanes) {
                    F32 sum[kAbreast];
                    for (int v = 0; v < kAbreast; v++) sum[v] = load(to + c + v * kLanes);
                    for (int64_t j = 0; j < end - begin; j++)
                        for (int v = 0; v < kAbreast; v++)
                            sum[v] = fma(load(from + j * across + c + v * kLanes),
                                         load(gradient + j * channels + c + v * kLanes), sum[v]);
                    for (int v = 0; v < kAbreast; v++) store(to + c + v * kLanes, sum[v]);
                }
                lanes(channels - c, [&](int64_t l, auto mask) {
                    F32 sum = load(to + c + l, mask);
                    for (int64_t j = 0; j < end - begin; j++)
                        sum = fma(load(from + j * across + c + l, mask), load(gradient + j * channels + c + l, mask),
                                  sum);
                    store(to + c + l, sum, mask);
                });
            }
        }
}

}  // namespace

void depthwise_conv2d(const ConvShape& s, const View& x, const View& w, const View& bias, const Noise& noise,
                      const View& y) {
    profile_algorithm("depthwise");
    make_rows(s, Axis(Axis::kForward, s.h, s.oh, s.kh, s.stride_h, s.pad_h, s.dilation_h),
              Axis(Axis::kForward, s.w, s.ow, s.kw, s.stride_w, s.pad_w, s.dilation_w), x.f32(), w.f32(), bias.f32(),
              noise, y.f32());
}

void depthwise_backward_data(const ConvShape& s, const View& dy, const View& w, const Noise& noise, const View& dx) {
    profile_algorithm("depthwise");
    make_rows(s, Axis(Axis::kBackward, s.oh, s.h, s.kh, s.stride_h, s.pad_h, s.dilation_h),
              Axis(Axis::kBackward, s.ow, s.w, s.kw, s.stride_w, s.pad_w, s.dilation_w), dy.f32(), w.f32(), nullptr,
              noise, dx.f32());
}

void depthwise_backward_weight(const ConvShape& s, const View& x, const View& dy, const Noise& noise, const View& dw) {
    profile_algorithm("depthwise");
    const Axis h(Axis::kForward, s.h, s.oh, s.kh, s.stride_h, s.pad_h, s.dilation_h);
    const Axis w(Axis::kForward, s.w, s.ow, s.kw, s.stride_w, s.pad_w, s.dilation_w);
    const bool chain = needs_chain_rule(noise);
    const int64_t taps = s.kh * s.kw, size = taps * s.c, runs = chain ? noise.sub_batches : 1;
    const int64_t pieces = std::clamp<int64_t>(kTasks / runs, 1, std::max<int64_t>(1, s.n / runs));  // of a run
    const Scratch<float> partial(runs * pieces * size);
    auto begin_of = [&](int64_t run) { return chain ? first_of_run(s, noise, run) : run * s.n; };
    parallel(runs * pieces, [&](int64_t unit) {
        const int64_t run = unit / pieces, piece = unit % pieces;
        const int64_t begin = begin_of(run), images = begin_of(run + 1) - begin;
        float* sums = partial.data() + unit * size;
        std::memset(sums, 0, static_cast<size_t>(size) * sizeof(float));
        for (int64_t i = begin + images * piece / pieces; i < begin + images * (piece + 1) / pieces; i++)
            add_image(s, h, w, x.f32() + i * s.h * s.w * s.c, dy.f32() + i * s.oh * s.ow * s.c, sums);
    });
    // Runs are added up in order, each multiplied by its factors.
    const Scratch<float> sum(size), turned(size);
    for (int64_t run = 0; run < runs; run++) {
        lanes(size, [&](int64_t i, auto mask) {
            F32 total = load(partial.data() + run * pieces * size + i, mask);
            for (int64_t p = 1; p < pieces; p++)
                total = total + load(partial.data() + (run * pieces + p) * size + i, mask);
            store(sum.data() + i, total, mask);
        });
        float* to = run == 0 ? dw.f32() : turned.data();
        transpose_copy<false>(sum.data(), s.c, taps, s.c, to, taps);
        if (chain) multiply_slope(noise, run, 0, size, to);
        if (run > 0)
            lanes(size, [&](int64_t i, auto mask) {
                store(dw.f32() + i, load(dw.f32() + i, mask) + load(to + i, mask), mask);
            });
    }
}

}  // namespace hb::cpu::HB_TIER
