// 3x3 convolutions of stride 1 by Winograd's minimal filtering (Winograd 1980; Lavin and Gray 2016), F(4x4, 3x3): a
// tile of 4x4 results from 6x6 pixels costs 36 products per pair of channels instead of 144.
//
//   forward          Y = A^T [ (G g G^T) . (B^T d B) ] A      d: 6x6 pixels, g: a kernel, Y: 4x4 results
//   data gradient    the same of dy, with the kernels turned and their channels exchanged
//   weight gradient  dg = G^T [ sum over tiles of (B^T d B) . (A dY A^T) ] G
//
// with the interpolation points 0, 1, -1, 2, -2, infinity. For each of the 36 places in a transformed tile, the sum
// over channels (tiles, for the weight gradient) is a matrix product and runs on the register blocks of gemm.h. Tiles
// are taken in chunks whose transforms fit the caches: small networks' chunks belong to one thread and its second-level
// cache; where the transformed weights alone are larger than that, all threads work on one chunk, phase by phase.
#include "backend/cpu/simd/winograd.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/convolution.h"
#include "backend/cpu/simd/gemm.h"
#include "backend/cpu/simd/random.h"
#include "backend/cpu/simd/weight_packing.h"
#include "core/exactness.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/scratch.h"
#include "core/worker_scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

constexpr const char* kName = "winograd f(4x4,3x3)";
constexpr int64_t kOut = 4, kIn = 6, kPlaces = kIn * kIn;
// Forward and data gradient. A thread works on chunks of its own while the transformed kernels are within the smaller
// limit, or within the larger one and used often: they are streamed from the third-level cache then, while the tiles
// stay in the second. Elements of such a chunk; of one that all threads work on together.
constexpr int64_t kOwnKernels = 160 * 1024, kStreamedKernels = 4 * 1024 * 1024;
constexpr int64_t kOwnMost = 320 * 1024, kSharedMost = 2 * 1024 * 1024;
// Tiles of a chunk.
constexpr int64_t kOwnLeast = 12, kSharedLeast = 128, kTilesMost = 256;
// Weight gradient, where k runs over tiles: it wants more of them at a time. Elements of the sums that a thread keeps
// for itself, of its chunk, of a chunk of all threads; tiles.
constexpr int64_t kOwnSums = 200 * 1024, kOwnGradientMost = 640 * 1024, kSharedGradientMost = 4 * 1024 * 1024;
constexpr int64_t kGradientTilesMost = 512;
// Tiles that a task of a shared phase transforms; kernels that it perturbs.
constexpr int64_t kTileGrain = 8, kKernelGrain = 8;
// Longest piece of the sum over channels that is made in one go.
constexpr int64_t kDepthMost = 768;
// Packed kernels of several noise runs that are made at once, in elements.
constexpr int64_t kPackedMost = 4 * 1024 * 1024;
// Piece of a panel that is packed and multiplied at once, in elements. It comes back from the third-level cache,
// mostly; small enough for the second (80 Ki), products are added to so often that it is 20 % slower.
constexpr int64_t kPieceMost = 300 * 1024;
// Parts that the tiles are cut into for a weight gradient whose sums each thread keeps for itself.
constexpr int64_t kParts = 32;

// Rounded up to an odd number of cache lines: 36 streams with such a stride fall into different sets of the cache.
int64_t odd_lines(int64_t elements) { return ((elements + 15) / 16 | 1) * 16; }

// B^T d.
struct TransformPixels {
    [[gnu::always_inline]] void operator()(const F32 (&d)[6], F32 (&out)[6]) const {
        const F32 four = 4.0f, five = 5.0f, two = 2.0f;
        const F32 even = d[4] - four * d[2], odd = d[3] - four * d[1];
        const F32 near = d[4] - d[2], far = two * (d[3] - d[1]);
        out[0] = fma(four, d[0], d[4] - five * d[2]);
        out[1] = even + odd;
        out[2] = even - odd;
        out[3] = near + far;
        out[4] = near - far;
        out[5] = fma(four, d[1], d[5] - five * d[3]);
    }
};
// A^T m.
struct TransformProducts {
    [[gnu::always_inline]] void operator()(const F32 (&m)[6], F32 (&out)[4]) const {
        const F32 a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
        out[0] = (m[0] + a) + c;
        out[1] = fma(F32(2.0f), d, b);
        out[2] = fma(F32(4.0f), c, a);
        out[3] = fma(F32(8.0f), d, b) + m[5];
    }
};
// A y.
struct TransformGradient {
    [[gnu::always_inline]] void operator()(const F32 (&y)[4], F32 (&out)[6]) const {
        const F32 a = y[0] + y[2], b = y[1] + y[3];
        const F32 c = fma(F32(4.0f), y[2], y[0]), d = fma(F32(8.0f), y[3], F32(2.0f) * y[1]);
        out[0] = y[0];
        out[1] = a + b;
        out[2] = a - b;
        out[3] = c + d;
        out[4] = c - d;
        out[5] = y[3];
    }
};
// G g.
struct TransformKernel {
    [[gnu::always_inline]] void operator()(const F32 (&g)[3], F32 (&out)[6]) const {
        const F32 a = F32(-1.0f / 6) * (g[0] + g[2]), b = F32(-1.0f / 6) * g[1];
        const F32 c = fma(F32(1.0f / 24), g[0], F32(1.0f / 6) * g[2]), d = F32(1.0f / 12) * g[1];
        out[0] = F32(0.25f) * g[0];
        out[1] = a + b;
        out[2] = a - b;
        out[3] = c + d;
        out[4] = c - d;
        out[5] = g[2];
    }
};
// G^T u.
struct TransformSums {
    [[gnu::always_inline]] void operator()(const F32 (&u)[6], F32 (&out)[3]) const {
        const F32 a = F32(-1.0f / 6) * (u[1] + u[2]), b = F32(-1.0f / 6) * (u[1] - u[2]);
        const F32 c = u[3] + u[4], d = u[3] - u[4];
        out[0] = fma(F32(0.25f), u[0], fma(F32(1.0f / 24), c, a));
        out[1] = fma(F32(1.0f / 12), d, b);
        out[2] = fma(F32(1.0f / 6), c, a) + u[5];
    }
};

