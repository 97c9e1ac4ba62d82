// Convolution in bf16: forward and data gradient, as source pixels times packed weights (blocks.h, geometry.h).
//
// The weights are perturbed, rounded to bf16 and packed once per call and noise run. A task then takes a band of images
// and rows of about kRowsMost results, copies its source pixels into a strip (geometry.h), and multiplies them by every
// panel of 32 columns. One of four ways to see the strip as rows of A is chosen by counting register blocks:
//
//   in place   linear layers and 1x1: rows of the tensor itself.
//   separate   k = taps x channels, each tap of its own; images interleaved. For 32 channels and more.
//   joined     the taps of a kernel row are side by side: 3 x 16 channels are 48 elements, two steps instead of three.
//              Images are not interleaved, so rows must be long.
//   gathered   every result's pixels are copied side by side (im2row), for few channels: 3 x 3 x 3 are one step.
//
// A piece of k that is no multiple of 32 ends with a step that reaches back over elements of the step before, with
// zeros in B for those: nothing is read that does not belong to the row.
//
// Bytes, 64 to 64 channels, 3x3 at 32x32, 512 rows of A: the strip of 18 x 34 pixels is 78 KiB in the second-level
// cache, a panel of B 36 KiB in the first, both read once per 32 columns, results 64 KiB written once; 2 x 512 x 576 x
// 64 flops for 142 KiB from memory, 260 flops a byte. 512 to 512 channels at 4x4: 32 images are interleaved, their
// strip is 1.25 MB; 144 steps of B are eight pieces of 18, C is kept for 16 blocks between them (64 KiB), and a panel
// of B, 288 KiB, is fetched once for 512 rows: 18 thousand cycles of tiles for a piece of 36 KiB. Such a piece is two
// steps of each of nine taps, which read the same lines of A up to nine times while the first-level cache has them. Few
// rows and many columns, as there, are cut by columns; then the strips are made first, by all threads, and shared.
#include <algorithm>
#include <cstring>

#include "backend/cpu/paired/geometry.h"
#include "backend/cpu/paired/packing.h"
#include "backend/cpu/paired/paired.h"
#include "backend/cpu/simd/convolution.h"
#include "backend/cpu/simd/finish.h"
#include "backend/cpu/simd/moments.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

// Results of a band, at most and at least; between them, as many as keep the strip within kStripMost elements.
constexpr int64_t kRowsMost = 512, kRowsLeast = 128;
constexpr int64_t kStripMost = 512 * 1024;
// Packed weights of several noise runs that are made at once, in elements.
constexpr int64_t kPackedMost = 8 * 1024 * 1024;
// Steps that one task packs.
constexpr int64_t kPackSteps = 32;

enum class Way { InPlace, Separate, Joined, Gathered };

// 32 elements of k: where they lie relative to a row of A, and which of them count, from `begin` to `end`.
struct Step {
    int64_t at, k, begin, end;
};

// Result pixels that see the same taps.
struct Phase {
    int64_t h, w;  // result pixel of grid position (0, 0)
    const Tap *taps_h, *taps_w;
    int64_t count_h, count_w;
    bool side_by_side;  // the taps of a kernel row
    int64_t depth;      // elements of k
    int64_t first_step, steps;
    int64_t packed;     // where its weights begin
    int64_t pack_task;  // the first one
};

