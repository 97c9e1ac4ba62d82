// Weight gradient in bf16: dW[tap, channel][output] = sum over pixels of x[pixel + tap][channel] dy[pixel][output].
//
// k runs over pixels. A is x turned, [channel][pixel], from a strip (geometry.h) whose pixels are in such an order that
// the results of a grid row are one run for every tap: a tap is an offset into the turned strip, and the strip is
// turned once for all taps. B is dy in pairs of pixels, which is two rows of dy interleaved: no turning. (The other way
// round, with dy turned and x in pairs, a tap that moves by an odd number of pixels would want a second copy of x,
// paired otherwise.) Offsets that are no multiple of 64 bytes make the rows of a tile cross cache lines: 16 cycles a
// load instead of 8, 48 of the 64 cycles of a step. For few channels, of which a tile of rows would hold mostly
// nothing, the turned rows of all taps are copied one below the other: 3 x 3 x 3 are two tiles of rows instead of nine.
//
// The gradient is cut into parts of about 576 x 128 and the batch into chunks, of shapes alone; a task makes one part
// of one chunk, band by band. A band has about 512 pixels: 16 steps. Its B is 32 KiB for 32 columns and stays in the
// first-level cache for all rows of A; its A of 64 channels is 75 KiB, read from the second-level cache for each 32
// columns, and the sums of a part (295 KiB) live there too: 8 KiB of them come and go per block and band, in 16 x 64
// cycles of products. Turning 32 x 32 elements takes about 160 cycles, a 64-channel band with nine taps and 64 columns
// does 2304 cycles of products per 32 pixels, for 320 of turning and about 64 of pairing.
// Chunks have at least kChunkLeast pixels: each is stored, and read again, as a gradient of its own.
#include <algorithm>
#include <cstring>

#include "backend/cpu/paired/geometry.h"
#include "backend/cpu/paired/packing.h"
#include "backend/cpu/paired/paired.h"
#include "backend/cpu/simd/convolution.h"
#include "core/parallel.h"
#include "core/scratch.h"
#include "core/weight_noise.h"

namespace hb::cpu::HB_TIER {
namespace {

// Pixels of a band, about.
constexpr int64_t kPixels = 512;
// Rows (taps x channels) and columns (outputs) of a part, at most.
constexpr int64_t kRowsMost = 576, kColumnsMost = 128;
// Elements of the turned strip of a band, at most.
constexpr int64_t kStripMost = 256 * 1024;
constexpr int64_t kChunkLeast = 4096;
// With the chain rule every piece of a run draws the noise again: fewer pieces.
constexpr int64_t kChainTasks = 16;
// Partial sums that a task adds up: tiles of rows of one panel, or elements.
constexpr int64_t kSumTiles = 8, kSumGrain = 4 * kBlock;

class PairedWeightGradient {
  public:
    PairedWeightGradient(const ConvShape& given, const Noise& noise)
        : shape_(flattened(given)), noise_(noise), chain_(needs_chain_rule(noise)), taps_(shape_.kh * shape_.kw),
          h_(Axis::kForward, shape_.h, shape_.oh, shape_.kh, shape_.stride_h, shape_.pad_h, shape_.dilation_h),
          w_(Axis::kForward, shape_.w, shape_.ow, shape_.kw, shape_.stride_w, shape_.pad_w, shape_.dilation_w),
          runs_(chain_ ? noise.sub_batches : 1), stacked_(shape_.c < kSide && taps_ > 1), channels_(part_of_channels()),
          columns_(part_of_columns()), bands_(choose_bands()), strip_(h_, w_, bands_.images, true) {
        channel_parts_ = pieces_of(shape_.c, channels_);
        column_parts_ = pieces_of(shape_.o, columns_);
        parts_ = channel_parts_ * column_parts_;
        run_ = rounded_up(w_.grid * bands_.images, kStep);
        row_steps_ = run_ / kStep;
        // Loads of a tile go on for up to a step after the last pixel.
        positions_ = strip_.rows(bands_.rows) * strip_.row_pixels;
        turned_stride_ = odd_lines(rounded_up(positions_, kStep) + kStep);
        stacked_stride_ = odd_lines(bands_.rows * run_);
        rows_ = stacked_ ? rounded_up(taps_ * shape_.c, kSide) : taps_ * rounded_up(channels_, kSide);
        tiles_ = rows_ / kSide;
        part_size_ = RowsAndPanels::panels(columns_) * panel_size();

        const int64_t pixels = shape_.n * shape_.oh * shape_.ow;
        const int64_t worthwhile = std::max<int64_t>(1, pixels / kChunkLeast);
        const int64_t wanted = std::clamp<int64_t>((chain_ ? kChainTasks : kTasks) / parts_, 1, worthwhile);
        const int64_t bands = bands_.count(shape_.n);
        pieces_ = std::clamp<int64_t>(wanted / runs_, 1, std::max<int64_t>(1, bands / runs_));
        chunks_ = std::min(wanted, runs_ * pieces_);
    }

