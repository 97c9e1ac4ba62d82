// Matrix products in bf16: B is packed into panels of pairs, A is read where it is; a transposed A is turned first.
// Blocks and pieces of k as in convolution.cpp: a task has about 512 rows of A and some panels of B.
#include <algorithm>
#include <cstring>

#include "backend/cpu/paired/packing.h"
#include "backend/cpu/paired/paired.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

// Rows of A that a task goes through for every panel of B, at most.
constexpr int64_t kTileRows = 512;
// Multiplications that are worth a task of their own; tasks at most, as far as they depend on splitting columns.
constexpr int64_t kWorthwhile = 1 << 22, kTasks = 64;
// Steps that one task packs.
constexpr int64_t kPackSteps = 32;

// One matrix product, y [m, n].
class PairedMatrices {
  public:
    explicit PairedMatrices(const MatMulShape& shape)
        : m_(shape.m), n_(shape.n), k_(shape.k), transpose_a_(shape.transpose_a), transpose_b_(shape.transpose_b),
          panels_(RowsAndPanels::panels(n_)), steps_(pieces_of(k_, kStep)),
          // A's rows are padded to whole steps where they are copied; where not, the last step reaches back.
          reaches_back_(!transpose_a_ && k_ >= kStep), stride_(reaches_back_  ? k_
                                                               : transpose_a_ ? odd_lines(k_)
                                                                              : kStep) {}

    void multiply(const Bf16* a, const Bf16* b, Bf16* y) const {
        const Scratch<Bf16> packed(RowsAndPanels::packed_size(n_, steps_));
        const Scratch<int64_t> at(steps_);
        for (int64_t s = 0; s < steps_; s++) at[s] = first_of(s);
        const int64_t chunks = pieces_of(steps_, kPackSteps);
        parallel(panels_ * chunks, [&](int64_t task) {
            const int64_t begin = task % chunks * kPackSteps;
            pack(task / chunks, begin, std::min(begin + kPackSteps, steps_), b, packed.data());
        });
        // Of a transposed A, k elements of 32 rows at a time.
        const Scratch<Bf16> turned(transpose_a_ ? rounded_up(m_, kBlockSide) * stride_ : 0);
        if (transpose_a_) {
            parallel(pieces_of(m_, kBlockSide), [&](int64_t task) {
                const int64_t row = task * kBlockSide;
                turn(a, row, std::min(kBlockSide, m_ - row), turned.data() + row * stride_);
            });
            a = turned.data();
        }
        const int64_t tiles = pieces_of(m_, kTileRows);
        const int64_t wanted = std::clamp<int64_t>(m_ * n_ * k_ / kWorthwhile, 1, kTasks);
        const int64_t splits = std::clamp<int64_t>(pieces_of(wanted, tiles), 1, panels_);
        // Whole blocks for all tiles but the last.
        const int64_t blocks = pieces_of(m_, kBlockSide);
        parallel(tiles * splits, [&](int64_t task) {
            const int64_t tile = task / splits, split = task % splits;
            multiply_tile(blocks * tile / tiles * kBlockSide, std::min(blocks * (tile + 1) / tiles * kBlockSide, m_),
                          panels_ * split / splits, panels_ * (split + 1) / splits, a, at.data(), packed.data(), y);
        });
    }

  private:
    int64_t first_of(int64_t step) const { return reaches_back_ ? std::min(step * kStep, k_ - kStep) : step * kStep; }

    void pack(int64_t panel, int64_t begin, int64_t end, const Bf16* b, Bf16* packed) const {
        const int64_t column = panel * kBlockSide, columns = std::min(kBlockSide, n_ - column);
        const int64_t size = RowsAndPanels::halves(columns) * kTile;
        Bf16* out = packed + RowsAndPanels::panel_begin(panel, steps_) + begin * size;
        for (int64_t s = begin; s < end; s++, out += size) {
            const int64_t first = first_of(s), skip = s * kStep - first, stop = std::min(kStep, k_ - first);
            if (transpose_b_) {
                pack_columns(b + column * k_ + first, k_, columns, skip, stop, out);
                continue;
            }
            const Bf16* rows[kStep] = {};
            for (int64_t i = skip; i < stop; i++) rows[i] = b + (first + i) * n_;
            pack_rows(rows, column, columns, out);
        }
    }

    // Rows of the transposed A, [k, m].
    void turn(const Bf16* a, int64_t row, int64_t rows, Bf16* out) const {
        for (int64_t k = 0; k < k_; k += kStep) {
            const Bf16* from[kStep] = {};
            for (int64_t i = 0; i < std::min(kStep, k_ - k); i++) from[i] = a + (k + i) * m_;
            turn_rows(from, row, rows, out + k, stride_);
        }
    }

    void multiply_tile(int64_t row, int64_t row_end, int64_t first_panel, int64_t last_panel, const Bf16* a,
                       const int64_t* at, const Bf16* packed, Bf16* y) const {
        const int64_t rows = row_end - row, count = pieces_of(rows, kBlockSide);
        const bool in_place = transpose_a_ || reaches_back_;
        const Scratch<int64_t> to(rows);
        const Scratch<RowBlock> blocks(count);
        const Scratch<Bf16> copy((in_place ? kBlockSide : count * kBlockSide) * stride_);
        const Scratch<float> partial(RowsAndPanels::partial_size(count, steps_));
        for (int64_t r = 0; r < rows; r++) to[r] = (row + r) * n_;
        for (int64_t i = 0; i < count; i++) {
            const int64_t first = i * kBlockSide, height = std::min(kBlockSide, rows - first);
            if (transpose_a_ || (reaches_back_ && height == kBlockSide)) {
                blocks[i] = {a + (row + first) * stride_, first, height};
                continue;
            }
            // The last rows, past which there may be nothing; and short ones.
            Bf16* out = copy.data() + (in_place ? 0 : first * stride_);
            blocks[i] = {out, first, height};
            for (int64_t r = 0; r < height; r++, out += stride_) {
                copy_words(a + (row + first + r) * k_, k_, out);
                clear_words(out + k_, stride_ - k_);
            }
        }
        const RowsAndPanels product{blocks.data(), count, stride_, at, steps_, packed, n_};
        const Tiles tiles;
        multiply_panels(product, first_panel, last_panel, partial.data(), StoreRows{y, to.data(), nullptr});
    }

    const int64_t m_, n_, k_;
    const bool transpose_a_, transpose_b_;
    const int64_t panels_, steps_;
    const bool reaches_back_;
    const int64_t stride_;  // of A's rows
};

}  // namespace

void paired_matmul(const MatMulShape& given, const View& a, const View& b, const View& y) {
    MatMulShape shape = given;
    // Matrices on top of each other that meet the same B are one tall matrix.
    if (shape.b_batch_stride == 0 && !shape.transpose_a && shape.a_batch_stride == shape.m * shape.k) {
        shape.m *= shape.batch;
        shape.batch = 1;
    }
    const PairedMatrices matrices(shape);
    auto one = [&](int64_t i) {
        matrices.multiply(a.as<Bf16>() + i * shape.a_batch_stride, b.as<Bf16>() + i * shape.b_batch_stride,
                          y.as<Bf16>() + i * shape.m * shape.n);
    };
    const int64_t work = shape.m * shape.n * shape.k;
    if (shape.batch < kTasks && work > kWorthwhile)
        for (int64_t i = 0; i < shape.batch; i++) one(i);  // each in parallel
    else
        parallel_ranges(shape.batch, std::max<int64_t>(1, kWorthwhile / work), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) one(i);
        });
}

}  // namespace hb::cpu::HB_TIER