class PairedProduct {
  public:
    PairedProduct(const ConvShape& given, Axis::Direction direction, const Noise& noise)
        : shape_(flattened(given)), forward_(direction == Axis::kForward), noise_(noise),
          runs_(has_noise(noise) ? noise.sub_batches : 1),
          h_(direction, forward_ ? shape_.h : shape_.oh, forward_ ? shape_.oh : shape_.h, shape_.kh, shape_.stride_h,
             shape_.pad_h, shape_.dilation_h),
          w_(direction, forward_ ? shape_.w : shape_.ow, forward_ ? shape_.ow : shape_.w, shape_.kw, shape_.stride_w,
             shape_.pad_w, shape_.dilation_w),
          channels_(forward_ ? shape_.c : shape_.o), width_(forward_ ? shape_.o : shape_.c),
          panels_(RowsAndPanels::panels(width_)), taps_(shape_.kh * shape_.kw), phases_(h_.spread * w_.spread),
          steps_(most_steps()), at_(most_steps()), way_(choose()), bands_(choose_bands()),
          strip_(h_, w_, way_ == Way::Separate ? bands_.images : 1, way_ == Way::Separate) {
        pixel_ = way_ == Way::Separate && channels_ >= 256 ? odd_lines(channels_) : channels_;
        // How far the rows of A are apart.
        stride_ = way_ == Way::InPlace    ? in_place_stride()
                  : way_ == Way::Separate ? pixel_
                  : way_ == Way::Joined   ? strip_.step_w * pixel_
                                          : gathered_width();
        strip_size_ = 0;
        if (way_ != Way::InPlace) {
            strip_image_ = strip_.rows(bands_.rows) * strip_.row_pixels * pixel_;
            // Blocks of 32 rows read past the last one.
            strip_size_ = strip_image_ * (way_ == Way::Gathered ? bands_.images : 1) + kBlockSide * stride_ + kStep;
        }
        int64_t step = 0, packed = 0, task = 0;
        for (int64_t i = 0; i < h_.spread * w_.spread; i++) {
            Phase& p = phases_[i];
            p.first_step = step;
            p.packed = packed;
            p.pack_task = task;
            list_steps(p, step);
            p.steps = step - p.first_step;
            packed += RowsAndPanels::packed_size(width_, p.steps);
            task += panels_ * pieces_of(p.steps, kPackSteps);
        }
        for (int64_t s = 0; s < step; s++) at_[s] = steps_[s].at;
        packed_size_ = packed;
        pack_tasks_ = task;
    }

    void run(const Bf16* source, const float* weights, const float* bias, Bf16* result, const Epilogue& after) const {
        if (after.moments) after.moments->reserve(bands_in(0, runs_), width_);
        const int64_t wave = std::clamp<int64_t>(kPackedMost / std::max<int64_t>(packed_size_, 1), 1, runs_);
        const int64_t count = shape_.o * taps_ * shape_.c;
        const Scratch<Bf16> rounded(count * wave), packed(packed_size_ * wave);
        for (int64_t m = 0; m < runs_; m += wave) {
            const int64_t end = std::min(m + wave, runs_);
            const int64_t grains = pieces_of(count, kWeightGrain);
            parallel((end - m) * grains, [&](int64_t task) {
                const int64_t run = m + task / grains, begin = task % grains * kWeightGrain;
                if (images_of(run) == 0) return;
                round_weights(weights, noise_, run, begin, std::min(kWeightGrain, count - begin),
                              rounded.data() + (run - m) * count + begin);
            });
            parallel((end - m) * pack_tasks_, [&](int64_t task) {
                const int64_t i = task / pack_tasks_;
                if (images_of(m + i) > 0)
                    pack(task % pack_tasks_, rounded.data() + i * count, packed.data() + i * packed_size_);
            });
            multiply_runs(m, end, source, packed.data(), bias, result, after);
        }
    }

  private:
    int64_t begin_of(int64_t run) const { return runs_ == 1 ? run * shape_.n : first_of_run(shape_, noise_, run); }
    int64_t images_of(int64_t run) const { return begin_of(run + 1) - begin_of(run); }
    int64_t largest_run() const {
        int64_t most = 1;
        for (int64_t m = 0; m < runs_; m++) most = std::max(most, images_of(m));
        return most;
    }

    // ---- the way, and what follows from it

