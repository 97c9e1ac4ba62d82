// The way to the tile engine (kernels/gemm_tile.cuh), step by step: y [m, n] = a [m, k] b [k, n] in f32. Each step
// removes what bounded the one before; bytes are those read per multiplication and addition.
//   1 naive      a thread an element: 8 bytes from L1 or L2. L1 bounds it: some 2 TFLOP/s on an H100.
//   2 shared     a block a tile of 32x32, its operands in shared memory: 1/4 byte from L2, but 8 bytes from shared
//                memory, as many as before from L1; no barrier-free work to hide the loads behind.
//   3 registers  a thread 4x4 elements: 2 bytes from shared memory. The FMA pipe is in sight (67 TFLOP/s), the loads'
//                latency is not hidden.
//   4 tensor     mma.m16n8k8 in tf32, a warp 32x32: 1/4 byte from shared memory. Loads through registers still stop
//                everything twice a step. Operands lose 13 bits.
//   5 engine     loads by cp.async three steps ahead, padded rows, and tf32x3: f32's accuracy again.
// The program checks every step against sums in double precision, on shapes that no tile divides; with an argument it
// times them on m = n = k = that number.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/philox.h"
#include "host/device.h"
#include "kernels/gemm.h"
#include "kernels/mma.cuh"

namespace hb::cuda {
namespace {

struct Sizes {
    int m, n, k;
};

__device__ __forceinline__ float element(const float* x, int rows, int columns, int row, int column) {
    return row < rows && column < columns ? x[int64_t(row) * columns + column] : 0.0f;
}
__device__ __forceinline__ void put(float* y, const Sizes& s, int row, int column, float value) {
    if (row < s.m && column < s.n) y[int64_t(row) * s.n + column] = value;
}

__global__ void __launch_bounds__(256) naive_kernel(Sizes s, const float* a, const float* b, float* y) {
    const int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
    if (row >= s.m || column >= s.n) return;
    float sum = 0;
    for (int k = 0; k < s.k; k++) sum = fmaf(a[int64_t(row) * s.k + k], b[int64_t(k) * s.n + column], sum);
    put(y, s, row, column, sum);
}

__global__ void __launch_bounds__(1024) shared_kernel(Sizes s, const float* a, const float* b, float* y) {
    __shared__ float at[32][32], bt[32][32];
    const int i = threadIdx.y, j = threadIdx.x, row = blockIdx.y * 32 + i, column = blockIdx.x * 32 + j;
    float sum = 0;
    for (int begin = 0; begin < s.k; begin += 32) {
        at[i][j] = element(a, s.m, s.k, row, begin + j);
        bt[i][j] = element(b, s.k, s.n, begin + i, column);
        __syncthreads();
        for (int k = 0; k < 32; k++) sum = fmaf(at[i][k], bt[k][j], sum);
        __syncthreads();
    }
    put(y, s, row, column, sum);
}

constexpr int kTile = 64, kDepth = 16;

// a's tile is kept as it lies, with a column of padding; 256 (128) threads load 4 (8) elements of each operand.
template <int threads>
__device__ __forceinline__ void load_tiles(const Sizes& s, const float* a, const float* b, int begin,
                                           float (&at)[kTile][kDepth + 1], float (&bt)[kDepth][kTile]) {
    for (int e = threadIdx.x; e < kTile * kDepth; e += threads) {
        at[e / kDepth][e % kDepth] = element(a, s.m, s.k, blockIdx.y * kTile + e / kDepth, begin + e % kDepth);
        bt[e / kTile][e % kTile] = element(b, s.k, s.n, begin + e / kTile, blockIdx.x * kTile + e % kTile);
    }
}

__global__ void __launch_bounds__(256) registers_kernel(Sizes s, const float* a, const float* b, float* y) {
    __shared__ float at[kTile][kDepth + 1], bt[kDepth][kTile];
    const int i = int(threadIdx.x) / 16 * 4, j = int(threadIdx.x) % 16 * 4;
    float sums[4][4] = {};
    for (int begin = 0; begin < s.k; begin += kDepth) {
        load_tiles<256>(s, a, b, begin, at, bt);
        __syncthreads();
        for (int k = 0; k < kDepth; k++)
#pragma unroll
            for (int x = 0; x < 4; x++)
#pragma unroll
                for (int z = 0; z < 4; z++) sums[x][z] = fmaf(at[i + x][k], bt[k][j + z], sums[x][z]);
        __syncthreads();
    }
#pragma unroll
    for (int x = 0; x < 4; x++)
#pragma unroll
        for (int z = 0; z < 4; z++) put(y, s, blockIdx.y * kTile + i + x, blockIdx.x * kTile + j + z, sums[x][z]);
}

__global__ void __launch_bounds__(128) tensor_kernel(Sizes s, const float* a, const float* b, float* y) {
    __shared__ float at[kTile][kDepth + 1], bt[kDepth][kTile];
    const int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
    const int i = warp / 2 * 32, j = warp % 2 * 32;
    float sums[2][4][4] = {};
    for (int begin = 0; begin < s.k; begin += kDepth) {
        load_tiles<128>(s, a, b, begin, at, bt);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < kDepth; k += 8) {
            uint32_t fa[2][4], fb[4][2];
#pragma unroll
            for (int x = 0; x < 2; x++)
#pragma unroll
                for (int e = 0; e < 4; e++)
                    fa[x][e] = __float_as_uint(at[i + 16 * x + g + 8 * (e % 2)][k + t + 4 * (e / 2)]);
#pragma unroll
            for (int z = 0; z < 4; z++)
#pragma unroll
                for (int e = 0; e < 2; e++) fb[z][e] = __float_as_uint(bt[k + t + 4 * e][j + 8 * z + g]);
#pragma unroll
            for (int x = 0; x < 2; x++)
#pragma unroll
                for (int z = 0; z < 4; z++) mma_m16n8k8_tf32(sums[x][z], fa[x], fb[z]);
        }
        __syncthreads();
    }
#pragma unroll
    for (int x = 0; x < 2; x++)
#pragma unroll
        for (int z = 0; z < 4; z++)
#pragma unroll
            for (int e = 0; e < 4; e++)
                put(y, s, blockIdx.y * kTile + i + 16 * x + g + 8 * (e / 2),
                    blockIdx.x * kTile + j + 8 * z + 2 * t + e % 2, sums[x][z][e]);
}

void engine(Sizes s, const float* a, const float* b, float* y) {
    GemmArguments g;
    g.m = s.m, g.n = s.n, g.k = s.k;
    g.b_k_major = false;
    g.a = Window::matrix(a, s.k, s.k);
    g.b = Window::matrix(b, s.n, s.n);
    g.to = Destination::matrix(y, s.n);
    g.rows_per_sample = s.m;
    gemm(g, DType::F32);
}

dim3 tiles(Sizes s, int size) { return dim3{unsigned((s.n + size - 1) / size), unsigned((s.m + size - 1) / size)}; }

struct Step {
    const char* name;
    void (*run)(Sizes s, const float* a, const float* b, float* y);
    double roundings;  // errors allowed, in 2^-24 of the sum of absolute values
};

const Step kSteps[] = {
    {"1 naive",
     [](Sizes s, const float* a, const float* b, float* y) {
         HB_LAUNCH((naive_kernel), tiles(s, 16), dim3(16, 16), 0, stream(), s, a, b, y);
     },
     8},
    {"2 shared",
     [](Sizes s, const float* a, const float* b, float* y) {
         HB_LAUNCH((shared_kernel), tiles(s, 32), dim3(32, 32), 0, stream(), s, a, b, y);
     },
     8},
    {"3 registers",
     [](Sizes s, const float* a, const float* b, float* y) {
         HB_LAUNCH((registers_kernel), tiles(s, kTile), dim3(256), 0, stream(), s, a, b, y);
     },
     8},
    {"4 tensor",
     [](Sizes s, const float* a, const float* b, float* y) {
         HB_LAUNCH((tensor_kernel), tiles(s, kTile), dim3(128), 0, stream(), s, a, b, y);
     },
     0x1p15},  // two operands cut to 11 bits
    {"5 engine", engine, 8},
};

class Matrix {
  public:
    Matrix(int64_t elements, uint32_t tensor) : host(elements), device_(elements) {
        const PhiloxKey key{7, tensor};
        for (int64_t i = 0; i < elements; i++) host[size_t(i)] = 2 * key.uniform(uint64_t(i)) - 1;
        device().copy_in(device_.data(), host.data(), elements * 4);
    }
    std::vector<float> host;
    float* data() const { return device_.data(); }
    void fetch() { device().copy_out(host.data(), device_.data(), int64_t(host.size()) * 4); }

