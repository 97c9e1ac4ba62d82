// Filling, copying with conversion, and moving rows.
//
// Nothing is computed, so bytes are the bound: every element is read once and written once, at 3.35 TB/s on an H100
// 0.42 T elements of f32 a second. What a kernel can lose is width and coalescing, hence:
//   dense to dense of one type   the copy engine's memcpy;
//   any views of one type        elements of up to 16 bytes, made of neighbours that lie side by side in both views;
//   a transposition              tiles of 32x32 through shared memory, so that reads and writes are both in lines
//   (plain
//                                strided reads of f32 move 32 bytes for 4: an eighth of the bound);
//   a conversion                 f32 <-> bf16 of dense views by 8 elements a thread, all others element by element.
// Scattered rows that may repeat: the last one wins by an atomic maximum of row numbers, whatever the order of threads;
// sums are taken in order of j after a stable sort of the indices (sorting.cuh), one thread for a row's column, in
// double, rounded once. Variants: atomic adds would make bits depend on timing; one block for every destination row
// that scans all indices reads them destination-rows times. A row that is named by most indices is summed by one thread
// a column: fine for gradients of gathers, slow where thousands of narrow rows meet in one.
#include "host/device.h"
#include "kernels/kernels.h"
#include "kernels/numbers.cuh"
#include "kernels/sorting.cuh"
#include "kernels/strided.cuh"
#include "kernels/vectors.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;

// ---- conversion

// The float next to x towards zero, with its last bit set where x is not a float: rounding that to nearest gives what
// rounding x at once would have given.
__device__ __forceinline__ float round_to_odd(double x) {
    const float f = static_cast<float>(x);
    if (x != x || static_cast<double>(f) == x) return f;
    uint32_t u = __float_as_uint(f);
    if (fabs(static_cast<double>(f)) > fabs(x)) u--;
    return __uint_as_float(u | 1);
}

// A double that lies between the same bf16 as x: beyond 2^53 the low bits only matter as a whole.
__device__ __forceinline__ double as_double(int64_t x) {
    constexpr int64_t kExact = int64_t{1} << 53;
    if (x > -kExact && x < kExact) return static_cast<double>(x);
    return static_cast<double>((x & ~int64_t{0x7ff}) | ((x & 0x7ff) != 0 ? 0x400 : 0));
}
__device__ __forceinline__ double as_double(double x) { return x; }

// Round to nearest even; NaN stays NaN; to integers truncates and saturates, NaN gives 0.
template <class To, class From>
__device__ __forceinline__ To converted(From x) {
    if constexpr (std::is_same_v<To, From>) {
        return x;
    } else if constexpr (std::is_same_v<From, Bf16>) {
        return converted<To>(widened(x));
    } else if constexpr (std::is_same_v<To, Bf16> && std::is_same_v<From, float>) {
        return rounded_bf16(x);
    } else if constexpr (std::is_same_v<To, Bf16> && sizeof(From) == 8) {
        return rounded_bf16(round_to_odd(as_double(x)));
    } else if constexpr (std::is_same_v<To, Bf16>) {
        return rounded_bf16(round_to_odd(static_cast<double>(x)));
    } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
        if (x != x) return To(0);
        if (x <= static_cast<From>(Limits<To>::lowest)) return Limits<To>::lowest;
        if (x >= static_cast<From>(Limits<To>::highest)) return Limits<To>::highest;
        return static_cast<To>(x);
    } else if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
        const int64_t wide = x;
        if (wide <= static_cast<int64_t>(Limits<To>::lowest)) return Limits<To>::lowest;
        if (wide >= static_cast<int64_t>(Limits<To>::highest)) return Limits<To>::highest;
        return static_cast<To>(x);
    } else {
        return static_cast<To>(x);
    }
}

template <class To, class From>
__global__ void __launch_bounds__(kThreads) convert_kernel(const From* x, To* y, Strided<2> at) {
    HB_GRID_STRIDE(i, at.elements) {
        int64_t offset[2];
        at.offsets(i, offset);
        y[offset[1]] = converted<To>(x[offset[0]]);
    }
}

