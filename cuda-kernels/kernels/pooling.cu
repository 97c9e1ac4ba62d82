// Max and average pooling of NHWC images, forward and backward.
//
// A thread makes 16 bytes of neighbouring channels of one pixel. Forward it walks its window. Backward it gathers: it
// walks the windows that its pixel may lie in, so that nothing is added to by two threads and the sum has one order.
// The max's gradient is not told its windows, only the pixel that each result came from: a kernel finds for each row
// (and column) of results the first and last image row (column) in it, a second one turns these into the rows of
// results that an image row can be in. Indices that no small window explains (a caller may make up any) are added by
// one thread per image and channel instead. Large windows, the global average above all, are summed by a whole block.
// Known and not taken: atomic adds (another order every time, and no bf16 before sm_90), a sum in shared memory per
// image (needs all pixels of an image in one block).
//
// Bytes: forward reads the image and writes the results (4 more bytes of index each); backward reads these and writes
// the image, and the max's reads the index twice. Windows that overlap are read again from the caches. An operation per
// element and window: memory bounds. ResNet's first pooling, 32x112x112x64 by 3x3 over 2 in bf16: 51 MB, 13 MB and 26
// MB of index: 27 us forward and 35 us backward on an H100 with 3.35 TB/s.
#include "host/device.h"
#include "kernels/columns.cuh"
#include "kernels/kernels.h"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;

// Least of a warp's 32 values, in every lane.
__device__ __forceinline__ int32_t warp_least(int32_t x) {
#pragma unroll
    for (int apart = 16; apart > 0; apart >>= 1) {
        const int32_t other = __shfl_xor_sync(0xffffffffu, x, apart);
        x = other < x ? other : x;
    }
    return x;
}

// Element i of n images of height x width pixels, in packs of V channels.
template <int V>
struct Pixel {
    int64_t n, row, column, channel;

    __device__ Pixel(int64_t i, int64_t height, int64_t width, int64_t channels) {
        int64_t above = divided(i, channels / V);
        channel = i * V;
        column = above;
        above = divided(column, width);
        row = above;
        n = divided(row, height);
    }
};

// The part of window (oh, ow) that lies inside the image.
struct Window {
    int64_t top, bottom, left, right;

    __device__ Window(const PoolShape& s, int64_t oh, int64_t ow)
        : top(oh * s.stride_h - s.pad_h), bottom(top + s.kh), left(ow * s.stride_w - s.pad_w), right(left + s.kw) {
        top = top < 0 ? 0 : top;
        left = left < 0 ? 0 : left;
        bottom = bottom > s.h ? s.h : bottom;
        right = right > s.w ? s.w : right;
    }
    __device__ float elements(const PoolShape& s) const {
        return float(s.count_padding ? s.kh * s.kw : (bottom - top) * (right - left));
    }
};

// ---- max

template <class T, int V>
__global__ void __launch_bounds__(kThreads) max_pool_kernel(const T* x, PoolShape s, T* y, int32_t* index) {
    HB_GRID_STRIDE(i, s.n * s.oh * s.ow * s.c / V) {
        const Pixel<V> at(i, s.oh, s.ow, s.c);
        const Window window(s, at.row, at.column);
        const T* image = x + at.n * s.h * s.w * s.c + at.channel;
        float most[V];
        int32_t best[V];
        load<V>(image + (window.top * s.w + window.left) * s.c, most);
#pragma unroll
        for (int j = 0; j < V; j++) best[j] = int32_t(window.top * s.w + window.left);
        for (int64_t ih = window.top; ih < window.bottom; ih++)
            for (int64_t iw = window.left; iw < window.right; iw++) {
                const int32_t pixel = int32_t(ih * s.w + iw);
                float value[V];
                load<V>(image + int64_t{pixel} * s.c, value);
#pragma unroll
                for (int j = 0; j < V; j++) {
                    // The first NaN is larger than everything.
                    if (value[j] > most[j] || (value[j] != value[j] && most[j] == most[j])) {
                        most[j] = value[j];
                        best[j] = pixel;
                    }
                }
            }
        store<V>(y + V * i, most);
        store<V>(index + V * i, best);
    }
}

void max_pool2d(const PoolShape& s, const View& x, const View& y, const View& index) {
    with_activation(x.type, [&]<class T>(T) {
        auto run = [&]<int V>(std::integral_constant<int, V>) {
            HB_LAUNCH((max_pool_kernel<T, V>), blocks_for(y.elements() / V, kThreads), kThreads, 0, stream(), x.as<T>(),
                      s, y.as<T>(), index.as<int32_t>());
        };
        with_pack<T>(s.c, run, x, y, index);
    });
}

