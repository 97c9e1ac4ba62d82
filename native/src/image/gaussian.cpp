// SciPy's gaussian_filter of an image of bytes, whose outermost pixels go on beyond its border. The cut of the result
// to bytes is that of a computation in double precision, in SciPy's order: columns first, then rows, every sum from the
// outermost pair of neighbours inwards. It is computed in single precision, and once more in double where that is so
// close to a whole level that it might be on the wrong side.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/scratch.h"
#include "image/kernels.h"
#include "image/lanes.h"

namespace hb::image::HB_IMAGE_TIER {
namespace {

constexpr int kLanes = 8, kBlock = 4 * kLanes;
// Columns that are filtered together: as many that the rows around stay in the nearest cache.
constexpr int kStrip = 3 * kBlock;
// One in so many values is done again before all are.
constexpr int kFew = 200;

[[gnu::always_inline]] inline Floats plus_product(Floats sum, Floats a, Floats b) {
#if defined(__FMA__)
    return _mm256_fmadd_ps(a, b, sum);
#else
    return sum + a * b;
#endif
}

// What is added and taken off again leaves no place for what is behind the point. Level 0 does not count as whole: what
// is a little more is cut to the same byte, and it is never less.
[[gnu::always_inline]] inline Ints close_to_whole(Floats level, float share) {
    Floats whole = (level + 0x1.8p23f) - 0x1.8p23f, one = Floats{} + 1.0f;
    whole = whole > one ? whole : one;
    Floats distance = level - whole, limit = level * share;
    return (distance <= limit) & (-distance <= limit);
}
inline bool is_close(float level, float share) {
    return std::fabs(level - std::max(1.0f, (level + 0x1.8p23f) - 0x1.8p23f)) <= level * share;
}

// Weighted sums of kBlock neighbouring numbers and those k steps before and behind, from the outermost pair inwards.
// Returns whether one of them is within that share of it of a whole number.
[[gnu::always_inline]] inline bool filter_block(const float* from, int64_t step, const float* weights, int radius,
                                                float* to, float share) {
    Floats s0{}, s1{}, s2{}, s3{};
    auto at = [](const float* p, int i) { return load_vector<Floats>(p + i * kLanes); };
    const float *before = from - radius * step, *behind = from + radius * step;
    for (int k = radius; k > 0; k--, before += step, behind -= step) {
        const Floats weight = Floats{} + weights[k];
        s0 = plus_product(s0, weight, at(before, 0) + at(behind, 0));
        s1 = plus_product(s1, weight, at(before, 1) + at(behind, 1));
        s2 = plus_product(s2, weight, at(before, 2) + at(behind, 2));
        s3 = plus_product(s3, weight, at(before, 3) + at(behind, 3));
    }
    const Floats weight = Floats{} + weights[0];
    s0 = plus_product(s0, weight, at(from, 0));
    s1 = plus_product(s1, weight, at(from, 1));
    s2 = plus_product(s2, weight, at(from, 2));
    s3 = plus_product(s3, weight, at(from, 3));
    store_vector(to, s0);
    store_vector(to + kLanes, s1);
    store_vector(to + 2 * kLanes, s2);
    store_vector(to + 3 * kLanes, s3);
    if (share == 0) return false;
    return any(close_to_whole(s0, share) | close_to_whole(s1, share) | close_to_whole(s2, share) |
               close_to_whole(s3, share));
}

// A float whose whole part is that of 255 times the value.
float level_of(double value) {
    double exact = value * 255;
    float level = static_cast<float>(exact);
    return level > exact ? std::nextafter(level, 0.0f) : level;
}

class Gaussian {
  public:
    Gaussian(const uint8_t* in, float* levels, int height, int width, const double* kernel, int radius)
        : in_(in), levels_(levels), height_(height), width_(width), length_(3 * width), kernel_(kernel),
          radius_(radius), margin_(3 * radius), weights_(radius + 1) {
        double reach = 0;
        for (int k = 0; k <= radius; k++) {
            weights_[k] = static_cast<float>(kernel[k]);
            reach += 2 * k * kernel[k];
        }
        // All terms are positive, and the sums small until the innermost: rounded sums make, relative to the result,
        // the mean distance and 1 times 2^-24; products, weights, and the pairs of the second direction 1 each.
        share_ = static_cast<float>((2 * reach + 8) * 0x1p-24);
        for (int level = 0; level < 256; level++) unit_[level] = level / 255.0;
    }

