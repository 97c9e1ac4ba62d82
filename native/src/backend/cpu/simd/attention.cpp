// Softmax attention, tile by tile (Dao et al. 2022), on the register blocks of gemm.h. A task has a head of a sample,
// or a part of its queries where heads are few.
//
//   Forward: keys and values of a tile are packed once. Every block of queries meets them in turn: scores, exponentials
//   against the largest score so far, and their product with the values, added to y; when a later tile has a larger
//   score, y and the sum shrink first.
//   Backward: weights are computed again from log_sum, for one panel of keys at a time, so that they and their gradient
//   stay in the first-level cache until dv and dk have them. P^T dy and dS^T q read P and dS as they lie ("points"),
//   not turned. dq takes the dS of the whole tile.
//
// GF/s of one core, AVX2, peak 103, counting 4 t^2 d forward and 10 t^2 d backward:
//                              forward  backward
//   t = 197, heads of 64          68       75       the products alone would run at 95
//   t = 1024, heads of 64         70       80
//   t = 65, heads of 32           44       55       products of depth 32
// Forward at t = 197, of 100 parts of time: products 78, exponentials 12, packing 8, maxima and the rest 2. Tried:
// prefetching the rows that are packed next, and copying queries to dense memory: nothing; 48 queries a block backward:
// 4 % less.
#include <algorithm>
#include <limits>

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/gemm.h"
#include "backend/cpu/simd/math.h"
#include "backend/cpu/simd/weight_packing.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

const Backend* plain_ = nullptr;

// Keys of a tile, and queries of a block. Forward a block's scores stay in the first-level cache; backward the depth of
// the products for dk and dv is a block.
constexpr int64_t kKeys = 256, kForwardQueries = kLanes == 16 ? 30 : 24, kBackwardQueries = 128;
// Where there are fewer heads than this, their queries are divided; backward, every part has its own sums for keys and
// values.
constexpr int64_t kForwardTasks = 64, kBackwardTasks = 16;
// Queries that are worth a task.
constexpr int64_t kWorthwhile = 96;

constexpr int64_t kWidth = 2 * kLanes;  // of a panel

int64_t pieces_of(int64_t size, int64_t most) { return (size + most - 1) / most; }

// i-th of `count` nearly equal parts of 0 .. size begins here.
int64_t part(int64_t size, int64_t count, int64_t i) { return size * i / count; }

// A matrix [depth, columns] in panels; the last one may be a single vector wide.
class Panels {
  public:
    Panels(float* data, int64_t columns, int64_t depth) : data_(data), columns_(columns), depth_(depth) {}
    static int64_t size(int64_t columns, int64_t depth) { return pieces_of(columns, kWidth) * kWidth * depth; }

    int64_t count() const { return pieces_of(columns_, kWidth); }
    int64_t columns(int64_t panel) const { return std::min(kWidth, columns_ - panel * kWidth); }
    int vectors(int64_t panel) const { return panel_vectors(columns(panel)); }
    int64_t filled(int64_t panel) const { return vectors(panel) * kLanes; }
    float* operator[](int64_t panel) const { return data_ + panel * kWidth * depth_; }

    // From rows of the matrix.
    void pack(const float* rows, int64_t apart) const {
        for (int64_t p = 0; p < count(); p++)
            pack_rows(vectors(p), rows + p * kWidth, apart, depth_, columns(p), (*this)[p], 0);
    }
    // From rows of its transpose.
    void pack_transposed(const float* rows, int64_t apart) const {
        for (int64_t p = 0; p < count(); p++)
            pack_columns(rows + p * kWidth * apart, apart, columns(p), depth_, vectors(p), (*this)[p]);
    }

  private:
    float* data_;
    int64_t columns_, depth_;
};

// Offsets 0, apart, 2 apart, ..
class Steps {
  public:
    Steps(int64_t count, int64_t apart) : at_(count) {
        for (int64_t i = 0; i < count; i++) at_[i] = i * apart;
    }
    const int64_t* data() const { return at_.data(); }

  private:
    Scratch<int64_t> at_;
};

// One panel of A B, padding included.
template <class Reduction>
void multiply_padded(const Reduction& reduction, const Panels& b, int64_t p, const float* a, int64_t rows,
                     const Steps& a_row, float* c, const Steps& c_row) {
    const Panel panel{b[p], c, static_cast<int>(b.filled(p)), false, nullptr};
    multiply_panel(b.vectors(p), reduction, panel, a, rows, a_row.data(), c_row.data());
}

