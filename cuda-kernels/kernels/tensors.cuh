// Many tensors in one launch: up to 64 parameters with what belongs to each, cut into pieces of one size, a block each.
// Why: optimizers.cu.
#pragma once

#include "kernels/teams.cuh"

namespace hb::cuda {
namespace {

constexpr int kPieceThreads = 256;
constexpr int kPiece = 4096;
constexpr int kTensors = 64;

// Up to 64 parameters with their R tensors (gradient, moments, ...), as pieces.
template <int R>
struct Table {
    float* tensor[R][kTensors];
    int64_t elements[kTensors];
    float number[kTensors];         // what belongs to the parameter: its decay, or whether it is adaptive
    int first_piece[kTensors + 1];  // of each; the last is the number of all
    int count;
    bool wide;  // all are 16-byte aligned

    // The parameter of a piece.
    __device__ __forceinline__ int owner(int piece) const {
        int low = 0, high = count;  // first_piece[low] <= piece < first_piece[high]
        while (high - low > 1) {
            const int middle = (low + high) / 2;
            if (first_piece[middle] <= piece)
                low = middle;
            else
                high = middle;
        }
        return low;
    }
};
static_assert(sizeof(Table<5>) <= 3800, "with the numbers of a step, below the 4 KB that arguments may have");

// body(table, pieces before it) for tables of all parameters that `wanted` names; tensors[r][i] is tensor r of i.
template <int R, class Wanted, class Number, class Body>
void for_each_table(int count, const View* const (&tensors)[R], const Wanted& wanted, const Number& number,
                    const Body& body) {
    Table<R> table;
    int64_t before = 0;
    auto begin = [&] {
        table.count = 0;
        table.first_piece[0] = 0;
        table.wide = true;
    };
    auto finish = [&] {
        if (table.count > 0) body(table, before);
        before += table.first_piece[table.count];
        begin();
    };
    begin();
    for (int i = 0; i < count; i++) {
        const int64_t n = wanted(i) ? tensors[0][i].elements() : 0;
        if (n == 0) continue;
        if (table.count == kTensors) finish();
        const int64_t last = table.first_piece[table.count] + (n + kPiece - 1) / kPiece;
        if (last > INT32_MAX) fail(HB_ERROR_UNSUPPORTED, "a tensor of %lld elements is too large", (long long)n);
        for (int r = 0; r < R; r++) {
            const View& view = tensors[r][i];
            // A tensor that may be absent is one that is not used.
            if (view && view.type != DType::F32)
                fail(HB_ERROR_UNSUPPORTED, "CUDA kernels of optimizers compute in f32, not in %s", name_of(view.type));
            table.tensor[r][table.count] = view.f32();
            if (reinterpret_cast<uintptr_t>(view.data) % 16 != 0) table.wide = false;
        }
        table.elements[table.count] = n;
        table.number[table.count] = number(i);
        table.first_piece[++table.count] = int(last);
    }
    finish();
}

// Pieces of the tables that for_each_table makes.
template <class Wanted>
int64_t pieces_of(int count, const View* tensors, const Wanted& wanted) {
    int64_t pieces = 0;
    for (int i = 0; i < count; i++)
        if (wanted(i)) pieces += (tensors[i].elements() + kPiece - 1) / kPiece;
    return pieces;
}

// body(x, number) for every element of a piece, x[r] its value in tensor r; tensors `written` (a mask) are stored.
template <int R, unsigned kRead, unsigned kWritten, class Body>
__device__ __forceinline__ void each_of_piece(const Table<R>& table, int piece, const Body& body) {
    const int owner = table.owner(piece);
    const int64_t begin = int64_t{piece - table.first_piece[owner]} * kPiece;
    const int64_t left = table.elements[owner] - begin;
    const int n = left < kPiece ? static_cast<int>(left) : kPiece;
    const float number = table.number[owner];
    float* at[R];
#pragma unroll
    for (int r = 0; r < R; r++) at[r] = table.tensor[r][owner] + begin;
    int done = 0;
    if (table.wide) {
        done = n / 4 * 4;
#pragma unroll(R <= 3 ? 4 : 2)
        for (int j = 4 * threadIdx.x; j < done; j += 4 * kPieceThreads) {
            float4 all[R];
#pragma unroll
            for (int r = 0; r < R; r++)
                if (kRead >> r & 1) all[r] = *reinterpret_cast<const float4*>(at[r] + j);
#pragma unroll
            for (int i = 0; i < 4; i++) {
                float x[R];
#pragma unroll
                for (int r = 0; r < R; r++) x[r] = kRead >> r & 1 ? (&all[r].x)[i] : 0;
                body(x, number);
#pragma unroll
                for (int r = 0; r < R; r++)
                    if (kWritten >> r & 1) (&all[r].x)[i] = x[r];
            }
#pragma unroll
            for (int r = 0; r < R; r++)
                if (kWritten >> r & 1) *reinterpret_cast<float4*>(at[r] + j) = all[r];
        }
    }
    for (int j = done + threadIdx.x; j < n; j += kPieceThreads) {
        float x[R];
#pragma unroll
        for (int r = 0; r < R; r++) x[r] = kRead >> r & 1 ? at[r][j] : 0;
        body(x, number);
#pragma unroll
        for (int r = 0; r < R; r++)
            if (kWritten >> r & 1) at[r][j] = x[r];
    }
}

}  // namespace
}  // namespace hb::cuda
