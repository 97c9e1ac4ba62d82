// Convolution: forward and data gradient, both as source pixels times packed weights (gemm.h, image_tiles.h).
//
// The weights are packed once per call and noise run: a noise run's weights are drawn while they are packed, and exist
// in packed form only. A task then takes a tile of pixels, copies it once into a strip with a border of zeros, and
// multiplies the strip's pixels by every panel of the weights. k, the sum over taps and channels, is cut into blocks of
// at most kDepthMost; C is read and written once per block. The data gradient of a strided convolution is cut into
// phases, each of which has its own few taps: no zero is multiplied.
//
// 64 -> 64 channels at 32 x 32, batch 128, 3x3: 9.7 Gflop, 33.6 MB read, 33.6 MB written, 144 flop a byte. The strips
// cost 1.25 copies of x (im2col would write 9 and read them again).
//
// GF/s of one core, AVX2, peak 103, batch 32, forward and data gradient; in brackets oneDNN, through PyTorch 2.13,
// NCHW:
//    64 channels, 32x32  96 (83)  96 (88)         64 to 128, stride 2, 32x32    93 (72)  92 (31)
//   128 channels, 16x16  97 (83)  97 (90)        128 to 256, stride 2, 16x16    93 (74)  94 (66)
//   256 channels, 8x8    96 (84)  96 (90)        256 to 512, stride 2, 8x8      88 (59)  89 (59)
//   512 channels, 4x4    92 (70)  90 (58)        64 to 128, 1x1 stride 2        89 (41)  77  (5)
//    16 channels, 32x32  93 (60)  93 (70)         16 to 32, stride 2, 32x32     91 (67)  89 (36)
//    32 channels, 16x16  96 (81)  97 (85)         32 to 64, stride 2, 16x16     91 (72)  90 (53)
//    64 channels, 8x8    96 (86)  96 (94)          3 to 64, 32x32               83  (9)  25 (20)
// Tried for kDepthMost, 512 @ 4x4: 192: 83, 384: 87, 512: 91, 768: 94, 1536: 90, all 4608: 93 GF/s. A panel of 768 rows
// is 48 KiB and does not fit the first-level cache of 32 KiB; streaming it from the second costs less than more passes
// over C.
#include "backend/cpu/simd/convolution.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/finish.h"
#include "backend/cpu/simd/gemm.h"
#include "backend/cpu/simd/image_tiles.h"
#include "backend/cpu/simd/moments.h"
#include "backend/cpu/simd/random.h"
#include "backend/cpu/simd/weight_packing.h"
#include "backend/cpu/simd/winograd.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

// Grid positions of a tile, at most and at least; between them, as many as keep the tile's strip within kStripMost
// elements, so that it stays in the second-level cache.
constexpr int64_t kTileMost = 256, kTileLeast = 64;
constexpr int64_t kStripMost = 64 * 1024;
// Longest piece of the sum over k that is made in one go.
constexpr int64_t kDepthMost = 768;
// Packed weights of several noise runs that are made at once, in elements.
constexpr int64_t kPackedMost = 4 * 1024 * 1024;
// Weights that one task of the data gradient packs.
constexpr int64_t kPackGrain = 16 * 1024;

// Result pixels that see the same taps.
struct Phase {
    int64_t h, w;  // result pixel of grid position (0, 0)
    const Tap *taps_h, *taps_w;
    int64_t count_h, count_w;
    const int64_t* spans;  // where each span of k begins, relative to a row of A
    int64_t span_count, span_length;
    int64_t blocks, pieces;  // k is cut into blocks: of whole spans (pieces = 1), or of so many pieces of one span
    int64_t packed;          // where its weights begin

    int64_t depth() const { return span_count * span_length; }
};

// A piece of k: [first, first + depth()).
struct Block {
    Spans spans;
    int64_t shift;  // into the span
    int64_t first;
    int64_t depth() const { return spans.count * spans.length; }
};
Block block_of(const Phase& p, int64_t i) {
    if (p.pieces > 1) {
        const int64_t span = i / p.pieces, piece = i % p.pieces;
        const int64_t begin = p.span_length * piece / p.pieces, end = p.span_length * (piece + 1) / p.pieces;
        return {{p.spans + span, 1, end - begin}, begin, span * p.span_length + begin};
    }
    const int64_t begin = p.span_count * i / p.blocks, end = p.span_count * (i + 1) / p.blocks;
    return {{p.spans + begin, end - begin, p.span_length}, 0, begin * p.span_length};
}