// Dense float <-> Bf16; x and y 16-byte aligned.
template <class To, class From>
__global__ void __launch_bounds__(kThreads) convert_dense_kernel(const From* x, To* y, int64_t n) {
    constexpr int kPart = 4;
    HB_GRID_STRIDE(i, n / 8) {
#pragma unroll
        for (int part = 0; part < 8; part += kPart) {
            const auto from = load_packed<kPart>(x + 8 * i + part);
            Packed<To, kPart> to;
#pragma unroll
            for (int l = 0; l < kPart; l++) to.lane[l] = converted<To>(from.lane[l]);
            store_packed<kPart>(y + 8 * i + part, to);
        }
    }
    const int64_t rest = n / 8 * 8 + int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (rest < n) y[rest] = converted<To>(x[rest]);
}

template <class To, class From>
void convert(const View& x, const View& y, const Strided<2>& at) {
    if constexpr (sizeof(To) + sizeof(From) == 6 && !std::is_integral_v<To> && !std::is_integral_v<From>) {
        if (x.dense() && y.dense() && is_aligned(x.data) && is_aligned(y.data)) {
            HB_LAUNCH((convert_dense_kernel<To, From>), blocks_for((at.elements + 7) / 8, kThreads), kThreads, 0,
                      stream(), x.as<From>(), y.as<To>(), at.elements);
            return;
        }
    }
    HB_LAUNCH((convert_kernel<To, From>), blocks_for(at.elements, kThreads), kThreads, 0, stream(), x.as<From>(),
              y.as<To>(), at);
}

// ---- moving elements of one type

template <class T>
__global__ void __launch_bounds__(kThreads) move_kernel(const T* x, T* y, Strided<2> at) {
    HB_GRID_STRIDE(i, at.elements) {
        int64_t offset[2];
        at.offsets(i, offset);
        y[offset[1]] = x[offset[0]];
    }
}

constexpr int kTile = 32;
constexpr int kTileRows = 8;  // of threads

// y[.., r, c] = x[.., r, c], where y's elements lie side by side along c and x's along r.
template <class T>
__global__ void __launch_bounds__(kTile* kTileRows)
    transpose_kernel(const T* x, T* y, int64_t rows, int64_t columns, int64_t x_step, int64_t y_step,
                     int64_t tiles_down, int64_t tiles_across, int64_t tiles, Strided<2> outer) {
    __shared__ T tile[kTile][kTile + 1];
    const int lane = threadIdx.x % kTile, line = threadIdx.x / kTile;
    for (int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
        int64_t offset[2];
        const int64_t left = t / tiles_across, row = left % tiles_down * kTile, column = t % tiles_across * kTile;
        outer.offsets(left / tiles_down, offset);
        for (int i = line; i < kTile; i += kTileRows)
            if (row + lane < rows && column + i < columns)
                tile[i][lane] = x[offset[0] + (column + i) * x_step + row + lane];
        __syncthreads();
        for (int i = line; i < kTile; i += kTileRows)
            if (row + i < rows && column + lane < columns)
                y[offset[1] + (row + i) * y_step + column + lane] = tile[lane][i];
        __syncthreads();
    }
}

// The largest of 16, 8, 4 .. bytes that neighbours of `bytes` bytes can be moved by.
int64_t widest(const View& x, const View& y, const Strided<2>& at, int64_t bytes) {
    for (int64_t wide = 16; wide > bytes; wide /= 2) {
        const int lanes = static_cast<int>(wide / bytes);
        const bool whole = at.rank > 0 && at.size[at.rank - 1] % lanes == 0;
        if (whole && !at.repeats(0) && !at.repeats(1) && at.lanes_fit(0, lanes) && at.lanes_fit(1, lanes) &&
            is_aligned(x.data, uintptr_t(wide)) && is_aligned(y.data, uintptr_t(wide)))
            return wide;
    }
    return bytes;
}

// Whether the views are a transposition of each other that is worth tiles; `row` is the dimension that lies side by
// side in x, the last one does in y.
bool is_transposition(const Strided<2>& at, int& row) {
    const int last = at.rank - 1;
    if (at.rank < 2 || at.stride[1][last] != 1 || at.stride[0][last] <= 1 || at.size[last] < 8) return false;
    for (row = 0; row < last; row++)
        if (at.stride[0][row] == 1 && at.size[row] >= 8) return true;
    return false;
}