    // Fills in the phases' taps as well.
    Way choose() {
        bool side_by_side = true, long_rows = true;
        double separate = 0, joined = 0, gathered = 0, copies = 0;  // steps, and cycles of copying
        const auto steps = [](int64_t elements) { return static_cast<double>(pieces_of(elements, kStep)); };
        for (int64_t a = 0; a < h_.spread; a++)
            for (int64_t b = 0; b < w_.spread; b++) {
                Phase& p = phases_[a * w_.spread + b];
                p = {};
                p.h = a;
                p.w = b;
                p.taps_h = h_.taps.data() + h_.begin[a];
                p.taps_w = w_.taps.data() + w_.begin[b];
                p.count_h = h_.begin[a + 1] - h_.begin[a];
                p.count_w = w_.begin[b + 1] - w_.begin[b];
                p.depth = p.count_h * p.count_w * channels_;
                if (p.depth == 0) continue;
                p.side_by_side = true;
                for (int64_t t = 1; t < p.count_w; t++)
                    p.side_by_side &= p.taps_w[t].offset == p.taps_w[t - 1].offset + 1;
                side_by_side &= p.side_by_side;
                long_rows &= p.count_w * channels_ >= kStep;
                separate += static_cast<double>(p.count_h * p.count_w) * steps(channels_);
                joined += static_cast<double>(p.count_h) * steps(p.count_w * channels_);
                gathered += steps(p.depth);
                // A few cycles a piece, and 32 bytes a cycle.
                copies += static_cast<double>(p.count_h * (p.side_by_side ? 1 : p.count_w)) * 4 +
                          static_cast<double>(p.depth) / 16;
            }
        if (is_linear(shape_)) return Way::InPlace;
        // A step of a row takes one cycle for each 16 columns.
        const double halves = static_cast<double>(RowsAndPanels::halves(width_));
        const int64_t images = largest_run();
        const double positions = static_cast<double>(images * w_.grid);
        Way best = Way::Gathered;
        double least = positions * (gathered * halves + copies);
        if (side_by_side && long_rows) {
            const double cost = static_cast<double>(images * rounded_up(w_.grid, kSide)) * joined * halves;
            if (cost < least) {
                best = Way::Joined;
                least = cost;
            }
        }
        if (channels_ >= kStep) {
            const int64_t n = interleaved_images(images, h_.grid, w_.grid, kSide, target());
            const double rows = static_cast<double>(pieces_of(images, n) * rounded_up(n * w_.grid, kSide));
            if (rows * separate * halves <= least) best = Way::Separate;
        }
        return best;
    }

    int64_t target() const {
        int64_t rows = kRowsMost;
        while (rows > kRowsLeast && 2 * rows * channels_ > kStripMost) rows /= 2;
        return rows;
    }
    Bands choose_bands() const {
        const int64_t images = largest_run(), rows = target();
        if (way_ == Way::InPlace) return {rows, 1, 1};
        if (way_ == Way::Separate) {
            const int64_t n = interleaved_images(images, h_.grid, w_.grid, kSide, rows);
            return {n, fitting_rows(rows / (n * w_.grid), n), h_.grid};
        }
        const int64_t n =
            way_ == Way::Joined ? 1 : std::clamp<int64_t>(rows / std::max<int64_t>(1, h_.grid * w_.grid), 1, images);
        return {n, n > 1 ? h_.grid : fitting_rows(rows / w_.grid, 1), h_.grid};
    }
    // Grid rows of a band: those wanted, fewer where the borders of a large kernel would make the strip too large.
    int64_t fitting_rows(int64_t wanted, int64_t images) const {
        const StripShape strip(h_, w_, images, way_ == Way::Separate);
        int64_t rows = std::clamp<int64_t>(wanted, 1, h_.grid);
        while (rows > 1 && strip.rows(rows) * strip.row_pixels * channels_ > kStripMost) rows = (rows + 1) / 2;
        return rows;
    }
    int64_t in_place_stride() const { return channels_ < kStep ? kStep : channels_; }
    int64_t gathered_width() const {
        int64_t most = kStep;
        for (int64_t i = 0; i < h_.spread * w_.spread; i++) most = std::max(most, rounded_up(phases_[i].depth, kStep));
        return most;
    }