// ---- max, backward: which results can an image row (column) be in?

// Along one dimension: for each of `results` positions the lowest and the highest source, and for each of `sources` the
// first and last result that can have come from it.
struct Reach {
    int32_t *lowest, *highest;  // [results]
    int32_t *first, *last;      // [sources]
    int64_t results, sources;
};
struct Reaches {
    Reach rows, columns;
    int32_t* scattered;  // 1: some source can be in more results than a gather may walk
};
// Windows of 3x3 over 1 have 3; a kernel k over stride s has k / s, rounded up.
constexpr int32_t kMostResults = 8;

__global__ void __launch_bounds__(kThreads) clear_reach_kernel(Reach reach, int32_t* scattered) {
    HB_GRID_STRIDE(i, reach.results) {
        reach.lowest[i] = INT32_MAX;
        reach.highest[i] = -1;
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) *scattered = 0;
}

// A warp per result pixel.
__global__ void __launch_bounds__(kThreads) find_sources_kernel(const int32_t* index, PoolShape s, Reaches to) {
    const int lane = int(threadIdx.x) % 32;
    const int64_t warps = int64_t{gridDim.x} * (kThreads / 32);
    for (int64_t pixel = (int64_t{blockIdx.x} * kThreads + threadIdx.x) / 32; pixel < s.n * s.oh * s.ow;
         pixel += warps) {
        int32_t top = INT32_MAX, bottom = -1, left = INT32_MAX, right = -1;
        for (int64_t c = lane; c < s.c; c += 32) {
            int64_t at = index[pixel * s.c + c];
            const int32_t row = int32_t(divided(at, s.w)), column = int32_t(at);
            top = row < top ? row : top;
            bottom = row > bottom ? row : bottom;
            left = column < left ? column : left;
            right = column > right ? column : right;
        }
        top = warp_least(top), bottom = -warp_least(-bottom);
        left = warp_least(left), right = -warp_least(-right);
        if (lane != 0) continue;
        int64_t ow = pixel, oh = divided(ow, s.ow);
        divided(oh, s.oh);
        // Whole numbers: the least and the largest are the same in any order.
        atomicMin(to.rows.lowest + oh, top);
        atomicMax(to.rows.highest + oh, bottom);
        atomicMin(to.columns.lowest + ow, left);
        atomicMax(to.columns.highest + ow, right);
    }
}

__global__ void __launch_bounds__(kThreads) invert_reach_kernel(Reach reach, int32_t* scattered) {
    HB_GRID_STRIDE(i, reach.sources) {
        const int32_t at = int32_t(i);
        int32_t first = 0, last = -1;
        for (int32_t result = 0; result < reach.results; result++) {
            if (at < reach.lowest[result] || at > reach.highest[result]) continue;
            if (last < 0) first = result;
            last = result;
        }
        reach.first[at] = first;
        reach.last[at] = last;
        if (last - first >= kMostResults) atomicMax(scattered, 1);
    }
}

template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    gather_max_kernel(const T* dy, const int32_t* index, PoolShape s, Reaches reaches, T* dx) {
    if (*reaches.scattered) return;
    HB_GRID_STRIDE(i, s.n * s.h * s.w * s.c / V) {
        const Pixel<V> at(i, s.h, s.w, s.c);
        const int32_t pixel = int32_t(at.row * s.w + at.column);
        float sum[V];
#pragma unroll
        for (int j = 0; j < V; j++) sum[j] = 0;
        const int32_t left = reaches.columns.first[at.column], right = reaches.columns.last[at.column];
        const int32_t bottom = reaches.rows.last[at.row];
        // One loop instead of two, and no branch within: nested divergence cost a register that was spilled.
        int32_t oh = reaches.rows.first[at.row], ow = left;
        while (oh <= bottom && left <= right) {
            const int64_t result = ((at.n * s.oh + oh) * s.ow + ow) * s.c + at.channel;
            int32_t from[V];
            float gradient[V];
            load<V>(index + result, from);
            load<V>(dy + result, gradient);
#pragma unroll
            for (int j = 0; j < V; j++) sum[j] += from[j] == pixel ? gradient[j] : 0.0f;
            const bool last = ow == right;
            ow = last ? left : ow + 1;
            oh += last;
        }
        store<V>(dx + V * i, sum);
    }
}

