// The squared norm of each sample's gradient of a convolution or linear layer, without the gradients.
//
// Of one sample and group, with U [t, d] the patches of its t positions (d = kh kw c / groups) and D [t, o] the
// gradients of its outputs (o of the group), the gradient of the weights is U^T D [d, o]. Its squared norm is made
//   vector  where t = 1 (linear layers): |u|^2 |D|^2, t (d + o) operations
//   Gram    as the sum over pairs of positions of (u_s . u_r) (D_s . D_r), in pairs of tiles of 64 positions, those
//           below the diagonal counted twice: t^2 (d + o) / 2 multiply-adds
//   direct  by making U^T D in tiles of 64 x 64 that are squared and dropped: t d o multiply-adds
//
// The cheaper one of Gram and direct is taken: direct where positions are many and channels few, as in all of a CIFAR
// ResNet-20 (t 1024 to 64, o 16 to 64); Gram in the late layers of wide networks (the last two stages of ResNet-18: t
// 196 and 49 for ImageNet, d 2304 and 4608). A batch loop over the kernel of the weight gradient would write and read
// the weights n times.
//
// Each tile is a product on the f32 units: 256 threads have 4 x 4 elements each and take slices of 16 of the depth from
// shared memory. Sums of tiles go to memory and are added in one order by a block per sample. Bytes: x and dy, t / 64
// times (Gram) or once per 64 columns (direct), from the caches. Operations as above at 67 T/s: the 3x3 convolution of
// 512 channels at 7 x 7 takes 64 * 64 * 5120 = 21 M multiply-adds a sample, 0.6 microseconds of an H100. Tensor cores
// would be faster; bf16 products of them would be too coarse for scores that are compared with each other.
#include "kernels/sample_norms.h"

#include "host/device.h"
#include "kernels/teams.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTile = 64;   // rows and columns of a product
constexpr int kSlice = 16;  // of its depth at a time
constexpr int kOwn = 4;     // rows and columns of a thread

// ---- one sample's matrices, read where they lie

// U of one sample and group: patches of x.
template <class T>
struct Patches {
    const T* x;          // the sample's first channel of the group
    int h, w, channels;  // of x; channels of all groups
    int ow, depth, kw;   // depth: channels of the group
    int stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;

    __device__ __forceinline__ float operator()(int position, int element) const {
        const int tap = element / depth, channel = element - tap * depth;
        const int ky = tap / kw, kx = tap - ky * kw;
        const int oy = position / ow, ox = position - oy * ow;
        const int y = oy * stride_h - pad_h + ky * dilation_h, z = ox * stride_w - pad_w + kx * dilation_w;
        if (y < 0 || y >= h || z < 0 || z >= w) return 0;
        return widened(x[(int64_t{y} * w + z) * channels + channel]);
    }
};

// D of one sample and group.
template <class T>
struct Outputs {
    const T* dy;
    int channels;  // of all groups
    __device__ __forceinline__ float operator()(int position, int element) const {
        return widened(dy[int64_t{position} * channels + element]);
    }
};

// ---- a tile of a product

struct Slices {
    float a[kSlice][kTile + 4], b[kSlice][kTile + 4];  // 4 more, so that the stores of a warp meet fewer banks twice
};

// acc[i][j] = sum over k < depth of a(row0 + ., k) b(column0 + ., k), for rows < rows and columns < columns; elements
// beyond are 0. a, b: float(int, int); lines_near: what neighbours in memory are, rows and columns or the depth.
template <bool lines_near, class A, class B>
__device__ __forceinline__ void tile_product(const A& a, int row0, int rows, const B& b, int column0, int columns,
                                             int depth, Slices& slices, float (&acc)[kOwn][kOwn]) {
    const int thread = threadIdx.x, y = thread / 16, x = thread % 16;
#pragma unroll
    for (int i = 0; i < kOwn; i++)
#pragma unroll
        for (int j = 0; j < kOwn; j++) acc[i][j] = 0;
    for (int k0 = 0; k0 < depth; k0 += kSlice) {
        __syncthreads();
#pragma unroll
        for (int i = 0; i < kTile * kSlice / kThreads; i++) {
            const int at = thread + i * kThreads;
            const int k = lines_near ? at / kTile : at % kSlice, line = lines_near ? at % kTile : at / kSlice;
            const bool inside = k0 + k < depth;
            slices.a[k][line] = inside && row0 + line < rows ? a(row0 + line, k0 + k) : 0;
            slices.b[k][line] = inside && column0 + line < columns ? b(column0 + line, k0 + k) : 0;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < kSlice; k++) {
            float own_a[kOwn], own_b[kOwn];
#pragma unroll
            for (int i = 0; i < kOwn; i++) own_a[i] = slices.a[k][y * kOwn + i];
#pragma unroll
            for (int j = 0; j < kOwn; j++) own_b[j] = slices.b[k][x * kOwn + j];
#pragma unroll
            for (int i = 0; i < kOwn; i++)
#pragma unroll
                for (int j = 0; j < kOwn; j++) acc[i][j] = fmaf(own_a[i], own_b[j], acc[i][j]);
        }
    }
}