    int64_t most_steps() const { return taps_ * pieces_of(channels_, kStep) + h_.spread * w_.spread; }
    void list_steps(const Phase& p, int64_t& step) const {
        if (p.depth == 0) return;
        if (way_ == Way::Gathered) {
            for (int64_t k = 0; k < p.depth; k += kStep) steps_[step++] = {k, k, 0, std::min(kStep, p.depth - k)};
            return;
        }
        // The same channels of all taps one after the other: the next tap reads mostly the pixels of the one before,
        // and they are still in the first-level cache.
        const int64_t side = way_ == Way::Joined ? p.count_w : 1, length = side * channels_;
        for (int64_t k = 0; k < length; k += kStep) {
            // The last step reaches back, or is padded where there is nothing before.
            const int64_t back = length < kStep ? 0 : std::max<int64_t>(k + kStep - length, 0), from = k - back;
            for (int64_t i = 0; i < p.count_h; i++)
                for (int64_t j = 0; j < p.count_w; j += side)
                    steps_[step++] = {strip_.tap(p.taps_h[i].offset, p.taps_w[j].offset) * pixel_ + from,
                                      (i * p.count_w + j) * channels_ + from, back, std::min(kStep, length - from)};
        }
    }

    // ---- weights

    // Some steps of one panel of one phase, from rounded weights.
    void pack(int64_t task, const Bf16* weights, Bf16* packed) const {
        int64_t i = 0;
        while (i + 1 < h_.spread * w_.spread && phases_[i + 1].pack_task <= task) i++;
        const Phase& p = phases_[i];
        const int64_t chunks = pieces_of(p.steps, kPackSteps), index = task - p.pack_task;
        const int64_t panel = index / chunks, begin = index % chunks * kPackSteps;
        const int64_t column = panel * kBlockSide, columns = std::min(kBlockSide, width_ - column);
        const int64_t size = RowsAndPanels::halves(columns) * kTile;
        Bf16* out = packed + p.packed + RowsAndPanels::panel_begin(panel, p.steps) + begin * size;
        for (int64_t s = begin; s < std::min(begin + kPackSteps, p.steps); s++, out += size) {
            const Step& step = steps_[p.first_step + s];
            if (forward_) {
                // k runs over a kernel's elements in the order of memory.
                pack_columns(weights + column * p.depth + step.k, p.depth, columns, step.begin, step.end, out);
                continue;
            }
            // k runs over taps and output channels.
            const Bf16* rows[kStep] = {};
            for (int64_t e = step.begin; e < step.end; e++) {
                const int64_t tap = (step.k + e) / channels_, channel = (step.k + e) % channels_;
                const int64_t kernel = p.taps_h[tap / p.count_w].kernel * shape_.kw + p.taps_w[tap % p.count_w].kernel;
                rows[e] = weights + (channel * taps_ + kernel) * width_;
            }
            pack_rows(rows, column, columns, out);
        }
    }

    // ---- pixels

    // Strip rows [begin, end) of the images of a band; of one image where the strip is not interleaved.
    void copy_strip(const Band& band, int64_t begin, int64_t end, const Bf16* source, Bf16* strip) const {
        const int64_t across = strip_.images * pixel_, from_across = strip_.skip_w * channels_;
        const bool whole = across == channels_ && strip_.skip_w == 1;
        for (int64_t i = begin; i < end; i++) {
            const int64_t y = strip_.source_row(band, i);
            const bool outside = y < 0 || y >= h_.source;
            for (int64_t group = 0; group < strip_.remainders; group++) {
                const int64_t before = outside ? strip_.columns : strip_.before(group);
                const int64_t inside = outside ? strip_.columns : strip_.inside(group);
                for (int64_t n = 0; n < band.images(); n++) {
                    Bf16* to = strip + (i * strip_.row_pixels + group * strip_.columns * strip_.images + n) * pixel_;
                    auto clear = [&](int64_t first, int64_t last) {
                        if (strip_.images == 1)
                            clear_words(to + first * across, (last - first) * across);
                        else
                            for (int64_t j = first; j < last; j++) clear_words(to + j * across, channels_);
                    };
                    clear(0, before);
                    clear(inside, strip_.columns);
                    if (before >= inside) continue;
                    const int64_t x = strip_.source_column(group) + before * strip_.skip_w;
                    const Bf16* from = source + (((band.image + n) * h_.source + y) * w_.source + x) * channels_;
                    if (whole)
                        copy_words(from, (inside - before) * channels_, to + before * across);
                    else
                        for (int64_t j = before; j < inside; j++, from += from_across)
                            copy_words(from, channels_, to + j * across);
                }
            }
        }
    }

