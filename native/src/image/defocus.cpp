// A blur by a disk that is smoothed by a small Gaussian, mirrored at the image's border, its outermost pixel once.
//
// Every row of the disk is a run of ones, and sums of runs are differences of running sums, whatever their length; the
// Gaussian is applied to the image after that. Rows are made one after the other: what a row needs of its neighbours is
// still in the cache.
#include <algorithm>

#include "core/scratch.h"
#include "image/kernels.h"
#include "image/lanes.h"

namespace hb::image::HB_IMAGE_TIER {
namespace {

int mirrored(int i, int size) {
    if (size == 1) return 0;
    const int period = 2 * size - 2, at = ((i % period) + period) % period;
    return at < size ? at : period - at;
}

class Defocus {
  public:
    Defocus(const uint8_t* in, float* levels, int height, int width, const Disk& disk)
        : in_(in), levels_(levels), height_(height), width_(width), length_(3 * width), disk_(disk),
          kept_(std::min(height, 2 * disk.margin + 1 + disk.reach)), which_(disk.rows), widths_(disk.rows),
          distinct_(count_widths()), runs_(int64_t{distinct_} * kept_ * length_), sums_(int64_t{height} * length_),
          clean_(disk.corrections > 0 ? int64_t{height} * length_ : 0), padded_(length_ + 6 * disk.margin),
          running_(length_ + 6 * disk.margin + 3), lines_(2 * disk.rows), smooth_(length_ + 6 * disk.margin) {}

    void run() {
        if (disk_.corrections > 0)
            for (int64_t i = 0; i < int64_t{height_} * length_; i++) clean_[i] = in_[i];
        int made = 0;
        for (int y = 0; y < height_ + disk_.reach; y++) {
            while (made < height_ && (kept_ == height_ || made <= y + disk_.margin)) sum_runs(made++);
            if (y < height_) sum_disk(y);
            if (y >= disk_.reach) smooth(y - disk_.reach);
        }
    }

  private:
    // The different lengths of runs, and which of them the rows of the disk have.
    int count_widths() {
        int count = 0;
        for (int y = 0; y < disk_.rows; y++) {
            if (y == 0 || disk_.half_width[y] != disk_.half_width[y - 1]) widths_[count++] = disk_.half_width[y];
            which_[y] = count - 1;
        }
        return count;
    }

    // Whole numbers: exact in f32, too.
    int32_t* runs(int width, int y) const {
        return runs_.data() + (int64_t{width} * kept_ + mirrored(y, height_) % kept_) * length_;
    }
    const float* sums(int y) const { return sums_.data() + int64_t{mirrored(y, height_)} * length_; }
    const float* clean(int y) const { return clean_.data() + int64_t{mirrored(y, height_)} * length_; }

    template <class T, class U>
    void pad(const T* line, U* padded) const {
        const int margin = disk_.margin;
        std::copy_n(line, length_, padded + 3 * margin);
        for (int k = 0; k < margin; k++) {
            std::copy_n(line + 3 * mirrored(k - margin, width_), 3, padded + 3 * k);
            std::copy_n(line + 3 * mirrored(width_ + k, width_), 3, padded + 3 * margin + length_ + 3 * k);
        }
    }

    void sum_runs(int y) {
        pad(in_ + int64_t{y} * length_, padded_.data());
        const int margin = disk_.margin, count = length_ + 6 * margin;
        int32_t red = 0, green = 0, blue = 0;
        int32_t* running = running_.data();
        for (int k = 0; k < count; k += 3) {
            running[k] = red;
            running[k + 1] = green;
            running[k + 2] = blue;
            red += padded_[k];
            green += padded_[k + 1];
            blue += padded_[k + 2];
        }
        running[count] = red;
        running[count + 1] = green;
        running[count + 2] = blue;
        for (int i = 0; i < distinct_; i++) {
            // Running sums are of the values before, so the end of a run is one pixel farther.
            const int32_t* end = running + 3 * (margin + widths_[i] + 1);
            const int32_t* begin = running + 3 * (margin - widths_[i]);
            int32_t* __restrict to = runs(i, y);
            for (int k = 0; k < length_; k++) to[k] = end[k] - begin[k];
        }
    }

    void sum_disk(int y) {
        const int32_t** lines = lines_.data();
        int count = 0;
        for (int d = 1; d < disk_.rows; d++) {
            lines[count++] = runs(which_[d], y - d);
            lines[count++] = runs(which_[d], y + d);
        }
        const int32_t* middle = runs(which_[0], y);
        float* __restrict to = sums_.data() + int64_t{y} * length_;
        // Sums stay in registers while the lines go by.
        auto at = [](const int32_t* p, int i) { return load_vector<Ints>(p + 8 * i); };
        int k = 0;
        for (; k + 32 <= length_; k += 32) {
            Ints s0 = at(middle + k, 0), s1 = at(middle + k, 1), s2 = at(middle + k, 2), s3 = at(middle + k, 3);
            for (int i = 0; i < count; i++) {
                const int32_t* line = lines[i] + k;
                s0 += at(line, 0);
                s1 += at(line, 1);
                s2 += at(line, 2);
                s3 += at(line, 3);
            }
            store_vector(to + k, __builtin_convertvector(s0, Floats));
            store_vector(to + k + 8, __builtin_convertvector(s1, Floats));
            store_vector(to + k + 16, __builtin_convertvector(s2, Floats));
            store_vector(to + k + 24, __builtin_convertvector(s3, Floats));
        }
        for (; k < length_; k++) {
            int32_t sum = middle[k];
            for (int i = 0; i < count; i++) sum += lines[i][k];
            to[k] = static_cast<float>(sum);
        }
    }

