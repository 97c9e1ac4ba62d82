// Drops of water, or splashes of mud.
//
// Where the drops are: normal numbers of a mean and deviation, one per pixel, blurred by a Gaussian and set to 0 below
// a threshold. Mud: where the drops are, the image turns brown, with soft edges. Water: the drops get a relief from the
// distance to their edges, and pale turquoise is added.
//
// Sources: Canny, "A computational approach to edge detection", 1986, with Sobel's derivatives and the sum of their
// sizes as strength; Borgefors, "Distance transformations in digital images", 1986, with steps of 1, 1.4 and 2.1969.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/scratch.h"
#include "image/draws.h"
#include "image/kernels.h"
#include "image/lanes.h"

namespace hb::image::HB_IMAGE_TIER {
namespace {

typedef int16_t Shorts __attribute__((vector_size(32)));

constexpr float kTurquoise[3] = {175, 238, 238}, kBrown[3] = {63, 42, 20};
constexpr float kLeastMud = 0.8f;
// Distances are multiples of 2^-16.
constexpr int32_t kStraight = 65536, kDiagonal = 91750, kKnight = 143976, kFar = INT32_MAX / 2, kFarthest = 20 << 16;
// tan 22.5° times 2^15; tan 67.5° is 2 more.
constexpr int32_t kTan22 = 13573, kOne = 1 << 15;
constexpr int16_t kLow = 50, kHigh = 150;

int mirrored(int i, int size) {
    if (size == 1) return 0;
    const int period = 2 * size - 2, at = ((i % period) + period) % period;
    return at < size ? at : period - at;
}

// One plane, of which beyond the border the outermost pixel goes on. Every sum is made in one order, whatever the tier:
// the line itself, then four pairs at a time from the outermost inwards.
class Blur {
  public:
    Blur(int height, int width, const float* weights, int radius)
        : height_(height), width_(width), weights_(weights), radius_(radius), lines_(2 * radius + 1), columns_(width),
          padded_(width + 2 * radius) {}

    void apply(const float* from, float* to) const {
        for (int y = 0; y < height_; y++) {
            for (int k = -radius_; k <= radius_; k++)
                lines_[radius_ + k] = from + int64_t{std::clamp(y + k, 0, height_ - 1)} * width_;
            sum(columns_.data());
            std::fill_n(padded_.data(), radius_, columns_[0]);
            std::copy_n(columns_.data(), width_, padded_.data() + radius_);
            std::fill_n(padded_.data() + radius_ + width_, radius_, columns_[width_ - 1]);
            for (int k = -radius_; k <= radius_; k++) lines_[radius_ + k] = padded_.data() + radius_ + k;
            sum(to + int64_t{y} * width_);
        }
    }

  private:
    [[gnu::always_inline]] Floats pair(int d, int k) const {
        return (Floats{} + weights_[d]) *
               (load_vector<Floats>(lines_[radius_ - d] + k) + load_vector<Floats>(lines_[radius_ + d] + k));
    }
    [[gnu::always_inline]] float one_pair(int d, int k) const {
        return weights_[d] * (lines_[radius_ - d][k] + lines_[radius_ + d][k]);
    }

    void sum(float* to) const {
        int k = 0;
        for (; k + 16 <= width_; k += 16) {
            const Floats weight = Floats{} + weights_[0];
            Floats s0 = weight * load_vector<Floats>(lines_[radius_] + k);
            Floats s1 = weight * load_vector<Floats>(lines_[radius_] + k + 8);
            int d = radius_;
            for (; d >= 4; d -= 4) {
                s0 += pair(d, k) + pair(d - 1, k) + pair(d - 2, k) + pair(d - 3, k);
                s1 += pair(d, k + 8) + pair(d - 1, k + 8) + pair(d - 2, k + 8) + pair(d - 3, k + 8);
            }
            for (; d >= 1; d--) {
                s0 += pair(d, k);
                s1 += pair(d, k + 8);
            }
            store_vector(to + k, s0);
            store_vector(to + k + 8, s1);
        }
        for (; k < width_; k++) {
            float sum = weights_[0] * lines_[radius_][k];
            int d = radius_;
            for (; d >= 4; d -= 4) sum += one_pair(d, k) + one_pair(d - 1, k) + one_pair(d - 2, k) + one_pair(d - 3, k);
            for (; d >= 1; d--) sum += one_pair(d, k);
            to[k] = sum;
        }
    }

