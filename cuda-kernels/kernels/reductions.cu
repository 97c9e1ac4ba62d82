// Sums, means, extremes and their places.
//
// Reading x is all that costs: 4 bytes an f32 element, 0.84 T elements a second at an H100's 3.35 TB/s. x is
// [outer, reduced, inner]; what decides is who reads what:
//   short rows side by side (inner = 1)    a power of 2 of lanes a row, joined by shuffles;
//   little to reduce                       one thread a result;
//   all else                               a block takes a band of columns of one `outer`; its threads are laid out as
//                                          [rows, columns], so that a warp reads lines, and a thread keeps its columns.
//                                          inner = 1 is seen as rows of 16 bytes whose lanes are joined at the end.
// Where that makes few blocks (batch norm's [0, 1, 2], a whole tensor) `reduced` is cut into pieces, by the shape
// alone, and a second pass joins their results: at most 1024 pieces of doubles, nothing beside x. Variants: one pass
// with the last block joining (a ticket and a fence; saves 3 us of a launch) and atomics (bits would depend on timing).
// Sums: neighbours and four rows in f32 as a tree, the rest in double. A double for every element would be 4
// conversions and additions where this has one: no matter on an H100 (half rate), but on GPUs with 1/64 of it.
#include "host/device.h"
#include "kernels/kernels.h"
#include "kernels/numbers.cuh"
#include "kernels/strided.cuh"
#include "kernels/vectors.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;
constexpr unsigned kAllLanes = 0xffffffffu;

__device__ __forceinline__ double widened(double x) { return x; }
using hb::cuda::widened;

// ---- what is reduced

struct Sum {
    using Partial = double;
    double divisor;

    __device__ __forceinline__ double none() const { return 0; }
    template <class V>
    __device__ __forceinline__ V joined(V a, V b) const {
        return a + b;
    }
    __device__ __forceinline__ float result(double sum) const { return static_cast<float>(sum / divisor); }
};

// sign: 1 for the largest, -1 for the smallest. A NaN, once met, stays.
struct Extreme {
    using Partial = float;
    float sign;

    __device__ __forceinline__ float none() const { return -sign * __uint_as_float(0x7f800000u); }
    __device__ __forceinline__ float joined(float a, float b) const {
        return a == a && (sign * b > sign * a || b != b) ? b : a;
    }
    __device__ __forceinline__ float result(float x) const { return x; }
};

// Joins v[0..n) as a tree.
template <int n, class Op, class V>
__device__ __forceinline__ V tree(const Op& op, const V* v) {
    if constexpr (n == 1)
        return v[0];
    else
        return op.joined(tree<n / 2>(op, v), tree<n / 2>(op, v + n / 2));
}

// ---- one thread a result

template <class Op, class X, class Y>
__global__ void __launch_bounds__(kThreads)
    reduce_thread_kernel(Op op, const X* x, Y* y, int64_t results, int64_t reduced, Split inner) {
    HB_GRID_STRIDE(i, results) {
        const int64_t o = inner.quotient(i);
        const X* p = x + o * reduced * inner.size + (i - o * inner.size);
        typename Op::Partial sum = op.none();
        for (int64_t r = 0; r < reduced; r++)
            sum = op.joined(sum, static_cast<typename Op::Partial>(widened(p[r * inner.size])));
        y[i] = op.result(sum);
    }
}

// ---- `lanes` threads a row

template <class Op, class X>
__global__ void __launch_bounds__(kThreads)
    reduce_row_kernel(Op op, const X* x, float* y, int64_t rows, int64_t reduced, int lanes) {
    const int lane = threadIdx.x % lanes;
    const int64_t at_once = int64_t{gridDim.x} * (kThreads / lanes);
    // All threads take part in the shuffles, also those behind the last row.
    for (int64_t first = int64_t{blockIdx.x} * (kThreads / lanes); first < rows; first += at_once) {
        const int64_t row = first + threadIdx.x / lanes;
        typename Op::Partial sum = op.none();
        if (row < rows) {
            const X* p = x + row * reduced;
#pragma unroll 4
            for (int64_t j = lane; j < reduced; j += lanes)
                sum = op.joined(sum, static_cast<typename Op::Partial>(widened(p[j])));
        }
        for (int apart = lanes / 2; apart > 0; apart /= 2) sum = op.joined(sum, __shfl_xor_sync(kAllLanes, sum, apart));
        if (row < rows && lane == 0) y[row] = op.result(sum);
    }
}

// ---- blocks of [rows, columns]