    void smooth(int y) {
        float* __restrict smooth = smooth_.data() + 3 * disk_.margin;
        const float* middle = sums(y);
        const float centre = disk_.gauss[0] * disk_.scale;
        for (int k = 0; k < length_; k++) smooth[k] = centre * middle[k];
        for (int i = 1; i <= disk_.reach; i++) {
            const float weight = disk_.gauss[i] * disk_.scale;
            const float *above = sums(y - i), *below = sums(y + i);
            for (int k = 0; k < length_; k++) smooth[k] += weight * (above[k] + below[k]);
        }
        for (int i = 0; i < disk_.corrections; i++) {
            const float weight = disk_.weight[i] * disk_.scale;
            const int width = which_[disk_.from[i]];
            const int32_t *above = runs(width, y - disk_.at[i]), *below = runs(width, y + disk_.at[i]);
            for (int k = 0; k < length_; k++) smooth[k] += weight * static_cast<float>(above[k] + below[k]);
        }
        pad_in_place(smooth_.data());
        float* __restrict row = levels_ + int64_t{y} * length_;
        const float weight = disk_.gauss[0], bias = disk_.bias;
        for (int k = 0; k < length_; k++) row[k] = weight * smooth[k] + bias;
        for (int i = 1; i <= disk_.reach; i++) add_shifted(row, smooth, i, disk_.gauss[i]);
        const float* column = disk_.columns;
        for (int i = 0; i < disk_.corrections; column += disk_.length[i++]) {
            mix_lines(y, column, disk_.length[i] - 1, smooth);
            pad_in_place(smooth_.data());
            add_shifted(row, smooth, disk_.at[i], disk_.weight[i] * disk_.scale);
        }
    }

    void pad_in_place(float* padded) const {
        const int margin = disk_.margin;
        const float* line = padded + 3 * margin;
        for (int k = 0; k < margin; k++) {
            std::copy_n(line + 3 * mirrored(k - margin, width_), 3, padded + 3 * k);
            std::copy_n(line + 3 * mirrored(width_ + k, width_), 3, padded + 3 * margin + length_ + 3 * k);
        }
    }

    // Adds weight times the pixels so far to the left and to the right.
    void add_shifted(float* __restrict row, const float* line, int distance, float weight) const {
        const float *left = line - 3 * distance, *right = line + 3 * distance;
        for (int k = 0; k < length_; k++) row[k] += weight * (left[k] + right[k]);
    }

    // The line y and pairs of lines around it, four pairs at a time from the outermost inwards.
    void mix_lines(int y, const float* weights, int most, float* __restrict sum) const {
        const float* middle = clean(y);
        for (int k = 0; k < length_; k++) sum[k] = weights[0] * middle[k];
        int d = most;
        for (; d >= 4; d -= 4) {
            const float *a = clean(y - d), *b = clean(y + d), *c = clean(y - d + 1), *e = clean(y + d - 1);
            const float *f = clean(y - d + 2), *g = clean(y + d - 2), *h = clean(y - d + 3), *i = clean(y + d - 3);
            const float w0 = weights[d], w1 = weights[d - 1], w2 = weights[d - 2], w3 = weights[d - 3];
            for (int k = 0; k < length_; k++)
                sum[k] += w0 * (a[k] + b[k]) + w1 * (c[k] + e[k]) + w2 * (f[k] + g[k]) + w3 * (h[k] + i[k]);
        }
        for (; d >= 1; d--) {
            const float *a = clean(y - d), *b = clean(y + d), w = weights[d];
            for (int k = 0; k < length_; k++) sum[k] += w * (a[k] + b[k]);
        }
    }

    const uint8_t* in_;
    float* levels_;
    const int height_, width_, length_;
    const Disk& disk_;
    const int kept_;  // sums of runs are kept for so many rows, in turn
    Scratch<int> which_, widths_;
    const int distinct_;
    Scratch<int32_t> runs_;
    Scratch<float> sums_, clean_;
    Scratch<uint8_t> padded_;
    Scratch<int32_t> running_;
    Scratch<const int32_t*> lines_;
    Scratch<float> smooth_;
};

void defocus(const uint8_t* in, float* levels, int height, int width, const Disk& disk) {
    Defocus(in, levels, height, width, disk).run();
}

}  // namespace

void fill_defocus(Kernels& kernels) { kernels.defocus = defocus; }

}  // namespace hb::image::HB_IMAGE_TIER
