// Dropout of elements and of whole channels, by the numbers that the CPU draws (core/philox.h): the same elements, the
// same bits. The backward pass is the same call on dy.
//
// Elements: one thread has 8 neighbours, the words of two Philox blocks, and reads and writes them at once; no mask is
// stored. Channels: all positions of a channel share one number, and one block of Philox serves 4 channels; drawing it
// at every position again would cost 4 to 16 times the arithmetic, so the factors [n, c], 0 or 1 / (1 - p), are drawn
// first into memory that is smaller than the tensor by the number of positions, and stay in the cache.
// Bytes per element: 8 (f32), 4 (bf16). Operations: about 20 integer ones for a quarter of a Philox block, of which an
// H100 does some 14 T a second: f32 is bound by its memory, at 0.42 T elements a second, bf16 by the draws, at 0.7 T.
#include "core/philox.h"
#include "host/device.h"
#include "kernels/kernels.h"
#include "kernels/numbers.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;

// What keeps and drops: an element whose uniform number is below `limit` becomes 0.
struct Rule {
    PhiloxKey key;
    float limit, factor;

    Rule(double p, const Stream& s)
        : key{s.seed, s.tensor, s.step, s.purpose, s.stream}, limit(float(p)), factor(float(1 / (1 - p))) {}
    __device__ bool drops(uint32_t word) const { return unit_uniform<float, uint32_t>(word) < limit; }
};

// N neighbours, in one access of up to 16 bytes.
template <class T, int N>
struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Packed {
    T value[N];
};

// wide: x and y are 16-byte aligned.
template <class T>
__global__ void __launch_bounds__(kThreads) dropout_elements_kernel(const T* x, T* y, int64_t n, bool wide, Rule rule) {
    HB_GRID_STRIDE(group, (n + 7) / 8) {
        const PhiloxBlock drawn[2] = {rule.key.block(static_cast<uint32_t>(2 * group)),
                                      rule.key.block(static_cast<uint32_t>(2 * group + 1))};
        auto dropped = [&](T element, int i) {
            return rule.drops(drawn[i / 4].word[i % 4]) ? T{} : stored<T>(widened(element) * rule.factor);
        };
        if (wide && 8 * group + 8 <= n) {
            Packed<T, 8> all = reinterpret_cast<const Packed<T, 8>*>(x)[group];
#pragma unroll
            for (int i = 0; i < 8; i++) all.value[i] = dropped(all.value[i], i);
            reinterpret_cast<Packed<T, 8>*>(y)[group] = all;
        } else {
#pragma unroll
            for (int i = 0; i < 8; i++)
                if (8 * group + i < n) y[8 * group + i] = dropped(x[8 * group + i], i);
        }
    }
}

__global__ void __launch_bounds__(kThreads) draw_factors_kernel(float* factors, int64_t n, Rule rule) {
    HB_GRID_STRIDE(block, (n + 3) / 4) {
        const PhiloxBlock drawn = rule.key.block(static_cast<uint32_t>(block));
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (4 * block + i < n) factors[4 * block + i] = rule.drops(drawn.word[i]) ? 0 : rule.factor;
    }
}

// x, y [samples, positions * c], factors [samples, c]. A thread has N neighbours: of one position where c is a multiple
// of N, of one sample where c is 1 and positions a multiple of N; else N is 1. size = positions * c < 2^32.
template <class T, int N>
__global__ void __launch_bounds__(kThreads)
    dropout_channels_kernel(const T* x, T* y, const float* factors, int64_t samples, int64_t size, int64_t c) {
    const int64_t groups = size / N;
    for (int64_t sample = blockIdx.y; sample < samples; sample += gridDim.y) {
        const auto* from = reinterpret_cast<const Packed<T, N>*>(x + sample * size);
        auto* to = reinterpret_cast<Packed<T, N>*>(y + sample * size);
        const float* of_sample = factors + sample * c;
        HB_GRID_STRIDE(group, groups) {
            const int64_t first = group * N;
            const uint32_t channel = static_cast<uint32_t>(first) % static_cast<uint32_t>(c);
            Packed<T, N> all = from[group];
#pragma unroll
            for (int i = 0; i < N; i++) {
                const float factor = of_sample[c == 1 ? 0 : channel + i];
                // Not a product by 0, which would keep signs and infinities.
                all.value[i] = factor == 0 ? T{} : stored<T>(widened(all.value[i]) * factor);
            }
            to[group] = all;
        }
    }
}

bool aligned(const View& view) { return reinterpret_cast<uintptr_t>(view.data) % 16 == 0; }

void dropout(const View& x, double p, bool channels, const Stream& from, const View& y) {
    const Rule rule(p, from);
    const int64_t n = x.elements();
    if (n == 0) return;
    with_activation(x.type, [&]<class T>(T) {
        if (!channels) {
            HB_LAUNCH((dropout_elements_kernel<T>), blocks_for((n + 7) / 8, kThreads), kThreads, 0, stream(), x.as<T>(),
                      y.as<T>(), n, aligned(x) && aligned(y), rule);
            return;
        }
        const int64_t c = x.columns(), samples = x[0], size = n / samples;
        if (size >> 32 != 0)
            fail(HB_ERROR_UNSUPPORTED, "dropout of channels of samples of %lld elements; fewer than 2^32 were expected",
                 (long long)size);
        DeviceScratch<float> scratch(samples * c);
        float* factors = scratch.data();
        HB_LAUNCH((draw_factors_kernel), blocks_for((samples * c + 3) / 4, kThreads), kThreads, 0, stream(), factors,
                  samples * c, rule);
        constexpr int kWide = 16 / sizeof(T);
        const bool wide = aligned(x) && aligned(y) && size % kWide == 0 && (c == 1 || c % kWide == 0);
        const unsigned rows = static_cast<unsigned>(samples < 65535 ? samples : 65535);
        if (wide)
            HB_LAUNCH((dropout_channels_kernel<T, kWide>), dim3(blocks_for(size / kWide, kThreads, 1 << 12), rows),
                      kThreads, 0, stream(), x.as<T>(), y.as<T>(), factors, samples, size, c);
        else
            HB_LAUNCH((dropout_channels_kernel<T, 1>), dim3(blocks_for(size, kThreads, 1 << 12), rows), kThreads, 0,
                      stream(), x.as<T>(), y.as<T>(), factors, samples, size, c);
    });
}

}  // namespace

void add_dropout(Backend& table) { table.dropout = dropout; }

}  // namespace hb::cuda
