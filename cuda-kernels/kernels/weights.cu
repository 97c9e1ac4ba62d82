// Weights with noise, and in bf16, for products that read them often. One thread makes four neighbours, the numbers of
// one Philox block, for every run: w is read once. Per weight and run: 10 wide multiplications, some 30 integer and 25
// floating point operations, 4 bytes written (bf16: 2). On an H100 3.35 TB/s are 0.84 T weights a second, and the
// arithmetic takes about as long: 512x3x3x512 weights for 8 runs some 25 us.
//
// The other way is to draw where the product loads its operand (gemm_tile.cuh, drawn): nothing is written, but every
// tile along m draws again. convolution.cu chooses.
#include "kernels/weights.h"

#include "core/philox.h"
#include "core/weight_noise.h"
#include "host/device.h"
#include "kernels/numbers.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;

// Runs begin at multiples of n, which need not be aligned: stores go element by element, neighbours by one thread.
template <class T>
__global__ void __launch_bounds__(kThreads)
    seen_kernel(const float* w, int64_t n, Noise noise, bool noisy, int64_t first_run, int64_t runs, T* y) {
    HB_GRID_STRIDE(block, (n + 3) / 4) {
        const int count = n - 4 * block < 4 ? int(n - 4 * block) : 4;
        float from[4] = {};
        for (int i = 0; i < count; i++) from[i] = w[4 * block + i];
        for (int64_t run = 0; run < runs; run++) {
            float to[4] = {from[0], from[1], from[2], from[3]};
            if (noisy) {
                float z[4];
                noise_key(noise, first_run + run).normals(uint32_t(block), z);
#pragma unroll
                for (int i = 0; i < 4; i++) to[i] = perturbed(noise.kind, from[i], noise.sigma, z[i]);
            }
            T* out = y + run * n + 4 * block;
#pragma unroll
            for (int i = 0; i < 4; i++)
                if (i < count) out[i] = stored<T>(to[i]);
        }
    }
}

template <class T>
void seen(const float* w, int64_t n, const Noise& noise, int64_t first_run, int64_t runs, T* y) {
    HB_LAUNCH((seen_kernel<T>), blocks_for((n + 3) / 4, kThreads), kThreads, 0, stream(), w, n, noise, has_noise(noise),
              first_run, runs, y);
}

}  // namespace

void seen_weights(const float* w, int64_t n, const Noise& noise, int64_t first_run, int64_t runs, float* y) {
    seen(w, n, noise, first_run, runs, y);
}
void seen_weights(const float* w, int64_t n, const Noise& noise, int64_t first_run, int64_t runs, Bf16* y) {
    seen(w, n, noise, first_run, runs, y);
}

}  // namespace hb::cuda