    const int height_, width_;
    const float* weights_;
    const int radius_;
    Scratch<const float*> lines_;
    Scratch<float> columns_, padded_;
};

void mud(const uint8_t* in, float* levels, int height, int width, const Drops& drops, float* share) {
    const int64_t pixels = int64_t{height} * width;
    for (int64_t i = 0; i < pixels; i++) share[i] = share[i] > drops.threshold ? 1.0f : 0.0f;
    Scratch<float> soft(pixels), line(3 * int64_t{width});
    Blur(height, width, drops.soft_weights, drops.soft_radius).apply(share, soft.data());
    for (int64_t row = 0; row < pixels; row += width) {
        for (int x = 0; x < width; x++) {
            const float mud = soft[row + x] >= kLeastMud ? soft[row + x] : 0.0f;
            for (int c = 0; c < 3; c++) line[3 * x + c] = mud;
        }
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                const int64_t k = 3 * (row + x) + c;
                const float mud = line[3 * x + c];
                levels[k] = in[k] * (1 - mud) + kBrown[c] * mud;
            }
    }
}

// The relief of drops of water, from their levels.
class Relief {
  public:
    Relief(int height, int width)
        : height_(height), width_(width), across_(pixels()), down_(pixels()), edge_(pixels()), found_(pixels()) {}

    // Marks edge pixels with 1, others with 0. A pixel is a candidate if its gradient is stronger than kLow and than
    // both neighbours' in its direction. Candidates stronger than kHigh are edges, and all candidates that touch one.
    void find_edges(const int16_t* level) {
        const int stride = width_ + 2;
        // With a border: of levels the outermost goes on, of strengths 0.
        Scratch<int16_t> padded((height_ + 2) * int64_t{stride}), strengths((height_ + 2) * int64_t{stride} + 16);
        for (int y = -1; y <= height_; y++) {
            int16_t* to = padded.data() + (y + 1) * int64_t{stride};
            const int16_t* from = level + int64_t{std::clamp(y, 0, height_ - 1)} * width_;
            std::copy_n(from, width_, to + 1);
            to[0] = from[0];
            to[stride - 1] = from[width_ - 1];
        }
        std::fill_n(strengths.data(), (height_ + 2) * int64_t{stride} + 16, int16_t{0});
        for (int y = 0; y < height_; y++) {
            const int16_t *a = padded.data() + y * int64_t{stride}, *b = a + stride, *c = b + stride;
            int16_t *across = across_.data() + y * int64_t{width_}, *down = down_.data() + y * int64_t{width_};
            int16_t* strength = strengths.data() + (y + 1) * int64_t{stride} + 1;
            // Sobel's derivatives, of sixteen pixels or of one.
            auto derive = [&]<class T>(int x, T) {
                auto at = [](const int16_t* p) { return load_vector<T>(p); };
                const T dx = at(a + x + 2) - at(a + x) + 2 * (at(b + x + 2) - at(b + x)) + at(c + x + 2) - at(c + x);
                const T dy =
                    at(c + x) - at(a + x) + 2 * (at(c + x + 1) - at(a + x + 1)) + at(c + x + 2) - at(a + x + 2);
                store_vector<T>(across + x, dx);
                store_vector<T>(down + x, dy);
                store_vector<T>(strength + x, (dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy));
            };
            int x = 0;
            for (; x + 16 <= width_; x += 16) derive(x, Shorts{});
            for (; x < width_; x++) derive(x, int16_t{});
        }
        int64_t count = 0;
        std::fill_n(edge_.data(), pixels(), int8_t{0});
        for (int y = 0; y < height_; y++) {
            const int16_t* strength = strengths.data() + (y + 1) * int64_t{stride} + 1;
            for (int first = 0; first < width_; first += 16) {
                if (!any((Ints)(load_vector<Shorts>(strength + first) > kLow))) continue;
                for (int x = first; x < std::min(first + 16, width_); x++) {
                    const int64_t i = y * int64_t{width_} + x;
                    if (strength[x] <= kLow || !is_ridge(strength + x, stride, across_[i], down_[i])) continue;
                    edge_[i] = kCandidate;
                    if (strength[x] > kHigh) {
                        edge_[i] = 1;
                        found_[count++] = static_cast<int32_t>(i);
                    }
                }
            }
        }
        while (count > 0) {
            const int32_t i = found_[--count];
            const int y = i / width_, x = i % width_;
            for (int ny = std::max(y - 1, 0); ny <= std::min(y + 1, height_ - 1); ny++)
                for (int nx = std::max(x - 1, 0); nx <= std::min(x + 1, width_ - 1); nx++) {
                    const int64_t other = ny * int64_t{width_} + nx;
                    if (edge_[other] == kCandidate) {
                        edge_[other] = 1;
                        found_[count++] = static_cast<int32_t>(other);
                    }
                }
        }
        for (int64_t i = 0; i < pixels(); i++) edge_[i] &= 1;
    }

