// Sorting and selecting.
//
// sort: least significant digit first, 8 bits a pass. A pass counts the digits of every tile of keys, adds the counts
// up in (digit, tile) order, and moves each key behind the equal digits before it: in a warp those are found by 8
// votes, in a block by one table of counts a warp. Keys are the bits of the numbers, turned so that they compare as
// unsigned. A pass over n f32 reads 4 + 8 and writes 8 bytes a key: 4 passes are 80 n bytes and a last 20 n (values and
// i64 permutation); on an H100 30 ps a key at 3.35 TB/s, plus 14 launches, some 40 us, which is what counts below a
// million. bf16 takes 2 passes. Known and faster: one pass over the keys a digit ("onesweep", Adinets and Merrill 2022:
// 16 n bytes a pass), whose tiles wait for each other; merge sorts, which move every key log n times. Votes stand for
// match.any, which is one instruction on sm_70 and later, but takes as long.
//
// top_k: one block a row. A radix select finds the k-th of (value falling, index rising), all different, in 4 to 8
// reads of the row, of which those behind the first come from a cache; what is not behind it is gathered in shared
// memory and sorted there (bitonic). A row of c costs about 5 * 4 c bytes of L2 and one block's latency, about 10 us at
// c = 1000; 132 x 8 rows at a time. k beyond 4096, or few very long rows: whole rows are sorted instead.
#include "kernels/sorting.cuh"

#include <bit>

#include "kernels/blocks.cuh"
#include "kernels/kernels.h"
#include "kernels/numbers.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kDigits = 256;
static_assert(kDigits == kThreads, "a thread looks after a digit");
template <class Key>
constexpr int kItems = static_cast<int>(64 / sizeof(Key));  // keys of a thread
template <class Key>
constexpr int kTile = kThreads* kItems<Key>;

// counts [digit][tile]
template <class Key>
__global__ void __launch_bounds__(kThreads)
    count_digits_kernel(const Key* keys, int64_t n, int shift, int64_t tiles, uint32_t* counts) {
    __shared__ uint32_t count[kDigits];
    for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        count[threadIdx.x] = 0;
        __syncthreads();
#pragma unroll
        for (int item = 0; item < kItems<Key>; item++) {
            const int64_t i = tile * kTile<Key> + item * kThreads + threadIdx.x;
            if (i < n) atomicAdd(&count[(keys[i] >> shift) & (kDigits - 1)], 1u);
        }
        __syncthreads();
        counts[threadIdx.x * tiles + tile] = count[threadIdx.x];
        __syncthreads();
    }
}

// Block d makes the counts of digit d the sums of the tiles before; totals[d]: of all tiles.
__global__ void __launch_bounds__(kThreads) add_counts_kernel(uint32_t* counts, int64_t tiles, uint32_t* totals) {
    __shared__ uint32_t warps[kWarps];
    uint32_t* row = counts + blockIdx.x * tiles;
    uint32_t before = 0;
    for (int64_t first = 0; first < tiles; first += kThreads) {
        const int64_t i = first + threadIdx.x;
        const uint32_t count = i < tiles ? row[i] : 0;
        uint32_t total;
        const uint32_t sum = exclusive_sum<kThreads>(count, warps, total);
        if (i < tiles) row[i] = before + sum;
        before += total;
        __syncthreads();
    }
    if (threadIdx.x == 0) totals[blockIdx.x] = before;
}

// The lanes whose digit is this lane's, among the valid ones.
__device__ __forceinline__ uint32_t equals(uint32_t digit, bool valid) {
    uint32_t mask = __ballot_sync(0xffffffffu, valid);
#pragma unroll
    for (int bit = 0; bit < 8; bit++) {
        const bool set = digit >> bit & 1;
        const uint32_t with = __ballot_sync(0xffffffffu, set);
        mask &= set ? with : ~with;
    }
    return mask;
}