template <class T>
void transpose(const View& x, const View& y, Strided<2> at, int row) {
    const int last = at.rank - 1;
    const int64_t rows = at.size[row], columns = at.size[last];
    const int64_t x_step = at.stride[0][last], y_step = at.stride[1][row];
    at.remove(last);
    at.remove(row);
    const int64_t down = (rows + kTile - 1) / kTile, across = (columns + kTile - 1) / kTile;
    const int64_t tiles = at.elements * down * across;
    HB_LAUNCH((transpose_kernel<T>), blocks_for(tiles, 1), kTile * kTileRows, 0, stream(), x.as<T>(), y.as<T>(), rows,
              columns, x_step, y_step, down, across, tiles, at);
}

void move(const View& x, const View& y, Strided<2> at) {
    const int64_t bytes = size_of(x.type);
    if (x.dense() && y.dense()) {
        check(cudaMemcpyAsync(y.data, x.data, size_t(at.elements * bytes), cudaMemcpyDeviceToDevice, stream()),
              "cudaMemcpyAsync");
        return;
    }
    int row = 0;
    if (is_transposition(at, row)) {
        with_bytes(bytes, [&]<class T>(T) { transpose<T>(x, y, at, row); });
        return;
    }
    const int64_t wide = widest(x, y, at, bytes);
    const int lanes = static_cast<int>(wide / bytes);
    if (lanes > 1) {
        at.join_lanes(lanes);
        for (int v = 0; v < 2; v++)
            for (int d = 0; d < at.rank; d++) at.stride[v][d] /= lanes;
    }
    with_bytes(wide, [&]<class T>(T) {
        HB_LAUNCH((move_kernel<T>), blocks_for(at.elements, kThreads), kThreads, 0, stream(), x.as<T>(), y.as<T>(), at);
    });
}

void copy(const View& x, const View& y) {
    const Strided<2> at(y.shape, {&x, &y});
    if (x.type == y.type) return move(x, y, at);
    with_any(x.type, [&]<class From>(From) {
        with_any(y.type, [&]<class To>(To) {
            if constexpr (!std::is_same_v<To, From>) convert<To, From>(x, y, at);
        });
    });
}

// ---- filling

template <class T>
__global__ void __launch_bounds__(kThreads) fill_kernel(T* y, double value, Strided<1> at) {
    const T filler = converted<T>(value);
    HB_GRID_STRIDE(i, at.elements) {
        int64_t offset[1];
        at.offsets(i, offset);
        y[offset[0]] = filler;
    }
}

// y [n], 16-byte aligned.
template <class T>
__global__ void __launch_bounds__(kThreads) fill_dense_kernel(T* y, double value, int64_t n) {
    Packed<T, kLanes<T>> fillers;
#pragma unroll
    for (int l = 0; l < kLanes<T>; l++) fillers.lane[l] = converted<T>(value);
    HB_GRID_STRIDE(i, n / kLanes<T>) store_packed<kLanes<T>>(y + kLanes<T> * i, fillers);
    const int64_t rest = n / kLanes<T> * kLanes<T> + int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (rest < n) y[rest] = fillers.lane[0];
}

void fill(const View& y, double value) {
    const Strided<1> at(y.shape, {&y});
    with_any(y.type, [&]<class T>(T) {
        if (y.dense() && is_aligned(y.data)) {
            HB_LAUNCH((fill_dense_kernel<T>), blocks_for((at.elements + kLanes<T> - 1) / kLanes<T>, kThreads), kThreads,
                      0, stream(), y.as<T>(), value, at.elements);
        } else {
            HB_LAUNCH((fill_kernel<T>), blocks_for(at.elements, kThreads), kThreads, 0, stream(), y.as<T>(), value, at);
        }
    });
}

// ---- rows

int64_t row_bytes(const View& x) {
    int64_t n = size_of(x.type);
    for (int i = 1; i < x.rank(); i++) n *= x[i];
    return n;
}