    void run(const Bf16* x, const Bf16* dy, float* dw) const {
        const int64_t size = shape_.o * taps_ * shape_.c;
        if (chunks_ == 1) {
            parallel(parts_, [&](int64_t task) {
                const Scratch<float> sums(part_size_);
                make_part(task, 0, x, dy, sums.data(), dw);
            });
        } else if (chain_) {
            const Scratch<float> partial(chunks_ * size);
            parallel(parts_ * chunks_, [&](int64_t task) {
                const Scratch<float> sums(part_size_);
                make_part(task % parts_, task / parts_, x, dy, sums.data(), partial.data() + task / parts_ * size);
            });
            parallel_ranges(size, kSumGrain, [&](int64_t begin, int64_t end) {
                add_up(partial.data() + begin, size, end - begin, dw + begin);
            });
        } else {
            // The sums of a chunk stay as the product left them, and are put in order once, when they are added up.
            const int64_t stride = parts_ * part_size_;
            const Scratch<float> partial(chunks_ * stride);
            parallel(parts_ * chunks_, [&](int64_t task) {
                make_part(task % parts_, task / parts_, x, dy, partial.data() + task * part_size_, nullptr);
            });
            const int64_t panels = RowsAndPanels::panels(columns_), groups = pieces_of(tiles_, kSumTiles);
            parallel(parts_ * panels * groups, [&](int64_t task) {
                const Part part = part_of(task / groups / panels);
                const int64_t panel = task / groups % panels, first = task % groups * kSumTiles;
                if (panel * kBlockSide >= part.columns) return;
                const int64_t begin = task / groups / panels * part_size_ + panel * panel_size() + first / 2 * kBlock;
                const int64_t last = std::min(first + kSumTiles, tiles_), length = pieces_of(last - first, 2) * kBlock;
                const Scratch<float> sums(length);
                add_up(partial.data() + begin, stride, length, sums.data());
                for (int64_t half = 0; half < 2; half++)
                    if (const int64_t column = panel * kBlockSide + half * kSide; column < part.columns)
                        put_columns(part, sums.data() + half * kQuarter, first, last, place(part, column, dw),
                                    taps_ * shape_.c, shape_.c, std::min(kSide, part.columns - column));
            });
        }
    }

  private:
    struct Part {
        int64_t channel, channels, column, columns;
    };
    Part part_of(int64_t index) const {
        Part part;
        part.channel = index / column_parts_ * channels_;
        part.channels = std::min(channels_, shape_.c - part.channel);
        part.column = index % column_parts_ * columns_;
        part.columns = std::min(columns_, shape_.o - part.column);
        return part;
    }
    // The gradient of kernel element (0, channel) of an output.
    float* place(const Part& part, int64_t column, float* out) const {
        return out + (part.column + column) * taps_ * shape_.c + part.channel;
    }
    static int64_t even_part(int64_t size, int64_t most, int64_t unit) {
        return std::min(size, rounded_up(pieces_of(size, pieces_of(size, most)), unit));
    }
    int64_t part_of_channels() const {
        return stacked_ ? shape_.c : even_part(shape_.c, std::max(kRowsMost / taps_, kSide), kSide);
    }
    int64_t part_of_columns() const { return even_part(shape_.o, kColumnsMost, kBlockSide); }

