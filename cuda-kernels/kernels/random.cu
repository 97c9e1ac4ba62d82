// Uniform and normal numbers: the same bits as on the CPU, from the same source (core/philox.h).
//
// One thread makes the four numbers of a Philox block and stores them at once. Per block of 4: 20 wide multiplications,
// some 60 integer operations and, for normals, 50 floating point operations and 2 square roots; 16 bytes written. On an
// H100 the writes bound it: 3.35 TB/s are 0.84 T numbers a second, and the arithmetic takes about 0.7 of that time.
#include "core/philox.h"
#include "host/device.h"
#include "kernels/kernels.h"
#include "kernels/numbers.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;

PhiloxKey key_of(const Stream& stream) {
    return {stream.seed, stream.tensor, stream.step, stream.purpose, stream.stream};
}

struct Uniform {
    float low, width;
    __device__ void operator()(const PhiloxKey& key, uint32_t block, float (&out)[4]) const {
        PhiloxBlock u = key.block(block);
#pragma unroll
        for (int i = 0; i < 4; i++) out[i] = fmaf(width, unit_uniform<float, uint32_t>(u.word[i]), low);
    }
};

struct Normal {
    float mean, deviation;
    __device__ void operator()(const PhiloxKey& key, uint32_t block, float (&out)[4]) const {
        key.normals(block, out);
#pragma unroll
        for (int i = 0; i < 4; i++) out[i] = fmaf(deviation, out[i], mean);
    }
};

// y [n], 16-byte aligned.
template <class Draw>
__global__ void __launch_bounds__(kThreads) draw_kernel(float* y, int64_t n, PhiloxKey key, Draw draw) {
    HB_GRID_STRIDE(block, (n + 3) / 4) {
        float out[4];
        draw(key, static_cast<uint32_t>(block), out);
        if (4 * block + 4 <= n) {
            reinterpret_cast<float4*>(y)[block] = make_float4(out[0], out[1], out[2], out[3]);
        } else {
            for (int64_t i = 0; i < n - 4 * block; i++) y[4 * block + i] = out[i];
        }
    }
}

template <class Draw>
void draw(const View& y, const Stream& from, const Draw& how) {
    int64_t n = y.elements();
    HB_LAUNCH((draw_kernel<Draw>), blocks_for((n + 3) / 4, kThreads), kThreads, 0, stream(), y.f32(), n, key_of(from),
              how);
}

void random_uniform(const View& y, double low, double high, const Stream& from) {
    draw(y, from, Uniform{float(low), float(high - low)});
}

void random_normal(const View& y, double mean, double deviation, const Stream& from) {
    draw(y, from, Normal{float(mean), float(deviation)});
}

}  // namespace

void add_random(Backend& table) {
    table.random_uniform = random_uniform;
    table.random_normal = random_normal;
}

}  // namespace hb::cuda