// The largest unit of up to 16 bytes that rows of both can be moved by.
int64_t unit_of_rows(int64_t bytes, const View& x, const View& y) {
    int64_t unit = 16;
    while (bytes % unit != 0 || !is_aligned(x.data, uintptr_t(unit)) || !is_aligned(y.data, uintptr_t(unit))) unit /= 2;
    return unit;
}

// y[j, c] = x[index[j], c]
template <class T>
__global__ void __launch_bounds__(kThreads)
    gather_kernel(const T* x, const int64_t* index, T* y, int64_t elements, Split row) {
    HB_GRID_STRIDE(i, elements) {
        const int64_t j = row.quotient(i);
        y[i] = x[index[j] * row.size + (i - j * row.size)];
    }
}

void gather_rows(const View& x, const View& index, const View& y) {
    const int64_t bytes = row_bytes(x), unit = unit_of_rows(bytes, x, y);
    const int64_t width = bytes / unit, elements = index.elements() * width;
    with_bytes(unit, [&]<class T>(T) {
        HB_LAUNCH((gather_kernel<T>), blocks_for(elements, kThreads), kThreads, 0, stream(), x.as<T>(),
                  index.as<int64_t>(), y.as<T>(), elements, Split(width, elements));
    });
}

// last[d] = 1 + the last j with index[j] = d; last is 0 before.
__global__ void __launch_bounds__(kThreads) last_kernel(const int64_t* index, uint32_t* last, int64_t n) {
    HB_GRID_STRIDE(j, n) atomicMax(&last[index[j]], static_cast<uint32_t>(j + 1));
}

template <class T>
__global__ void __launch_bounds__(kThreads) replace_kernel(T* destination, const int64_t* index, const T* source,
                                                           const uint32_t* last, int64_t elements, Split row) {
    HB_GRID_STRIDE(i, elements) {
        const int64_t j = row.quotient(i), to = index[j];
        if (last[to] == static_cast<uint32_t>(j + 1)) destination[to * row.size + (i - j * row.size)] = source[i];
    }
}

void replace_rows(const View& destination, const View& index, const View& source) {
    const int64_t n = index.elements(), bytes = row_bytes(destination);
    const int64_t unit = unit_of_rows(bytes, destination, source), width = bytes / unit, elements = n * width;
    const DeviceScratch<uint32_t> scratch(destination[0]);
    uint32_t* const last = scratch.data();
    check(cudaMemsetAsync(last, 0, size_t(destination[0]) * sizeof(uint32_t), stream()), "cudaMemsetAsync");
    HB_LAUNCH((last_kernel), blocks_for(n, kThreads), kThreads, 0, stream(), index.as<int64_t>(), last, n);
    with_bytes(unit, [&]<class T>(T) {
        HB_LAUNCH((replace_kernel<T>), blocks_for(elements, kThreads), kThreads, 0, stream(), destination.as<T>(),
                  index.as<int64_t>(), source.as<T>(), last, elements, Split(width, elements));
    });
}

template <class Key>
__global__ void __launch_bounds__(kThreads) index_key_kernel(const int64_t* index, Key* keys, int64_t n) {
    HB_GRID_STRIDE(j, n) keys[j] = static_cast<Key>(index[j]);
}

// rows: the sorted indices; order: where each came from. The first of equal ones adds them all.
template <class T, class Key>
__global__ void __launch_bounds__(kThreads) add_rows_kernel(T* destination, const Key* rows, const uint32_t* order,
                                                            const T* source, int64_t n, int64_t elements, Split width) {
    HB_GRID_STRIDE(i, elements) {
        int64_t p = width.quotient(i);
        const int64_t column = i - p * width.size;
        const Key row = rows[p];
        if (p > 0 && rows[p - 1] == row) continue;
        T* to = destination + static_cast<int64_t>(row) * width.size + column;
        double sum = widened(*to);
        do {
            sum += widened(source[order[p] * width.size + column]);
            p++;
        } while (p < n && rows[p] == row);
        *to = stored<T>(static_cast<float>(sum));
    }
}

