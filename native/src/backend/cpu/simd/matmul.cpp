// Matrix products: B is packed into panels once, A is read where it is, or from a piece of it that is turned just
// before, if it is transposed. With few rows, packing would cost more than it saves, and reading B once is all the time
// there is: 4 bytes for 2 m flops.
//
// GF/s of one core, AVX2, peak 103; transposed forms 1-3 % less:
//   512^3                92        64 times 64^3  84
//   1024^3               86        32^3           37, 1.8 us
//   2048 x 1000 x 512    90        4 x 1000^2     28, and 44 with B transposed: one pass over B
//   128 x 512 x 512      91
// 1024 is a power of two: rows of A meet in few sets of the cache. Tried for a transposed A: turning all of it first,
// one more trip to memory, 10 % slower where k is long; reading it at points, without turning, 60-75 GF/s.
#include "backend/cpu/simd/matmul.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/gemm.h"
#include "backend/cpu/simd/weight_packing.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

// Longest piece of the sum over k that is made in one go, as in convolution.cpp.
constexpr int64_t kDepthMost = 768;
// Rows of A that a task goes through for every panel of B; fewer, as far as there are tasks enough, where A is turned,
// so that columns need not be split and each piece is turned once.
constexpr int64_t kTileRows = 128, kTurnedRows = 24;
// Multiplications that are worth a task of their own; tasks at most, as far as they depend on splitting columns.
constexpr int64_t kWorthwhile = 1 << 18, kTasks = 64;
// Elements of B that one task packs.
constexpr int64_t kPackGrain = 32 * 1024;
// So few rows do not repay packing B: it is read where it is.
constexpr int kFewRows = 4;

int64_t pieces_of(int64_t size, int64_t most) { return (size + most - 1) / most; }

// One matrix product, y [m, n], of matrices of E.
template <class E>
class Matrices {
  public:
    explicit Matrices(const MatMulShape& shape)
        : m_(shape.m), n_(shape.n), k_(shape.k), transpose_a_(shape.transpose_a), transpose_b_(shape.transpose_b),
          vectors_(panel_vectors(n_)), width_(vectors_ * kLanes), panels_(pieces_of(n_, width_)),
          blocks_(pieces_of(k_, kDepthMost)) {}