// ---- all samples

template <class T>
struct Layer {
    Patches<T> patches;  // of sample 0, group 0
    Outputs<T> outputs;
    int64_t x_sample, dy_sample;  // elements of one sample
    int groups, group_channels_in, group_channels_out;
    int positions, elements, outs;  // t, d, o

    __device__ __forceinline__ Patches<T> patches_of(int64_t sample, int group) const {
        Patches<T> p = patches;
        p.x += sample * x_sample + group * group_channels_in;
        return p;
    }
    __device__ __forceinline__ Outputs<T> outputs_of(int64_t sample, int group) const {
        return {outputs.dy + sample * dy_sample + group * group_channels_out, outputs.channels};
    }
};

int tiles_of(int64_t n) { return static_cast<int>((n + kTile - 1) / kTile); }

// parts[(sample * groups + group) * tiles + tile]: of the tile pairs (s, r) with s <= r of positions.
template <class T>
__global__ void __launch_bounds__(kThreads) gram_kernel(Layer<T> layer, float* parts) {
    __shared__ Slices slices;
    // Tile number s + r (r + 1) / 2.
    const int tile = blockIdx.x;
    int r = static_cast<int>((sqrtf(8.0f * static_cast<float>(tile) + 1) - 1) / 2);
    while (r * (r + 1) / 2 > tile) r--;
    while ((r + 1) * (r + 2) / 2 <= tile) r++;
    const int s = tile - r * (r + 1) / 2;
    const int64_t part = blockIdx.y + int64_t{gridDim.y} * blockIdx.z;  // sample * groups + group
    const int64_t sample = part / layer.groups;
    const int group = static_cast<int>(part % layer.groups);
    const Patches<T> u = layer.patches_of(sample, group);
    const Outputs<T> d = layer.outputs_of(sample, group);
    float of_u[kOwn][kOwn], of_d[kOwn][kOwn];
    const int t = layer.positions;
    tile_product<false>(u, s * kTile, t, u, r * kTile, t, layer.elements, slices, of_u);
    tile_product<false>(d, s * kTile, t, d, r * kTile, t, layer.outs, slices, of_d);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kOwn; i++)
#pragma unroll
        for (int j = 0; j < kOwn; j++) sum = fmaf(of_u[i][j], of_d[i][j], sum);
    sum = joined_block<kThreads>(sum, Plus());
    if (threadIdx.x == 0) parts[part * gridDim.x + tile] = s == r ? sum : 2 * sum;
}

template <class T>
__global__ void __launch_bounds__(kThreads) direct_kernel(Layer<T> layer, int out_tiles, float* parts) {
    __shared__ Slices slices;
    const int tile = blockIdx.x, d_tile = tile / out_tiles, o_tile = tile % out_tiles;
    const int64_t part = blockIdx.y + int64_t{gridDim.y} * blockIdx.z;
    const int64_t sample = part / layer.groups;
    const int group = static_cast<int>(part % layer.groups);
    const Patches<T> u = layer.patches_of(sample, group);
    const Outputs<T> d = layer.outputs_of(sample, group);
    float gradient[kOwn][kOwn];
    tile_product<true>([&](int element, int position) { return u(position, element); }, d_tile * kTile, layer.elements,
                       [&](int out, int position) { return d(position, out); }, o_tile * kTile, layer.outs,
                       layer.positions, slices, gradient);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kOwn; i++)
#pragma unroll
        for (int j = 0; j < kOwn; j++) sum = fmaf(gradient[i][j], gradient[i][j], sum);
    sum = joined_block<kThreads>(sum, Plus());
    if (threadIdx.x == 0) parts[part * gridDim.x + tile] = sum;
}

