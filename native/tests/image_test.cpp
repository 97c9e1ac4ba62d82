// Loops over the pixels of images: the plain build against the one for AVX2, bit for bit, and against known values.
// Against NumPy, SciPy, OpenCV and Pillow they are tested from Java, by the golden files of the corruptions.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "image/kernels.h"
#include "support/check.h"

namespace {

using hb::image::Kernels;
using hb::test::check;
using hb::test::check_error;

using Bytes = std::vector<uint8_t>;
using Levels = std::vector<float>;

const hb::PhiloxKey kKey{7, 1, 2, hb::kPurposeTest, 3};

// Smooth with some noise, all noise, or flat.
Bytes image(int height, int width, int kind) {
    Bytes bytes(3 * height * width);
    for (size_t k = 0; k < bytes.size(); k++) {
        const uint32_t word = kKey.word(k);
        const int smooth =
            128 + static_cast<int>(100 * std::sin(0.05 * static_cast<double>(k / 3 % width + k / width)));
        bytes[k] = static_cast<uint8_t>(kind == 0 ? smooth + (word & 15) : kind == 1 ? word & 255 : 200);
    }
    return bytes;
}

std::vector<double> gaussian_weights(double sigma) {
    std::vector<double> weights;
    for (int k = 0; k <= static_cast<int>(4 * sigma + 0.5); k++)
        weights.push_back(std::exp(-0.5 * k * k / (sigma * sigma)));
    const double sum = 2 * std::accumulate(weights.begin(), weights.end(), 0.0) - weights[0];
    for (double& weight : weights) weight /= sum;
    return weights;
}

// All results for one image, one after the other.
Levels everything(const Kernels& kernels, const Bytes& in, int height, int width) {
    const size_t values = in.size();
    Levels all, levels(values);
    Bytes bytes(values);
    auto take = [&] { all.insert(all.end(), levels.begin(), levels.end()); };
    auto take_bytes = [&] { all.insert(all.end(), bytes.begin(), bytes.end()); };
    uint8_t luma[64], chroma[64];
    for (int coarse : {1, 7, 63}) {
        for (int i = 0; i < 64; i++) {
            luma[i] = static_cast<uint8_t>(std::min(255, coarse + i * coarse / 8));
            chroma[i] = static_cast<uint8_t>(std::min(255, coarse + i * coarse / 4));
        }
        kernels.jpeg(in.data(), bytes.data(), height, width, luma, chroma);
        take_bytes();
    }
    for (double share : {0.95, 0.6, 0.25}) {
        kernels.pixelate(in.data(), bytes.data(), height, width, std::max(1, static_cast<int>(height * share)),
                         std::max(1, static_cast<int>(width * share)));
        take_bytes();
    }
    for (double sigma : {0.4, 1.0, 3.0}) {
        const std::vector<double> weights = gaussian_weights(sigma);
        kernels.gaussian(in.data(), levels.data(), height, width, weights.data(), static_cast<int>(weights.size()) - 1);
        // Levels may differ behind the point.
        kernels.cut(levels.data(), bytes.data(), static_cast<int64_t>(values));
        take_bytes();
        const Levels single(weights.begin(), weights.end());
        for (bool mud : {false, true}) {
            const int radius = static_cast<int>(single.size()) - 1;
            const hb::image::Drops drops{.65f, .3f, .68f, .6f, mud, radius, radius, single.data(), single.data()};
            kernels.spatter(in.data(), levels.data(), height, width, drops, kKey);
            take();
        }
    }
    kernels.fog(in.data(), levels.data(), height, width, 1.5, 2, kKey);
    take();
    for (bool proportional : {false, true}) {
        kernels.noise(in.data(), levels.data(), static_cast<int64_t>(values), 20, proportional, kKey);
        take();
    }
    const Bytes other(in.rbegin(), in.rend());
    kernels.mix(in.data(), other.data(), levels.data(), static_cast<int64_t>(values), .7f, .45f);
    take();
    const int32_t half_width[] = {3, 2, 2, 0}, at[] = {3, 4}, from[] = {2, 3}, length[] = {3, 5};
    const float gauss[] = {.8f, .1f}, weight[] = {.1f, -.05f};
    const float columns[] = {.2f, .1f, .05f, .3f, .2f, .1f, .07f, .03f};
    kernels.defocus(in.data(), levels.data(), height, width,
                    {4, 1, 4, 2, half_width, at, from, length, gauss, weight, columns, 1 / 25.0f, -2e-4f});
    take();
    return all;
}

void both_builds_give_the_same_bits(const Kernels& plain) {
    if (!hb::cpu::supported("avx2")) return;
    Kernels fast{};
    hb::image::avx2::fill(fast);
    const int sizes[][2] = {{1, 1}, {1, 40}, {3, 5}, {17, 33}, {32, 32}, {50, 131}};
    for (auto [height, width] : sizes)
        for (int kind = 0; kind < 3; kind++) {
            const Bytes in = image(height, width, kind);
            const Levels a = everything(plain, in, height, width), b = everything(fast, in, height, width);
            check(a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0,
                  "%d x %d pixels of kind %d: AVX2 gives other bits", height, width, kind);
        }
}

void known_values(const Kernels& kernels) {
    const float levels[] = {-3, -0.5f, 0, 0.99f, 254.999f, 255, 300, std::numeric_limits<float>::quiet_NaN()};
    uint8_t bytes[8];
    kernels.cut(levels, bytes, 8);
    const uint8_t cut[] = {0, 0, 0, 0, 254, 255, 255, 0};
    check(std::memcmp(bytes, cut, 8) == 0, "levels are clipped and cut");

    // Two by two pixels of one colour each become their mean, halves rounded up: across, then down.
    Bytes in(4 * 4 * 3, 10), out(in.size());
    in[0] = 13;
    in[3] = 20;
    kernels.pixelate(in.data(), out.data(), 4, 4, 2, 2);
    // (13 + 20) / 2 = 17, (17 + 10) / 2 = 14
    check(out[0] == 14 && out[3] == 14 && out[12] == 14 && out[15] == 14, "the mean of four is %d, expected 14",
          out[0]);
    check(out[6] == 10 && out[1] == 10 && out[24] == 10, "the others stay as they are");

    // Flat images: nothing for JPEG to lose but the steps of the mean, 8 times a level.
    const Bytes grey(24 * 20 * 3, 128);
    Bytes coded(grey.size());
    uint8_t steps[64];
    std::memset(steps, 50, sizeof steps);
    kernels.jpeg(grey.data(), coded.data(), 24, 20, steps, steps);
    check(coded == grey, "JPEG leaves a grey image alone");

    // Level 0 gives 0, level 9 gives 2 or 5, each half of the time, level 8 gives 3 in 7 of 10 cases and else 4, any
    // other 1.
    std::vector<int32_t> place(2 * 256, 0), guide(256 * 256);
    const double cumulative[] = {0, 0, .5, .5, .5, 1, .7, 1};
    place[2 * 8] = 6;
    place[2 * 8 + 1] = 3;
    const int turn = static_cast<int>(.7 * 0x1p24);
    for (int l = 0; l < 256; l++)
        for (int i = 0; i < 256; i++) {
            int sample = l == 0 ? 0 : l == 8 ? 3 + (i > turn >> 16) : 1;
            int at = l == 8 && i == turn >> 16 ? turn & 0xffff : 0xffff;
            guide[size_t(256 * l + i)] = l == 9 ? ~0 : sample << 16 | at;
        }
    const float level_of[] = {0, 10, 20, 30, 40, 50};
    Bytes photons(60000, 9);
    photons[0] = 0;
    photons[1] = 200;
    for (size_t k = 3; k < photons.size(); k += 2) photons[k] = 8;
    Levels sampled(photons.size());
    kernels.poisson(photons.data(), sampled.data(), int64_t(photons.size()),
                    {place.data(), guide.data(), cumulative, level_of}, kKey);
    check(sampled[0] == 0 && sampled[1] == 10, "samples are %g and %g, expected 0 and 10", sampled[0], sampled[1]);
    for (size_t k = 2; k < photons.size(); k++) {
        const double u = double(kKey.uniform(2 * k)) + 0x1p-24 * double(kKey.uniform(2 * k + 1));
        const float wanted = photons[k] == 9 ? (u < .5 ? 20.0f : 50.0f) : u < .7 ? 30.0f : 40.0f;
        check(sampled[k] == wanted, "sample %zu is %g, expected %g", k, double(sampled[k]), double(wanted));
    }
}

void errors() {
    const Bytes in(3, 1);
    Bytes out(3), steps(64, 1);
    check_error(hb_image_jpeg(in.data(), nullptr, 1, 1, steps.data(), steps.data()), HB_ERROR_ARGUMENT, {"result"});
    check_error(hb_image_jpeg(in.data(), out.data(), 0, 1, steps.data(), steps.data()), HB_ERROR_ARGUMENT, {"0 x 1"});
    steps[5] = 0;
    check_error(hb_image_jpeg(in.data(), out.data(), 1, 1, steps.data(), steps.data()), HB_ERROR_ARGUMENT, {"step 5"});
    check_error(hb_image_pixelate(in.data(), out.data(), 1, 1, 2, 1), HB_ERROR_ARGUMENT, {"2 x 1"});
    const hb_stream stream{1, 0, 0, 0, 0};
    float level[3];
    check_error(hb_image_fog(in.data(), level, 1, 1, 0, 2, &stream), HB_ERROR_ARGUMENT, {"strength"});
    check_error(hb_image_noise(in.data(), level, -1, 1, 0, &stream), HB_ERROR_ARGUMENT, {"-1"});
    check_error(hb_image_noise(in.data(), level, 3, 1, 0, nullptr), HB_ERROR_ARGUMENT, {"stream"});
    const hb_disk disk{3, 1, 2, 0, 1, 0};
    const int32_t half_width[] = {2, 1, 0};
    const float gauss[] = {.8f, .1f};
    check_error(
        hb_image_defocus(in.data(), level, 1, 1, &disk, half_width, nullptr, nullptr, nullptr, gauss, nullptr, nullptr),
        HB_ERROR_ARGUMENT, {"margin 2"});
}

}  // namespace

int main() {
    Kernels plain{};
    hb::image::baseline::fill(plain);
    both_builds_give_the_same_bits(plain);
    known_values(plain);
    if (hb::cpu::supported("avx2")) {
        Kernels fast{};
        hb::image::avx2::fill(fast);
        known_values(fast);
    }
    errors();
    return hb::test::finish();
}
