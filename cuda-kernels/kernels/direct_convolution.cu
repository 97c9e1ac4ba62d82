// Convolution of thin groups (depthwise), where matrix products would multiply zeros: one result a thread, neighbours
// in the channel by neighbouring threads, so that reads and writes of x, y and their gradients are whole lines and the
// taps' repeated reads come from L1. Depthwise 3x3 does 18 operations for 8 bytes (bf16: 4) of x and y: memory bounds
// it on an H100 at 3.35 TB/s, 7.5 TFLOP/s of the 67 there are.
//
// Weight gradient: a warp holds 32 neighbouring output channels of one weight position, eight warps share the pixels of
// a part, and parts are added in order (gemm.cu). x and dy are read once for each tap, 8 of 9 times from L2.
//
// Sums of columns, for dbias: read once, bound by memory; the same shape of block.
#include "kernels/direct_convolution.h"

#include "core/weight_noise.h"
#include "host/device.h"
#include "kernels/gemm.h"
#include "kernels/numbers.cuh"
#include "kernels/weights.h"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kLanes = 32, kRows = 8;

struct Thin {
    ConvShape s;
    int64_t o, depth;  // of a group
    int64_t weights;   // of all
    int64_t runs;

    Thin(const ConvShape& shape, const Noise& noise)
        : s(shape), o(s.o / s.groups), depth(s.c / s.groups), weights(s.o * s.kh * s.kw * depth),
          runs(has_noise(noise) ? noise.sub_batches : 1) {}
    // Noise run of image n: the last one that begins at it or before.
    __device__ __forceinline__ int64_t run_of(int64_t n) const {
        return runs == 1 ? 0 : ((n / (s.n / s.runs_of) + 1) * runs - 1) / s.runs_of;
    }
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    thin_kernel(Thin p, const T* __restrict__ x, const float* __restrict__ w, const float* bias, T* y) {
    const ConvShape& s = p.s;
    HB_GRID_STRIDE(e, s.n * s.oh * s.ow * s.o) {
        const int64_t pixel = e / s.o, o = e - pixel * s.o;
        const int64_t line = pixel / s.ow, ow = pixel - line * s.ow, n = line / s.oh, oh = line - n * s.oh;
        const int64_t channel = o / p.o * p.depth;
        const float* weights = w + p.run_of(n) * p.weights + o * s.kh * s.kw * p.depth;
        float sum = 0;
        for (int64_t kh = 0; kh < s.kh; kh++) {
            const int64_t ih = oh * s.stride_h - s.pad_h + kh * s.dilation_h;
            if (ih < 0 || ih >= s.h) continue;
            for (int64_t kw = 0; kw < s.kw; kw++) {
                const int64_t iw = ow * s.stride_w - s.pad_w + kw * s.dilation_w;
                if (iw < 0 || iw >= s.w) continue;
                const T* from = x + ((n * s.h + ih) * s.w + iw) * s.c + channel;
                const float* tap = weights + (kh * s.kw + kw) * p.depth;
                for (int64_t i = 0; i < p.depth; i++) sum = fmaf(widened(from[i]), tap[i], sum);
            }
        }
        y[e] = stored<T>(bias ? sum + bias[o] : sum);
    }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    thin_data_kernel(Thin p, const T* __restrict__ dy, const float* __restrict__ w, T* dx) {
    const ConvShape& s = p.s;
    HB_GRID_STRIDE(e, s.n * s.h * s.w * s.c) {
        const int64_t pixel = e / s.c, c = e - pixel * s.c;
        const int64_t line = pixel / s.w, iw = pixel - line * s.w, n = line / s.h, ih = line - n * s.h;
        const int64_t group = c / p.depth, i = c - group * p.depth, per_output = s.kh * s.kw * p.depth;
        const float* weights = w + p.run_of(n) * p.weights + group * p.o * per_output + i;
        float sum = 0;
        for (int64_t kh = 0; kh < s.kh; kh++) {
            const int64_t up = ih + s.pad_h - kh * s.dilation_h, oh = up / s.stride_h;
            if (up < 0 || oh * s.stride_h != up || oh >= s.oh) continue;
            for (int64_t kw = 0; kw < s.kw; kw++) {
                const int64_t left = iw + s.pad_w - kw * s.dilation_w, ow = left / s.stride_w;
                if (left < 0 || ow * s.stride_w != left || ow >= s.ow) continue;
                const T* from = dy + ((n * s.oh + oh) * s.ow + ow) * s.o + group * p.o;
                const float* tap = weights + (kh * s.kw + kw) * p.depth;
                for (int64_t o = 0; o < p.o; o++) sum = fmaf(widened(from[o]), tap[o * per_output], sum);
            }
        }
        dx[e] = stored<T>(sum);
    }
}

// The sums that the kRows threads of each lane made, added in order by the first of them.
__device__ __forceinline__ float sum_of_lane(float sum, float (&shared)[kRows][kLanes]) {
    shared[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0)
        for (int row = 1; row < kRows; row++) sum += shared[row][threadIdx.x];
    return sum;
}

// Grid: (position in a kernel, lanes of o, part of the pixels of a run and run). parts [runs, parts, weights].
template <class T>
__global__ void __launch_bounds__(kLanes* kRows)
    thin_weight_kernel(Thin p, bool by_run, int64_t parts, const T* x, const T* dy, float* to) {
    __shared__ float shared[kRows][kLanes];
    const ConvShape& s = p.s;
    const int64_t per_output = s.kh * s.kw * p.depth, position = blockIdx.x;
    const int64_t tap = position / p.depth, i = position - tap * p.depth, kh = tap / s.kw, kw = tap - kh * s.kw;
    const int64_t o = int64_t{blockIdx.y} * kLanes + threadIdx.x;
    const int64_t run = blockIdx.z / parts, part = blockIdx.z - run * parts;
    const int64_t per_sample = s.n / s.runs_of * s.oh * s.ow, runs = by_run ? p.runs : 1;
    const int64_t first = run * s.runs_of / runs * per_sample,
                  length = (run + 1) * s.runs_of / runs * per_sample - first;
    const int64_t begin = first + part * length / parts, end = first + (part + 1) * length / parts;
    float sum = 0;
    if (o < s.o) {
        const int64_t channel = o / p.o * p.depth + i;
        for (int64_t pixel = begin + threadIdx.y; pixel < end; pixel += kRows) {
            const int64_t line = pixel / s.ow, ow = pixel - line * s.ow, n = line / s.oh, oh = line - n * s.oh;
            const int64_t ih = oh * s.stride_h - s.pad_h + kh * s.dilation_h;
            const int64_t iw = ow * s.stride_w - s.pad_w + kw * s.dilation_w;
            if (ih < 0 || ih >= s.h || iw < 0 || iw >= s.w) continue;
            sum = fmaf(widened(dy[pixel * s.o + o]), widened(x[((n * s.h + ih) * s.w + iw) * s.c + channel]), sum);
        }
    }
    sum = sum_of_lane(sum, shared);
    if (threadIdx.y == 0 && o < s.o) to[(run * parts + part) * p.weights + o * per_output + position] = sum;
}

// Grid: (lanes of columns, parts of rows). to [parts, columns].
template <class T>
__global__ void __launch_bounds__(kLanes* kRows)
    column_sums_kernel(const T* x, int64_t rows, int64_t columns, float* to) {
    __shared__ float shared[kRows][kLanes];
    const int64_t column = int64_t{blockIdx.x} * kLanes + threadIdx.x;
    const int64_t begin = blockIdx.y * rows / gridDim.y, end = (blockIdx.y + 1) * rows / gridDim.y;
    float sum = 0;
    if (column < columns)
        for (int64_t row = begin + threadIdx.y; row < end; row += kRows) sum += widened(x[row * columns + column]);
    sum = sum_of_lane(sum, shared);
    if (threadIdx.y == 0 && column < columns) to[blockIdx.y * columns + column] = sum;
}

// Parts of at least `least` rows, as many as let `blocks` others fill a device.
int64_t parts_of(int64_t rows, int64_t least, int64_t blocks) {
    return std::max<int64_t>(1, std::min(rows / least, (1024 + blocks - 1) / blocks));
}

// f32 weights for all runs.
class Weights {
  public:
    Weights(const Thin& p, const View& w, const Noise& noise)
        : scratch_(has_noise(noise) ? p.runs * p.weights : 0), data_(has_noise(noise) ? scratch_.data() : w.f32()) {
        if (has_noise(noise)) seen_weights(w.f32(), p.weights, noise, 0, p.runs, scratch_.data());
    }
    const float* data() const { return data_; }

  private:
    DeviceScratch<float> scratch_;
    const float* data_;
};

}  // namespace

void direct_convolution(const ConvShape& s, const View& x, const View& w, const View& bias, const Noise& noise,
                        const View& y) {
    const Thin p(s, noise);
    const Weights made(p, w, noise);
    const float* weights = made.data();
    with_activation(x.type, [&]<class T>(T) {
        HB_LAUNCH((thin_kernel<T>), blocks_for(y.elements(), kThreads), kThreads, 0, stream(), p, x.as<T>(), weights,
                  bias.f32(), y.as<T>());
    });
}

void direct_convolution_data(const ConvShape& s, const View& dy, const View& w, const Noise& noise, const View& dx) {
    const Thin p(s, noise);
    const Weights made(p, w, noise);
    const float* weights = made.data();
    with_activation(dy.type, [&]<class T>(T) {
        HB_LAUNCH((thin_data_kernel<T>), blocks_for(dx.elements(), kThreads), kThreads, 0, stream(), p, dy.as<T>(),
                  weights, dx.as<T>());
    });
}

void direct_convolution_weight(const ConvShape& s, const View& x, const View& dy, const Noise& noise, const View& dw) {
    const Thin p(s, noise);
    const bool by_run = needs_chain_rule(noise);
    const int64_t runs = by_run ? p.runs : 1, positions = s.kh * s.kw * p.depth, lanes = (s.o + kLanes - 1) / kLanes;
    const int64_t parts = parts_of(s.n * s.oh * s.ow / runs, 1024, positions * lanes * runs);
    DeviceScratch<float> values(runs * parts * p.weights);
    float* to = values.data();
    const dim3 grid(unsigned(positions), unsigned(lanes), unsigned(parts * runs));
    with_activation(x.type, [&]<class T>(T) {
        HB_LAUNCH((thin_weight_kernel<T>), grid, dim3(kLanes, kRows), 0, stream(), p, by_run, parts, x.as<T>(),
                  dy.as<T>(), to);
    });
    sum_weight_parts(values.data(), p.weights, int(runs), int(parts), noise, dw.f32());
}

void column_sums(const View& x, int64_t rows, int64_t columns, float* sums) {
    const int64_t lanes = (columns + kLanes - 1) / kLanes, parts = parts_of(rows, 512, lanes);
    DeviceScratch<float> values(parts * columns);
    float* to = values.data();
    const dim3 grid{unsigned(lanes), unsigned(parts)};
    with_activation(x.type, [&]<class T>(T) {
        HB_LAUNCH((column_sums_kernel<T>), grid, dim3(kLanes, kRows), 0, stream(), x.as<T>(), rows, columns, to);
    });
    sum_weight_parts(values.data(), columns, 1, int(parts), Noise{}, sums);
}

}  // namespace hb::cuda
