// Clouds by the diamond-square method on a torus (Fournier, Fussell and Carpenter, "Computer rendering of stochastic
// models", 1982), laid over an image.
//
// The side n is the next power of two. From the whole square down to single points, the middle of every square of
// points is set to the mean of its corners plus a random deviation, then the middle of every edge to the mean of the
// four points around it plus another. The deviation is wobble * U(-wobble, wobble); wobble is 100 at first and is
// divided by the decay after every halving. The point in row y and column x takes uniform number y n + x; the one at
// the origin is 0.
#include <algorithm>

#include "core/scratch.h"
#include "image/draws.h"
#include "image/kernels.h"
#include "image/lanes.h"

namespace hb::image::HB_IMAGE_TIER {
namespace {

void squares(float* map, const float* drawn, int side, int step, float scale, float shift) {
    const int half = step / 2;
    for (int y = 0; y < side; y += step) {
        const float* upper = map + int64_t{y} * side;
        const float* lower = map + int64_t{(y + step) & (side - 1)} * side;
        const int64_t row = int64_t{y + half} * side;
        auto set = [&](int x, int right) {
            float corners = upper[x] + upper[right] + lower[x] + lower[right];
            map[row + x + half] = corners * 0.25f + (drawn[row + x + half] * scale - shift);
        };
        int x = 0;
        for (; x + step < side; x += step) set(x, x + step);
        set(x, 0);
    }
}

// The middle of every square's upper edge, and of its left edge.
void edges(float* map, const float* drawn, int side, int step, float scale, float shift) {
    const int half = step / 2;
    for (int y = 0; y < side; y += step) {
        float* row = map + int64_t{y} * side;
        const float* above = map + int64_t{(y - half) & (side - 1)} * side + half;
        float* middle = map + int64_t{y + half} * side;
        const float* lower = map + int64_t{(y + step) & (side - 1)} * side;
        const float *row_drawn = drawn + int64_t{y} * side + half, *middle_drawn = drawn + int64_t{y + half} * side;
        auto set = [&](int x, int left, int right) {
            float around = row[x] + row[right] + above[x] + middle[x + half];
            row[x + half] = around * 0.25f + (row_drawn[x] * scale - shift);
            around = row[x] + lower[x] + middle[left] + middle[x + half];
            middle[x] = around * 0.25f + (middle_drawn[x] * scale - shift);
        };
        set(0, side - half, step & (side - 1));
        int x = step;
        for (; x + step < side; x += step) set(x, x - half, x + step);
        if (x < side) set(x, x - half, 0);
    }
}

// Heights from 0 (lowest) to 1 (highest).
void clouds(float* map, const float* drawn, int side, double decay) {
    map[0] = 0;
    double wobble = 100;
    for (int step = side; step >= 2; step /= 2, wobble /= decay) {
        const float scale = static_cast<float>(2 * wobble * wobble), shift = static_cast<float>(wobble * wobble);
        squares(map, drawn, side, step, scale, shift);
        edges(map, drawn, side, step, scale, shift);
    }
    // Eight places apart, so that neighbours are compared at once.
    constexpr int kAbreast = 8;
    const int64_t count = int64_t{side} * side;
    float low[kAbreast], high[kAbreast];
    for (int i = 0; i < kAbreast; i++) low[i] = high[i] = map[0];
    int64_t k = 0;
    for (; k + kAbreast <= count; k += kAbreast)
        for (int i = 0; i < kAbreast; i++) {
            low[i] = map[k + i] < low[i] ? map[k + i] : low[i];
            high[i] = map[k + i] > high[i] ? map[k + i] : high[i];
        }
    float lowest = *std::min_element(low, low + kAbreast), highest = *std::max_element(high, high + kAbreast);
    for (; k < count; k++) {
        lowest = std::min(lowest, map[k]);
        highest = std::max(highest, map[k]);
    }
    const float range = highest - lowest;
    for (k = 0; k < count; k++) map[k] = (map[k] - lowest) / range;
}

void fog(const uint8_t* in, float* levels, int height, int width, double strength, double decay, const PhiloxKey& key) {
    int side = 2;
    while (side < height || side < width) side *= 2;
    Scratch<float> map(int64_t{side} * side), drawn(int64_t{side} * side);
    uniforms(key, 0, int64_t{side} * side, drawn.data());
    clouds(map.data(), drawn.data(), side, decay);
    const int64_t values = 3 * int64_t{height} * width;
    uint8_t most = 0;
    for (int64_t k = 0; k < values; k++) most = in[k] > most ? in[k] : most;
    const double brightest = most / 255.0;
    const float darken = static_cast<float>(brightest / (brightest + strength));
    const float scale = static_cast<float>(255 * strength) * darken;
    Scratch<float> line(3 * int64_t{width});
    for (int y = 0; y < height; y++) {
        const float* heights = map.data() + int64_t{y} * side;
        for (int x = 0; x < width; x++) {
            const float cloud = scale * heights[x];
            line[3 * x] = cloud;
            line[3 * x + 1] = cloud;
            line[3 * x + 2] = cloud;
        }
        const int64_t row = int64_t{y} * 3 * width;
        for (int k = 0; k < 3 * width; k++) levels[row + k] = in[row + k] * darken + line[k];
    }
}

}  // namespace

void fill_fog(Kernels& kernels) { kernels.fog = fog; }

}  // namespace hb::image::HB_IMAGE_TIER