// C (+)= A B.
template <class Reduction>
void multiply(const Reduction& reduction, const Panels& b, const float* a, int64_t rows, const Steps& a_row, float* c,
              const Steps& c_row, bool accumulate) {
    for (int64_t p = 0; p < b.count(); p++) {
        const Panel panel{b[p], c + p * kWidth, static_cast<int>(b.columns(p)), accumulate, nullptr};
        multiply_panel(b.vectors(p), reduction, panel, a, rows, a_row.data(), c_row.data());
    }
}

float largest_of(const float* x, int64_t n) {
    const F32 lowest = -std::numeric_limits<float>::infinity();
    F32 most[4] = {lowest, lowest, lowest, lowest};
    int64_t j = 0;
    for (; j + 4 * kLanes <= n; j += 4 * kLanes)
        for (int v = 0; v < 4; v++) most[v] = max(most[v], load(x + j + v * kLanes));
    for (; j + kLanes <= n; j += kLanes) most[0] = max(most[0], load(x + j));
    if (j < n) {
        const Mask mask = first(static_cast<int>(n - j));
        most[1] = max(most[1], select(mask, load(x + j, mask), lowest));
    }
    return largest(max(max(most[0], most[1]), max(most[2], most[3])));
}

// x = exp(scale (x - most)), in place, and the sum.
float exponentials(float* x, int64_t n, F32 scale, F32 most) {
    constexpr int kWide = 4;
    F32s<kWide> sums(0.0f);
    int64_t i = 0;
    for (; i + kWide * kLanes <= n; i += kWide * kLanes) {
        const F32s<kWide> e = exp_down((load_row<kWide>(x + i) - F32s<kWide>(most)) * F32s<kWide>(scale));
        store_row(x + i, e);
        sums = sums + e;
    }
    lanes(n - i, [&](int64_t j, auto m) {
        const F32 e = keep(exp_down((load(x + i + j, m) - most) * scale), m);
        store(x + i + j, e, m);
        sums.v[0] = sums.v[0] + e;
    });
    return sum((sums.v[0] + sums.v[1]) + (sums.v[2] + sums.v[3]));
}

void multiply_row(float* x, int64_t n, F32 factor) {
    lanes(n, [=](int64_t j, auto m) { store(x + j, load(x + j, m) * factor, m); });
}

class Attention {
  public:
    explicit Attention(const AttentionShape& shape)
        : n_(shape.n), t_(shape.t), heads_(shape.heads), d_(shape.d), y_apart_(heads_ * d_), apart_(3 * y_apart_),
          scale_(static_cast<float>(shape.scale)), tiles_(pieces_of(t_, kKeys)), tile_most_(pieces_of(t_, tiles_)),
          // An odd number of cache lines: rows do not meet in few sets.
          score_apart_((pieces_of(tile_most_, kWidth) * kWidth / 16 | 1) * 16) {}

    void forward(const float* qkv, float* y, float* log_sum) const {
        each_part(kForwardTasks, [&](const Head& head, int64_t begin, int64_t rows, float*) {
            const float* q = qkv + head.q;
            forward_rows(q + begin * apart_, q + y_apart_, q + 2 * y_apart_, rows, y + head.y + begin * y_apart_,
                         log_sum + head.sums + begin);
        });
    }

    void backward(const float* qkv, const float* y, const float* log_sum, const float* dy, float* dqkv) const {
        const Scratch<float> sums(part_sums());
        each_part(
            kBackwardTasks,
            [&](const Head& head, int64_t begin, int64_t rows, float* part_sum) {
                backward_rows(qkv + head.q, y + head.y, log_sum + head.sums, dy + head.y, begin, rows, dqkv + head.q,
                              part_sum);
            },
            sums.data());
        add_parts(sums.data(), dqkv);
    }

    // In bf16, a part's rows are widened to dense f32 ones of their own, of a single head, which the cache holds; its
    // results are rounded from there.
    void forward(const Bf16* qkv, Bf16* y, float* log_sum) const {
        const Attention alone({1, t_, 1, d_, static_cast<double>(scale_)});
        each_part(kForwardTasks, [&](const Head& head, int64_t begin, int64_t rows, float*) {
            const Scratch<float> wide(3 * t_ * d_), made(rows * d_);
            float* const q = wide.data();
            const Bf16* from = qkv + head.q;
            move_rows(from + begin * apart_, apart_, rows, q + begin * 3 * d_, 3 * d_);
            for (int64_t i = 1; i < 3; i++) move_rows(from + i * y_apart_, apart_, t_, q + i * d_, 3 * d_);
            alone.forward_rows(q + begin * 3 * d_, q + d_, q + 2 * d_, rows, made.data(), log_sum + head.sums + begin);
            move_rows(made.data(), d_, rows, y + head.y + begin * y_apart_, y_apart_);
        });
    }