    int64_t begin_of(int64_t run) const { return chain_ ? first_of_run(shape_, noise_, run) : run * shape_.n; }
    Bands choose_bands() const {
        int64_t images = 1;
        for (int64_t m = 0; m < runs_; m++) images = std::max(images, begin_of(m + 1) - begin_of(m));
        const int64_t n = interleaved_images(images, h_.grid, w_.grid, kStep, kPixels);
        const StripShape strip(h_, w_, n, true);
        int64_t rows = std::clamp<int64_t>(kPixels / (n * w_.grid), 1, h_.grid);
        while (rows > 1 && strip.rows(rows) * strip.row_pixels * channels_ > kStripMost) rows = (rows + 1) / 2;
        return {n, rows, h_.grid};
    }

    // out[i] = from[i] + from[stride + i] + .. over the chunks.
    void add_up(const float* from, int64_t stride, int64_t size, float* out) const {
        for (int64_t c = 0; c < chunks_; c++)
            lanes(size, [&](int64_t i, auto mask) {
                const F32 x = load(from + c * stride + i, mask);
                store(out + i, c == 0 ? x : load(out + i, mask) + x, mask);
            });
    }

    // The sums of one part over one chunk: [panel][pair of row tiles], blocks as multiply_block leaves them. Finished
    // to `out` unless that is null.
    void make_part(int64_t index, int64_t chunk, const Bf16* x, const Bf16* dy, float* sums, float* out) const {
        const Part part = part_of(index);
        const int64_t panels = RowsAndPanels::panels(part.columns);
        const Scratch<Bf16> turned(rounded_up(part.channels, kSide) * turned_stride_);
        const Scratch<Bf16> stacked(stacked_ ? rows_ * stacked_stride_ : 0);
        const Scratch<Bf16> pairs(RowsAndPanels::packed_size(part.columns, bands_.rows * row_steps_));
        const Scratch<int64_t> at(bands_.rows * row_steps_);
        const Scratch<const Bf16*> pixels(turned_stride_);
        const Scratch<const Bf16*> tiles(tiles_);
        for (int64_t i = 0; i < bands_.rows; i++)
            for (int64_t s = 0; s < row_steps_; s++)
                at[i * row_steps_ + s] = (stacked_ ? i * run_ : i * strip_.step_h * strip_.row_pixels) + s * kStep;
        list_tiles(part, stacked_ ? stacked.data() : turned.data(), tiles.data());

        const int64_t units = runs_ * pieces_;
        bool started = false;
        for (int64_t unit = units * chunk / chunks_; unit < units * (chunk + 1) / chunks_; unit++) {
            const int64_t run = unit / pieces_, piece = unit % pieces_;
            const int64_t begin = begin_of(run), end = begin_of(run + 1), bands = bands_.count(end - begin);
            const int64_t first = bands * piece / pieces_, last = bands * (piece + 1) / pieces_;
            for (int64_t b = first; b < last; b++) {
                const Band band = bands_.band(begin, end, b);
                turn(band, part, x, pixels.data(), turned.data());
                if (stacked_) stack(band, turned.data(), stacked.data());
                pair_up(band, part, dy, pixels.data(), pairs.data());
                const int64_t steps = band.rows() * row_steps_;
                const Tiles use;
                for (int64_t panel = 0; panel < panels; panel++) {
                    const bool two_columns = part.columns - panel * kBlockSide > kSide;
                    const Bf16* from = pairs.data() + RowsAndPanels::panel_begin(panel, steps);
                    for (int64_t t = 0; t < tiles_; t += 2) {
                        const bool two_rows = t + 1 < tiles_;
                        multiply_block(two_rows, two_columns, tiles[t], tiles[two_rows ? t + 1 : t], row_stride() * 2,
                                       at.data(), steps, from, b > first, sums + panel * panel_size() + t / 2 * kBlock);
                    }
                }
            }
            if (first == last) continue;
            if (out) finish(part, run, sums, started, out);
            started = true;
        }
        if (!started) {  // empty runs only
            std::memset(sums, 0, static_cast<size_t>(part_size_) * sizeof(float));
            if (out) finish(part, 0, sums, false, out);
        }
    }