// For indices of no window: one thread per image and channel. In bf16 every addition rounds.
template <class T>
__global__ void __launch_bounds__(kThreads)
    scatter_max_kernel(const T* dy, const int32_t* index, PoolShape s, Reaches reaches, T* dx) {
    if (!*reaches.scattered) return;
    HB_GRID_STRIDE(i, s.n * s.c) {
        int64_t channel = i, n = divided(channel, s.c);
        T* image = dx + n * s.h * s.w * s.c + channel;
        const int64_t first = n * s.oh * s.ow * s.c + channel;
        for (int64_t pixel = 0; pixel < s.h * s.w; pixel++) image[pixel * s.c] = stored<T>(0);
        for (int64_t result = 0; result < s.oh * s.ow; result++) {
            T& at = image[index[first + result * s.c] * s.c];
            at = stored<T>(widened(at) + widened(dy[first + result * s.c]));
        }
    }
}

void max_pool2d_backward(const PoolShape& s, const View& dy, const View& index, const View& dx) {
    const int64_t results = s.oh + s.ow, sources = s.h + s.w;
    DeviceScratch<int32_t> memory(2 * results + 2 * sources + 1);
    int32_t *lowest = memory.data(), *highest = lowest + results, *first = highest + results, *last = first + sources;
    const Reaches reaches{{lowest, highest, first, last, s.oh, s.h},
                          {lowest + s.oh, highest + s.oh, first + s.h, last + s.h, s.ow, s.w},
                          last + sources};
    for (const Reach& reach : {reaches.rows, reaches.columns})
        HB_LAUNCH((clear_reach_kernel), blocks_for(reach.results, kThreads), kThreads, 0, stream(), reach,
                  reaches.scattered);
    HB_LAUNCH((find_sources_kernel), blocks_for(s.n * s.oh * s.ow * 32, kThreads, 1024), kThreads, 0, stream(),
              index.as<int32_t>(), s, reaches);
    for (const Reach& reach : {reaches.rows, reaches.columns})
        HB_LAUNCH((invert_reach_kernel), blocks_for(reach.sources, kThreads), kThreads, 0, stream(), reach,
                  reaches.scattered);
    with_activation(dy.type, [&]<class T>(T) {
        auto run = [&]<int V>(std::integral_constant<int, V>) {
            HB_LAUNCH((gather_max_kernel<T, V>), blocks_for(dx.elements() / V, kThreads), kThreads, 0, stream(),
                      dy.as<T>(), index.as<int32_t>(), s, reaches, dx.as<T>());
        };
        with_pack<T>(s.c, run, dy, index, dx);
        HB_LAUNCH((scatter_max_kernel<T>), blocks_for(s.n * s.c, kThreads), kThreads, 0, stream(), dy.as<T>(),
                  index.as<int32_t>(), s, reaches, dx.as<T>());
    });
}

// ---- average

template <class T, int V>
__global__ void __launch_bounds__(kThreads) avg_pool_kernel(const T* x, PoolShape s, T* y) {
    HB_GRID_STRIDE(i, s.n * s.oh * s.ow * s.c / V) {
        const Pixel<V> at(i, s.oh, s.ow, s.c);
        const Window window(s, at.row, at.column);
        const T* image = x + at.n * s.h * s.w * s.c + at.channel;
        float sum[V];
#pragma unroll
        for (int j = 0; j < V; j++) sum[j] = 0;
        for (int64_t ih = window.top; ih < window.bottom; ih++)
            for (int64_t iw = window.left; iw < window.right; iw++) {
                float value[V];
                load<V>(image + (ih * s.w + iw) * s.c, value);
#pragma unroll
                for (int j = 0; j < V; j++) sum[j] += value[j];
            }
        const float elements = window.elements(s);
#pragma unroll
        for (int j = 0; j < V; j++) sum[j] /= elements;
        store<V>(y + V * i, sum);
    }
}

template <int V>
struct Sums {
    float at[V];

    __device__ void merge(Sums& other) {
#pragma unroll
        for (int j = 0; j < V; j++) at[j] += other.at[j];
    }
};