int64_t tile_target(const Axis& h, const Axis& w, int64_t images, int64_t channels) {
    for (int64_t target = kTileMost;; target /= 2) {
        const Tiling tiling(h.grid, w.grid, target);
        const bool fits = tiling.images * Strip::copied(h, w, tiling, channels).image_stride <= kStripMost;
        const bool enough = tiling.groups(images) * tiling.per_image() >= kTasks;
        if ((fits && enough) || target / 2 < kTileLeast) return target;
    }
}

// Forward or data gradient as products: source pixels times packed weights. Images of E: float, or Bf16, which is
// widened when a strip is copied and rounded when all of a panel's sum is there.
template <class E>
class Product {
    static constexpr bool kWidens = !std::is_same_v<E, float>;

  public:
    Product(const ConvShape& shape, Axis::Direction direction)
        : shape_(shape), forward_(direction == Axis::kForward),
          h_(direction, forward_ ? shape.h : shape.oh, forward_ ? shape.oh : shape.h, shape.kh, shape.stride_h,
             shape.pad_h, shape.dilation_h),
          w_(direction, forward_ ? shape.w : shape.ow, forward_ ? shape.ow : shape.w, shape.kw, shape.stride_w,
             shape.pad_w, shape.dilation_w),
          source_channels_(forward_ ? shape.c : shape.o), result_channels_(forward_ ? shape.o : shape.c),
          depth_(source_channels_ / shape.groups), width_(result_channels_ / shape.groups),
          vectors_(panel_vectors(width_)), panel_width_(vectors_ * kLanes),
          panels_((width_ + panel_width_ - 1) / panel_width_),
          tiling_(h_.grid, w_.grid, tile_target(h_, w_, shape.n, source_channels_)),
          in_place_(!kWidens && h_.inside() && w_.inside()),
          strip_(in_place_ ? Strip::in_place(h_, w_, source_channels_)
                           : Strip::copied(h_, w_, tiling_, source_channels_)),
          phases_(h_.spread * w_.spread), spans_(shape.kh * shape.kw) {
        int64_t *span = spans_.data(), taps = 0;
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
                p.packed = taps * depth_ * shape.groups * panels_ * panel_width_;
                taps += p.count_h * p.count_w;
                p.spans = span;
                // Taps side by side read one contiguous piece.
                bool joined = shape.groups == 1;
                for (int64_t t = 1; t < p.count_w; t++) joined &= p.taps_w[t].offset == p.taps_w[t - 1].offset + 1;
                p.span_count = joined && p.count_w > 0 ? p.count_h : p.count_h * p.count_w;
                p.span_length = joined ? p.count_w * depth_ : depth_;
                for (int64_t i = 0; i < p.count_h; i++)
                    for (int64_t j = 0; j < (joined ? std::min<int64_t>(p.count_w, 1) : p.count_w); j++)
                        *span++ = (p.taps_h[i].offset - h_.low) * strip_.row_stride +
                                  (p.taps_w[j].offset - w_.low) * strip_.pixel_stride;
                p.pieces = std::max<int64_t>(1, (p.span_length + kDepthMost - 1) / kDepthMost);
                p.blocks = p.pieces > 1 ? p.span_count * p.pieces : (p.depth() + kDepthMost - 1) / kDepthMost;
            }
    }

    void run(const E* source, const float* weights, const float* bias, const Noise& noise, E* result,
             const Epilogue& after) const {
        profile_algorithm("direct");
        const bool noisy = has_noise(noise);
        const int64_t runs = noisy ? noise.sub_batches : 1;
        if (after.moments) {
            int64_t tiles = 0;
            for (int64_t i = 0; i < runs; i++) tiles += tiles_of(noise, runs, i);
            after.moments->reserve(tiles, result_channels_);
        }
        int64_t piece = 0;  // of the first tile of a wave
        const int64_t size = shape_.groups * panels_ * panel_width_ * depth_ * shape_.kh * shape_.kw;
        const int64_t wave = std::clamp<int64_t>(kPackedMost / std::max<int64_t>(size, 1), 1, runs);
        const Scratch<float> packed(size * wave);
        const int64_t pack_tasks = forward_ ? forward_pack_tasks() : backward_pack_tasks();
        for (int64_t m = 0; m < runs; m += wave) {
            const int64_t end = std::min(m + wave, runs);
            parallel((end - m) * pack_tasks, [&](int64_t task) {
                const int64_t run = m + task / pack_tasks;
                if (noisy && first_of_run(shape_, noise, run) == first_of_run(shape_, noise, run + 1)) return;
                float* out = packed.data() + (run - m) * size;
                if (forward_)
                    pack_forward(task % pack_tasks, weights, noise, run, out);
                else
                    pack_backward(task % pack_tasks, weights, noise, run, out);
            });
            int64_t tiles = 0;
            for (int64_t i = m; i < end; i++) tiles += tiles_of(noise, runs, i);
            const int64_t splits =
                shape_.groups > 1 ? 1
                                  : std::clamp<int64_t>((kTasks + tiles - 1) / std::max<int64_t>(tiles, 1), 1, panels_);
            parallel(tiles * splits, [&](int64_t task) {
                int64_t index = task / splits, run = m;
                for (int64_t n; index >= (n = tiles_of(noise, runs, run)); run++) index -= n;
                const Tile tile = tiling_.tile(begin_of(noise, runs, run), begin_of(noise, runs, run + 1), index);
                const int64_t split = task % splits;
                multiply_tile(tile, panels_ * split / splits, panels_ * (split + 1) / splits, source,
                              packed.data() + (run - m) * size, bias, result, after, piece + task / splits);
                if (after.moments && split == 0)
                    (*after.moments)[piece + task / splits] = {tile.pixels(), after.groups == 1 ? 0 : run};
            });
            piece += tiles;
        }
    }

  private:
    int64_t begin_of(const Noise& noise, int64_t runs, int64_t run) const {
        return runs == 1 ? run * shape_.n : first_of_run(shape_, noise, run);
    }
    int64_t tiles_of(const Noise& noise, int64_t runs, int64_t run) const {
        return tiling_.groups(begin_of(noise, runs, run + 1) - begin_of(noise, runs, run)) * tiling_.per_image();
    }

    // Packed weights of a phase: [group][block][panel][k of the block][column].
    int64_t packed_block(const Phase& p, int64_t group, const Block& block) const {
        return p.packed + (group * p.depth() + block.first) * panels_ * panel_width_;
    }

    int64_t forward_pack_tasks() const { return shape_.groups * phases_[0].blocks * panels_; }
    // Forward, k runs over a kernel's elements in the order of memory: one panel of one block.
    void pack_forward(int64_t task, const float* weights, const Noise& noise, int64_t run, float* packed) const {
        const Phase& phase = phases_[0];
        const int64_t panel = task % panels_, group = task / panels_ / phase.blocks;
        const Block block = block_of(phase, task / panels_ % phase.blocks);
        const int64_t column = panel * panel_width_, columns = std::min(panel_width_, width_ - column);
        const int64_t depth = block.depth();
        float* out = packed + packed_block(phase, group, block) + panel * depth * panel_width_;
        int64_t element = (group * width_ + column) * phase.depth() + block.first;
        if (!has_noise(noise)) return pack_columns(weights + element, phase.depth(), columns, depth, vectors_, out);
        // An odd number of cache lines apart, the rows of one transposition lie in different sets of the cache.
        const int64_t stride = ((depth + 15) / 16 | 1) * 16;
        const Scratch<float> perturbed(columns * stride);
        for (int64_t j = 0; j < columns; j++, element += phase.depth())
            perturb(noise, run, element, depth, weights + element, perturbed.data() + j * stride);
        pack_columns(perturbed.data(), stride, columns, depth, vectors_, out);
    }

    int64_t rows_per_pack() const {
        return std::clamp<int64_t>(kPackGrain / std::max<int64_t>(1, shape_.kh * shape_.kw * width_), 1, depth_);
    }
    int64_t backward_pack_tasks() const {
        return depth_ == 0 ? 0 : shape_.groups * ((depth_ + rows_per_pack() - 1) / rows_per_pack());
    }
    // Data gradient, k runs over taps and output channels: the kernels of some output channels, to all phases and
    // panels.
    void pack_backward(int64_t task, const float* weights, const Noise& noise, int64_t run, float* packed) const {
        const int64_t per_group = (depth_ + rows_per_pack() - 1) / rows_per_pack();
        const int64_t group = task / per_group, begin = task % per_group * rows_per_pack();
        const int64_t end = std::min(begin + rows_per_pack(), depth_);
        const int64_t row = shape_.kh * shape_.kw * width_, element = (group * depth_ + begin) * row;
        const bool noisy = has_noise(noise);
        const Scratch<float> perturbed(noisy ? (end - begin) * row : 0);
        if (noisy) perturb(noise, run, element, (end - begin) * row, weights + element, perturbed.data());
        const float* rows = noisy ? perturbed.data() : weights + element;
        for (int64_t i = 0; i < h_.spread * w_.spread; i++) {
            const Phase& p = phases_[i];
            for (int64_t b = 0; b < p.blocks; b++) {
                const Block block = block_of(p, b);
                const int64_t block_end = block.first + block.depth();
                float* out = packed + packed_block(p, group, block);
                for (int64_t tap = block.first / depth_; tap * depth_ < block_end; tap++) {
                    const int64_t kernel =
                        p.taps_h[tap / p.count_w].kernel * shape_.kw + p.taps_w[tap % p.count_w].kernel;
                    const int64_t from = std::max(begin, block.first - tap * depth_);
                    const int64_t to = std::min(end, block_end - tap * depth_);
                    if (from < to)
                        pack_rows(vectors_, rows + (from - begin) * row + kernel * width_, row, to - from, width_,
                                  out + (tap * depth_ + from - block.first) * panel_width_,
                                  block.depth() * panel_width_);
                }
            }
        }
    }

    void multiply_tile(const Tile& tile, int64_t first_panel, int64_t last_panel, const E* source, const float* packed,
                       const float* bias, E* result, const Epilogue& after, int64_t piece) const {
        const int64_t most = tiling_.largest();
        const Scratch<int64_t> rows(3 * most);
        int64_t *from = rows.data(), *to = from + most, *sums_row = to + most;
        const Scratch<float> sums(kWidens ? most * panel_width_ : 0);
        for (int64_t r = 0; kWidens && r < most; r++) sums_row[r] = r * panel_width_;
        const Scratch<float> copy(in_place_ ? 0 : tiling_.images * strip_.image_stride);
        const float* a = copy.data();
        if constexpr (!kWidens)
            if (in_place_) a = source + first_in_place(h_, w_, strip_, tile);
        if (!in_place_) copy_strip(h_, w_, strip_, tile, source, source_channels_, 0, source_channels_, copy.data());
        for (int64_t i = 0; i < h_.spread * w_.spread; i++) {
            const Phase& p = phases_[i];
            const int64_t count = list_pixels(h_, w_, p.h, p.w, strip_, tile, result_channels_, from, to);
            if (p.blocks == 0) {
                fill(count, to, first_panel, last_panel, bias, result);
                if (after.finish) finish(*after.finish, to, count, first_panel, last_panel, result);
                continue;
            }
            for (int64_t group = 0; group < shape_.groups; group++) {
                // One block of one panel, to rows c_row of c.
                auto multiply = [&](int64_t b, int64_t j, float* c, const int64_t* c_row) {
                    const Block block = block_of(p, b);
                    Panel panel;
                    panel.b = packed + packed_block(p, group, block) + j * block.depth() * panel_width_;
                    panel.c = c;
                    panel.columns = static_cast<int>(std::min(panel_width_, width_ - j * panel_width_));
                    panel.accumulate = b > 0;
                    panel.start = bias ? bias + group * width_ + j * panel_width_ : nullptr;
                    multiply_panel(vectors_, block.spans, panel, a + group * depth_ + block.shift, count, from, c_row);
                };
                if constexpr (kWidens) {
                    for (int64_t j = first_panel; j < last_panel; j++) {
                        for (int64_t b = 0; b < p.blocks; b++) multiply(b, j, sums.data(), sums_row);
                        E* out = result + group * width_ + j * panel_width_;
                        for (int64_t r = 0; r < count; r++)
                            lanes(std::min(panel_width_, width_ - j * panel_width_), [&](int64_t c, auto mask) {
                                store(out + to[r] + c, load(sums.data() + sums_row[r] + c, mask), mask);
                            });
                    }
                } else {
                    for (int64_t b = 0; b < p.blocks; b++)
                        for (int64_t j = first_panel; j < last_panel; j++)
                            multiply(b, j, result + group * width_ + j * panel_width_, to);
                }
            }
            if (after.moments)
                take_moments(result, to, count, first_panel * panel_width_, std::min(last_panel * panel_width_, width_),
                             after.moments->mean(piece), after.moments->squares(piece));
            if (after.finish) finish(*after.finish, to, count, first_panel, last_panel, result);
        }
    }

    // Without groups.
    void finish(const Finish& norm, const int64_t* to, int64_t count, int64_t first_panel, int64_t last_panel,
                E* result) const {
        finish_rows(norm, result, to, count, first_panel * panel_width_, std::min(last_panel * panel_width_, width_));
    }

    // Results that no tap reaches, or without input channels: the empty sum.
    void fill(int64_t count, const int64_t* to, int64_t first_panel, int64_t last_panel, const float* bias,
              E* result) const {
        const bool whole = first_panel == 0 && last_panel == panels_;
        const int64_t begin = whole ? 0 : first_panel * panel_width_;
        const int64_t end = whole ? result_channels_ : std::min(last_panel * panel_width_, width_);
        for (int64_t p = 0; p < count; p++)
            lanes(end - begin, [&](int64_t c, auto mask) {
                store(result + to[p] + begin + c, bias ? load(bias + begin + c, mask) : zero(), mask);
            });
    }

    const ConvShape shape_;
    const bool forward_;
    const Axis h_, w_;
    const int64_t source_channels_, result_channels_, depth_, width_;
    const int vectors_;
    const int64_t panel_width_, panels_;
    const Tiling tiling_;
    const bool in_place_;
    const Strip strip_;
    const Scratch<Phase> phases_;
    const Scratch<int64_t> spans_;
};

