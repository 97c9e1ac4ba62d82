// Which tile and which product serves a matrix product, and the sum of its parts where k is cut.
//
// A part's results are f32 [m, n], written once and read once: 8 m n bytes for each part, which the sum pays for parts
// of at least 512 k (weight gradients 256: their m and n are few, their k is all pixels of a batch). Parts are added in
// order, in double: the same bits every time.
#include <cstdlib>
#include <cstring>

#include "core/exactness.h"
#include "core/philox.h"
#include "core/weight_noise.h"
#include "host/device.h"
#include "kernels/gemm.h"
#include "kernels/numbers.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;
// Blocks that fill a large device (132 multiprocessors on an H100) twice. A constant, so that sums do not depend on the
// device.
constexpr int64_t kFilled = 264;

// What becomes of the parts [batches, runs, parts, m n].
struct Parts {
    const float* values;
    int64_t elements;  // m n
    int64_t batches;
    int runs, parts;
    int n;              // columns, for the bias
    const float* bias;  // [batches, n] or null
    Noise noise;        // chain rule: its slope multiplies a run's sum
    bool chain_rule;
};

// Four neighbours a thread: they share a block of draws.
template <class T>
__global__ void __launch_bounds__(kThreads) sum_parts_kernel(Parts p, T* y) {
    const int64_t all = p.batches * p.elements;
    HB_GRID_STRIDE(four, (all + 3) / 4) {
        double total[4] = {};
        for (int run = 0; run < p.runs; run++) {
            float slope[4] = {1, 1, 1, 1};
            if (p.chain_rule) {
                float z[4];
                noise_key(p.noise, run).normals(uint32_t(four), z);
#pragma unroll
                for (int i = 0; i < 4; i++) slope[i] = perturbation_slope(p.noise.sigma, z[i]);
            }
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int64_t e = 4 * four + i;
                if (e >= all) break;
                const int64_t batch = e / p.elements, at = e - batch * p.elements;
                const float* from = p.values + (batch * p.runs + run) * p.parts * p.elements + at;
                double sum = 0;
                for (int part = 0; part < p.parts; part++) sum += double(from[part * p.elements]);
                total[i] += sum * double(slope[i]);
            }
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int64_t e = 4 * four + i;
            if (e >= all) break;
            if (p.bias) total[i] += double(p.bias[e / p.elements * p.n + e % p.n]);
            y[e] = stored<T>(float(total[i]));
        }
    }
}

template <class T>
void sum_parts(const Parts& parts, T* y) {
    HB_LAUNCH((sum_parts_kernel<T>), blocks_for((parts.batches * parts.elements + 3) / 4, kThreads), kThreads, 0,
              stream(), parts, y);
}

int64_t tiles(int64_t size, int64_t tile) { return (size + tile - 1) / tile; }

// A 128x128 tile reads half of what 64x64 tiles read, for each operation; but it takes 256 threads of some 210
// registers in tf32 (bf16: 128), one (two) at a time on a multiprocessor, where four (six) of the small one's 128
// threads of 120 (80) fit: a device that large tiles do not fill twice is better filled by small ones. Results of up to
// 32 columns, as a thin layer's, take 128x32. What is loaded element by element, drawn weights and the exact product
// have the small tile only: they are rare or small.
TileShape shape_for(const GemmArguments& g, DType type, int64_t rows, int64_t copies) {
    if (!g.vectors || g.drawn || (type == DType::F32 && f32_product() == F32Product::Exact)) return TileShape::Small;
    if (g.n <= 32 && g.a_k_major) return TileShape::Tall;
    if (rows > 64 && g.n > 64 && tiles(rows, 128) * tiles(g.n, 128) * copies >= kFilled) return TileShape::Large;
    return TileShape::Small;
}
int64_t rows_of(TileShape shape) { return shape == TileShape::Small ? 64 : 128; }
int64_t blocks_of(const GemmArguments& g, TileShape shape, int64_t rows, int64_t copies) {
    const int64_t m = rows_of(shape), n = shape == TileShape::Tall ? 32 : m;
    return tiles(rows, m) * tiles(g.n, n) * copies;
}

// k cut into `parts` of whole steps of the tile.
void cut(GemmArguments& g, int64_t k, int64_t parts) {
    const int64_t step = 32;
    g.part_k = int(std::max(step, tiles(tiles(k, step), std::max<int64_t>(1, parts)) * step));
    g.parts = int(std::max<int64_t>(1, tiles(k, g.part_k)));
}

// Into how many parts k is cut where the tiles of the results, `blocks` of them, leave most of a device idle.
int64_t parts_that_fill(const GemmArguments& g, int64_t blocks) {
    const bool dense =
        g.to.by_image.divisor == 1 && g.to.stride_image == g.n && (g.batches == 1 || g.to_batch == int64_t(g.m) * g.n);
    if (!dense || g.runs != 1 || 2 * blocks > kFilled || g.k < 1024) return 1;
    return std::min(kFilled / blocks, int64_t(g.k) / 512);
}