// How a block's threads cover a band of columns, and how rows are cut.
struct Bands {
    int64_t rows;       // to reduce
    int64_t width;      // elements of a row
    int across;         // threads along a row
    int down;           // rows at a time
    int64_t bands;      // of across * lanes columns each
    int64_t pieces;     // of the rows
    int64_t per_piece;  // rows
    int64_t tail;       // elements behind the last row, of one `outer` with a single column

    Bands(int64_t outer, int64_t rows, int64_t width, int lanes, int64_t tail) : rows(rows), width(width), tail(tail) {
        const int64_t columns = width / lanes;
        bands = (columns + kThreads - 1) / kThreads;
        across = static_cast<int>((columns + bands - 1) / bands);
        down = kThreads / across;
        // As many blocks as an H100 holds, as long as a thread has 16 rows.
        constexpr int64_t kBlocks = 1024;
        const int64_t wanted = (kBlocks + outer * bands - 1) / (outer * bands), most = rows / (16 * down);
        pieces = wanted < most ? wanted : most;
        if (pieces < 1) pieces = 1;
        per_piece = (rows + pieces - 1) / pieces;
        pieces = (rows + per_piece - 1) / per_piece;
    }
};

// x [outer, rows, width] -> y [outer, pieces, width], or [outer, pieces] where `together`: then the lanes are one
// result.
template <class Op, class X, class Y, int lanes, bool together>
__global__ void __launch_bounds__(kThreads) reduce_block_kernel(Op op, const X* x, Y* y, Bands b) {
    using Partial = typename Op::Partial;
    using Value = decltype(widened(X()));
    constexpr int kSums = together ? 1 : lanes;
    __shared__ Partial sums[kSums][kThreads];

    const int64_t band = blockIdx.x % b.bands, piece = blockIdx.x / b.bands % b.pieces,
                  outer = blockIdx.x / b.bands / b.pieces;
    const int line = threadIdx.x / b.across;
    const int64_t column = (band * b.across + threadIdx.x % b.across) * lanes;
    const bool active = line < b.down && column < b.width;
    const int64_t begin = piece * b.per_piece, end = b.rows < begin + b.per_piece ? b.rows : begin + b.per_piece;

    Partial sum[kSums];
#pragma unroll
    for (int s = 0; s < kSums; s++) sum[s] = op.none();
    if (active) {
        const X* p = x + outer * b.rows * b.width + column;
        // rows [r], [r + down] .. : `count` at a time.
        auto add = [&](int64_t r, auto count) {
            constexpr int kRows = decltype(count)::value;
            Packed<X, lanes> from[kRows];
#pragma unroll
            for (int i = 0; i < kRows; i++) from[i] = load_packed<lanes>(p + (r + i * b.down) * b.width);
            Value of_lane[lanes];
#pragma unroll
            for (int l = 0; l < lanes; l++) {
                Value v[kRows];
#pragma unroll
                for (int i = 0; i < kRows; i++) v[i] = widened(from[i].lane[l]);
                of_lane[l] = tree<kRows>(op, v);
            }
            if constexpr (together) {
                sum[0] = op.joined(sum[0], static_cast<Partial>(tree<lanes>(op, of_lane)));
            } else {
#pragma unroll
                for (int l = 0; l < lanes; l++) sum[l] = op.joined(sum[l], static_cast<Partial>(of_lane[l]));
            }
        };
        int64_t r = begin + line;
        for (; r + 3 * b.down < end; r += 4 * b.down) add(r, std::integral_constant<int, 4>());
        for (; r < end; r += b.down) add(r, std::integral_constant<int, 1>());
        if (together && piece == b.pieces - 1 && line < b.tail)
            sum[0] = op.joined(sum[0], static_cast<Partial>(widened(x[b.rows * b.width + line])));
    }

#pragma unroll
    for (int s = 0; s < kSums; s++) sums[s][threadIdx.x] = sum[s];
    int half = 1;
    while (2 * half < b.down) half *= 2;
    for (; half > 0; half /= 2) {
        __syncthreads();
        if (line < half && line + half < b.down)
#pragma unroll
            for (int s = 0; s < kSums; s++)
                sums[s][threadIdx.x] = op.joined(sums[s][threadIdx.x], sums[s][threadIdx.x + half * b.across]);
    }
    __syncthreads();
    if (line != 0 || !active) return;
    const int64_t to = (outer * b.pieces + piece) * (together ? 1 : b.width) + (together ? 0 : column);
#pragma unroll
    for (int s = 0; s < kSums; s++) {
        if constexpr (std::is_same_v<Y, Partial> && !std::is_same_v<Y, float>)
            y[to + s] = sums[s][threadIdx.x];
        else
            y[to + s] = op.result(sums[s][threadIdx.x]);
    }
}