Backend plain_table;  // for F64, and what is left to it in bf16

template <class E>
void forward(const ConvShape& shape, const View& x, const View& w, const View& bias, const Noise& noise, const View& y,
             const Epilogue& after) {
    if (winograd_suits_forward(shape, noise))
        return winograd_conv2d(shape, x.as<const E>(), w.f32(), bias.f32(), noise, y.as<E>(), after);
    Product<E>(shape, Axis::kForward).run(x.as<const E>(), w.f32(), bias.f32(), noise, y.as<E>(), after);
}

template <class E>
void backward_data(const ConvShape& shape, const View& dy, const View& w, const Noise& noise, const View& dx) {
    if (winograd_suits_backward_data(shape, noise))
        return winograd_backward_data(shape, dy.as<const E>(), w.f32(), noise, dx.as<E>());
    Product<E>(shape, Axis::kBackward).run(dy.as<const E>(), w.f32(), nullptr, noise, dx.as<E>(), Epilogue{});
}

template <class E>
void backward_weight(const ConvShape& shape, const View& x, const View& dy, const Noise& noise, const View& dw) {
    if (winograd_suits_backward_weight(shape, noise))
        winograd_backward_weight(shape, x.as<const E>(), dy.as<const E>(), dw.f32());
    else
        product_backward_weight(shape, x.as<const E>(), dy.as<const E>(), noise, dw.f32());
}

