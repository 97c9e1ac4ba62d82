// Convolution: weight gradient, dW[kernel element][output] = sum over pixels of x[pixel + tap][channel]
// dy[pixel][output].
//
// The gradient is cut into parts of about 576 x 64, whose sums stay in the second-level cache, and the batch into
// chunks; a task makes one part of one chunk, tile by tile: it copies its channels of the tile's pixels into a strip,
// packs dy's columns into panels, and adds the product of all kernel elements by a panel, with the tile's pixels as k.
// x is read in place from the strip for every tap. Chunks are added up in their order, and transposed to OHWI then.
//
// GF/s of one core, AVX2, peak 103, batch 32; in brackets oneDNN, through PyTorch 2.13, NCHW:
//    64 channels, 32x32  87 (64)        64 to 128, stride 2, 32x32   80 (63)
//   128 channels, 16x16  87 (70)       128 to 256, stride 2, 16x16   82 (60)
//   256 channels, 8x8    86 (60)       256 to 512, stride 2, 8x8     79 (47)
//   512 channels, 4x4    84 (31)        64 to 128, 1x1 stride 2      79 (30)
//    16 channels, 32x32  90 (53)        16 to 32, stride 2, 32x32    82 (56)
//    32 channels, 16x16  89 (65)        32 to 64, stride 2, 16x16    87 (55)
//    64 channels, 8x8    91 (64)         3 to 64, 32x32              66 (43)
// Of the time at 64 channels, the strip takes 2 % and packing 2 %. Pixels of a tile, 128 and 256 channels: 128: 88,
// 160: 89, 192: 86, 256: 80, where panel and strip no longer fit the first-level cache. Before, every chunk was
// transposed, and chunks were added element by element: 2-3 % slower.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "backend/cpu/simd/convolution.h"
#include "backend/cpu/simd/gemm.h"
#include "backend/cpu/simd/image_tiles.h"
#include "backend/cpu/simd/matmul.h"
#include "backend/cpu/simd/random.h"
#include "backend/cpu/simd/weight_packing.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

// Pixels of a tile: the sum made in one go.
constexpr int64_t kPixels = 128;
// Rows (kernel elements) of the part of the gradient that a task holds, at most; its elements, about (144 KiB); its
// columns (output channels), at least and at most.
constexpr int64_t kRowsMost = 576, kPartMost = 36 * 1024, kColumnsLeast = 64, kColumnsMost = 256;
// Fewest pixels of a chunk: each chunk is stored, and read again, as a gradient of its own.
constexpr int64_t kChunkLeast = 512;
// Elements of partial sums that are added up at once.
constexpr int64_t kSumGrain = 2048;
// With the chain rule every piece of a run draws the noise again: fewer pieces.
constexpr int64_t kChainTasks = 16;

int64_t pieces_of(int64_t size, int64_t most) { return (size + most - 1) / most; }