// A block per result pixel and tile of channels. columns: of rows = results, one each.
template <class T, int V>
__global__ void __launch_bounds__(kColumnThreads)
    avg_pool_large_kernel(const T* x, PoolShape s, Columns columns, T* y) {
    const ColumnPlace<V> place(columns);
    const Pixel<1> at(place.segment, s.oh, s.ow, 1);
    const Window window(s, at.row, at.column);
    const T* image = x + at.n * s.h * s.w * s.c + place.column;
    const int64_t width = window.right - window.left, elements = (window.bottom - window.top) * width;
    Sums<V> sums;
#pragma unroll
    for (int j = 0; j < V; j++) sums.at[j] = 0;
    if (place.inside) {
#pragma unroll 4
        for (int64_t i = place.row; i < elements; i += columns.down()) {
            int64_t left = i, top = divided(left, width);
            float value[V];
            load<V>(image + ((window.top + top) * s.w + window.left + left) * s.c, value);
#pragma unroll
            for (int j = 0; j < V; j++) sums.at[j] += value[j];
        }
    }
    merge_down(columns, place.row, sums);
    if (place.row != 0 || !place.inside) return;
    const float count = window.elements(s);
#pragma unroll
    for (int j = 0; j < V; j++) sums.at[j] /= count;
    store<V>(y + place.segment * s.c + place.column, sums.at);
}

// Windows of more elements are summed by blocks.
constexpr int64_t kLargeWindow = 32;

void avg_pool2d(const PoolShape& s, const View& x, const View& y) {
    const int64_t results = s.n * s.oh * s.ow;
    with_activation(x.type, [&]<class T>(T) {
        auto run = [&]<int V>(std::integral_constant<int, V>) {
            if (s.kh * s.kw > kLargeWindow) {
                const Columns columns(results, s.c, results, results, V, 1, 1);
                HB_LAUNCH((avg_pool_large_kernel<T, V>), unsigned(columns.blocks()), kColumnThreads, 0, stream(),
                          x.as<T>(), s, columns, y.as<T>());
            } else {
                HB_LAUNCH((avg_pool_kernel<T, V>), blocks_for(y.elements() / V, kThreads), kThreads, 0, stream(),
                          x.as<T>(), s, y.as<T>());
            }
        };
        with_pack<T>(s.c, run, x, y);
    });
}

// First window that reaches source position `at`, and the last that begins no later. Positions have 32 bits: a division
// of 64 is a call.
__device__ __forceinline__ int first_window(int64_t at, int64_t kernel, int64_t stride, int64_t pad) {
    const int end = int(at + pad - kernel);  // of windows that begin there or earlier, before `at`
    return end < 0 ? 0 : end / int(stride) + 1;
}
__device__ __forceinline__ int last_window(int64_t at, int64_t stride, int64_t pad, int64_t windows) {
    const int last = int(at + pad) / int(stride);
    return last < windows ? last : int(windows) - 1;
}

template <class T, int V>
__global__ void __launch_bounds__(kThreads) avg_pool_backward_kernel(const T* dy, PoolShape s, T* dx) {
    HB_GRID_STRIDE(i, s.n * s.h * s.w * s.c / V) {
        const Pixel<V> at(i, s.h, s.w, s.c);
        const int bottom = last_window(at.row, s.stride_h, s.pad_h, s.oh);
        const int right = last_window(at.column, s.stride_w, s.pad_w, s.ow);
        const int left = first_window(at.column, s.kw, s.stride_w, s.pad_w);
        float sum[V];
#pragma unroll
        for (int j = 0; j < V; j++) sum[j] = 0;
        for (int oh = first_window(at.row, s.kh, s.stride_h, s.pad_h); oh <= bottom; oh++)
            for (int ow = left; ow <= right; ow++) {
                const float elements = Window(s, oh, ow).elements(s);
                float gradient[V];
                load<V>(dy + ((at.n * s.oh + oh) * s.ow + ow) * s.c + at.channel, gradient);
#pragma unroll
                for (int j = 0; j < V; j++) sum[j] += gradient[j] / elements;
            }
        store<V>(dx + V * i, sum);
    }
}

void avg_pool2d_backward(const PoolShape& s, const View& dy, const View& dx) {
    with_activation(dy.type, [&]<class T>(T) {
        auto run = [&]<int V>(std::integral_constant<int, V>) {
            HB_LAUNCH((avg_pool_backward_kernel<T, V>), blocks_for(dx.elements() / V, kThreads), kThreads, 0, stream(),
                      dy.as<T>(), s, dx.as<T>());
        };
        with_pack<T>(s.c, run, dy, dx);
    });
}

}  // namespace

void add_pooling(Backend& table) {
    table.max_pool2d = max_pool2d;
    table.max_pool2d_backward = max_pool2d_backward;
    table.avg_pool2d = avg_pool2d;
    table.avg_pool2d_backward = avg_pool2d_backward;
}

}  // namespace hb::cuda