// Depthwise convolutions in bf16 are left to the widening kernels.
bool left_to_plain(const ConvShape& shape, DType type) {
    return type == DType::F64 || (type == DType::BF16 && is_depthwise(shape));
}

void conv2d(const ConvShape& shape, const View& x, const View& w, const View& bias, const Noise& noise, const View& y) {
    if (left_to_plain(shape, x.type)) return plain_table.conv2d(shape, x, w, bias, noise, y);
    if (y.elements() == 0) return;
    if (is_depthwise(shape)) return depthwise_conv2d(shape, x, w, bias, noise, y);
    if (x.type == DType::BF16) return forward<Bf16>(shape, x, w, bias, noise, y, Epilogue{});
    forward<float>(shape, x, w, bias, noise, y, Epilogue{});
}

bool conv2d_before_norm(const ConvShape& shape, const View& x, const View& w, const Noise& noise,
                        const BatchNormArguments& norm, ColumnMoments& moments) {
    const View& y = norm.x;
    if (shape.groups > 1 || shape.c == 0 || x.type == DType::F64 || y.elements() == 0 ||
        !takes_moments_or_finishes(noise, norm)) {
        conv2d(shape, x, w, View{}, noise, y);
        return false;
    }
    return with_epilogue(norm, moments, [&](const Epilogue& after) {
        if (x.type == DType::BF16)
            forward<Bf16>(shape, x, w, View{}, noise, y, after);
        else
            forward<float>(shape, x, w, View{}, noise, y, after);
    });
}