  private:
    DeviceScratch<float> device_;
};

bool right(const Step& step, Sizes s) {
    Matrix a(int64_t(s.m) * s.k, 1), b(int64_t(s.k) * s.n, 2), y(int64_t(s.m) * s.n, 3);
    step.run(s, a.data(), b.data(), y.data());
    y.fetch();
    double worst = 0;
    for (int i = 0; i < s.m; i++)
        for (int j = 0; j < s.n; j++) {
            double sum = 0, size = 0;
            for (int k = 0; k < s.k; k++) {
                const double product = double(a.host[size_t(i) * s.k + k]) * double(b.host[size_t(k) * s.n + j]);
                sum += product, size += std::fabs(product);
            }
            worst = std::fmax(worst, std::fabs(double(y.host[size_t(i) * s.n + j]) - sum) / size);
        }
    const bool ok = worst <= step.roundings * 0x1p-24;
    std::printf("%-12s [%d, %d] x [%d, %d]: error %.2g of the sum of absolute values%s\n", step.name, s.m, s.k, s.k,
                s.n, worst, ok ? "" : ", too large");
    return ok;
}

void time_step(const Step& step, int size) {
    const Sizes s{size, size, size};
    Matrix a(int64_t(size) * size, 1), b(int64_t(size) * size, 2), y(int64_t(size) * size, 3);
    cudaEvent_t begin, end;
    check(cudaEventCreate(&begin), "cudaEventCreate");
    check(cudaEventCreate(&end), "cudaEventCreate");
    const int repeats = 10;
    step.run(s, a.data(), b.data(), y.data());
    check(cudaEventRecord(begin, stream()), "cudaEventRecord");
    for (int i = 0; i < repeats; i++) step.run(s, a.data(), b.data(), y.data());
    check(cudaEventRecord(end, stream()), "cudaEventRecord");
    check(cudaEventSynchronize(end), "cudaEventSynchronize");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, begin, end), "cudaEventElapsedTime");
    std::printf("%-12s %d: %.3f ms, %.2f TFLOP/s\n", step.name, size, double(ms) / repeats,
                2e-9 * size * size * double(size) * repeats / double(ms));
}

}  // namespace
}  // namespace hb::cuda

int main(int count, char** arguments) {
    using namespace hb::cuda;
    bool ok = true;
    for (const Step& step : kSteps) {
        if (count > 1)
            time_step(step, std::atoi(arguments[1]));
        else
            for (const Sizes& s : {Sizes{70, 50, 90}, Sizes{128, 64, 128}, Sizes{1, 3, 5}}) ok &= right(step, s);
    }
    return ok ? 0 : 1;
}