// Applies a transform to the columns of a square, then to the rows: from(i, j) gives rows x columns, to(i, j, value)
// takes the result.
template <int In, int Out, class Transform, class From, class To>
[[gnu::always_inline]] inline void both_ways(Transform transform, From&& from, To&& to) {
    F32 half[Out][In];
#pragma GCC unroll 6
    for (int j = 0; j < In; j++) {
        F32 column[In], out[Out];
#pragma GCC unroll 6
        for (int i = 0; i < In; i++) column[i] = from(i, j);
        transform(column, out);
#pragma GCC unroll 6
        for (int i = 0; i < Out; i++) half[i][j] = out[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < Out; i++) {
        F32 out[Out];
        transform(half[i], out);
#pragma GCC unroll 6
        for (int j = 0; j < Out; j++) to(i, j, out[j]);
    }
}
// G g G^T of a kernel.
template <class From, class To>
[[gnu::always_inline]] inline void transform_kernel_square(From&& from, To&& to) {
    both_ways<3, kIn>(TransformKernel{}, from, to);
}

// Images cut into tiles of 4x4 results; tile t is of image t / per_image().
struct Grid {
    int64_t source_h, source_w, result_h, result_w, pad_h, pad_w;

    int64_t rows() const { return (result_h + kOut - 1) / kOut; }
    int64_t columns() const { return (result_w + kOut - 1) / kOut; }
    int64_t per_image() const { return rows() * columns(); }
};

// A tile's place: its image, its first result pixel.
struct Place {
    int64_t image, row, column;
};
Place place_of(const Grid& grid, int64_t tile) {
    const int64_t in_image = tile % grid.per_image();
    return {tile / grid.per_image(), in_image / grid.columns() * kOut, in_image % grid.columns() * kOut};
}

// Transforms the 6x6 pixels of a tile, channels side by side: to(place, channel, value, mask).
template <class E, class To>
[[gnu::always_inline]] inline void transform_source(const Grid& grid, int64_t tile, const E* source, int64_t channels,
                                                    const E* zeros, To&& to) {
    const Place at = place_of(grid, tile);
    const int64_t top = at.row - grid.pad_h, left = at.column - grid.pad_w;
    const E* image = source + at.image * grid.source_h * grid.source_w * channels;
    const E* pixels[kPlaces];
    for (int64_t i = 0; i < kIn; i++)
        for (int64_t j = 0; j < kIn; j++) {
            const int64_t h = top + i, w = left + j;
            const bool inside = h >= 0 && h < grid.source_h && w >= 0 && w < grid.source_w;
            pixels[i * kIn + j] = inside ? image + (h * grid.source_w + w) * channels : zeros;
        }
    lanes(channels, [&](int64_t c, auto mask) {
        both_ways<kIn, kIn>(
            TransformPixels{}, [&](int i, int j) { return load(pixels[i * kIn + j] + c, mask); },
            [&](int i, int j, F32 value) { to(i * kIn + j, c, value, mask); });
    });
}

// Packed transformed weights: [place][panel][k][column of the panel].
struct Weights {
    int64_t depth, width;  // channels summed over; channels of the result
    int vectors;
    int64_t panel_width, panels;

    Weights(int64_t depth, int64_t width)
        : depth(depth), width(width), vectors(panel_vectors(width)), panel_width(vectors * kLanes),
          panels((width + panel_width - 1) / panel_width) {}
    int64_t row_length() const { return panels * panel_width; }
    int64_t place_size() const { return odd_lines(depth * row_length()); }
    int64_t size() const { return kPlaces * place_size(); }
    int64_t panel_begin(int64_t panel) const { return panel * depth * panel_width; }
};

// Zeros that stand for pixels outside an image.
template <class E>
class Zeros {
  public:
    explicit Zeros(int64_t count) : memory_(count) {
        std::memset(memory_.data(), 0, static_cast<size_t>(count) * sizeof(E));
    }
    const E* data() const { return memory_.data(); }

  private:
    const Scratch<E> memory_;
};

// Forward or data gradient, of images of E.
template <class E>
class TileProduct {
  public:
    TileProduct(const ConvShape& shape, bool forward, const Noise& noise)
        : shape_(shape), forward_(forward), noise_(noise), runs_(has_noise(noise) ? noise.sub_batches : 1),
          weights_(forward ? shape.c : shape.o, forward ? shape.o : shape.c),
          grid_(forward ? Grid{shape.h, shape.w, shape.oh, shape.ow, shape.pad_h, shape.pad_w}
                        : Grid{shape.oh, shape.ow, shape.h, shape.w, 2 - shape.pad_h, 2 - shape.pad_w}) {
        const int64_t per_tile = kPlaces * (weights_.depth + weights_.row_length());
        const int64_t shared = std::clamp(kSharedMost / per_tile, kSharedLeast, kTilesMost);
        const bool used_often = shape.n * grid_.per_image() / runs_ > shared;
        own_ = weights_.size() <= kOwnKernels || (weights_.size() <= kStreamedKernels && used_often);
        tiles_ = own_ ? std::clamp(kOwnMost / per_tile, kOwnLeast, kTilesMost) : shared / kTileGrain * kTileGrain;
        source_place_ = odd_lines(tiles_ * weights_.depth);
        product_place_ = odd_lines(tiles_ * weights_.row_length());
    }

    void run(const E* source, const float* kernels, const float* bias, E* result, const Epilogue& after) const {
        const Zeros<E> zeros(weights_.depth);
        const Scratch<int64_t> unit_begin(runs_ + 1);
        unit_begin[0] = 0;
        for (int64_t run = 0; run < runs_; run++)
            unit_begin[run + 1] = unit_begin[run] + (size_of(run) + unit_tiles() - 1) / unit_tiles();
        if (after.moments) after.moments->reserve(unit_begin[runs_], weights_.width);
        const Pass pass{source, zeros.data(), kernels, bias, result, unit_begin.data(), after};
        if (own_)
            run_own(pass);
        else
            run_shared(pass);
    }

  private:
    struct Pass {
        const E *source, *zeros;
        const float *kernels, *bias;
        E* result;
        const int64_t* unit_begin;  // number of the first unit of a run
        const Epilogue& after;      // moments have a piece for each unit
    };

    // Tiles that are finished together, a unit: never those of two runs.
    int64_t unit_tiles() const { return own_ ? tiles_ : kTileGrain; }

    bool noisy() const { return has_noise(noise_); }
    int64_t begin_of(int64_t run) const {
        return (runs_ == 1 ? run * shape_.n : first_of_run(shape_, noise_, run)) * grid_.per_image();
    }
    int64_t size_of(int64_t run) const { return begin_of(run + 1) - begin_of(run); }

    // Kernels [kernel, kernel + count) of all, as runs [first, last) see them, one run after the other.
    void perturb_kernels(const Pass& pass, int64_t first, int64_t last, int64_t kernel, int64_t count,
                         float* out) const {
        parallel_ranges((last - first) * count, kKernelGrain, [&](int64_t from, int64_t to) {
            for (int64_t i = from; i < to;) {
                const int64_t run = first + i / count, piece = std::min(to - i, count - i % count);
                const int64_t element = (kernel + i % count) * kernel_size();
                if (size_of(run) > 0)
                    perturb(noise_, run, element, piece * kernel_size(), pass.kernels + element,
                            out + i * kernel_size());
                i += piece;
            }
        });
    }

    // Every task has a chunk of its own. Runs go in waves whose packed kernels stay within kPackedMost.
    void run_own(const Pass& pass) const {
        const int64_t kernels_size = shape_.o * kernel_size();
        const int64_t most = std::clamp<int64_t>(kPackedMost / weights_.size(), 1, runs_);
        const int64_t waves = (runs_ + most - 1) / most, wave = (runs_ + waves - 1) / waves;
        const Scratch<float> perturbed(noisy() ? wave * kernels_size : 0);
        const Scratch<float> packed(wave * weights_.size());
        const WorkerScratch<float> buffers(kPlaces * (source_place_ + product_place_));
        for (int64_t first = 0; first < runs_; first += wave) {
            const int64_t last = std::min(first + wave, runs_);
            if (noisy()) perturb_kernels(pass, first, last, 0, shape_.o, perturbed.data());
            parallel((last - first) * weights_.panels, [&](int64_t task) {
                const int64_t i = task / weights_.panels;
                if (size_of(first + i) > 0)
                    pack_panel(task % weights_.panels, noisy() ? perturbed.data() + i * kernels_size : pass.kernels,
                               packed.data() + i * weights_.size());
            });
            // A chunk is a unit.
            parallel(pass.unit_begin[last] - pass.unit_begin[first], [&](int64_t task) {
                const int64_t unit = pass.unit_begin[first] + task;
                int64_t run = first;
                while (unit >= pass.unit_begin[run + 1]) run++;
                const int64_t begin = begin_of(run) + (unit - pass.unit_begin[run]) * tiles_;
                const int64_t end = std::min(begin + tiles_, begin_of(run + 1));
                float *tiles = buffers.data(), *products = tiles + kPlaces * source_place_;
                transform_tiles(pass, begin, end, begin, tiles);
                multiply(0, kPlaces, 0, weights_.panels, end - begin, tiles,
                         packed.data() + (run - first) * weights_.size(), products);
                finish_tiles(pass, begin, end, begin, products, unit, run);
            });
        }
    }

    // Units [first, last) of the tiles from `from` on, whose products are there.
    void finish_units(const Pass& pass, int64_t first, int64_t last, int64_t from, const float* products) const {
        parallel(last - first, [&](int64_t task) {
            const int64_t unit = first + task;
            int64_t run = 0;
            while (unit >= pass.unit_begin[run + 1]) run++;
            const int64_t begin = begin_of(run) + (unit - pass.unit_begin[run]) * kTileGrain;
            finish_tiles(pass, begin, std::min(begin + kTileGrain, begin_of(run + 1)), from, products, unit, run);
        });
    }

    // All tasks work on one chunk: on several runs together, where they are short.
    void run_shared(const Pass& pass) const {
        const Scratch<float> buffer(kPlaces * (source_place_ + product_place_));
        for (int64_t run = 0, end; run < runs_; run = end) {
            end = run + 1;
            while (end < runs_ && begin_of(end + 1) - begin_of(run) <= tiles_) end++;
            if (begin_of(run) == begin_of(end)) continue;
            if (begin_of(end) - begin_of(run) <= tiles_)
                run_short(pass, run, end, buffer.data());
            else
                run_long(pass, run, buffer.data());
        }
    }

    // Runs [first, last), whose tiles are one chunk. Kernels are used once: multiplied as soon as they are packed.
    void run_short(const Pass& pass, int64_t first, int64_t last, float* tiles) const {
        const int64_t begin = begin_of(first), count = begin_of(last) - begin;
        float* products = tiles + kPlaces * source_place_;
        parallel_ranges(count, kTileGrain, [&](int64_t from, int64_t to) {
            transform_tiles(pass, begin + from, begin + to, begin, tiles);
        });
        const int64_t depth = weights_.depth, width = weights_.panel_width, panels = weights_.panels;
        const int64_t piece = kPieceMost / (kPlaces * width) / kLanes * kLanes, place_size = odd_lines(piece * width);
        const int64_t own_kernels = noisy() && forward_ ? width * kernel_size() : 0;
        const WorkerScratch<float> scratch(kPlaces * place_size + own_kernels);
        // The channels [k, k + length) of a panel, of the kernels that begin at `seen`.
        auto add_piece = [&](int64_t run, int64_t panel, int64_t k, int64_t length, const float* seen) {
            const int64_t at = begin_of(run) - begin;
            pack(seen, weights_.width - panel * width, length, scratch.data(), place_size);
            const Rows rows(weights_, size_of(run));
            for (int64_t place = 0; place < kPlaces; place++)
                multiply_panel_of(place, panel, k, length, rows, tiles + at * depth,
                                  scratch.data() + place * place_size, products + at * weights_.row_length(), k > 0);
        };
        if (!noisy() || forward_) {
            parallel((last - first) * panels, [&](int64_t task) {
                const int64_t run = first + task / panels, panel = task % panels, column = panel * width;
                if (size_of(run) == 0) return;
                const float* seen = pass.kernels + (forward_ ? column * kernel_size() : column);
                if (noisy()) {
                    float* own = scratch.data() + kPlaces * place_size;
                    perturb(noise_, run, column * kernel_size(),
                            std::min(width, weights_.width - column) * kernel_size(), seen, own);
                    seen = own;
                }
                for (int64_t k = 0; k < depth; k += piece)
                    add_piece(run, panel, k, std::min(piece, depth - k), seen + k * (forward_ ? 1 : kernel_size()));
            });
        } else {
            // Every panel needs a part of every kernel: kernels are perturbed for all of them, piece by piece.
            const Scratch<float> perturbed(piece * kernel_size());
            for (int64_t run = first; run < last; run++)
                for (int64_t k = 0; k < depth && size_of(run) > 0; k += piece) {
                    const int64_t length = std::min(piece, depth - k);
                    perturb_kernels(pass, run, run + 1, k, length, perturbed.data());
                    parallel(panels, [&](int64_t panel) {
                        add_piece(run, panel, k, length, perturbed.data() + panel * width);
                    });
                }
        }
        finish_units(pass, pass.unit_begin[first], pass.unit_begin[last], begin, products);
    }

    // One run that is several chunks.
    void run_long(const Pass& pass, int64_t run, float* tiles) const {
        float* products = tiles + kPlaces * source_place_;
        const Scratch<float> perturbed(noisy() ? shape_.o * kernel_size() : 0);
        const Scratch<float> packed(weights_.size());
        if (noisy()) perturb_kernels(pass, run, run + 1, 0, shape_.o, perturbed.data());
        parallel(weights_.panels,
                 [&](int64_t panel) { pack_panel(panel, noisy() ? perturbed.data() : pass.kernels, packed.data()); });
        const int64_t units = pass.unit_begin[run + 1] - pass.unit_begin[run], most = tiles_ / kTileGrain;
        const int64_t splits = std::min<int64_t>(weights_.panels, 4), chunks = (units + most - 1) / most;
        for (int64_t chunk = 0; chunk < chunks; chunk++) {
            // Chunks of nearly equal size, of whole units.
            const int64_t first = units * chunk / chunks, last = units * (chunk + 1) / chunks;
            const int64_t begin = begin_of(run) + first * kTileGrain;
            const int64_t count = std::min(begin_of(run) + last * kTileGrain, begin_of(run + 1)) - begin;
            parallel_ranges(count, kTileGrain, [&](int64_t from, int64_t to) {
                transform_tiles(pass, begin + from, begin + to, begin, tiles);
            });
            parallel(kPlaces * splits, [&](int64_t task) {
                const int64_t place = task / splits, split = task % splits;
                multiply(place, place + 1, weights_.panels * split / splits, weights_.panels * (split + 1) / splits,
                         count, tiles, packed.data(), products);
            });
            finish_units(pass, pass.unit_begin[run] + first, pass.unit_begin[run] + last, begin, products);
        }
    }

    void transform_tiles(const Pass& pass, int64_t begin, int64_t end, int64_t first, float* tiles) const {
        for (int64_t t = begin; t < end; t++) {
            float* out = tiles + (t - first) * weights_.depth;
            transform_source(grid_, t, pass.source, weights_.depth, pass.zeros,
                             [&](int64_t place, int64_t c, F32 value, auto mask) {
                                 store(out + place * source_place_ + c, value, mask);
                             });
        }
    }

    // Where the rows of `count` tiles begin, in a place's matrix of tiles and of products.
    class Rows {
      public:
        Rows(const Weights& weights, int64_t count) : count(count), table_(2 * count) {
            for (int64_t t = 0; t < count; t++) {
                table_[t] = t * weights.depth;
                table_[count + t] = t * weights.row_length();
            }
        }
        const int64_t* from() const { return table_.data(); }
        const int64_t* to() const { return table_.data() + count; }
        const int64_t count;

      private:
        const Scratch<int64_t> table_;
    };

    // The products of some places and panels, from packed kernels of all.
    void multiply(int64_t first_place, int64_t last_place, int64_t first_panel, int64_t last_panel, int64_t count,
                  const float* tiles, const float* packed, float* products) const {
        const Rows rows(weights_, count);
        const int64_t blocks = (weights_.depth + kDepthMost - 1) / kDepthMost;
        for (int64_t place = first_place; place < last_place; place++)
            for (int64_t block = 0; block < blocks; block++) {
                const int64_t begin = weights_.depth * block / blocks, end = weights_.depth * (block + 1) / blocks;
                for (int64_t j = first_panel; j < last_panel; j++)
                    multiply_panel_of(place, j, begin, end - begin, rows, tiles,
                                      packed + place * weights_.place_size() + weights_.panel_begin(j) +
                                          begin * weights_.panel_width,
                                      products, block > 0);
            }
    }

    // products (+)= tiles times a piece of a panel: `length` of the channels, from `begin` on.
    [[gnu::always_inline]] void multiply_panel_of(int64_t place, int64_t j, int64_t begin, int64_t length,
                                                  const Rows& rows, const float* tiles, const float* b, float* products,
                                                  bool accumulate) const {
        Panel panel;
        panel.b = b;
        panel.c = products + place * product_place_ + j * weights_.panel_width;
        panel.columns = static_cast<int>(weights_.panel_width);
        panel.accumulate = accumulate;
        panel.start = nullptr;
        multiply_panel(weights_.vectors, Spans{&begin, 1, length}, panel, tiles + place * source_place_, rows.count,
                       rows.from(), rows.to());
    }

    // The results of tiles [begin, end), a unit, from products whose first tile is `first`.
    void finish_tiles(const Pass& pass, int64_t begin, int64_t end, int64_t first, const float* products, int64_t unit,
                      int64_t run) const {
        auto plainly = [&](auto value) {
            for (int64_t t = begin; t < end; t++)
                finish_tile(pass, t, products + (t - first) * weights_.row_length(), value, [](int64_t, auto) {});
        };
        if (const Finish* norm = pass.after.finish)
            return normalisation::with_activation(norm->kind, norm->slope, [&](auto activation) {
                if (norm->has_residual())
                    plainly(Normalise<decltype(activation), true>{*norm, activation});
                else
                    plainly(Normalise<decltype(activation), false>{*norm, activation});
            });
        if (!pass.after.moments) return plainly(AsItIs{});
        // Sums of deviations from the first pixel and of their squares: in f32 over kTogether tiles, then in double.
        constexpr int64_t kTogether = 16;
        const int64_t columns = weights_.row_length();
        const Scratch<float> few(3 * columns);
        const Scratch<double> all(2 * columns);
        float *shift = few.data(), *sum = shift + columns, *square = sum + columns;
        std::fill_n(all.data(), 2 * columns, 0.0);
        int64_t rows = 0;
        for (int64_t t = begin; t < end; t++) {
            if ((t - begin) % kTogether == 0) std::fill_n(sum, 2 * columns, 0.0f);
            F32 s = zero(), q = zero(), from = zero();
            const bool is_first = t == begin;
            bool is_new = true;
            rows += finish_tile(
                pass, t, products + (t - first) * weights_.row_length(),
                [&](int64_t c, int64_t, F32 result, auto) __attribute__((always_inline)) {
                    const F32 value = as_stored<E>(result);
                    if (is_new) {
                        if (is_first) store(shift + c, value);
                        from = load(shift + c);
                        s = load(sum + c);
                        q = load(square + c);
                        is_new = false;
                    }
                    const F32 d = value - from;
                    s = s + d;
                    q = fma(d, d, q);
                    return result;
                },
                [&](int64_t c, auto) __attribute__((always_inline)) {
                    store(sum + c, s);
                    store(square + c, q);
                    is_new = true;
                });
            if ((t - begin) % kTogether == kTogether - 1 || t + 1 == end)
                for (int64_t k = 0; k < 2 * columns; k++) all[k] += static_cast<double>(sum[k]);
        }
        const double n = static_cast<double>(rows);
        ColumnMoments& moments = *pass.after.moments;
        double *mean = moments.mean(unit), *squares = moments.squares(unit);
        for (int64_t c = 0; c < weights_.width; c++) {
            mean[c] = static_cast<double>(shift[c]) + all[c] / n;
            squares[c] = std::max(0.0, all[columns + c] - all[c] * all[c] / n);
        }
        moments[unit] = {rows, pass.after.groups == 1 ? 0 : run};
    }

    struct AsItIs {
        template <class M>
        [[gnu::always_inline]] F32 operator()(int64_t, int64_t, F32 result, M) const {
            return result;
        }
    };
    template <class Activation, bool kResidual>
    struct Normalise {
        const Finish& norm;
        Activation activation;
        template <class M>
        [[gnu::always_inline]] F32 operator()(int64_t c, int64_t at, F32 result, M mask) const {
            return norm.template operator()<E, kResidual>(result, at, c, activation, mask);
        }
    };

    // Writes the results of a tile, from its products; returns how many pixels they are. value(channel, element,
    // result, mask) sees every one and returns what is stored, and end(channel, mask) sees the end of a vector of
    // channels.
    template <class Value, class End>
    [[gnu::always_inline]] int64_t finish_tile(const Pass& pass, int64_t tile, const float* in, Value&& value,
                                               End&& end) const {
        const Place at = place_of(grid_, tile);
        const int64_t height = std::min(kOut, grid_.result_h - at.row);
        const int64_t width = std::min(kOut, grid_.result_w - at.column);
        const int64_t out = ((at.image * grid_.result_h + at.row) * grid_.result_w + at.column) * weights_.width;
        auto finish = [&](auto whole) {
            lanes(weights_.width, [&](int64_t c, auto mask) {
                const F32 start = pass.bias ? load(pass.bias + c, mask) : zero();
                both_ways<kIn, kOut>(
                    TransformProducts{}, [&](int i, int j) { return load(in + (i * kIn + j) * product_place_ + c); },
                    [&](int i, int j, F32 sum) {
                        if (whole || (i < height && j < width)) {
                            const int64_t element = out + (i * grid_.result_w + j) * weights_.width + c;
                            store(pass.result + element, value(c, element, sum + start, mask), mask);
                        }
                    });
                end(c, mask);
            });
        };
        if (height == kOut && width == kOut)
            finish(std::true_type{});
        else
            finish(std::false_type{});
        return height * width;
    }

    int64_t kernel_size() const { return 9 * shape_.c; }

    // One panel of all kernels.
    void pack_panel(int64_t panel, const float* kernels, float* packed) const {
        const int64_t column = panel * weights_.panel_width;
        pack(kernels + (forward_ ? column * kernel_size() : column), weights_.width - column, weights_.depth,
             packed + weights_.panel_begin(panel), weights_.place_size());
    }

    // A panel of the kernels that begin at `kernels`, as far as there are `left`; `length` channels of the sum.
    void pack(const float* kernels, int64_t left, int64_t length, float* packed, int64_t place_size) const {
        for (int64_t v = 0; v < weights_.panel_width; v += kLanes) {
            const int64_t count = std::clamp<int64_t>(left - v, 0, kLanes);
            if (forward_)
                pack_forward(kernels + v * kernel_size(), count, length, packed + v, place_size);
            else
                pack_backward(kernels + v, count, length, packed + v, place_size);
        }
    }

    // k runs over input channels: kLanes kernels by kLanes channels at a time, transposed before they are transformed:
    // 9 squares instead of 36.
    void pack_forward(const float* kernels, int64_t count, int64_t length, float* out, int64_t place_size) const {
        float taps[9][kLanes][kLanes];
        for (int64_t c = 0; c < length; c += kLanes, out += kLanes * weights_.panel_width) {
            const int64_t channels = std::min<int64_t>(kLanes, length - c);
            const bool whole = count == kLanes && channels == kLanes;
            const Mask mask = first(static_cast<int>(channels));
            for (int64_t tap = 0; tap < 9; tap++) {
                const float* from = kernels + tap * shape_.c + c;
                F32 a[kLanes];
                if (whole) {
#pragma GCC unroll 16
                    for (int i = 0; i < kLanes; i++) a[i] = load(from + i * kernel_size());
                } else {
                    for (int i = 0; i < kLanes; i++) a[i] = i < count ? load(from + i * kernel_size(), mask) : zero();
                }
                transpose(a);
#pragma GCC unroll 16
                for (int i = 0; i < kLanes; i++) store(taps[tap][i], a[i]);
            }
            for (int64_t i = 0; i < channels; i++)
                transform_kernel_square([&](int row, int column) { return load(taps[3 * row + column][i]); },
                                        [&](int row, int column, F32 value) {
                                            store(out + (row * kIn + column) * place_size + i * weights_.panel_width,
                                                  value);
                                        });
        }
    }

    // k runs over output channels, and kernels are turned by half a circle.
    void pack_backward(const float* kernels, int64_t count, int64_t length, float* out, int64_t place_size) const {
        const Mask mask = first(static_cast<int>(count));
        for (int64_t o = 0; o < length; o++, out += weights_.panel_width) {
            const float* g = kernels + o * kernel_size();
            transform_kernel_square([&](int i, int j) { return load(g + (3 * (2 - i) + 2 - j) * shape_.c, mask); },
                                    [&](int i, int j, F32 value) { store(out + (i * kIn + j) * place_size, value); });
        }
    }

    const ConvShape shape_;
    const bool forward_;
    const Noise noise_;
    const int64_t runs_;
    const Weights weights_;
    const Grid grid_;
    bool own_;
    int64_t tiles_;                         // of a chunk, at most
    int64_t source_place_, product_place_;  // elements from one place's matrix to the next
};

// For each place: rows are output channels, columns input channels, and k runs over tiles. Images of E.
template <class E>
class TileWeightGradient {
  public:
    explicit TileWeightGradient(const ConvShape& shape)
        : shape_(shape), grid_{shape.h, shape.w, shape.oh, shape.ow, shape.pad_h, shape.pad_w},
          vectors_(panel_vectors(shape.c)), panel_width_(vectors_ * kLanes),
          panels_((shape.c + panel_width_ - 1) / panel_width_),
          sums_place_(odd_lines(shape.o * panels_ * panel_width_)), own_(kPlaces * sums_place_ <= kOwnSums) {
        const int64_t per_tile = kPlaces * (panels_ * panel_width_ + shape.o);
        tiles_ = own_ ? std::clamp(kOwnGradientMost / per_tile, kOwnLeast, kGradientTilesMost)
                      : std::clamp(kSharedGradientMost / per_tile, kSharedLeast, kGradientTilesMost);
        pixels_place_ = odd_lines(tiles_ * panels_ * panel_width_);
        gradient_place_ = odd_lines(tiles_ * shape.o);
    }

    void run(const E* x, const E* dy, float* dw) const {
        const int64_t tiles = shape_.n * grid_.per_image();
        const int64_t size = kPlaces * sums_place_;
        const Zeros<E> zeros(shape_.c);
        if (own_) {
            const int64_t parts = std::clamp<int64_t>(tiles / tiles_, 1, kParts);
            const Scratch<float> sums(parts * size);
            const WorkerScratch<float> buffers(buffer_size());
            parallel(parts, [&](int64_t part) {
                float* buffer = buffers.data();
                const int64_t first = tiles * part / parts, last = tiles * (part + 1) / parts;
                float* own = sums.data() + part * size;
                for (int64_t begin = first; begin < last; begin += tiles_) {
                    const int64_t end = std::min(begin + tiles_, last);
                    transform(begin, end, begin, x, dy, zeros.data(), buffer);
                    for (int64_t place = 0; place < kPlaces; place++)
                        multiply(place, 0, panels_, end - begin, begin > first, buffer, own);
                }
            });
            finish(sums.data(), parts, size, dw);
            return;
        }
        const Scratch<float> sums(size);
        const Scratch<float> buffer(buffer_size());
        const int64_t chunks = (tiles + tiles_ - 1) / tiles_, splits = std::min<int64_t>(panels_, 4);
        for (int64_t chunk = 0; chunk < chunks; chunk++) {
            const int64_t begin = tiles * chunk / chunks, end = tiles * (chunk + 1) / chunks;
            parallel_ranges(end - begin, kTileGrain, [&](int64_t from, int64_t to) {
                transform(begin + from, begin + to, begin, x, dy, zeros.data(), buffer.data());
            });
            parallel(kPlaces * splits, [&](int64_t task) {
                const int64_t split = task % splits;
                multiply(task / splits, panels_ * split / splits, panels_ * (split + 1) / splits, end - begin,
                         chunk > 0, buffer.data(), sums.data());
            });
        }
        finish(sums.data(), 1, size, dw);
    }

  private:
    int64_t buffer_size() const { return kPlaces * (pixels_place_ + gradient_place_); }

    // Pixels to panels [place][panel][tile][channel], gradients to [place][tile][output channel].
    void transform(int64_t begin, int64_t end, int64_t first, const E* x, const E* dy, const E* zeros,
                   float* buffer) const {
        float* gradients = buffer + kPlaces * pixels_place_;
        for (int64_t t = begin; t < end; t++) {
            float* out = buffer + (t - first) * panel_width_;
            transform_source(grid_, t, x, shape_.c, zeros, [&](int64_t place, int64_t c, F32 value, auto) {
                store(out + place * pixels_place_ + c / panel_width_ * tiles_ * panel_width_ + c % panel_width_, value);
            });
            const int64_t filled = (shape_.c + kLanes - 1) / kLanes * kLanes;
            for (int64_t c = filled; c < panels_ * panel_width_; c += kLanes)
                for (int64_t place = 0; place < kPlaces; place++)
                    store(out + place * pixels_place_ + c / panel_width_ * tiles_ * panel_width_ + c % panel_width_,
                          zero());
            transform_gradients(t, dy, gradients + (t - first) * shape_.o);
        }
    }

    void transform_gradients(int64_t tile, const E* dy, float* out) const {
        const Place at = place_of(grid_, tile);
        const int64_t height = std::min(kOut, shape_.oh - at.row), width = std::min(kOut, shape_.ow - at.column);
        const E* in = dy + ((at.image * shape_.oh + at.row) * shape_.ow + at.column) * shape_.o;
        auto transform = [&](auto whole) {
            lanes(shape_.o, [&](int64_t c, auto mask) {
                both_ways<kOut, kIn>(
                    TransformGradient{},
                    [&](int i, int j) {
                        return whole || (i < height && j < width) ? load(in + (i * shape_.ow + j) * shape_.o + c, mask)
                                                                  : zero();
                    },
                    [&](int i, int j, F32 value) { store(out + (i * kIn + j) * gradient_place_ + c, value, mask); });
            });
        };
        if (height == kOut && width == kOut)
            transform(std::true_type{});
        else
            transform(std::false_type{});
    }

    void multiply(int64_t place, int64_t first_panel, int64_t last_panel, int64_t count, bool accumulate,
                  const float* buffer, float* sums) const {
        const Scratch<int64_t> tables(2 * shape_.o + count);
        int64_t *rows = tables.data(), *to = rows + shape_.o, *points = to + shape_.o;
        for (int64_t o = 0; o < shape_.o; o++) {
            rows[o] = o;
            to[o] = o * panels_ * panel_width_;
        }
        for (int64_t t = 0; t < count; t++) points[t] = t * shape_.o;
        const float* gradients = buffer + kPlaces * pixels_place_ + place * gradient_place_;
        for (int64_t j = first_panel; j < last_panel; j++) {
            Panel panel;
            panel.b = buffer + place * pixels_place_ + j * tiles_ * panel_width_;
            panel.c = sums + place * sums_place_ + j * panel_width_;
            panel.columns = static_cast<int>(panel_width_);
            panel.accumulate = accumulate;
            panel.start = nullptr;
            multiply_panel(vectors_, Points{points, count}, panel, gradients, shape_.o, rows, to);
        }
    }

    // Adds up the parts, in their order, and transforms them back.
    void finish(const float* sums, int64_t parts, int64_t size, float* dw) const {
        parallel(shape_.o, [&](int64_t o) {
            lanes(shape_.c, [&](int64_t c, auto mask) {
                const float* from = sums + o * panels_ * panel_width_ + c;
                both_ways<kIn, 3>(
                    TransformSums{},
                    [&](int i, int j) {
                        const float* at = from + (i * kIn + j) * sums_place_;
                        F32 sum = load(at);
                        for (int64_t part = 1; part < parts; part++) sum = sum + load(at + part * size);
                        return sum;
                    },
                    [&](int i, int j, F32 value) { store(dw + (o * 9 + i * 3 + j) * shape_.c + c, value, mask); });
            });
        });
    }

    const ConvShape shape_;
    const Grid grid_;
    const int vectors_;
    const int64_t panel_width_, panels_;
    const int64_t sums_place_;
    const bool own_;
    int64_t tiles_;  // of a chunk, at most
    int64_t pixels_place_, gradient_place_;
};

// Whether tiles of so many results save time. Costs are fitted to measurements, in sixteenths of a vector
// multiplication a tile and channel: the products themselves, transforming a tile's channels, transforming (and
// drawing) a run's kernels.
constexpr double kTransform = 480, kGradientTransform = 832, kKernelTransform = 370;
constexpr double kMargin = 1.15;

// Transforms take whole vectors of channels.
int64_t whole_vectors(int64_t channels) { return (channels + kLanes - 1) / kLanes * kLanes; }

bool suits(const ConvShape& s, int64_t result_h, int64_t result_w, double transform, double kernel_transform) {
    const bool fits = s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
                      s.dilation_w == 1 && s.groups == 1 && s.pad_h <= 2 && s.pad_w <= 2;
    if (exact() || !fits) return false;
    const double tiles = static_cast<double>((result_h + kOut - 1) / kOut * ((result_w + kOut - 1) / kOut) * s.n);
    const double results = static_cast<double>(s.n * result_h * result_w);
    const double pairs = static_cast<double>(s.c * s.o),
                 channels = static_cast<double>(whole_vectors(s.c) + whole_vectors(s.o));
    const double gain =
        9 * results * pairs / (kMargin * (tiles * (kPlaces * pairs + transform * channels) + kernel_transform * pairs));
    profile_estimate(gain);
    return gain > 1;
}

}  // namespace