    void backward(const Bf16* qkv, const Bf16* y, const float* log_sum, const Bf16* dy, Bf16* dqkv) const {
        const Attention alone({1, t_, 1, d_, static_cast<double>(scale_)});
        const Scratch<float> sums(part_sums());
        each_part(
            kBackwardTasks,
            [&](const Head& head, int64_t begin, int64_t rows, float* part_sum) {
                const Scratch<float> wide(8 * t_ * d_);
                float *const q = wide.data(), *const y_wide = q + 3 * t_ * d_, *const g_wide = y_wide + t_ * d_;
                float* const made = g_wide + t_ * d_;
                const Bf16* from = qkv + head.q;
                move_rows(from + begin * apart_, apart_, rows, q + begin * 3 * d_, 3 * d_);
                for (int64_t i = 1; i < 3; i++) move_rows(from + i * y_apart_, apart_, t_, q + i * d_, 3 * d_);
                const int64_t y_at = head.y + begin * y_apart_;
                move_rows(y + y_at, y_apart_, rows, y_wide + begin * d_, d_);
                move_rows(dy + y_at, y_apart_, rows, g_wide + begin * d_, d_);
                alone.backward_rows(q, y_wide, log_sum + head.sums, g_wide, begin, rows, made, part_sum);
                Bf16* to = dqkv + head.q;
                move_rows(made + begin * 3 * d_, 3 * d_, rows, to + begin * apart_, apart_);
                for (int64_t i = 1; i < 3 && !part_sum; i++)
                    move_rows(made + i * d_, 3 * d_, t_, to + i * y_apart_, apart_);
            },
            sums.data());
        add_parts(sums.data(), dqkv);
    }

  private:
    struct Head {
        int64_t q, y, sums;  // where it begins in qkv, y and log_sum
        Head(const Attention& all, int64_t index) {
            const int64_t sample = index / all.heads_, head = index % all.heads_;
            q = sample * all.t_ * all.apart_ + head * all.d_;
            y = sample * all.t_ * all.y_apart_ + head * all.d_;
            sums = index * all.t_;
        }
    };

    // Parts that a head's queries are cut into.
    int64_t parts_of(int64_t tasks) const {
        return std::clamp<int64_t>(pieces_of(tasks, n_ * heads_), 1, std::max<int64_t>(1, t_ / kWorthwhile));
    }
    int64_t part_size() const { return 2 * t_ * d_; }
    // What the parts' sums need backward, where there are several.
    int64_t part_sums() const {
        const int64_t parts = parts_of(kBackwardTasks);
        return parts > 1 ? n_ * heads_ * parts * part_size() : 0;
    }

    // body(head, first query, queries, the part's sums or null) for every part.
    template <class Body>
    void each_part(int64_t tasks, Body&& body, float* sums = nullptr) const {
        const int64_t parts = parts_of(tasks);
        parallel(n_ * heads_ * parts, [&](int64_t task) {
            const int64_t begin = part(t_, parts, task % parts), rows = part(t_, parts, task % parts + 1) - begin;
            body(Head(*this, task / parts), begin, rows, sums ? sums + task * part_size() : nullptr);
        });
    }

    // A head's rows from one type and distance to another.
    template <class From, class To>
    void move_rows(const From* from, int64_t from_apart, int64_t rows, To* to, int64_t to_apart) const {
        for (int64_t r = 0; r < rows; r++)
            lanes(d_, [&](int64_t c, auto m) { store(to + r * to_apart + c, load(from + r * from_apart + c, m), m); });
    }

    // The parts' sums, in order.
    template <class T>
    void add_parts(const float* sums, T* dqkv) const {
        const int64_t parts = parts_of(kBackwardTasks);
        if (parts == 1) return;
        parallel(n_ * heads_ * 2, [&](int64_t task) {
            T* to = dqkv + Head(*this, task / 2).q + (1 + task % 2) * y_apart_;
            const float* from = sums + task / 2 * parts * part_size() + task % 2 * t_ * d_;
            for (int64_t j = 0; j < t_; j++)
                lanes(d_, [&](int64_t c, auto m) {
                    F32 total = load(from + j * d_ + c, m);
                    for (int64_t p = 1; p < parts; p++) total = total + load(from + p * part_size() + j * d_ + c, m);
                    store(to + j * apart_ + c, total, m);
                });
        });
    }