    int64_t panel_size() const { return pieces_of(tiles_, 2) * kBlock; }
    int64_t row_stride() const { return stacked_ ? stacked_stride_ : turned_stride_; }
    // Where each tile of 16 rows begins.
    void list_tiles(const Part& part, const Bf16* rows, const Bf16** tiles) const {
        if (stacked_) {
            for (int64_t t = 0; t < tiles_; t++) tiles[t] = rows + t * kSide * stacked_stride_;
            return;
        }
        // The last part may have fewer channels than the others, and its tiles are repeated.
        const int64_t per_tap = tiles_ / taps_, own = pieces_of(part.channels, kSide);
        for (int64_t t = 0; t < tiles_; t++) {
            const int64_t tap = t / per_tap, tile = std::min(t % per_tap, own - 1);
            tiles[t] = rows + tile * kSide * turned_stride_ + tap_at(tap);
        }
    }
    int64_t tap_at(int64_t tap) const {
        return strip_.tap(h_.taps[tap / shape_.kw].offset, w_.taps[tap % shape_.kw].offset);
    }

    // The strip of a part's channels, turned. What follows the last pixel is zeros.
    void turn(const Band& band, const Part& part, const Bf16* x, const Bf16** pixels, Bf16* turned) const {
        const int64_t rows = strip_.rows(band.rows());
        std::fill_n(pixels, turned_stride_, nullptr);
        for (int64_t i = 0; i < rows; i++) {
            const int64_t y = strip_.source_row(band, i);
            if (y < 0 || y >= h_.source) continue;
            for (int64_t group = 0; group < strip_.remainders; group++) {
                const Bf16** row = pixels + i * strip_.row_pixels + group * strip_.columns * strip_.images;
                const int64_t before = strip_.before(group), inside = strip_.inside(group);
                for (int64_t j = before; j < inside; j++) {
                    const int64_t column = strip_.source_column(group) + j * strip_.skip_w;
                    for (int64_t n = 0; n < band.images(); n++)
                        row[j * strip_.images + n] =
                            x + (((band.image + n) * h_.source + y) * w_.source + column) * shape_.c;
                }
            }
        }
        for (int64_t q = 0; q < turned_stride_; q += kStep)
            turn_rows(pixels + q, part.channel, part.channels, turned + q, turned_stride_);
    }

    // The turned rows that each tap reads, one below the other: row tap * c + channel.
    void stack(const Band& band, const Bf16* turned, Bf16* stacked) const {
        for (int64_t tap = 0; tap < taps_; tap++)
            for (int64_t c = 0; c < shape_.c; c++)
                for (int64_t i = 0; i < band.rows(); i++)
                    copy_words(turned + c * turned_stride_ + tap_at(tap) + i * strip_.step_h * strip_.row_pixels, run_,
                               stacked + (tap * shape_.c + c) * stacked_stride_ + i * run_);
    }

    // The gradient of the band's results, in pairs of pixels; those that fill up a step are zeros.
    void pair_up(const Band& band, const Part& part, const Bf16* dy, const Bf16** pixels, Bf16* pairs) const {
        const int64_t steps = band.rows() * row_steps_;
        for (int64_t i = 0; i < band.rows(); i++) {
            std::fill_n(pixels, run_, nullptr);
            for (int64_t j = 0; j < w_.grid; j++)
                for (int64_t n = 0; n < band.images(); n++)
                    pixels[j * strip_.images + n] =
                        dy + (((band.image + n) * shape_.oh + band.row + i) * shape_.ow + j) * shape_.o;
            for (int64_t s = 0; s < row_steps_; s++)
                for (int64_t column = 0; column < part.columns; column += kBlockSide) {
                    const int64_t columns = std::min(kBlockSide, part.columns - column);
                    pack_rows(pixels + s * kStep, part.column + column, columns,
                              pairs + RowsAndPanels::panel_begin(column / kBlockSide, steps) +
                                  (i * row_steps_ + s) * RowsAndPanels::halves(columns) * kTile);
                }
        }
    }

    // Row tiles [first_tile, last_tile) of up to 16 columns (the left or right tiles of a panel's blocks) as kernels:
    // element (tap, channel) of column j goes to out[j * column_stride + tap * tap_stride + channel].
    void put_columns(const Part& part, const float* sums, int64_t first_tile, int64_t last_tile, float* out,
                     int64_t column_stride, int64_t tap_stride, int64_t columns) const {
        const int64_t per_tap = stacked_ ? tiles_ : tiles_ / taps_;
        const int64_t length = stacked_ ? taps_ * shape_.c : part.channels;
        for (int64_t t = first_tile; t < last_tile; t++) {
            const int64_t tap = t / per_tap, row = t % per_tap * kSide, i = t - first_tile;
            if (row >= length) continue;
            const float* tile = sums + i / 2 * kBlock + i % 2 * 2 * kQuarter;
            const Mask mask = first(static_cast<int>(std::min(kSide, length - row)));
            F32 a[kSide];
#pragma GCC unroll 16
            for (int64_t r = 0; r < kSide; r++) a[r] = load(tile + r * kSide);
            transpose(a);
            for (int64_t j = 0; j < columns; j++) store(out + j * column_stride + tap * tap_stride + row, a[j], mask);
        }
    }

