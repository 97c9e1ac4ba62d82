// Threads that share one row: its walk, sums and maxima over it. Kernels that are templates over the team then do short
// rows, several to a warp, and long ones, a block each, with one source.
#pragma once

#include <cmath>

#include "host/device.h"
#include "kernels/numbers.cuh"

namespace hb::cuda {
namespace {  // each file its own shared memory

constexpr unsigned kFullWarp = 0xffffffffu;

struct Larger {
    __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
    static constexpr float nothing = -INFINITY;
};
struct Plus {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return a + b;
    }
    static constexpr float nothing = 0;
};

// Of `width` neighbouring lanes, a power of 2; every lane of the warp calls it and all of the group get the result. A
// butterfly: one order of additions, whatever the schedule.
template <int width, class T, class Join>
__device__ __forceinline__ T joined_lanes(T x, const Join& join) {
#pragma unroll
    for (int far = width / 2; far > 0; far /= 2) x = join(x, __shfl_xor_sync(kFullWarp, x, far));
    return x;
}

// Of a block of `threads`, a multiple of 32; all threads call it and all get the result.
template <int threads, class T, class Join>
__device__ __forceinline__ T joined_block(T x, const Join& join) {
    __shared__ T of_warp[threads / 32];
    x = joined_lanes<32>(x, join);
    __syncthreads();  // the result before this one has been read
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = x;
    __syncthreads();
    x = of_warp[0];
#pragma unroll
    for (int i = 1; i < threads / 32; i++) x = join(x, of_warp[i]);
    return x;
}

// `lanes` of a warp have a row of at most lanes * held elements; each keeps `held` of them in registers.
template <int lanes, int held>
struct LaneTeam {
    static constexpr int kThreads = 128, kRows = kThreads / lanes;
    // Of a multiprocessor at least: what bounds the registers, 168 and 40. Left alone, ptxas spills to have fewer.
    static constexpr int kBlocks = held > 8 ? 3 : 12;

    int columns;  // 0 where there is no row left for these lanes: they go along

    __device__ explicit LaneTeam(int k) : columns(k) {}
    __device__ static int place() { return threadIdx.x % lanes; }
    __device__ static int row() { return threadIdx.x / lanes; }
    __device__ bool leads() const { return place() == 0 && columns > 0; }

    // body(j, slot) for this thread's elements j of the row.
    template <class Body>
    __device__ __forceinline__ void each(const Body& body) const {
#pragma unroll
        for (int slot = 0; slot < held; slot++) {
            const int j = place() + slot * lanes;
            if (j < columns) body(j, slot);
        }
    }
    __device__ float sum(float x) const { return joined_lanes<lanes>(x, Plus()); }
    __device__ float largest(float x) const { return joined_lanes<lanes>(x, Larger()); }
    // Whether x holds in any row of those that go along together. x: the same in all threads of a row.
    __device__ bool any(bool x) const { return __any_sync(kFullWarp, x) != 0; }

    // A row, read once.
    template <class T>
    class Row {
      public:
        __device__ __forceinline__ Row(const LaneTeam& team, const T* row) {
            team.each([&](int j, int slot) { value_[slot] = widened(row[j]); });
        }
        __device__ __forceinline__ float operator()(int, int slot) const { return value_[slot]; }

      private:
        float value_[held];
    };
};

// A block has a row of any length; what it needs again comes from the caches.
template <int threads>
struct BlockTeam {
    static constexpr int kThreads = threads, kRows = 1, kBlocks = 5;

    int columns;

    __device__ explicit BlockTeam(int k) : columns(k) {}
    __device__ static int row() { return 0; }
    __device__ bool leads() const { return threadIdx.x == 0; }

    template <class Body>
    __device__ __forceinline__ void each(const Body& body) const {
#pragma unroll 4
        for (int j = threadIdx.x; j < columns; j += threads) body(j, 0);
    }
    __device__ float sum(float x) const { return joined_block<threads>(x, Plus()); }
    __device__ float largest(float x) const { return joined_block<threads>(x, Larger()); }
    __device__ bool any(bool x) const { return x; }

    template <class T>
    class Row {
      public:
        __device__ __forceinline__ Row(const BlockTeam&, const T* row) : row_(row) {}
        __device__ __forceinline__ float operator()(int j, int) const { return widened(row_[j]); }

      private:
        const T* row_;
    };
};

// body(team, row) for every row. A team without a row gets the last one and 0 columns: its lanes take part in the
// exchanges of their warp.
template <class Team, class Body>
__global__ void __launch_bounds__(Team::kThreads, Team::kBlocks) rows_kernel(int64_t rows, int columns, Body body) {
    const int64_t step = int64_t{gridDim.x} * Team::kRows;
    for (int64_t first = int64_t{blockIdx.x} * Team::kRows; first < rows; first += step) {
        const int64_t row = first + Team::row();
        body(Team(row < rows ? columns : 0), row < rows ? row : rows - 1);
    }
}

template <class Team, class Body>
void launch_rows(int64_t rows, int64_t columns, const Body& body) {
    HB_LAUNCH((rows_kernel<Team, Body>), blocks_for(rows, Team::kRows, 1 << 20), Team::kThreads, 0, stream(), rows,
              static_cast<int>(columns), body);
}

// Calls body(team, row), a struct with a template of operator(), for rows of `columns`, with the team for that length.
template <class Body>
void for_each_row(int64_t rows, int64_t columns, const Body& body) {
    if (rows == 0) return;
    if (columns > INT32_MAX - 65536)
        fail(HB_ERROR_UNSUPPORTED, "a row of %lld elements is longer than CUDA kernels take", (long long)columns);
    if (columns <= 16) return launch_rows<LaneTeam<8, 2>>(rows, columns, body);
    if (columns <= 128) return launch_rows<LaneTeam<32, 4>>(rows, columns, body);
    if (columns <= 1024) return launch_rows<LaneTeam<32, 32>>(rows, columns, body);
    launch_rows<BlockTeam<256>>(rows, columns, body);
}

}  // namespace
}  // namespace hb::cuda