    void forward_rows(const float* q, const float* k, const float* v, int64_t rows, float* y, float* log_sum) const {
        const int64_t blocks = pieces_of(rows, kForwardQueries), block_most = std::min(rows, kForwardQueries);
        const Scratch<float> k_room(Panels::size(tile_most_, d_)), v_room(Panels::size(d_, tile_most_));
        const Scratch<float> scores(block_most * score_apart_), state(2 * rows);
        float *most = state.data(), *total = most + rows;  // of a row's scores so far: maximum, sum of exponentials
        const Steps q_row(block_most, apart_), y_row(block_most, y_apart_), score_row(block_most, score_apart_);
        const int64_t start = 0;
        const Spans all_d{&start, 1, d_};
        for (int64_t tile = 0; tile < tiles_; tile++) {
            const int64_t first_key = part(t_, tiles_, tile), keys = part(t_, tiles_, tile + 1) - first_key;
            const Panels keys_across(k_room.data(), keys, d_), values(v_room.data(), d_, keys);
            keys_across.pack_transposed(k + first_key * apart_, apart_);
            values.pack(v + first_key * apart_, apart_);
            const Spans all_keys{&start, 1, keys};
            for (int64_t block = 0; block < blocks; block++) {
                const int64_t row = block * kForwardQueries, height = std::min(rows - row, kForwardQueries);
                for (int64_t p = 0; p < keys_across.count(); p++)
                    multiply_padded(all_d, keys_across, p, q + row * apart_, height, q_row, scores.data() + p * kWidth,
                                    score_row);
                for (int64_t r = 0; r < height; r++) {
                    float* score = scores.data() + r * score_apart_;
                    float& row_most = most[row + r];
                    float& row_total = total[row + r];
                    const float here = largest_of(score, keys);
                    if (tile == 0) {
                        row_most = here;
                        row_total = exponentials(score, keys, scale_, here);
                        continue;
                    }
                    const float above = std::max(row_most, here), shrink = std::exp(scale_ * (row_most - above));
                    if (shrink != 1) multiply_row(y + (row + r) * y_apart_, d_, shrink);
                    row_most = above;
                    row_total = shrink * row_total + exponentials(score, keys, scale_, above);
                }
                float* out = y + row * y_apart_;
                multiply(all_keys, values, scores.data(), height, score_row, out, y_row, tile > 0);
                if (tile + 1 == tiles_)
                    for (int64_t r = 0; r < height; r++) multiply_row(out + r * y_apart_, d_, 1 / total[row + r]);
            }
        }
        const F32 scale = scale_;
        lanes(rows, [=](int64_t i, auto m) {
            store(log_sum + i, fma(scale, load(most + i, m), log(load(total + i, m))), m);
        });
    }