bool winograd_suits_forward(const ConvShape& shape, const Noise& noise) {
    return suits(shape, shape.oh, shape.ow, kTransform, kKernelTransform * (has_noise(noise) ? noise.sub_batches : 1));
}
bool winograd_suits_backward_data(const ConvShape& shape, const Noise& noise) {
    return suits(shape, shape.h, shape.w, kTransform, kKernelTransform * (has_noise(noise) ? noise.sub_batches : 1));
}
bool winograd_suits_backward_weight(const ConvShape& shape, const Noise& noise) {
    return !needs_chain_rule(noise) && suits(shape, shape.oh, shape.ow, kGradientTransform, kKernelTransform);
}

template <class E>
void winograd_conv2d(const ConvShape& shape, const E* x, const float* w, const float* bias, const Noise& noise, E* y,
                     const Epilogue& after) {
    profile_algorithm(kName);
    TileProduct<E>(shape, true, noise).run(x, w, bias, y, after);
}

template <class E>
void winograd_backward_data(const ConvShape& shape, const E* dy, const float* w, const Noise& noise, E* dx) {
    profile_algorithm(kName);
    TileProduct<E>(shape, false, noise).run(dy, w, nullptr, dx, Epilogue{});
}

template <class E>
void winograd_backward_weight(const ConvShape& shape, const E* x, const E* dy, float* dw) {
    profile_algorithm(kName);
    TileWeightGradient<E>(shape).run(x, dy, dw);
}

#define HB_IMAGES_OF(E)                                                                                                \
    template void winograd_conv2d(const ConvShape&, const E*, const float*, const float*, const Noise&, E*,            \
                                  const Epilogue&);                                                                    \
    template void winograd_backward_data(const ConvShape&, const E*, const float*, const Noise&, E*);                  \
    template void winograd_backward_weight(const ConvShape&, const E*, const E*, float*);
HB_IMAGES_OF(float)
HB_IMAGES_OF(Bf16)
#undef HB_IMAGES_OF

}  // namespace hb::cpu::HB_TIER
