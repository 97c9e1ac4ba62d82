// The matrix product that linear algebra and convolution are made of, as they ask for it; gemm_tile.cuh says how it is
// done.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "backend/backend.h"
#include "core/normal.h"
#include "host/device.h"

namespace hb::cuda {

// n / divisor for 0 <= n < 2^31 by a multiplication (Granlund and Montgomery, 1994).
struct FastDivide {
    uint32_t divisor, multiplier, shift;

    explicit FastDivide(int64_t d = 1) : divisor(uint32_t(d < 1 ? 1 : d)), shift(0) {
        while ((uint64_t{1} << shift) < divisor) shift++;
        multiplier = uint32_t((uint64_t{1} << 32) * ((uint64_t{1} << shift) - divisor) / divisor + 1);
    }
    HB_LANE uint32_t quotient(uint32_t n) const { return (uint32_t(uint64_t{n} * multiplier >> 32) + n) >> shift; }
};

// A matrix whose elements are read from a tensor [images, lines, places, channels] through windows of taps:
//   row (i, a, b), column (th, tw, c) is element c at line y = a mul_h + off_h + th step_h and place
//   x = b mul_w + off_w + tw step_w of image i; zero where y or x is not in [0, limit).
// Elements of a row with equal tap are contiguous. A plain matrix has one tap, and one line and place an image.
struct Window {
    const void* data = nullptr;
    int64_t first = 0;  // offset of (image 0, y 0, x 0, channel 0)
    FastDivide by_image, by_width;
    int mul_h = 1, mul_w = 1, off_h = 0, off_w = 0;
    FastDivide by_channels, by_taps_w;
    int step_h = 1, step_w = 1;
    int limit_h = 1, limit_w = 1;
    int64_t stride_image = 0, stride_y = 0, stride_x = 0;

    // A row-major matrix of so many columns whose rows are `stride` apart.
    static Window matrix(const void* data, int64_t columns, int64_t stride) {
        Window w;
        w.data = data;
        w.by_channels = FastDivide(columns);
        w.stride_image = stride;
        return w;
    }
    // May elements be loaded `vector` at a time?
    bool vectors(int64_t vector, int64_t bytes) const {
        auto whole = [&](int64_t n) { return n % vector == 0; };
        return whole(by_channels.divisor) && whole(first) && whole(stride_image) && whole(stride_y) &&
               whole(stride_x) && reinterpret_cast<uintptr_t>(data) % uintptr_t(vector * bytes) == 0;
    }
};

// Where rows of the result go: row (i, a, b) begins at i stride_image + a stride_y + b stride_x; columns are
// contiguous.
struct Destination {
    void* data = nullptr;
    FastDivide by_image, by_width;
    int64_t stride_image = 0, stride_y = 0, stride_x = 0;
    bool pairs = false;  // two neighbours may be stored together

    static Destination matrix(void* data, int64_t stride) {
        Destination d;
        d.data = data;
        d.stride_image = stride;
        return d;
    }
};

// y [m, n] = a b + bias for every batch, in the type of y. a is [m, k], its columns k ("k-major"), or given as [k, m];
// b is [n, k] (k-major) or [k, n].
struct GemmArguments {
    Window a, b;
    bool a_k_major = true, b_k_major = true;
    int m = 0, n = 0, k = 0;
    int64_t batches = 1;
    int64_t a_batch = 0, b_batch = 0, to_batch = 0;  // from one batch to the next, in elements
    Destination to;
    const float* bias = nullptr;  // [batches, n]

    // Noise runs cut m, each with a b of its own, b_run elements after the one before; or they cut k, and every run has
    // a result of its own. Run r begins at (r samples / runs) rows_per_sample.
    int runs = 1;
    bool runs_split_k = false;
    int64_t samples = 1;
    int rows_per_sample = 0;
    int64_t b_run = 0;
    // b holds f32 weights, perturbed (or, of kind NONE, only rounded) where they are loaded.
    bool drawn = false;
    Noise noise{};
    bool chain_rule = false;  // of gemm_weight_gradient

    // Results are normalised by constant statistics [batches, n] before they are stored, not beside a bias.
    struct Norm {
        const float *mean = nullptr, *variance, *gamma, *beta;
        const void* residual = nullptr;  // as `to`; may be absent
        float epsilon, slope;
        int activation = HB_ACT_NONE;
    } norm{};
    // [runs, tiles of m, 2, batches n]: means and sums of squared deviations from them of the rows of each tile.
    float* moments = nullptr;

    // Results [batches, runs, parts, m, n] in f32 instead of `to`, for parts of k.
    float* partial = nullptr;
    int parts = 1, part_k = 0;

    // Filled by the launch.
    bool vectors = false, three = true;
    unsigned tiles_m = 1, tiles_n = 1, first_batch = 0;

    HB_LANE int run_begin(uint32_t run) const { return int(int64_t(run) * samples / runs) * rows_per_sample; }
    int longest_run() const {
        int64_t longest = (samples + runs - 1) / runs;
        return int(longest) * rows_per_sample;
    }
};

enum class TileShape { Small, Large, Tall };

// Of f32: Exact after hb_set_exact, else HORNBEAM_CUDA_F32 = exact, tf32x3 (the standard) or tf32.
enum class F32Product { Exact, Tf32x3, Tf32 };
F32Product f32_product();

// Moments of the columns of a result, taken while it was made: [segments, pieces, 2, columns] as column_moments_kernel
// of normalisation.cu makes them. Pieces have rows_of_piece rows, the last ones of a segment fewer or none.
struct TileMoments {
    std::unique_ptr<DeviceScratch<float>> values;  // null: not taken
    int64_t pieces = 0, rows_of_piece = 0;
};

// y = a b. Splits k and adds the parts in order where the tiles are too few to fill a device. moments: taken for so
// many segments, where tiles do not straddle them and k is not split.
void gemm(GemmArguments arguments, DType type, TileMoments* moments = nullptr, int64_t segments = 1);

// Whether it would split k: then nothing can be done with results before they are stored, and `norm` must be empty.
bool splits_k(GemmArguments arguments, DType type);

// dw = a b, in f32, split over k; under the chain rule run r's part is multiplied by the slope of its noise.
void gemm_weight_gradient(GemmArguments arguments, DType type, float* dw);

// dw [elements] = the sum of values [runs, parts, elements], in order; a run's by its slope under the chain rule.
void sum_weight_parts(const float* values, int64_t elements, int runs, int parts, const Noise& noise, float* dw);

void gemm_bf16(const GemmArguments& arguments, TileShape shape);
void gemm_tf32(const GemmArguments& arguments, TileShape shape);
void gemm_fma(const GemmArguments& arguments, TileShape shape);

// Lets a kernel use more than 48 KB of dynamic shared memory, which each device must be told once.
class AllowedShared {
  public:
    void on_this_device(const void* kernel, int bytes);

  private:
    std::atomic<uint64_t> devices_{0};  // a bit each
};

}  // namespace hb::cuda