// norms[sample] = the sum of its parts, and the squares of the sums over positions of its outputs, where a bias is.
template <class T>
__global__ void __launch_bounds__(kThreads) finish_kernel(const float* parts, int64_t parts_each, Outputs<T> outputs,
                                                          int positions, bool bias, bool add, float* norms) {
    const int64_t sample = blockIdx.x;
    double sum = 0;
    for (int64_t i = threadIdx.x; i < parts_each; i += kThreads) sum += double{parts[sample * parts_each + i]};
    if (bias) {
        const Outputs<T> d{outputs.dy + sample * positions * outputs.channels, outputs.channels};
        for (int o = threadIdx.x; o < outputs.channels; o += kThreads) {
            float of_output = 0;
            for (int position = 0; position < positions; position++) of_output += d(position, o);
            sum = fma(double{of_output}, double{of_output}, sum);
        }
    }
    sum = joined_block<kThreads>(sum, Plus());
    if (threadIdx.x == 0) norms[sample] = (add ? norms[sample] : 0) + static_cast<float>(sum);
}

// |x|^2 |dy|^2 of rows of x and dy, plus |dy|^2 for a bias.
template <class T>
struct VectorNorms {
    const T *x, *dy;
    int in, out;
    bool bias, add;
    float* norms;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        float of_x = 0, of_dy = 0;
        team.each([&](int j, int) {
            if (j < in) {
                const float a = widened(x[i * in + j]);
                of_x = fmaf(a, a, of_x);
            }
            if (j < out) {
                const float b = widened(dy[i * out + j]);
                of_dy = fmaf(b, b, of_dy);
            }
        });
        of_x = team.sum(of_x);
        of_dy = team.sum(of_dy);
        if (team.leads()) norms[i] = fmaf(of_x + (bias ? 1.0f : 0.0f), of_dy, add ? norms[i] : 0);
    }
};

template <class T>
void norms_of(const ConvShape& s, const View& x, const View& dy, bool bias, bool add, const View& norms,
              SampleNormForm form) {
    const int64_t positions = s.oh * s.ow, depth = s.c / s.groups, elements = s.kh * s.kw * depth,
                  outs = s.o / s.groups;
    const bool is_vector = s.h == 1 && s.w == 1 && s.kh == 1 && s.kw == 1 && s.groups == 1 && positions == 1 &&
                           s.pad_h == 0 && s.pad_w == 0;
    if (is_vector && form == SampleNormForm::kCheaper) {
        VectorNorms<T> body{x.as<T>(), dy.as<T>(), int(s.c), int(s.o), bias, add, norms.f32()};
        return for_each_row(s.n, s.c > s.o ? s.c : s.o, body);
    }
    if (form == SampleNormForm::kCheaper) {
        const double gram = double(positions + kTile) / 2 * double(elements + outs);
        form = gram < double(elements) * double(outs) ? SampleNormForm::kGram : SampleNormForm::kDirect;
    }
    const Layer<T> layer{{x.as<T>(), int(s.h), int(s.w), int(s.c), int(s.ow), int(depth), int(s.kw), int(s.stride_h),
                          int(s.stride_w), int(s.pad_h), int(s.pad_w), int(s.dilation_h), int(s.dilation_w)},
                         {dy.as<T>(), int(s.o)},
                         s.h * s.w * s.c,
                         positions * s.o,
                         int(s.groups),
                         int(depth),
                         int(outs),
                         int(positions),
                         int(elements),
                         int(outs)};
    const int64_t lines = tiles_of(positions);
    const int out_tiles = tiles_of(outs);
    const int64_t tiles =
        form == SampleNormForm::kGram ? lines * (lines + 1) / 2 : int64_t{tiles_of(elements)} * out_tiles;
    DeviceScratch<float> scratch(s.n * s.groups * tiles);
    float* parts = scratch.data();
    const dim3 grid(unsigned(tiles), unsigned(s.groups), unsigned(s.n));
    if (form == SampleNormForm::kGram)
        HB_LAUNCH((gram_kernel<T>), grid, kThreads, 0, stream(), layer, parts);
    else
        HB_LAUNCH((direct_kernel<T>), grid, kThreads, 0, stream(), layer, out_tiles, parts);
    HB_LAUNCH((finish_kernel<T>), unsigned(s.n), kThreads, 0, stream(), parts, s.groups * tiles, layer.outputs,
              int(positions), bias, add, norms.f32());
}

}  // namespace

void conv_sample_norms(const ConvShape& shape, const View& x, const View& dy, bool bias, bool add, const View& norms,
                       SampleNormForm form) {
    if (shape.n == 0) return;
    if (shape.n > 65535 || shape.groups > 65535)
        fail(HB_ERROR_UNSUPPORTED, "sample norms of %lld samples in %lld groups; at most 65535 of each were expected",
             (long long)shape.n, (long long)shape.groups);
    with_activation(x.type, [&]<class T>(T) { norms_of<T>(shape, x, dy, bias, add, norms, form); });
}

}  // namespace hb::cuda