// The gradient is cut into parts (group, input channels, output channels) and the batch into chunks of tiles; a task
// makes one part of one chunk as a product: rows are kernel elements, columns output channels, and k runs over pixels.
// Images of E.
template <class E>
class WeightGradient {
  public:
    WeightGradient(const ConvShape& shape, const Noise& noise)
        : shape_(shape), noise_(noise), chain_(needs_chain_rule(noise)), taps_(shape.kh * shape.kw),
          depth_(shape.c / shape.groups), width_(shape.o / shape.groups),
          h_(Axis::kForward, shape.h, shape.oh, shape.kh, shape.stride_h, shape.pad_h, shape.dilation_h),
          w_(Axis::kForward, shape.w, shape.ow, shape.kw, shape.stride_w, shape.pad_w, shape.dilation_w),
          tiling_(shape.oh, shape.ow, kPixels), vectors_(panel_vectors(width_)), panel_width_(vectors_ * kLanes) {
        const int64_t most = std::max<int64_t>(kRowsMost / taps_, kLanes);
        channels_ = pieces_of(depth_, pieces_of(depth_, most));
        channels_ = std::min(depth_, pieces_of(channels_, kLanes) * kLanes);
        channel_parts_ = pieces_of(depth_, channels_);
        const int64_t columns_most = std::clamp(kPartMost / (taps_ * channels_), kColumnsLeast, kColumnsMost);
        columns_ = pieces_of(width_, pieces_of(width_, columns_most));
        columns_ = std::min(width_, pieces_of(columns_, panel_width_) * panel_width_);
        column_parts_ = pieces_of(width_, columns_);
        panels_ = pieces_of(columns_, panel_width_);
        held_ = panels_ * panel_width_;
        parts_ = shape.groups * channel_parts_ * column_parts_;
        // Narrow pixels lie side by side. Wide ones an odd number of cache lines apart: else the same channel of all
        // pixels would fall into a few sets of the cache.
        const int64_t pixel_stride = channels_ < 16 ? channels_ : (pieces_of(channels_, 16) | 1) * 16;
        strip_ = Strip::copied(h_, w_, tiling_, pixel_stride);

        runs_ = chain_ ? noise.sub_batches : 1;
        const int64_t tiles = tiling_.groups(shape.n) * tiling_.per_image();
        const int64_t worthwhile = std::max<int64_t>(1, shape.n * shape.oh * shape.ow / kChunkLeast);
        const int64_t wanted = std::clamp<int64_t>((chain_ ? kChainTasks : kTasks) / parts_, 1, worthwhile);
        pieces_ = std::clamp<int64_t>(wanted / runs_, 1, std::max<int64_t>(1, tiles / runs_));
        chunks_ = std::min(wanted, runs_ * pieces_);
    }

    void run(const E* x, const E* dy, float* dw) const {
        const int64_t size = shape_.o * taps_ * depth_;
        if (chunks_ == 1) {
            parallel(parts_, [&](int64_t task) {
                const Scratch<float> sums(part_size());
                make_part(task, 0, x, dy, sums.data(), dw);
            });
        } else if (chain_) {
            const Scratch<float> partial(chunks_ * size);
            parallel(parts_ * chunks_, [&](int64_t task) {
                const Scratch<float> sums(part_size());
                make_part(task % parts_, task / parts_, x, dy, sums.data(), partial.data() + task / parts_ * size);
            });
            parallel_ranges(size, kSumGrain, [&](int64_t begin, int64_t end) {
                add_up(partial.data() + begin, size, chunks_, end - begin, dw + begin);
            });
        } else {
            // The sums of a chunk stay as the product left them, and are transposed once, when they are added up.
            const int64_t stride = parts_ * part_size();
            const Scratch<float> partial(chunks_ * stride);
            parallel(parts_ * chunks_, [&](int64_t task) {
                make_part(task % parts_, task / parts_, x, dy, partial.data() + task * part_size(), nullptr);
            });
            parallel(parts_ * taps_, [&](int64_t task) {
                const Part part = part_of(task / taps_);
                const int64_t tap = task % taps_, rows = std::max<int64_t>(1, kSumGrain / held_);
                const float* first = partial.data() + task / taps_ * part_size() + tap * part.channels * held_;
                const Scratch<float> sum(rows * held_);
                for (int64_t c = 0; c < part.channels; c += rows) {
                    const int64_t count = std::min(rows, part.channels - c);
                    add_up(first + c * held_, stride, chunks_, count * held_, sum.data());
                    transpose_copy<false>(sum.data(), held_, count, part.columns, place(part, 0, dw) + tap * depth_ + c,
                                          taps_ * depth_);
                }
            });
        }
    }

  private:
    struct Part {
        int64_t group, channel, channels, column, columns;
    };
    Part part_of(int64_t index) const {
        Part part;
        part.group = index / column_parts_ / channel_parts_;
        part.channel = index / column_parts_ % channel_parts_ * channels_;
        part.channels = std::min(channels_, depth_ - part.channel);
        part.column = index % column_parts_ * columns_;
        part.columns = std::min(columns_, width_ - part.column);
        return part;
    }
    int64_t part_size() const { return taps_ * channels_ * held_; }