void conv2d_backward_data(const ConvShape& shape, const View& dy, const View& w, const Noise& noise, const View& dx) {
    if (left_to_plain(shape, dy.type)) return plain_table.conv2d_backward_data(shape, dy, w, noise, dx);
    if (dx.elements() == 0) return;
    if (is_depthwise(shape)) return depthwise_backward_data(shape, dy, w, noise, dx);
    if (dy.type == DType::BF16) return backward_data<Bf16>(shape, dy, w, noise, dx);
    backward_data<float>(shape, dy, w, noise, dx);
}

// out[j] = sum over rows of x[row, j], in pieces of kRows rows.
template <class E>
void sum_rows(const E* x, int64_t rows, int64_t columns, float* out) {
    constexpr int64_t kRows = 512;
    const int64_t pieces = (rows + kRows - 1) / kRows;
    const Scratch<float> partial(pieces * columns);
    auto add = [columns](const auto* from, int64_t count, float* to) {
        lanes(columns, [&](int64_t j, auto mask) {
            F32 sum = zero();
            for (int64_t r = 0; r < count; r++) sum = sum + load(from + r * columns + j, mask);
            store(to + j, sum, mask);
        });
    };
    parallel(pieces, [&](int64_t i) {
        add(x + i * kRows * columns, std::min(kRows, rows - i * kRows), partial.data() + i * columns);
    });
    add(partial.data(), pieces, out);
}