    // Grid positions of a band that have a result pixel in a phase.
    int64_t phase_rows(const Phase& p, const Band& band) const {
        const int64_t end = std::min(band.row_end, pieces_of(h_.result - p.h, h_.spread));
        return std::max<int64_t>(end - band.row, 0);
    }
    int64_t phase_columns(const Phase& p) const { return std::max<int64_t>(pieces_of(w_.result - p.w, w_.spread), 0); }
    int64_t result_at(const Phase& p, int64_t image, int64_t row, int64_t column) const {
        return ((image * h_.result + row * h_.spread + p.h) * w_.result + column * w_.spread + p.w) * width_;
    }

    // The pixels of every result side by side, from the strips of a band's images.
    void gather(const Phase& p, const Band& band, const Bf16* strips, Bf16* out) const {
        const int64_t rows = phase_rows(p, band), columns = phase_columns(p);
        const int64_t padded = rounded_up(p.depth, kStep), across = strip_.step_w * pixel_;
        for (int64_t n = 0; n < band.images(); n++)
            for (int64_t i = 0; i < rows; i++) {
                const Bf16* from = strips + n * strip_image_ + i * strip_.step_h * strip_.row_pixels * pixel_;
                for (int64_t j = 0; j < columns; j++, from += across, out += stride_) {
                    Bf16* to = out;
                    const int64_t side = p.side_by_side ? p.count_w : 1;
                    for (int64_t a = 0; a < p.count_h; a++)
                        for (int64_t b = 0; b < p.count_w; b += side, to += side * channels_)
                            copy_words(from + strip_.tap(p.taps_h[a].offset, p.taps_w[b].offset) * pixel_,
                                       side * channels_, to);
                    clear_words(out + p.depth, padded - p.depth);
                }
            }
    }

    // Where the results of a phase go, in the order of A's rows; and its blocks of rows. Returns how many.
    int64_t list_blocks(const Phase& p, const Band& band, const Bf16* a, int64_t* to, RowBlock* blocks) const {
        int64_t count = 0, row = 0;
        auto add_run = [&](const Bf16* from, int64_t rows) {
            for (int64_t r = 0; r < rows; r += kBlockSide)
                blocks[count++] = {from + r * stride_, row + r, std::min(kBlockSide, rows - r)};
            row += rows;
        };
        const int64_t rows = phase_rows(p, band), columns = phase_columns(p);
        if (way_ == Way::Gathered) {
            int64_t* at = to;
            for (int64_t n = band.image; n < band.image_end; n++)
                for (int64_t i = 0; i < rows; i++)
                    for (int64_t j = 0; j < columns; j++) *at++ = result_at(p, n, band.row + i, j);
            add_run(a, at - to);
            return count;
        }
        for (int64_t i = 0; i < rows; i++) {
            int64_t* at = to + row;
            for (int64_t j = 0; j < columns; j++)
                for (int64_t n = 0; n < strip_.images; n++)
                    *at++ = n < band.images() ? result_at(p, band.image + n, band.row + i, j) : -1;
            add_run(a + i * strip_.step_h * strip_.row_pixels * pixel_, columns * strip_.images);
        }
        return count;
    }
    // Rows of the source itself. Those of the last block, which may end with the tensor, are copied; and all, where
    // they are shorter than a step.
    int64_t list_rows(const Band& band, const Bf16* source, Bf16* copy, int64_t* to, RowBlock* blocks) const {
        const int64_t rows = band.images();
        int64_t count = 0;
        for (int64_t r = 0; r < rows; r++) to[r] = (band.image + r) * width_;
        for (int64_t r = 0; r < rows; r += kBlockSide) {
            const int64_t height = std::min(kBlockSide, rows - r);
            const Bf16* from = source + (band.image + r) * channels_;
            if (height == kBlockSide && channels_ >= kStep) {
                blocks[count++] = {from, r, height};
                continue;
            }
            blocks[count++] = {copy, r, height};
            for (int64_t i = 0; i < height; i++, copy += stride_) {
                copy_words(from + i * channels_, channels_, copy);
                if (channels_ < stride_) clear_words(copy + channels_, stride_ - channels_);
            }
            copy += (kBlockSide - height) * stride_;
        }
        return count;
    }

