// Columns of [rows, c] as blocks see them: threads lie along the channels, so that a warp reads whole sectors, and down
// the rows; rows are cut into segments (statistics groups, noise runs, samples) and these into pieces. All sizes follow
// from the shape, never from the device, so sums are of the same numbers in the same order everywhere.
#pragma once

#include <cstdint>

#include "kernels/packs.cuh"

namespace hb::cuda {

inline constexpr int kColumnThreads = 256;

struct Columns {
    int64_t c, segments, samples, rows_of_sample;
    int64_t pieces, rows_of_piece;  // of every segment; the last ones may be short or empty
    int64_t tiles;                  // of channels
    int lanes_log2;                 // threads along the channels

    // segments: of whole samples, s * samples / segments on. Makes about `blocks` blocks, but at most `most` pieces,
    // and none of less than four rows a thread.
    Columns(int64_t rows, int64_t c, int64_t samples, int64_t segments, int pack, int64_t blocks, int64_t most)
        : c(c), segments(segments), samples(samples), rows_of_sample(rows / samples), lanes_log2(0) {
        const int64_t packs = c / pack;
        while (lanes_log2 < 5 && int64_t{1} << lanes_log2 < packs) lanes_log2++;
        tiles = (packs + lanes() - 1) >> lanes_log2;
        const int64_t batch = 4 * down();
        int64_t longest = (samples + segments - 1) / segments * rows_of_sample;
        if (longest == 0) longest = 1;
        int64_t wanted = blocks / (tiles * segments);
        wanted = wanted < 1 ? 1 : wanted > most ? most : wanted;
        rows_of_piece = ((longest + wanted - 1) / wanted + batch - 1) / batch * batch;
        pieces = (longest + rows_of_piece - 1) / rows_of_piece;
    }

    __host__ __device__ int lanes() const { return 1 << lanes_log2; }
    __host__ __device__ int down() const { return kColumnThreads >> lanes_log2; }
    int64_t blocks() const { return tiles * pieces * segments; }
    __host__ __device__ int64_t begin(int64_t segment) const { return segment * samples / segments * rows_of_sample; }
    __host__ __device__ int64_t length(int64_t segment) const { return begin(segment + 1) - begin(segment); }
    // Rows of a piece of a segment of `length`.
    __host__ __device__ int64_t rows(int64_t length, int64_t piece) const {
        const int64_t left = length - piece * rows_of_piece;
        return left < 0 ? 0 : left < rows_of_piece ? left : rows_of_piece;
    }
};

// Where a thread works: `row`s from first on, columns.down() apart, of `column` and the V - 1 after it.
template <int V>
struct ColumnPlace {
    int64_t segment, piece, first, end, column;
    int row;
    bool inside;

    __device__ explicit ColumnPlace(const Columns& columns) {
        int64_t block = blockIdx.x;
        int64_t above = divided(block, columns.tiles);
        row = int(threadIdx.x) >> columns.lanes_log2;
        const int lane = int(threadIdx.x) & (columns.lanes() - 1);
        column = ((block << columns.lanes_log2) + lane) * V;
        segment = divided(above, columns.pieces);
        piece = above;
        first = columns.begin(segment) + piece * columns.rows_of_piece;
        end = first + columns.rows(columns.length(segment), piece);
        first += row;
        inside = column < columns.c;
    }
};

namespace {  // for the sanitizers: shared memory of kernels has bounds only where it is local to a file

// Merges the states of the threads above one another, in a fixed tree; the thread of row 0 has the result. State:
// float at[], and merge(own, other) of two of them.
template <class State>
__device__ void merge_down(const Columns& columns, int row, State& state) {
    constexpr int n = sizeof(State) / sizeof(float);
    static_assert(n * sizeof(float) == sizeof(State));
    __shared__ float shared[n][kColumnThreads];
    const int t = int(threadIdx.x);
#pragma unroll
    for (int i = 0; i < n; i++) shared[i][t] = state.at[i];
    for (int apart = columns.down() >> 1; apart > 0; apart >>= 1) {
        __syncthreads();
        if (row < apart) {
            State other;
#pragma unroll
            for (int i = 0; i < n; i++) other.at[i] = shared[i][t + (apart << columns.lanes_log2)];
            state.merge(other);
#pragma unroll
            for (int i = 0; i < n; i++) shared[i][t] = state.at[i];
        }
    }
}

}  // namespace

// ---- what was made of the pieces, once more: 8 channels by 32 rows of threads

inline constexpr int kFinishChannels = 8, kFinishRows = kColumnThreads / kFinishChannels;

// Sum over the rows of threads of one channel, in all of them. shared: of kColumnThreads.
__device__ __forceinline__ double sum_of_rows(double x, double* shared) {
    const int t = int(threadIdx.x);
    shared[t] = x;
    for (int apart = kFinishRows / 2; apart > 0; apart >>= 1) {
        __syncthreads();
        if (t < apart * kFinishChannels) shared[t] += shared[t + apart * kFinishChannels];
    }
    __syncthreads();
    const double sum = shared[t % kFinishChannels];
    __syncthreads();
    return sum;
}

}  // namespace hb::cuda