// order: null in the first pass, where keys are in their own places.
template <class Key>
__global__ void __launch_bounds__(kThreads)
    move_keys_kernel(const Key* keys, const uint32_t* order, Key* keys_out, uint32_t* order_out, int64_t n, int shift,
                     int64_t tiles, const uint32_t* counts, const uint32_t* totals) {
    __shared__ uint32_t count[kWarps][kDigits];
    __shared__ uint32_t warps[kWarps];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const uint32_t before_lane = (1u << lane) - 1;
    uint32_t unused;
    const uint32_t first = exclusive_sum<kThreads>(totals[threadIdx.x], warps, unused);
    for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
#pragma unroll
        for (int w = 0; w < kWarps; w++) count[w][threadIdx.x] = 0;
        __syncthreads();
        // A warp has neighbouring keys, so that equal digits stay in order.
        const int64_t begin = tile * kTile<Key> + warp * (32 * kItems<Key>)+lane;
        Key key[kItems<Key>];
        uint32_t place[kItems<Key>];
#pragma unroll
        for (int item = 0; item < kItems<Key>; item++)
            key[item] = begin + 32 * item < n ? keys[begin + 32 * item] : Key(0);
#pragma unroll
        for (int item = 0; item < kItems<Key>; item++) {
            const bool valid = begin + 32 * item < n;
            const uint32_t digit = static_cast<uint32_t>(key[item] >> shift) & (kDigits - 1);
            const uint32_t same = equals(digit, valid);
            place[item] = count[warp][digit] + __popc(same & before_lane);
            __syncwarp();
            if (valid && (same & before_lane) == 0) count[warp][digit] += __popc(same);
            __syncwarp();
        }
        __syncthreads();
        uint32_t next = first + counts[threadIdx.x * tiles + tile];
#pragma unroll
        for (int w = 0; w < kWarps; w++) {
            const uint32_t of_warp = count[w][threadIdx.x];
            count[w][threadIdx.x] = next;
            next += of_warp;
        }
        __syncthreads();
#pragma unroll
        for (int item = 0; item < kItems<Key>; item++) {
            const int64_t i = begin + 32 * item;
            if (i >= n) continue;
            const uint32_t to = count[warp][static_cast<uint32_t>(key[item] >> shift) & (kDigits - 1)] + place[item];
            keys_out[to] = key[item];
            order_out[to] = order ? order[i] : static_cast<uint32_t>(i);
        }
        __syncthreads();
    }
}

__global__ void __launch_bounds__(kThreads) own_places_kernel(uint32_t* order, int64_t n) {
    HB_GRID_STRIDE(i, n) order[i] = static_cast<uint32_t>(i);
}

}  // namespace

template <class Key>
RadixSort<Key>::RadixSort(int64_t n)
    : n_(n), tiles_((n + kTile<Key> - 1) / kTile<Key>), first_keys_(n), second_keys_(n), first_order_(n),
      second_order_(n), counts_(kDigits * tiles_ + kDigits) {
    if (n >= UINT32_MAX)
        fail(HB_ERROR_UNSUPPORTED, "%lld elements are to be sorted; the CUDA backend sorts fewer than 2^32 - 1",
             (long long)n);
}

template <class Key>
void RadixSort<Key>::run(int bits) {
    const int64_t n = n_, tiles = tiles_;
    uint32_t *const counts = counts_.data(), *const totals = counts + kDigits * tiles;
    const unsigned blocks = blocks_for(tiles, 1);
    if (bits == 0) {
        uint32_t* const order = orders_[at_]->data();
        HB_LAUNCH((own_places_kernel), blocks_for(n, kThreads), kThreads, 0, stream(), order, n);
    }
    for (int shift = 0; shift < bits; shift += 8) {
        const Key* const from = keys();
        const uint32_t* const places = shift == 0 ? nullptr : order();
        at_ ^= 1;
        Key* const to = keys_[at_]->data();
        uint32_t* const places_to = orders_[at_]->data();
        HB_LAUNCH((count_digits_kernel<Key>), blocks, kThreads, 0, stream(), from, n, shift, tiles, counts);
        HB_LAUNCH((add_counts_kernel), kDigits, kThreads, 0, stream(), counts, tiles, totals);
        HB_LAUNCH((move_keys_kernel<Key>), blocks, kThreads, 0, stream(), from, places, to, places_to, n, shift, tiles,
                  counts, totals);
    }
}