    // Everything begins at the head's first row; the queries in work are [begin, begin + rows). Sums for keys and
    // values go to `sums` [2, t, d], or to dqkv where it is null.
    void backward_rows(const float* qkv, const float* y, const float* log_sum, const float* dy, int64_t begin,
                       int64_t rows, float* dqkv, float* sums) const {
        const float *q = qkv + begin * apart_, *k = qkv + y_apart_, *v = k + y_apart_, *g = dy + begin * y_apart_;
        const int64_t blocks = pieces_of(rows, kBackwardQueries), block_most = pieces_of(rows, blocks);
        const int64_t across = Panels::size(tile_most_, d_), down = Panels::size(d_, tile_most_);
        const int64_t block_size = Panels::size(d_, block_most);
        const Scratch<float> tile_room(2 * across + down + (sums ? 0 : 2 * tile_most_ * d_));
        const Scratch<float> block_room(2 * block_size + block_most * (score_apart_ + kWidth)), outer(rows);
        float *const ds = block_room.data() + 2 * block_size, *const strip = ds + block_most * score_apart_;
        const Steps q_row(block_most, apart_), g_row(block_most, y_apart_), ds_row(block_most, score_apart_);
        const Steps strip_row(block_most, kWidth), next(kWidth, 1), sum_row(kWidth, d_);
        const F32 scale = scale_;
        const int64_t start = 0;
        const Spans all_d{&start, 1, d_};
        y += begin * y_apart_;
        log_sum += begin;
        for (int64_t r = 0; r < rows; r++)
            outer[r] = scale_ * sum(add_lanes(d_, [&](int64_t c, auto m) {
                           return load(y + r * y_apart_ + c, m) * load(g + r * y_apart_ + c, m);
                       }));
        for (int64_t tile = 0; tile < tiles_; tile++) {
            const int64_t first_key = part(t_, tiles_, tile), keys = part(t_, tiles_, tile + 1) - first_key;
            const Panels k_across(tile_room.data(), keys, d_), v_across(tile_room.data() + across, keys, d_);
            const Panels k_down(tile_room.data() + 2 * across, d_, keys);
            k_across.pack_transposed(k + first_key * apart_, apart_);
            v_across.pack_transposed(v + first_key * apart_, apart_);
            k_down.pack(k + first_key * apart_, apart_);
            float* const dk = sums ? sums + first_key * d_ : tile_room.data() + 2 * across + down;
            float* const dv = sums ? dk + t_ * d_ : dk + keys * d_;
            for (int64_t block = 0; block < blocks; block++) {
                const int64_t row = part(rows, blocks, block), height = part(rows, blocks, block + 1) - row;
                const float *q_block = q + row * apart_, *g_block = g + row * y_apart_;
                const Panels q_down(block_room.data(), d_, height), g_down(block_room.data() + block_size, d_, height);
                q_down.pack(q_block, apart_);
                g_down.pack(g_block, y_apart_);
                for (int64_t p = 0; p < k_across.count(); p++) {
                    float* const ds_strip = ds + p * kWidth;
                    multiply_padded(all_d, k_across, p, q_block, height, q_row, strip, strip_row);
                    multiply_padded(all_d, v_across, p, g_block, height, g_row, ds_strip, ds_row);
                    for (int64_t r = 0; r < height; r++) {
                        const F32 shift = -F32(log_sum[row + r]), centre = -F32(outer[row + r]);
                        for (int64_t c = 0; c < k_across.filled(p); c += kLanes) {
                            float *const at = strip + r * kWidth + c, *const ds_at = ds_strip + r * score_apart_ + c;
                            const F32 weight = exp(fma(load(at), scale, shift));
                            store(at, weight);
                            store(ds_at, weight * fma(load(ds_at), scale, centre));
                        }
                    }
                    const int64_t at = p * kWidth * d_;
                    multiply(Points{strip_row.data(), height}, g_down, strip, k_across.columns(p), next, dv + at,
                             sum_row, block > 0);
                    multiply(Points{ds_row.data(), height}, q_down, ds_strip, k_across.columns(p), next, dk + at,
                             sum_row, block > 0);
                }
                multiply(Spans{&start, 1, keys}, k_down, ds, height, ds_row, dqkv + (begin + row) * apart_, q_row,
                         tile > 0);
            }
            if (sums) continue;
            for (int64_t j = 0; j < keys; j++) {
                float* const to = dqkv + y_apart_ + (first_key + j) * apart_;
                std::copy_n(dk + j * d_, d_, to);
                std::copy_n(dv + j * d_, d_, to + y_apart_);
            }
        }
    }

    const int64_t n_, t_, heads_, d_;
    const int64_t y_apart_, apart_;  // from row to row, in y and in qkv
    const float scale_;
    const int64_t tiles_, tile_most_;  // of keys
    const int64_t score_apart_;
};

void attention(const AttentionShape& shape, const View& qkv, const View& y, const View& log_sum) {
    if (!is_stored_f32_or_bf16(qkv)) return plain_->attention(shape, qkv, y, log_sum);
    with_storage(qkv, [&]<class T>(T) { Attention(shape).forward(qkv.as<const T>(), y.as<T>(), log_sum.f32()); });
}

void attention_backward(const AttentionShape& shape, const View& qkv, const View& y, const View& log_sum,
                        const View& dy, const View& dqkv) {
    if (!is_stored_f32_or_bf16(qkv)) return plain_->attention_backward(shape, qkv, y, log_sum, dy, dqkv);
    with_storage(qkv, [&]<class T>(T) {
        Attention(shape).backward(qkv.as<const T>(), y.as<const T>(), log_sum.f32(), dy.as<const T>(), dqkv.as<T>());
    });
}

}  // namespace

void add_attention(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.attention = attention;
    table.attention_backward = attention_backward;
}

}  // namespace hb::cpu::HB_TIER