    void multiply(const E* a, const E* b, float* y) const {
        if constexpr (std::is_same_v<E, float>)
            if (m_ <= kFewRows) return transpose_b_ ? few_rows_transposed(a, b, y) : few_rows(a, b, y);
        const Scratch<float> packed(panels_ * width_ * k_);
        const int64_t grain = std::max<int64_t>(1, kPackGrain / (width_ * pieces_of(k_, blocks_)));
        parallel_ranges(blocks_ * panels_, grain, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) pack(i / panels_, i % panels_, b, packed.data());
        });
        const int64_t least = transpose_a_ ? std::max(kTurnedRows, std::min(m_ / kTasks, kTileRows)) : kTileRows;
        const int64_t rows = std::clamp<int64_t>(kWorthwhile / std::max<int64_t>(1, n_ * k_), least, 8 * kTileRows);
        const int64_t tiles = pieces_of(m_, rows);
        const int64_t wanted = std::clamp<int64_t>(m_ * n_ * k_ / kWorthwhile, 1, kTasks);
        const int64_t splits = std::clamp<int64_t>(pieces_of(wanted, tiles), 1, panels_);
        parallel(tiles * splits, [&](int64_t task) {
            const int64_t tile = task / splits, split = task % splits;
            multiply_tile(m_ * tile / tiles, m_ * (tile + 1) / tiles, panels_ * split / splits,
                          panels_ * (split + 1) / splits, a, packed.data(), y);
        });
    }

  private:
    int64_t first_of(int64_t block) const { return k_ * block / blocks_; }

    void pack(int64_t block, int64_t panel, const E* b, float* packed) const {
        const int64_t first = first_of(block), depth = first_of(block + 1) - first;
        const int64_t column = panel * width_, columns = std::min(width_, n_ - column);
        float* out = packed + first * panels_ * width_ + panel * depth * width_;
        if (transpose_b_)
            pack_columns(b + column * k_ + first, k_, columns, depth, vectors_, out);
        else
            pack_rows(vectors_, b + first * n_ + column, n_, depth, columns, out, 0);
    }

    void multiply_tile(int64_t row, int64_t row_end, int64_t first_panel, int64_t last_panel, const E* a,
                       const float* packed, float* y) const {
        // Rows of a copied piece lie an odd number of cache lines apart: at a power of two they would share a few sets.
        const bool copied = transpose_a_ || !std::is_same_v<E, float>;
        const int64_t rows = row_end - row, most = pieces_of(k_, blocks_);
        const int64_t stride = copied ? (pieces_of(most, 16) | 1) * 16 : k_;
        const Scratch<float> copy(copied ? rows * stride : 0);
        const Scratch<int64_t> tables(2 * rows);
        int64_t *a_row = tables.data(), *y_row = a_row + rows;
        for (int64_t r = 0; r < rows; r++) {
            a_row[r] = r * stride;
            y_row[r] = (row + r) * n_;
        }
        for (int64_t block = 0; block < blocks_; block++) {
            const int64_t first = first_of(block), depth = first_of(block + 1) - first;
            const float* from = copy.data();
            if (transpose_a_)
                transpose_copy<false>(a + first * m_ + row, m_, depth, rows, copy.data(), stride);
            else if constexpr (std::is_same_v<E, float>)
                from = a + row * k_ + first;
            const int64_t begin = 0;
            const Spans spans{&begin, 1, depth};
            for (int64_t j = first_panel; j < last_panel; j++) {
                Panel panel;
                panel.b = packed + first * panels_ * width_ + j * depth * width_;
                panel.c = y + j * width_;
                panel.columns = static_cast<int>(std::min(width_, n_ - j * width_));
                panel.accumulate = block > 0;
                panel.start = nullptr;
                multiply_panel(vectors_, spans, panel, from, rows, a_row, y_row);
            }
        }
    }

    // Sums of rows of B, side by side: limited by reading B once.
    void few_rows(const float* a, const float* b, float* y) const {
        constexpr int kAbreast = 4;
        const int64_t down = transpose_a_ ? 1 : k_, along = transpose_a_ ? m_ : 1;
        const int64_t columns = kAbreast * kLanes, grain = std::max<int64_t>(1, kWorthwhile / (columns * k_));
        parallel_ranges(pieces_of(n_, columns), grain, [&](int64_t begin, int64_t end) {
            for (int64_t j = begin * columns; j < std::min(end * columns, n_); j += columns)
                for (int64_t r = 0; r < m_; r++) {
                    const float* from = a + r * down;
                    float* to = y + r * n_ + j;
                    if (j + columns <= n_) {
                        F32 sum[kAbreast];
                        for (int v = 0; v < kAbreast; v++) sum[v] = zero();
                        for (int64_t k = 0; k < k_; k++)
                            for (int v = 0; v < kAbreast; v++)
                                sum[v] = fma(F32(from[k * along]), load(b + k * n_ + j + v * kLanes), sum[v]);
                        for (int v = 0; v < kAbreast; v++) store(to + v * kLanes, sum[v]);
                    } else {
                        lanes(n_ - j, [&](int64_t c, auto mask) {
                            F32 sum = zero();
                            for (int64_t k = 0; k < k_; k++)
                                sum = fma(F32(from[k * along]), load(b + k * n_ + j + c, mask), sum);
                            store(to + c, sum, mask);
                        });
                    }
                }
        });
    }

    // Dot products of rows of A and rows of B.
    void few_rows_transposed(const float* a, const float* b, float* y) const {
        constexpr int kAbreast = 4;
        const Scratch<float> turned(transpose_a_ ? m_ * k_ : 0);
        if (transpose_a_) {
            transpose_copy<false>(a, m_, k_, m_, turned.data(), k_);
            a = turned.data();
        }
        parallel_ranges(n_, std::max<int64_t>(1, kWorthwhile / k_), [&](int64_t begin, int64_t end) {
            for (int64_t j = begin; j < end; j++)
                for (int64_t r = 0; r < m_; r++) {
                    const float *p = a + r * k_, *q = b + j * k_;
                    F32 sum[kAbreast];
                    for (int v = 0; v < kAbreast; v++) sum[v] = zero();
                    int64_t k = 0;
                    for (; k + kAbreast * kLanes <= k_; k += kAbreast * kLanes)
                        for (int v = 0; v < kAbreast; v++)
                            sum[v] = fma(load(p + k + v * kLanes), load(q + k + v * kLanes), sum[v]);
                    lanes(k_ - k, [&](int64_t i, auto mask) {
                        sum[0] = fma(load(p + k + i, mask), load(q + k + i, mask), sum[0]);
                    });
                    y[r * n_ + j] = sum_of(sum[0] + sum[1] + (sum[2] + sum[3]));
                }
        });
    }
    static float sum_of(F32 x) { return sum(x); }

    const int64_t m_, n_, k_;
    const bool transpose_a_, transpose_b_;
    const int vectors_;
    const int64_t width_, panels_;
    const int64_t blocks_;  // that k is cut into
};

Backend plain_table;  // for F64

void matmul(const MatMulShape& given, const View& a, const View& b, const View& y) {
    if (a.type != DType::F32) return plain_table.matmul(given, a, b, y);
    if (y.elements() == 0) return;
    if (given.k == 0) {
        std::memset(y.data, 0, static_cast<size_t>(y.elements()) * sizeof(float));
        return;
    }
    MatMulShape shape = given;
    // Matrices on top of each other that meet the same B are one tall matrix.
    if (shape.b_batch_stride == 0 && !shape.transpose_a && shape.a_batch_stride == shape.m * shape.k) {
        shape.m *= shape.batch;
        shape.batch = 1;
    }
    const Matrices<float> matrices(shape);
    auto one = [&](int64_t i) {
        matrices.multiply(a.f32() + i * shape.a_batch_stride, b.f32() + i * shape.b_batch_stride,
                          y.f32() + i * shape.m * shape.n);
    };
    const int64_t work = shape.m * shape.n * shape.k;
    if (shape.batch < kTasks && work > kWorthwhile)
        for (int64_t i = 0; i < shape.batch; i++) one(i);  // each in parallel
    else
        parallel_ranges(shape.batch, std::max<int64_t>(1, kWorthwhile / work), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) one(i);
        });
}

}  // namespace

template <class E>
void multiply_transposed(int64_t m, int64_t n, int64_t k, const E* a, const E* b, float* y) {
    MatMulShape shape{};
    shape.batch = 1;
    shape.m = m;
    shape.n = n;
    shape.k = k;
    shape.transpose_a = true;
    Matrices<E>(shape).multiply(a, b, y);
}
template void multiply_transposed(int64_t, int64_t, int64_t, const float*, const float*, float*);
template void multiply_transposed(int64_t, int64_t, int64_t, const Bf16*, const Bf16*, float*);

void add_linear_algebra(Backend& table, const Backend& plain) {
    plain_table = plain;
    table.matmul = matmul;
}

}  // namespace hb::cpu::HB_TIER