    // out[i] = from[i] + from[stride + i] + .. of `count` addends.
    static void add_up(const float* from, int64_t stride, int64_t count, int64_t size, float* out) {
        for (int64_t begin = 0; begin < size; begin += kSumGrain)  // stays in the first-level cache
            for (int64_t c = 0; c < count; c++)
                lanes(std::min(kSumGrain, size - begin), [&](int64_t i, auto mask) {
                    const F32 x = load(from + c * stride + begin + i, mask);
                    store(out + begin + i, c == 0 ? x : load(out + begin + i, mask) + x, mask);
                });
    }

    // The sums of one part over one chunk, [kernel element][held_]; finished to `out` unless that is null.
    void make_part(int64_t index, int64_t chunk, const E* x, const E* dy, float* sums, float* out) const {
        const Part part = part_of(index);
        const int64_t rows = taps_ * part.channels;
        const Scratch<float> strip(tiling_.images * strip_.image_stride);
        const Scratch<float> panels(panels_ * panel_width_ * tiling_.largest());
        const Scratch<int64_t> pixels(tiling_.largest()), tables(2 * rows);
        int64_t *row = tables.data(), *sums_row = row + rows;
        for (int64_t i = 0, k = 0; i < shape_.kh; i++)
            for (int64_t j = 0; j < shape_.kw; j++)
                for (int64_t c = 0; c < part.channels; c++, k++) {
                    row[k] =
                        i * shape_.dilation_h * strip_.row_stride + j * shape_.dilation_w * strip_.pixel_stride + c;
                    sums_row[k] = k * held_;
                }

        const int64_t units = runs_ * pieces_;
        bool started = false;
        for (int64_t unit = units * chunk / chunks_; unit < units * (chunk + 1) / chunks_; unit++) {
            const int64_t run = unit / pieces_, piece = unit % pieces_;
            const int64_t begin = chain_ ? first_of_run(shape_, noise_, run) : 0;
            const int64_t end = chain_ ? first_of_run(shape_, noise_, run + 1) : shape_.n;
            const int64_t tiles = tiling_.groups(end - begin) * tiling_.per_image();
            const int64_t first_tile = tiles * piece / pieces_, last_tile = tiles * (piece + 1) / pieces_;
            for (int64_t t = first_tile; t < last_tile; t++) {
                const Tile tile = tiling_.tile(begin, end, t);
                copy_strip(h_, w_, strip_, tile, x, shape_.c, part.group * depth_ + part.channel, part.channels,
                           strip.data());
                const Points points{pixels.data(), list_pixels(h_, w_, 0, 0, strip_, tile, 0, pixels.data(), nullptr)};
                const float* b = pack_gradient(tile, part, dy, panels.data(), points.count);
                for (int64_t j = 0; j < panels_; j++) {
                    Panel panel;
                    panel.b = b + j * points.count * panel_width_;
                    panel.c = sums + j * panel_width_;
                    panel.columns = static_cast<int>(panel_width_);
                    panel.accumulate = t > first_tile;
                    panel.start = nullptr;
                    multiply_panel(vectors_, points, panel, strip.data(), rows, row, sums_row);
                }
            }
            if (first_tile == last_tile) continue;
            if (out) finish(part, run, sums, started, out);
            started = true;
        }
        if (!started) {  // empty runs only
            std::memset(sums, 0, static_cast<size_t>(rows * held_) * sizeof(float));
            if (out) store_part(part, sums, out);
        }
    }