void conv2d_backward_weight(const ConvShape& shape, const View& x, const View& dy, const Noise& noise, const View& dw,
                            const View& dbias) {
    if (left_to_plain(shape, dy.type)) return plain_table.conv2d_backward_weight(shape, x, dy, noise, dw, dbias);
    const int64_t pixels = shape.n * shape.oh * shape.ow;
    if (dbias && shape.o > 0) {
        if (dy.type == DType::BF16)
            sum_rows(dy.as<const Bf16>(), pixels, shape.o, dbias.f32());
        else
            sum_rows(dy.f32(), pixels, shape.o, dbias.f32());
    }
    if (dw.elements() == 0) return;
    if (dy.elements() == 0)
        std::memset(dw.data, 0, static_cast<size_t>(dw.elements()) * sizeof(float));
    else if (is_depthwise(shape))
        depthwise_backward_weight(shape, x, dy, noise, dw);
    else if (dy.type == DType::BF16)
        backward_weight<Bf16>(shape, x, dy, noise, dw);
    else
        backward_weight<float>(shape, x, dy, noise, dw);
}

}  // namespace

void add_convolution(Backend& table, const Backend& plain) {
    plain_table = plain;
    table.conv2d = conv2d;
    table.conv2d_before_norm = conv2d_before_norm;
    table.conv2d_backward_data = conv2d_backward_data;
    table.conv2d_backward_weight = conv2d_backward_weight;
}

}  // namespace hb::cpu::HB_TIER