    // Puts a unit's sums where they belong, multiplied by the run's factors where the chain rule wants it.
    void finish(const Part& part, int64_t run, const float* sums, bool add, float* out) const {
        const int64_t kernel = taps_ * shape_.c, rows = taps_ * part.channels;
        // Where a part has all channels, a kernel is contiguous in the weights too.
        const int64_t length = part.channels == shape_.c ? rows : part.channels;
        const Scratch<float> block(chain_ ? kSide * rows : 0);
        for (int64_t column = 0; column < part.columns; column += kSide) {
            const int64_t columns = std::min(kSide, part.columns - column);
            const float* from = sums + column / kBlockSide * panel_size() + column % kBlockSide / kSide * kQuarter;
            if (!chain_) {
                put_columns(part, from, 0, tiles_, place(part, column, out), kernel, shape_.c, columns);
                continue;
            }
            put_columns(part, from, 0, tiles_, block.data(), rows, part.channels, columns);
            for (int64_t j = 0; j < columns; j++)
                for (int64_t k = 0; k < rows; k += length) {
                    float *g = block.data() + j * rows + k,
                          *to = place(part, column + j, out) + k / part.channels * shape_.c;
                    avx512::multiply_slope(noise_, run, to - out, length, g);
                    lanes(length, [&](int64_t i, auto mask) {
                        store(to + i, add ? load(to + i, mask) + load(g + i, mask) : load(g + i, mask), mask);
                    });
                }
        }
    }

    const ConvShape shape_;
    const Noise noise_;
    const bool chain_;
    const int64_t taps_;
    const Axis h_, w_;
    const int64_t runs_;
    const bool stacked_;                // the rows of all taps are copied one below the other
    const int64_t channels_, columns_;  // of a part
    const Bands bands_;
    const StripShape strip_;
    int64_t channel_parts_, column_parts_, parts_;
    int64_t run_, row_steps_;  // pixels and steps of a grid row, filled up
    int64_t positions_, turned_stride_, stacked_stride_;
    int64_t rows_, tiles_, part_size_;  // rows of A, tiles of 16 of them, sums of a part
    int64_t pieces_, chunks_;           // of a run; of all runs' pieces
};

// out[j] = sum over rows of x[row, j], in pieces of kRows rows.
void sum_rows(const Bf16* x, int64_t rows, int64_t columns, float* out) {
    constexpr int64_t kRows = 512;
    const int64_t pieces = pieces_of(rows, kRows);
    const Scratch<float> partial(pieces * columns);
    parallel(pieces, [&](int64_t i) {
        const Bf16* from = x + i * kRows * columns;
        const int64_t count = std::min(kRows, rows - i * kRows);
        lanes(columns, [&](int64_t j, auto mask) {
            F32 sum = zero();
            for (int64_t r = 0; r < count; r++) sum = sum + load(from + r * columns + j, mask);
            store(partial.data() + i * columns + j, sum, mask);
        });
    });
    lanes(columns, [&](int64_t j, auto mask) {
        F32 sum = zero();
        for (int64_t i = 0; i < pieces; i++) sum = sum + load(partial.data() + i * columns + j, mask);
        store(out + j, sum, mask);
    });
}

}  // namespace

void paired_backward_weight(const ConvShape& shape, const View& x, const View& dy, const Noise& noise, const View& dw,
                            const View& dbias) {
    if (dbias) sum_rows(dy.as<Bf16>(), shape.n * shape.oh * shape.ow, shape.o, dbias.f32());
    PairedWeightGradient(shape, noise).run(x.as<Bf16>(), dy.as<Bf16>(), dw.f32());
}

}  // namespace hb::cpu::HB_TIER