template class RadixSort<uint32_t>;
template class RadixSort<uint64_t>;

namespace {

// ---- numbers as keys

constexpr uint32_t kSign = 0x80000000u;

// Unsigned as the number compares: -inf lowest; the zeros are equal. NaN is 0xffffffff, which no number is.
__device__ __forceinline__ uint32_t rising(float x) {
    if (x != x) return 0xffffffffu;
    const uint32_t u = x == 0 ? 0 : __float_as_uint(x);
    return (u & kSign) != 0 ? ~u : u | kSign;
}
// The largest first, and NaN before it.
__device__ __forceinline__ uint32_t falling(float x) { return ~rising(x); }

struct Rising {
    template <class T>
    static __device__ __forceinline__ uint32_t key(T x) {
        return rising(widened(x)) >> (32 - 8 * sizeof(T));
    }
};
// NaN last, as in Rising; no number is 0xffffffff either way.
struct Falling {
    template <class T>
    static __device__ __forceinline__ uint32_t key(T x) {
        const float v = widened(x);
        return (v != v ? 0xffffffffu : falling(v)) >> (32 - 8 * sizeof(T));
    }
};
struct FallingFromNaN {
    template <class T>
    static __device__ __forceinline__ uint32_t key(T x) {
        return falling(widened(x)) >> (32 - 8 * sizeof(T));
    }
};

template <class T, class Order>
__global__ void __launch_bounds__(kThreads) number_key_kernel(const T* x, uint32_t* keys, int64_t n) {
    HB_GRID_STRIDE(i, n) keys[i] = Order::key(x[i]);
}

// The first n in order.
template <class T>
__global__ void __launch_bounds__(kThreads)
    sorted_kernel(const T* x, const uint32_t* order, int64_t n, T* values, int64_t* indices) {
    HB_GRID_STRIDE(i, n) {
        const uint32_t from = order[i];
        values[i] = x[from];
        indices[i] = from;
    }
}

// The first `wanted` of the n numbers x in order.
template <class Order, class T>
void sort_row(const T* x, int64_t n, int64_t wanted, T* values, int64_t* indices) {
    RadixSort<uint32_t> sort(n);
    uint32_t* const keys = sort.keys();
    HB_LAUNCH((number_key_kernel<T, Order>), blocks_for(n, kThreads), kThreads, 0, stream(), x, keys, n);
    sort.run(8 * sizeof(T));
    const uint32_t* const order = sort.order();
    HB_LAUNCH((sorted_kernel<T>), blocks_for(wanted, kThreads), kThreads, 0, stream(), x, order, wanted, values,
              indices);
}

void sort(const View& x, bool descending, const View& values, const View& permutation) {
    with_activation(x.type, [&]<class T>(T) {
        const int64_t n = x.elements();
        if (descending)
            sort_row<Falling>(x.as<T>(), n, n, values.as<T>(), permutation.as<int64_t>());
        else
            sort_row<Rising>(x.as<T>(), n, n, values.as<T>(), permutation.as<int64_t>());
    });
}

// ---- top k

constexpr int64_t kLargestSelected = 4096;  // in shared memory

// Value and place as one number, all different: the larger value first, then the lower index.
template <class T>
__device__ __forceinline__ uint64_t rank_of(const T* row, int64_t j) {
    return uint64_t{falling(widened(row[j]))} << 32 | static_cast<uint32_t>(j);
}

// The largest rank among the k smallest ones of a row; index_shift: of the highest byte of an index that may be set.
template <class T>
__device__ uint64_t last_rank(const T* row, int64_t columns, uint32_t k, int index_shift) {
    __shared__ uint32_t count[kDigits];
    __shared__ uint32_t warps[kWarps];
    __shared__ uint32_t digit, before, equal;
    uint64_t prefix = 0, known = 0;
    for (int shift = 56;; shift = shift == 32 ? index_shift : shift - 8) {
        count[threadIdx.x] = 0;
        __syncthreads();
        for (int64_t j = threadIdx.x; j < columns; j += kThreads) {
            const uint64_t rank = rank_of(row, j);
            if ((rank & known) == prefix) atomicAdd(&count[rank >> shift & (kDigits - 1)], 1u);
        }
        __syncthreads();
        const uint32_t here = count[threadIdx.x];
        uint32_t total;
        const uint32_t lower = exclusive_sum<kThreads>(here, warps, total);
        if (lower < k && k <= lower + here) {
            digit = threadIdx.x;
            before = lower;
            equal = here;
        }
        __syncthreads();
        prefix |= uint64_t{digit} << shift;
        known = ~uint64_t{0} << shift;
        k -= before;
        // All that share the prefix are among them: ranks differ, so at the last digit at the latest.
        if (k == equal || shift == 0) return prefix | ~known;
        __syncthreads();
    }
}

// One block a row. capacity: the power of 2 not below k.
template <class T>
__global__ void __launch_bounds__(kThreads) top_k_kernel(const T* x, int64_t rows, int64_t columns, int k, int capacity,
                                                         int index_shift, T* values, int64_t* indices) {
    HB_DYNAMIC_SHARED(uint64_t, chosen);
    __shared__ uint32_t taken;
    for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
        const T* row = x + r * columns;
        const uint64_t last = last_rank(row, columns, static_cast<uint32_t>(k), index_shift);
        if (threadIdx.x == 0) taken = 0;
        for (int i = k + threadIdx.x; i < capacity; i += kThreads) chosen[i] = ~uint64_t{0};
        __syncthreads();
        for (int64_t j = threadIdx.x; j < columns; j += kThreads) {
            const uint64_t rank = rank_of(row, j);
            if (rank <= last) chosen[atomicAdd(&taken, 1u)] = rank;
        }
        __syncthreads();
        // They came in any order; ranks differ, so that sorted they are the same every time.
        for (int size = 2; size <= capacity; size *= 2)
            for (int apart = size / 2; apart > 0; apart /= 2) {
                for (int i = threadIdx.x; i < capacity / 2; i += kThreads) {
                    const int low = i / apart * 2 * apart + i % apart, high = low + apart;
                    const uint64_t a = chosen[low], b = chosen[high];
                    if ((a > b) == ((low & size) == 0)) {
                        chosen[low] = b;
                        chosen[high] = a;
                    }
                }
                __syncthreads();
            }
        for (int i = threadIdx.x; i < k; i += kThreads) {
            const auto j = static_cast<uint32_t>(chosen[i]);
            values[r * k + i] = row[j];
            indices[r * k + i] = j;
        }
        __syncthreads();
    }
}