    // Panels of the result's gradient for a tile.
    const float* pack_gradient(const Tile& tile, const Part& part, const E* dy, float* panels, int64_t count) const {
        const int64_t first_column = part.group * width_ + part.column;
        const bool whole_rows = tile.column_end - tile.column == shape_.ow;
        const bool whole_images = tile.row_end - tile.row == shape_.oh && whole_rows;
        if (whole_images || (whole_rows && tile.image_end - tile.image == 1)) {  // one contiguous piece
            const E* from = dy + (tile.image * shape_.oh + tile.row) * shape_.ow * shape_.o + first_column;
            if constexpr (std::is_same_v<E, float>)
                if (shape_.o == panel_width_ && part.columns == panel_width_) return from;  // it is a panel already
            pack_rows(vectors_, from, shape_.o, count, part.columns, panels, count * panel_width_);
            return panels;
        }
        int64_t p = 0;
        for (int64_t n = tile.image; n < tile.image_end; n++)
            for (int64_t i = tile.row; i < tile.row_end; i++) {
                const E* from = dy + ((n * shape_.oh + i) * shape_.ow + tile.column) * shape_.o + first_column;
                const int64_t run = tile.column_end - tile.column;
                pack_rows(vectors_, from, shape_.o, run, part.columns, panels + p * panel_width_, count * panel_width_);
                p += run;
            }
        return panels;
    }

    float* place(const Part& part, int64_t column, float* out) const {
        return out + (part.group * width_ + part.column + column) * taps_ * depth_ + part.channel;
    }

    void store_part(const Part& part, const float* sums, float* out) const {
        for (int64_t t = 0; t < taps_; t++)
            transpose_copy<false>(sums + t * part.channels * held_, held_, part.channels, part.columns,
                                  place(part, 0, out) + t * depth_, taps_ * depth_);
    }

    // Puts a unit's sums where they belong, multiplied by the run's factors where the chain rule wants it.
    void finish(const Part& part, int64_t run, const float* sums, bool add, float* out) const {
        if (!chain_) return store_part(part, sums, out);
        // Where a part has all channels, a kernel is contiguous in the weights too.
        const int64_t length = part.channels == depth_ ? taps_ * depth_ : part.channels;
        const int64_t rows = taps_ * part.channels;
        const Scratch<float> block(kLanes * rows);
        for (int64_t column = 0; column < part.columns; column += kLanes) {
            const int64_t columns = std::min<int64_t>(kLanes, part.columns - column);
            transpose_copy<false>(sums + column, held_, rows, columns, block.data(), rows);
            for (int64_t j = 0; j < columns; j++)
                for (int64_t k = 0; k < rows; k += length) {
                    float *g = block.data() + j * rows + k,
                          *to = place(part, column + j, out) + k / part.channels * depth_;
                    const int64_t element = (part.group * width_ + part.column + column + j) * taps_ * depth_ +
                                            k / part.channels * depth_ + part.channel;
                    multiply_slope(noise_, run, element, length, g);
                    lanes(length, [&](int64_t i, auto mask) {
                        store(to + i, add ? load(to + i, mask) + load(g + i, mask) : load(g + i, mask), mask);
                    });
                }
        }
    }

    const ConvShape shape_;
    const Noise noise_;
    const bool chain_;
    const int64_t taps_, depth_, width_;  // kernel elements; channels in and out, per group
    const Axis h_, w_;
    const Tiling tiling_;
    const int vectors_;
    const int64_t panel_width_;
    Strip strip_;
    int64_t channels_, channel_parts_;  // of a part; parts that the channels are cut into
    int64_t columns_, column_parts_, panels_, held_;
    int64_t parts_;
    int64_t runs_, pieces_, chunks_;  // chunks divide the runs' pieces among the tasks
};

}  // namespace

template <class E>
void product_backward_weight(const ConvShape& shape, const E* x, const E* dy, const Noise& noise, float* dw) {
    profile_algorithm("direct");
    // A linear layer, and what is one: without taps, a product of two matrices.
    if (shape.kh == 1 && shape.kw == 1 && shape.h == shape.oh && shape.w == shape.ow && shape.stride_h == 1 &&
        shape.stride_w == 1 && shape.groups == 1 && !needs_chain_rule(noise))
        return multiply_transposed(shape.o, shape.c, shape.n * shape.h * shape.w, dy, x, dw);
    WeightGradient<E>(shape, noise).run(x, dy, dw);
}
template void product_backward_weight(const ConvShape&, const float*, const float*, const Noise&, float*);
template void product_backward_weight(const ConvShape&, const Bf16*, const Bf16*, const Noise&, float*);

}  // namespace hb::cpu::HB_TIER