    // ---- the product

    int64_t bands_in(int64_t first_run, int64_t last_run) const {
        int64_t count = 0;
        for (int64_t m = first_run; m < last_run; m++) count += bands_.count(images_of(m));
        return count;
    }

    void multiply_runs(int64_t m, int64_t end, const Bf16* source, const Bf16* packed, const float* bias, Bf16* result,
                       const Epilogue& after) const {
        const int64_t tiles = bands_in(m, end), first_piece = after.moments ? bands_in(0, m) : 0;
        const int64_t splits = std::clamp<int64_t>(pieces_of(kTasks, std::max<int64_t>(tiles, 1)), 1, panels_);
        auto place = [&](int64_t index, int64_t& run) {
            for (run = m; index >= bands_.count(images_of(run)); run++) index -= bands_.count(images_of(run));
            return bands_.band(begin_of(run), begin_of(run + 1), index);
        };
        const bool shared = splits > 1 && (way_ == Way::Separate || way_ == Way::Joined);
        const Scratch<Bf16> strips(shared ? tiles * strip_size_ : 0);
        if (shared) {
            const int64_t parts = std::clamp<int64_t>(pieces_of(kTasks, tiles), 1, strip_.rows(bands_.rows));
            parallel(tiles * parts, [&](int64_t task) {
                int64_t run;
                const Band band = place(task / parts, run);
                const int64_t rows = strip_.rows(band.rows()), part = task % parts;
                copy_strip(band, rows * part / parts, rows * (part + 1) / parts, source,
                           strips.data() + task / parts * strip_size_);
            });
        }
        parallel(tiles * splits, [&](int64_t task) {
            int64_t run;
            const int64_t tile = task / splits, split = task % splits;
            const Band band = place(tile, run);
            multiply_band(band, panels_ * split / splits, panels_ * (split + 1) / splits, source,
                          shared ? strips.data() + tile * strip_size_ : nullptr, packed + (run - m) * packed_size_,
                          bias, result, after, first_piece + tile);
            if (after.moments && split == 0)
                (*after.moments)[first_piece + tile] = {band.images() * band.rows() * w_.grid,
                                                        after.groups == 1 ? 0 : run};
        });
    }