    void run() {
        const int64_t stride = (length_ + kStrip - 1) / kStrip * kStrip;
        Scratch<float> columns(height_ * stride), strip((height_ + 2 * radius_) * int64_t{kStrip});
        for (int64_t x = 0; x < stride; x += kStrip) filter_strip(x, strip.data(), columns.data() + x, stride);
        Scratch<float> line(stride + 2 * margin_), result(stride);
        Scratch<double> sums(2 * radius_ + 1);
        int left = length_ * height_ / kFew;
        for (int y = 0; y < height_; y++) {
            const float* row = columns.data() + y * stride;
            float* middle = line.data() + margin_;
            std::copy_n(row, stride, middle);
            for (int k = 1; k <= radius_; k++) std::copy_n(row, 3, middle - 3 * k);
            for (int k = 0; k < radius_; k++) std::copy_n(row + length_ - 3, 3, middle + length_ + 3 * k);
            float* to = levels_ + int64_t{y} * length_;
            for (int64_t x = 0; x < length_; x += kBlock) {
                if (!filter_block(middle + x, 3, weights_.data(), radius_, result.data() + x, share_)) continue;
                for (int64_t i = x; i < std::min<int64_t>(x + kBlock, length_); i++)
                    if (is_close(result[i], share_)) {
                        if (left-- == 0) return in_double();
                        result[i] = level_of(exact(y, static_cast<int>(i) / 3, i % 3, sums.data()));
                    }
            }
            std::copy_n(result.data(), length_, to);
        }
    }

  private:
    int row_at(int y) const { return std::clamp(y, 0, height_ - 1); }

    void filter_strip(int64_t first, float* strip, float* to, int64_t stride) {
        const int64_t count = std::min<int64_t>(kStrip, length_ - first);
        for (int y = -radius_; y < height_ + radius_; y++) {
            float* line = strip + (y + radius_) * int64_t{kStrip};
            if (y == row_at(y)) {
                const uint8_t* row = in_ + int64_t{y} * length_ + first;
                for (int64_t i = 0; i < count; i++) line[i] = row[i];
                std::fill(line + count, line + kStrip, 0.0f);
            }
        }
        for (int k = 0; k < radius_; k++) {
            std::copy_n(strip + int64_t{radius_} * kStrip, kStrip, strip + int64_t{k} * kStrip);
            std::copy_n(strip + (radius_ + height_ - int64_t{1}) * kStrip, kStrip,
                        strip + (radius_ + height_ + int64_t{k}) * kStrip);
        }
        for (int y = 0; y < height_; y++)
            for (int x = 0; x < kStrip; x += kBlock)
                filter_block(strip + (y + radius_) * int64_t{kStrip} + x, kStrip, weights_.data(), radius_,
                             to + y * stride + x, 0);
    }

    // One value in double precision.
    double exact(int y, int x, int64_t channel, double* columns) const {
        const uint8_t* image = in_ + channel;
        for (int j = -radius_; j <= radius_; j++) {
            int64_t at = 3 * std::clamp(x + j, 0, width_ - 1);
            columns[radius_ + j] = kernel_[0] * unit_[image[int64_t{y} * length_ + at]];
        }
        for (int k = radius_; k > 0; k--) {
            const uint8_t* above = image + int64_t{row_at(y - k)} * length_;
            const uint8_t* below = image + int64_t{row_at(y + k)} * length_;
            for (int j = -radius_; j <= radius_; j++) {
                int64_t at = 3 * std::clamp(x + j, 0, width_ - 1);
                columns[radius_ + j] += kernel_[k] * (unit_[above[at]] + unit_[below[at]]);
            }
        }
        double sum = kernel_[0] * columns[radius_];
        for (int k = radius_; k > 0; k--) sum += kernel_[k] * (columns[radius_ - k] + columns[radius_ + k]);
        return sum;
    }

    // The whole image, as where it is flat.
    void in_double() {
        Scratch<double> image(height_ * int64_t{length_}), columns(length_), line(length_ + 2 * margin_);
        for (int64_t i = 0; i < height_ * int64_t{length_}; i++) image[i] = unit_[in_[i]];
        for (int y = 0; y < height_; y++) {
            const double* row = image.data() + int64_t{y} * length_;
            double* middle = line.data() + margin_;
            for (int i = 0; i < length_; i++) middle[i] = kernel_[0] * row[i];
            for (int k = radius_; k > 0; k--) {
                const double* above = image.data() + int64_t{row_at(y - k)} * length_;
                const double* below = image.data() + int64_t{row_at(y + k)} * length_;
                for (int i = 0; i < length_; i++) middle[i] += kernel_[k] * (above[i] + below[i]);
            }
            for (int k = 1; k <= radius_; k++) {
                std::copy_n(middle, 3, middle - 3 * k);
                std::copy_n(middle + length_ - 3, 3, middle + length_ - 3 + 3 * k);
            }
            double* sum = columns.data();
            for (int i = 0; i < length_; i++) sum[i] = kernel_[0] * middle[i];
            for (int k = radius_; k > 0; k--)
                for (int i = 0; i < length_; i++) sum[i] += kernel_[k] * (middle[i - 3 * k] + middle[i + 3 * k]);
            for (int i = 0; i < length_; i++) levels_[int64_t{y} * length_ + i] = level_of(sum[i]);
        }
    }

    const uint8_t* in_;
    float* levels_;
    const int height_, width_, length_;
    const double* kernel_;
    const int radius_, margin_;
    Scratch<float> weights_;
    float share_;
    double unit_[256];
};

void gaussian(const uint8_t* in, float* levels, int height, int width, const double* kernel, int radius) {
    Gaussian(in, levels, height, width, kernel, radius).run();
}

}  // namespace

void fill_gaussian(Kernels& kernels) { kernels.gaussian = gaussian; }

}  // namespace hb::image::HB_IMAGE_TIER