void top_k(const View& x, int64_t k, const View& values, const View& indices) {
    const int64_t rows = x.rows(), columns = x.columns();
    const bool few_long_rows = rows <= 16 && columns > int64_t{1} << 18;
    with_activation(x.type, [&]<class T>(T) {
        if (k > kLargestSelected || few_long_rows) {
            for (int64_t r = 0; r < rows; r++)
                sort_row<FallingFromNaN>(x.as<T>() + r * columns, columns, k, values.as<T>() + r * k,
                                         indices.as<int64_t>() + r * k);
            return;
        }
        const int capacity = static_cast<int>(std::bit_ceil(static_cast<uint64_t>(k)));
        const int index_bits = std::bit_width(static_cast<uint64_t>(columns - 1));
        const int index_shift = index_bits <= 8 ? 0 : (index_bits - 1) / 8 * 8;
        HB_LAUNCH((top_k_kernel<T>), blocks_for(rows, 1), kThreads, size_t(capacity) * sizeof(uint64_t), stream(),
                  x.as<T>(), rows, columns, int(k), capacity, index_shift, values.as<T>(), indices.as<int64_t>());
    });
}

}  // namespace

void add_sorting(Backend& table) {
    table.top_k = top_k;
    table.sort = sort;
}

}  // namespace hb::cuda