    void multiply_band(const Band& band, int64_t first_panel, int64_t last_panel, const Bf16* source, const Bf16* strip,
                       const Bf16* packed, const float* bias, Bf16* result, const Epilogue& after,
                       int64_t piece) const {
        const bool gathered = way_ == Way::Gathered, in_place = way_ == Way::InPlace;
        const int64_t most_rows = in_place ? bands_.images : bands_.images * bands_.rows * w_.grid;
        const int64_t most_blocks = in_place || gathered ? pieces_of(most_rows, kBlockSide)
                                                         : bands_.rows * pieces_of(strip_.images * w_.grid, kBlockSide);
        const int64_t copied = in_place ? (channels_ < kStep ? rounded_up(most_rows, kBlockSide) : kBlockSide) * stride_
                               : gathered ? rounded_up(most_rows, kBlockSide) * stride_
                                          : 0;
        const Scratch<int64_t> to(most_rows);
        const Scratch<RowBlock> blocks(most_blocks);
        const Scratch<Bf16> own(strip || in_place ? 0 : strip_size_), copy(copied);
        if (!strip && !in_place) {
            if (gathered)
                for (int64_t n = 0; n < band.images(); n++)
                    copy_strip({band.image + n, band.image + n + 1, band.row, band.row_end}, 0,
                               strip_.rows(band.rows()), source, own.data() + n * strip_image_);
            else
                copy_strip(band, 0, strip_.rows(band.rows()), source, own.data());
            strip = own.data();
        }
        for (int64_t i = 0; i < h_.spread * w_.spread; i++) {
            const Phase& p = phases_[i];
            if (p.depth == 0) {
                clear(p, band, first_panel, last_panel, result);
                continue;
            }
            if (gathered) gather(p, band, strip, copy.data());
            const int64_t count = in_place
                                      ? list_rows(band, source, copy.data(), to.data(), blocks.data())
                                      : list_blocks(p, band, gathered ? copy.data() : strip, to.data(), blocks.data());
            const Scratch<float> partial(RowsAndPanels::partial_size(most_blocks, p.steps));
            const RowsAndPanels product{blocks.data(),     count, stride_, at_.data() + p.first_step, p.steps,
                                        packed + p.packed, width_};
            {
                const Tiles tiles;
                multiply_panels(product, first_panel, last_panel, partial.data(), StoreRows{result, to.data(), bias});
            }
            if (after.moments || after.finish) {  // the cache still has the results
                const int64_t rows = blocks[count - 1].to + blocks[count - 1].rows;
                const int64_t* last = std::remove_if(to.data(), to.data() + rows, [](int64_t at) { return at < 0; });
                const int64_t begin = first_panel * kBlockSide, end = std::min(last_panel * kBlockSide, width_);
                if (after.moments)
                    take_moments(result, to.data(), last - to.data(), begin, end, after.moments->mean(piece),
                                 after.moments->squares(piece));
                if (after.finish) finish_rows(*after.finish, result, to.data(), last - to.data(), begin, end);
            }
        }
    }

    // Result pixels that no tap reaches.
    void clear(const Phase& p, const Band& band, int64_t first_panel, int64_t last_panel, Bf16* result) const {
        const int64_t begin = first_panel * kBlockSide, end = std::min(last_panel * kBlockSide, width_);
        for (int64_t n = band.image; n < band.image_end; n++)
            for (int64_t i = 0; i < phase_rows(p, band); i++)
                for (int64_t j = 0; j < phase_columns(p); j++)
                    clear_words(result + result_at(p, n, band.row + i, j) + begin, end - begin);
    }

    const ConvShape shape_;
    const bool forward_;
    const Noise noise_;
    const int64_t runs_;
    const Axis h_, w_;
    const int64_t channels_, width_, panels_, taps_;  // channels of the source, of the result
    const Scratch<Phase> phases_;
    const Scratch<Step> steps_;
    const Scratch<int64_t> at_;  // of the steps
    const Way way_;
    const Bands bands_;
    const StripShape strip_;
    int64_t pixel_, stride_;            // elements from one pixel of the strip, one row of A, to the next
    int64_t strip_image_, strip_size_;  // elements of the strip of one image that is not interleaved; of all
    int64_t packed_size_, pack_tasks_;
};

}  // namespace

void paired_conv2d(const ConvShape& shape, const View& x, const View& w, const View& bias, const Noise& noise,
                   const View& y) {
    PairedProduct(shape, Axis::kForward, noise).run(x.as<Bf16>(), w.f32(), bias.f32(), y.as<Bf16>(), Epilogue{});
}

bool paired_conv2d_before_norm(const ConvShape& shape, const View& x, const View& w, const Noise& noise,
                               const BatchNormArguments& norm, ColumnMoments& moments) {
    const PairedProduct product(shape, Axis::kForward, noise);
    auto convolve = [&](const Epilogue& after) {
        product.run(x.as<Bf16>(), w.f32(), nullptr, norm.x.as<Bf16>(), after);
    };
    if (takes_moments_or_finishes(noise, norm)) return with_epilogue(norm, moments, convolve);
    convolve(Epilogue{});
    return false;
}

void paired_backward_data(const ConvShape& shape, const View& dy, const View& w, const Noise& noise, const View& dx) {
    PairedProduct(shape, Axis::kBackward, noise).run(dy.as<Bf16>(), w.f32(), nullptr, dx.as<Bf16>(), Epilogue{});
}

}  // namespace hb::cpu::HB_TIER