    // The distance of every pixel to the next edge, at most 20.
    void measure(float* distance) {
        // A margin of two pixels that are far from everything.
        const int64_t stride = width_ + 4;
        Scratch<int32_t> d((height_ + 4) * stride), line(width_);
        std::fill_n(d.data(), (height_ + 4) * stride, kFar);
        for (int y = 0; y < height_; y++) {
            int32_t* row = d.data() + (y + 2) * stride + 2;
            nearest(row - stride, row - 2 * stride, line.data());
            const int8_t* edge = edge_.data() + y * int64_t{width_};
            for (int x = 0; x < width_; x++) line[x] &= edge[x] - 1;
            int32_t before = kFar;
            for (int x = 0; x < width_; x++) {
                before += kStraight;
                before = line[x] < before ? line[x] : before;
                before = before < kFar ? before : kFar;
                row[x] = before;
            }
        }
        for (int y = height_ - 1; y >= 0; y--) {
            int32_t* row = d.data() + (y + 2) * stride + 2;
            nearest(row + stride, row + 2 * stride, line.data());
            for (int x = 0; x < width_; x++) line[x] = row[x] < line[x] ? row[x] : line[x];
            int32_t behind = kFar;
            for (int x = width_ - 1; x >= 0; x--) {
                behind += kStraight;
                behind = line[x] < behind ? line[x] : behind;
                row[x] = behind;
            }
            float* to = distance + y * int64_t{width_};
            for (int x = 0; x < width_; x++)
                to[x] = static_cast<float>(row[x] < kFarthest ? row[x] : kFarthest) * 0x1p-16f;
        }
    }

  private:
    static constexpr int8_t kCandidate = 2;

    int64_t pixels() const { return int64_t{height_} * width_; }

    static bool is_ridge(const int16_t* at, int stride, int across, int down) {
        const int here = *at, flat = std::abs(across) * kTan22, steep = std::abs(down) * kOne;
        if (steep < flat) return here > at[-1] && here >= at[1];
        if (steep > flat + std::abs(across) * 2 * kOne) return here > at[-stride] && here >= at[stride];
        const int side = (across ^ down) < 0 ? -1 : 1;
        return here > at[-stride - side] && here > at[stride + side];
    }

    // For a line, the least by way of the line beside it and the one after that.
    void nearest(const int32_t* next, const int32_t* second, int32_t* __restrict line) const {
        for (int x = 0; x < width_; x++) {
            auto least = [](int32_t a, int32_t b) { return a < b ? a : b; };
            const int32_t diagonal = least(next[x - 1], next[x + 1]) + kDiagonal;
            const int32_t knight =
                least(least(next[x - 2], next[x + 2]), least(second[x - 1], second[x + 1])) + kKnight;
            line[x] = least(least(next[x] + kStraight, diagonal), knight);
        }
    }