// Whether 16 bytes of each operand can be loaded at once.
bool vectors(const GemmArguments& g, DType type) {
    const int64_t bytes = size_of(type), vector = 16 / bytes;
    auto whole = [&](int64_t n) { return n % vector == 0; };
    return g.a.vectors(vector, bytes) && g.b.vectors(vector, g.drawn ? 4 : bytes) && whole(g.a_batch) &&
           whole(g.b_batch) && whole(g.b_run);
}

void launch(const GemmArguments& g, DType type, TileShape shape) {
    if (type == DType::BF16) return gemm_bf16(g, shape);
    f32_product() == F32Product::Exact ? gemm_fma(g, shape) : gemm_tf32(g, shape);
}

}  // namespace

F32Product f32_product() {
    static const F32Product chosen = [] {
        const char* name = std::getenv("HORNBEAM_CUDA_F32");
        if (!name || !*name || std::strcmp(name, "tf32x3") == 0) return F32Product::Tf32x3;
        if (std::strcmp(name, "exact") == 0) return F32Product::Exact;
        if (std::strcmp(name, "tf32") == 0) return F32Product::Tf32;
        fail(HB_ERROR_ARGUMENT, "HORNBEAM_CUDA_F32 is \"%s\"; expected exact, tf32x3 or tf32", name);
    }();
    return exact() ? F32Product::Exact : chosen;
}

void AllowedShared::on_this_device(const void* kernel, int bytes) {
    const uint64_t bit = uint64_t{1} << (device().index & 63);
    if (bytes <= 48 << 10 || (devices_.load(std::memory_order_acquire) & bit)) return;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "cudaFuncSetAttribute");
    devices_.fetch_or(bit, std::memory_order_release);
}

bool splits_k(GemmArguments g, DType type) {
    const int64_t rows = g.longest_run(), copies = g.batches * g.runs;
    g.vectors = vectors(g, type);
    return parts_that_fill(g, blocks_of(g, shape_for(g, type, rows, copies), rows, copies)) > 1;
}

void gemm(GemmArguments g, DType type, TileMoments* moments, int64_t segments) {
    const int64_t rows = g.longest_run(), copies = g.batches * g.runs;
    g.vectors = vectors(g, type);
    g.three = f32_product() == F32Product::Tf32x3;
    const TileShape shape = shape_for(g, type, rows, copies);
    const int64_t blocks = blocks_of(g, shape, rows, copies);
    auto even = [](int64_t n) { return n % 2 == 0; };
    g.to.pairs = even(g.n) && even(g.to.stride_image) && even(g.to.stride_y) && even(g.to.stride_x) &&
                 even(g.to_batch) && reinterpret_cast<uintptr_t>(g.to.data) % uintptr_t(2 * size_of(type)) == 0;
    cut(g, g.k, parts_that_fill(g, blocks));
    if (g.parts == 1) {
        // Segments are the runs, or there is one and its pieces are full.
        const int64_t tile = rows_of(shape), pieces = tiles(rows, tile);
        const bool full = g.runs == 1 || (g.samples % g.runs == 0 && rows % tile == 0);
        if (moments && (segments == g.runs || (segments == 1 && full))) {
            moments->pieces = segments == g.runs ? pieces : pieces * g.runs;
            moments->rows_of_piece = tile;
            moments->values = std::make_unique<DeviceScratch<float>>(g.runs * pieces * 2 * g.batches * g.n);
            g.moments = moments->values->data();
        }
        return launch(g, type, shape);
    }

    DeviceScratch<float> values(copies * g.parts * g.m * g.n);
    Parts parts{values.data(), int64_t(g.m) * g.n, g.batches, 1, g.parts, g.n, g.bias, {}, false};
    g.partial = values.data();
    g.to.pairs = even(g.n);
    launch(g, type, shape);
    with_activation(type, [&]<class T>(T) { sum_parts(parts, static_cast<T*>(g.to.data)); });
}

void gemm_weight_gradient(GemmArguments g, DType type, float* dw) {
    g.runs_split_k = true;
    const int64_t copies = g.batches * g.runs;
    const int64_t length = g.longest_run();
    g.vectors = vectors(g, type);
    g.three = f32_product() == F32Product::Tf32x3;
    const TileShape shape = shape_for(g, type, g.m, copies * tiles(length, 1024));
    const int64_t blocks = blocks_of(g, shape, g.m, copies);
    cut(g, length, std::min(tiles(kFilled, blocks), length / 256));
    g.to.pairs = g.n % 2 == 0 && reinterpret_cast<uintptr_t>(dw) % 8 == 0;
    if (!g.chain_rule && g.parts == 1) {
        g.partial = dw;
        return launch(g, type, shape);
    }
    DeviceScratch<float> values(copies * g.parts * g.m * g.n);
    g.partial = values.data();
    g.to.pairs = g.n % 2 == 0;
    launch(g, type, shape);
    sum_parts(Parts{values.data(), int64_t(g.m) * g.n, g.batches, g.runs, g.parts, g.n, nullptr, g.noise, g.chain_rule},
              dw);
}

void sum_weight_parts(const float* values, int64_t elements, int runs, int parts, const Noise& noise, float* dw) {
    sum_parts(Parts{values, elements, 1, runs, parts, 1, nullptr, noise, needs_chain_rule(noise)}, dw);
}

}  // namespace hb::cuda