template <class Key>
void add_rows(const View& destination, const View& index, const View& source) {
    const int64_t n = index.elements(), elements = source.elements();
    RadixSort<Key> sort(n);
    Key* const keys = sort.keys();
    HB_LAUNCH((index_key_kernel<Key>), blocks_for(n, kThreads), kThreads, 0, stream(), index.as<int64_t>(), keys, n);
    sort.run(std::bit_width(static_cast<uint64_t>(destination[0] - 1)));
    const Key* const rows = sort.keys();
    const uint32_t* const order = sort.order();
    with_activation(destination.type, [&]<class T>(T) {
        HB_LAUNCH((add_rows_kernel<T, Key>), blocks_for(elements, kThreads), kThreads, 0, stream(), destination.as<T>(),
                  rows, order, source.as<T>(), n, elements, Split(elements / n, elements));
    });
}

void scatter_rows(const View& destination, const View& index, const View& source, bool add) {
    if (index.elements() >= UINT32_MAX)
        fail(HB_ERROR_UNSUPPORTED, "index has %lld elements; the CUDA backend scatters fewer than 2^32 - 1 rows",
             (long long)index.elements());
    if (!add) return replace_rows(destination, index, source);
    if (destination[0] <= UINT32_MAX)
        add_rows<uint32_t>(destination, index, source);
    else
        add_rows<uint64_t>(destination, index, source);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    take_kernel(const T* x, const int64_t* index, T* y, int64_t n, int64_t columns) {
    HB_GRID_STRIDE(i, n) y[i] = x[i * columns + index[i]];
}

void take_along_rows(const View& x, const View& index, const View& y) {
    const int64_t n = y.elements();
    with_bytes(size_of(x.type), [&]<class T>(T) {
        HB_LAUNCH((take_kernel<T>), blocks_for(n, kThreads), kThreads, 0, stream(), x.as<T>(), index.as<int64_t>(),
                  y.as<T>(), n, x.columns());
    });
}

// ---- choices

template <class T>
__global__ void __launch_bounds__(kThreads)
    where_kernel(const uint8_t* condition, const T* a, const T* b, T* y, Strided<3> at) {
    HB_GRID_STRIDE(i, at.elements) {
        int64_t offset[3];
        at.offsets(i, offset);
        y[i] = condition[offset[0]] ? a[offset[1]] : b[offset[2]];
    }
}

void where(const View& condition, const View& a, const View& b, const View& y) {
    const Strided<3> at(y.shape, {&condition, &a, &b});
    with_bytes(size_of(y.type), [&]<class T>(T) {
        HB_LAUNCH((where_kernel<T>), blocks_for(at.elements, kThreads), kThreads, 0, stream(), condition.as<uint8_t>(),
                  a.as<T>(), b.as<T>(), y.as<T>(), at);
    });
}

__global__ void __launch_bounds__(kThreads)
    out_of_range_kernel(const int64_t* index, int64_t n, int64_t bound, uint32_t* found) {
    bool outside = false;
    HB_GRID_STRIDE(i, n) outside |= index[i] < 0 || index[i] >= bound;
    if (outside) atomicOr(found, 1u);
}

bool indices_in_range(const View& index, int64_t bound) {
    const int64_t n = index.elements();
    if (n == 0) return true;
    const DeviceScratch<uint32_t> scratch(1);
    uint32_t* const found = scratch.data();
    check(cudaMemsetAsync(found, 0, sizeof(uint32_t), stream()), "cudaMemsetAsync");
    HB_LAUNCH((out_of_range_kernel), blocks_for(n, kThreads, 1024), kThreads, 0, stream(), index.as<int64_t>(), n,
              bound, found);
    uint32_t outside = 0;
    device().copy_out(&outside, found, sizeof outside);
    return outside == 0;
}

}  // namespace

void add_movement(Backend& table) {
    table.fill = fill;
    table.copy = copy;
    table.gather_rows = gather_rows;
    table.scatter_rows = scatter_rows;
    table.take_along_rows = take_along_rows;
    table.where = where;
    table.indices_in_range = indices_in_range;
}

}  // namespace hb::cuda