    const int height_, width_;
    Scratch<int16_t> across_, down_;
    Scratch<int8_t> edge_;
    Scratch<int32_t> found_;
};

// Sums of three by three pixels times weights, row by row; mirrored at the border, the outermost pixel once.
void sum_around(const float* from, float* to, int height, int width, const float (&weights)[9]) {
    const int stride = width + 2;
    Scratch<float> padded(3 * int64_t{stride});
    auto put = [&](int y) {
        float* line = padded.data() + (y + 1) % 3 * stride;
        const float* row = from + int64_t{mirrored(y, height)} * width;
        std::copy_n(row, width, line + 1);
        line[0] = row[mirrored(-1, width)];
        line[stride - 1] = row[mirrored(width, width)];
    };
    put(-1);
    put(0);
    for (int y = 0; y < height; y++) {
        put(y + 1);
        const float *a = padded.data() + y % 3 * stride, *b = padded.data() + (y + 1) % 3 * stride,
                    *c = padded.data() + (y + 2) % 3 * stride;
        float* __restrict line = to + int64_t{y} * width;
        for (int x = 0; x < width; x++) {
            float sum = weights[0] * a[x];
            sum += weights[1] * a[x + 1];
            sum += weights[2] * a[x + 2];
            sum += weights[3] * b[x];
            sum += weights[4] * b[x + 1];
            sum += weights[5] * b[x + 2];
            sum += weights[6] * c[x];
            sum += weights[7] * c[x + 1];
            sum += weights[8] * c[x + 2];
            line[x] = sum;
        }
    }
}

constexpr float kBox[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
constexpr float kLight[9] = {-2, -1, 0, -1, 1, 1, 0, 1, 2};

// Spreads whole levels so that each is as frequent as another; the lowest becomes 0.
void equalise(float* levels, int64_t count) {
    Scratch<uint8_t> whole(count);
    for (int64_t i = 0; i < count; i++) whole[i] = static_cast<uint8_t>(static_cast<int>(levels[i]));
    // Four histograms in turn, so that equal neighbours need not wait for each other.
    int32_t histograms[4][256] = {};
    for (int64_t i = 0; i < count; i++) histograms[i % 4][whole[i]]++;
    int64_t histogram[256];
    for (int l = 0; l < 256; l++)
        histogram[l] = int64_t{histograms[0][l]} + histograms[1][l] + histograms[2][l] + histograms[3][l];
    int lowest = 0;
    while (histogram[lowest] == 0) lowest++;
    if (histogram[lowest] == count) {
        for (int64_t i = 0; i < count; i++) levels[i] = whole[i];
        return;
    }
    const float scale = 255.0f / static_cast<float>(count - histogram[lowest]);
    float spread[256] = {};
    int64_t sum = 0;
    for (int l = lowest + 1; l < 256; l++) {
        sum += histogram[l];
        spread[l] = std::nearbyint(static_cast<float>(sum) * scale);
    }
    for (int64_t i = 0; i < count; i++) levels[i] = spread[whole[i]];
}

void water(const uint8_t* in, float* levels, int height, int width, const Drops& drops, const float* liquid) {
    const int64_t pixels = int64_t{height} * width;
    Scratch<int16_t> level(pixels);
    for (int64_t i = 0; i < pixels; i++)
        level[i] =
            static_cast<int16_t>(static_cast<int>((liquid[i] >= drops.threshold ? liquid[i] : 0.0f) * 255) & 0xff);
    Scratch<float> relief(pixels), smooth(pixels), line(3 * int64_t{width});
    {
        Relief drop(height, width);
        drop.find_edges(level.data());
        drop.measure(relief.data());
    }
    sum_around(relief.data(), smooth.data(), height, width, kBox);
    for (int64_t i = 0; i < pixels; i++) smooth[i] = smooth[i] / 9;
    equalise(smooth.data(), pixels);
    sum_around(smooth.data(), relief.data(), height, width, kLight);
    for (int64_t i = 0; i < pixels; i++) {
        const float lit = relief[i] > 0 ? relief[i] : 0;
        relief[i] = lit < 255 ? lit : 255;
    }
    sum_around(relief.data(), smooth.data(), height, width, kBox);
    int32_t most = 0;
    Scratch<int32_t> height_of(pixels);
    for (int64_t i = 0; i < pixels; i++) {
        // Of nine whole numbers the mean, rounded.
        const int32_t mean = (2 * static_cast<int32_t>(smooth[i]) + 9) / 18;
        height_of[i] = level[i] * mean;
        most = height_of[i] > most ? height_of[i] : most;
    }
    // Without any drop there is nothing to add.
    const float scale = most == 0 ? 0 : drops.alpha / static_cast<float>(most);
    for (int64_t row = 0; row < pixels; row += width) {
        for (int x = 0; x < width; x++) {
            const float added = static_cast<float>(height_of[row + x]) * scale;
            for (int c = 0; c < 3; c++) line[3 * x + c] = kTurquoise[c] * added;
        }
        for (int k = 0; k < 3 * width; k++) levels[3 * row + k] = in[3 * row + k] + line[k];
    }
}

void spatter(const uint8_t* in, float* levels, int height, int width, const Drops& drops, const PhiloxKey& key) {
    const int64_t pixels = int64_t{height} * width;
    Scratch<float> drawn(pixels), liquid(pixels);
    normals(key, 0, pixels, drawn.data());
    for (int64_t i = 0; i < pixels; i++) drawn[i] = drops.mean + drops.deviation * drawn[i];
    Blur(height, width, drops.weights, drops.radius).apply(drawn.data(), liquid.data());
    if (drops.mud)
        mud(in, levels, height, width, drops, liquid.data());
    else
        water(in, levels, height, width, drops, liquid.data());
}

}  // namespace

void fill_spatter(Kernels& kernels) { kernels.spatter = spatter; }

}  // namespace hb::image::HB_IMAGE_TIER