template <class Op, class X>
void reduce_all(const Op& op, const X* x, int64_t outer, int64_t reduced, int64_t inner, float* y);

template <int lanes, bool together, class Op, class X>
void reduce_bands(const Op& op, const X* x, int64_t outer, int64_t rows, int64_t width, int64_t tail, float* y) {
    using Partial = typename Op::Partial;
    const Bands bands(outer, rows, width, lanes, tail);
    const int64_t blocks = outer * bands.pieces * bands.bands;
    if (blocks > INT32_MAX)
        fail(HB_ERROR_UNSUPPORTED, "a reduction of %lld x %lld x %lld elements needs more blocks than a grid has",
             (long long)outer, (long long)rows, (long long)width);
    const auto grid = static_cast<unsigned>(blocks);
    if (bands.pieces == 1) {
        HB_LAUNCH((reduce_block_kernel<Op, X, float, lanes, together>), grid, kThreads, 0, stream(), op, x, y, bands);
        return;
    }
    const int64_t inner = together ? 1 : width;
    const DeviceScratch<Partial> scratch(outer * bands.pieces * inner);
    Partial* const parts = scratch.data();
    HB_LAUNCH((reduce_block_kernel<Op, X, Partial, lanes, together>), grid, kThreads, 0, stream(), op, x, parts, bands);
    reduce_all(op, static_cast<const Partial*>(parts), outer, bands.pieces, inner, y);
}

template <class Op, class X>
void reduce_all(const Op& op, const X* x, int64_t outer, int64_t reduced, int64_t inner, float* y) {
    constexpr int64_t kLongestRow = 1024, kFew = 16, kSmall = 512;
    const int64_t results = outer * inner;
    if (inner == 1 && reduced > 4 && reduced <= kLongestRow) {
        int lanes = 2;
        while (lanes < 32 && 2 * lanes <= reduced) lanes *= 2;
        HB_LAUNCH((reduce_row_kernel<Op, X>), blocks_for(results, kThreads / lanes), kThreads, 0, stream(), op, x, y,
                  results, reduced, lanes);
        return;
    }
    if (reduced <= kFew || (reduced * inner <= kSmall && outer >= kThreads)) {
        HB_LAUNCH((reduce_thread_kernel<Op, X, float>), blocks_for(results, kThreads), kThreads, 0, stream(), op, x, y,
                  results, reduced, Split(inner, results));
        return;
    }
    if constexpr (!std::is_same_v<X, double>) {
        constexpr int kWide = kLanes<X>;
        if (inner == 1 && is_aligned(x) && (outer == 1 || reduced % kWide == 0))
            return reduce_bands<kWide, true>(op, x, outer, reduced / kWide, kWide, reduced % kWide, y);
        if (inner % kWide == 0 && is_aligned(x)) return reduce_bands<kWide, false>(op, x, outer, reduced, inner, 0, y);
    }
    reduce_bands<1, false>(op, x, outer, reduced, inner, 0, y);
}

void reduce(int kind, const View& x, int64_t outer, int64_t reduced, int64_t inner, const View& y) {
    with_activation(x.type, [&]<class X>(X) {
        const X* from = x.as<X>();
        if (kind == HB_REDUCE_SUM || kind == HB_REDUCE_MEAN)
            reduce_all(Sum{kind == HB_REDUCE_MEAN ? double(reduced) : 1.0}, from, outer, reduced, inner, y.f32());
        else
            reduce_all(Extreme{kind == HB_REDUCE_MAX ? 1.0f : -1.0f}, from, outer, reduced, inner, y.f32());
    });
}

// ---- the gradient of extremes: two walks over x, 4 + 8 bytes an element

// v with x's shape; its dimensions of size 1 repeat.
View broadcast(View v, const View& x) {
    for (int i = 0; i < x.rank(); i++)
        if (v[i] == 1) v.stride[i] = 0;
    v.shape = x.shape;
    return v;
}

// at: of y and of the counts. Whole numbers, so that the order of the additions does not matter.
template <class T>
__global__ void __launch_bounds__(kThreads)
    count_extremes_kernel(const T* x, const T* y, uint32_t* counts, Strided<2> at) {
    HB_GRID_STRIDE(i, at.elements) {
        int64_t offset[2];
        at.offsets(i, offset);
        if (widened(x[i]) == widened(y[offset[0]])) atomicAdd(&counts[offset[1]], 1u);
    }
}

// at: of y, the counts and dy
template <class T>
__global__ void __launch_bounds__(kThreads)
    extreme_backward_kernel(const T* x, const T* y, const uint32_t* counts, const T* dy, T* dx, Strided<3> at) {
    HB_GRID_STRIDE(i, at.elements) {
        int64_t offset[3];
        at.offsets(i, offset);
        const bool equal = widened(x[i]) == widened(y[offset[0]]);
        dx[i] = stored<T>(equal ? widened(dy[offset[2]]) / static_cast<float>(counts[offset[1]]) : 0.0f);
    }
}

void reduce_extreme_backward(const View& x, const View& y_given, const View& dy_given, const View& dx) {
    const View y = broadcast(y_given, x), dy = broadcast(dy_given, x);
    // A dense array with y's repetitions.
    View count = y;
    int64_t size = 1;
    for (int i = x.rank() - 1; i >= 0; i--) {
        if (y.stride[i] == 0) continue;
        count.stride[i] = size;
        size *= x[i];
    }
    const DeviceScratch<uint32_t> scratch(size);
    uint32_t* const counts = scratch.data();
    check(cudaMemsetAsync(counts, 0, size_t(size) * sizeof(uint32_t), stream()), "cudaMemsetAsync");
    const Strided<2> first(x.shape, {&y, &count});
    const Strided<3> second(x.shape, {&y, &count, &dy});
    with_activation(x.type, [&]<class T>(T) {
        const unsigned blocks = blocks_for(first.elements, kThreads);
        HB_LAUNCH((count_extremes_kernel<T>), blocks, kThreads, 0, stream(), x.as<T>(), y.as<T>(), counts, first);
        HB_LAUNCH((extreme_backward_kernel<T>), blocks, kThreads, 0, stream(), x.as<T>(), y.as<T>(), counts, dy.as<T>(),
                  dx.as<T>(), second);
    });
}

// ---- arg-max

struct Best {
    float value;
    int64_t at;

    // Takes `other` where it is larger (a NaN more than anything), or equal and earlier.
    __device__ __forceinline__ void meet(float other, int64_t other_at) {
        const bool nan = value != value, other_nan = other != other;
        const bool larger = other > value || (other_nan && !nan), equal = other == value || (other_nan && nan);
        if (larger || (equal && other_at < at)) {
            value = other;
            at = other_at;
        }
    }
    // The best of every `lanes` lanes.
    __device__ __forceinline__ void meet_lanes(int lanes) {
        for (int apart = lanes / 2; apart > 0; apart /= 2) {
            const float other = __shfl_xor_sync(kAllLanes, value, apart);
            const int64_t other_at = __shfl_xor_sync(kAllLanes, at, apart);
            meet(other, other_at);
        }
    }
};

// `lanes` threads a row: a power of 2 up to 32, or the whole block.
template <class T>
__global__ void __launch_bounds__(kThreads)
    argmax_kernel(const T* x, int64_t* y, int64_t rows, int64_t columns, int lanes) {
    __shared__ float values[kThreads / 32];
    __shared__ int64_t places[kThreads / 32];
    const int lane = threadIdx.x % lanes;
    for (int64_t first = int64_t{blockIdx.x} * (kThreads / lanes); first < rows;
         first += int64_t{gridDim.x} * (kThreads / lanes)) {
        const int64_t row = first + threadIdx.x / lanes;
        Best best{-__uint_as_float(0x7f800000u), INT64_MAX};
        if (row < rows) {
#pragma unroll 4
            for (int64_t j = lane; j < columns; j += lanes) best.meet(widened(x[row * columns + j]), j);
        }
        best.meet_lanes(lanes < 32 ? lanes : 32);
        if (lanes > 32) {
            if (threadIdx.x % 32 == 0) {
                values[threadIdx.x / 32] = best.value;
                places[threadIdx.x / 32] = best.at;
            }
            __syncthreads();
            for (int w = 1; threadIdx.x == 0 && w < kThreads / 32; w++) best.meet(values[w], places[w]);
            __syncthreads();
        }
        if (row < rows && lane == 0) y[row] = best.at;
    }
}

void argmax(const View& x, const View& y) {
    const int64_t rows = x.rows(), columns = x.columns();
    int lanes = 1;
    while (lanes < 32 && 2 * lanes <= columns) lanes *= 2;
    if (columns > 2048) lanes = kThreads;
    with_activation(x.type, [&]<class T>(T) {
        HB_LAUNCH((argmax_kernel<T>), blocks_for(rows, kThreads / lanes), kThreads, 0, stream(), x.as<T>(),
                  y.as<int64_t>(), rows, columns, lanes);
    });
}

}  // namespace

void add_reductions(Backend& table) {
    table.reduce = reduce;
    table.reduce_extreme_backward = reduce_extreme_backward;
    table.argmax = argmax;
}

}  // namespace hb::cuda
