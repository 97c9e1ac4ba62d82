// Sums, means and extremes; reading x, 4 bytes an element, is all that costs. Sums are accumulated in double vectors.
// Along contiguous rows by four running sums; across rows in an array of double, one number a column, four rows at a
// time. Long sums are cut into pieces by the shape and the pieces added in order.
#include <limits>

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/columns.h"
#include "core/parallel.h"

namespace hb::cpu::HB_TIER {
namespace {

const Backend* plain_ = nullptr;

// x is float or Bf16, here and below; results are float.
template <class T>
double sum_run(const T* x, int64_t n) {
    // Two streams of addresses keep the memory busier than one.
    const int64_t half = n / 2;
    Wide total = add_lanes(half, [=](int64_t i, auto m) { return Wide(load(x + i, m)) + Wide(load(x + half + i, m)); });
    return sum(total) + (n % 2 ? static_cast<double>(widen(x[n - 1])) : 0.0);
}

// The larger or smaller of two; a NaN, once met, stays.
template <bool kMax>
F32 extreme(F32 most, F32 x) {
    Mask better = kMax ? x > most : x < most;
    return select(better | (is_nan(x) & (most == most)), x, most);
}

// The extreme of the lanes.
template <bool kMax>
float extreme_lane(F32 x) {
    if (any(is_nan(x))) return std::numeric_limits<float>::quiet_NaN();
    return kMax ? largest(x) : -largest(-x);
}

template <bool kMax, class T>
float extreme_run(const T* x, int64_t n) {
    F32 m0 = widen(x[0]), m1 = m0, m2 = m0, m3 = m0;
    constexpr int64_t kStep = F32::kLanes;
    const int64_t half = n / (4 * kStep) * (2 * kStep);  // two streams of addresses
    for (int64_t i = 0; i < half; i += 2 * kStep) {
        m0 = extreme<kMax>(m0, load(x + i));
        m1 = extreme<kMax>(m1, load(x + i + kStep));
        m2 = extreme<kMax>(m2, load(x + half + i));
        m3 = extreme<kMax>(m3, load(x + half + i + kStep));
    }
    lanes(n - 2 * half, [&](int64_t i, auto m) {
        F32 v = load(x + 2 * half + i, m);
        if constexpr (std::is_same_v<decltype(m), Mask>) v = select(m, v, m0);
        m0 = extreme<kMax>(m0, v);
    });
    return extreme_lane<kMax>(extreme<kMax>(extreme<kMax>(m0, m1), extreme<kMax>(m2, m3)));
}

// most[j] = the extreme of column j of `rows` >= 1 rows.
template <bool kMax, class T>
void extreme_rows(const T* x, int64_t rows, int64_t width, float* most) {
    lanes(width, [&](int64_t j, auto m) { store(most + j, load(x + j, m), m); });
    const int64_t quarter = rows / 4, apart = quarter * width;
    for (int64_t r = 0; r < quarter; r++)
        lanes(width, [&](int64_t j, auto m) {
            const T* p = x + r * width + j;
            F32 low = extreme<kMax>(load(p, m), load(p + apart, m));
            F32 high = extreme<kMax>(load(p + 2 * apart, m), load(p + 3 * apart, m));
            store(most + j, extreme<kMax>(load(most + j, m), extreme<kMax>(low, high)), m);
        });
    for (int64_t r = 4 * quarter; r < rows; r++)
        lanes(width, [&](int64_t j, auto m) {
            store(most + j, extreme<kMax>(load(most + j, m), load(x + r * width + j, m)), m);
        });
}

// Rows of x that one task adds, of inner columns each.
int64_t piece_rows(int64_t inner) { return std::max<int64_t>(64, kGrain / inner); }

template <class T>
void sum_contiguous(const T* x, int64_t outer, int64_t reduced, double factor, float* y) {
    const int64_t pieces = (reduced + kGrain - 1) / kGrain;
    if (pieces <= 1) {
        parallel_ranges(outer, kGrain / std::max<int64_t>(1, reduced), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) y[i] = static_cast<float>(sum_run(x + i * reduced, reduced) / factor);
        });
        return;
    }
    Scratch<double> parts(outer * pieces);
    parallel(outer * pieces, [&](int64_t task) {
        const int64_t begin = task % pieces * kGrain;
        parts[task] = sum_run(x + task / pieces * reduced + begin, std::min(kGrain, reduced - begin));
    });
    for (int64_t i = 0; i < outer; i++) {
        double total = 0;
        for (int64_t p = 0; p < pieces; p++) total += parts[i * pieces + p];
        y[i] = static_cast<float>(total / factor);
    }
}

template <class T>
void sum_columns(const T* x, int64_t outer, int64_t reduced, int64_t inner, double factor, float* y) {
    const Columns columns(inner);
    const int64_t rows = piece_rows(inner), pieces = std::max<int64_t>(1, (reduced + rows - 1) / rows);
    Scratch<double> parts(pieces > 1 ? outer * pieces * inner : 0);
    auto piece = [&](int64_t i, int64_t p, double* sums) {
        const int64_t begin = p * rows;
        column_sums(columns, x + (i * reduced + begin) * inner, std::min(rows, reduced - begin), sums);
    };
    const int64_t together = pieces > 1 ? 1 : std::max<int64_t>(1, kGrain / std::max<int64_t>(1, reduced * inner));
    parallel_ranges(outer * pieces, together, [&](int64_t begin, int64_t end) {
        Scratch<double> sums(columns.width);
        for (int64_t task = begin; task < end; task++) {
            piece(task / pieces, task % pieces, sums.data());
            if (pieces > 1)
                std::copy_n(sums.data(), inner, parts.data() + task * inner);
            else
                for (int64_t j = 0; j < inner; j++) y[task * inner + j] = static_cast<float>(sums[j] / factor);
        }
    });
    if (pieces == 1) return;
    constexpr int64_t kColumns = 256;
    const int64_t bands = (inner + kColumns - 1) / kColumns;
    parallel(outer * bands, [&](int64_t task) {
        const int64_t i = task / bands, begin = task % bands * kColumns, end = std::min(inner, begin + kColumns);
        double total[kColumns] = {};
        for (int64_t p = 0; p < pieces; p++)
            for (int64_t j = begin; j < end; j++) total[j - begin] += parts[(i * pieces + p) * inner + j];
        for (int64_t j = begin; j < end; j++) y[i * inner + j] = static_cast<float>(total[j - begin] / factor);
    });
}

template <bool kMax, class T>
void extremes(const T* x, int64_t outer, int64_t reduced, int64_t inner, float* y) {
    if (inner == 1) {
        const int64_t pieces = (reduced + kGrain - 1) / kGrain;
        if (pieces == 1) {
            parallel_ranges(outer, kGrain / reduced, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; i++) y[i] = extreme_run<kMax>(x + i * reduced, reduced);
            });
            return;
        }
        Scratch<float> parts(outer * pieces);
        parallel(outer * pieces, [&](int64_t task) {
            const int64_t begin = task % pieces * kGrain;
            parts[task] = extreme_run<kMax>(x + task / pieces * reduced + begin, std::min(kGrain, reduced - begin));
        });
        for (int64_t i = 0; i < outer; i++) y[i] = extreme_run<kMax>(parts.data() + i * pieces, pieces);
        return;
    }
    const Columns columns(inner);
    const int64_t rows = piece_rows(inner), pieces = (reduced + rows - 1) / rows;
    Scratch<float> parts(pieces > 1 ? outer * pieces * inner : 0);
    const int64_t together = std::max<int64_t>(1, kGrain / (reduced * inner));
    parallel_ranges(outer * pieces, together, [&](int64_t from, int64_t to) {
        Scratch<float> wide(columns.width);
        for (int64_t task = from; task < to; task++) {
            const int64_t begin = task % pieces * rows, count = std::min(rows, reduced - begin);
            const int64_t whole = count / columns.repeat;
            const T* piece = x + (task / pieces * reduced + begin) * inner;
            float* most = (pieces > 1 ? parts.data() : y) + task * inner;
            extreme_rows<kMax>(piece, std::min(count, columns.repeat), inner, most);
            if (whole == 0) continue;
            extreme_rows<kMax>(piece, whole, columns.width, wide.data());
            auto fold = [&](const auto* more) {
                lanes(inner, [&](int64_t j, auto m) {
                    store(most + j, extreme<kMax>(load(most + j, m), load(more + j, m)), m);
                });
            };
            for (int64_t q = 0; q < columns.repeat; q++) fold(wide.data() + q * inner);
            for (int64_t r = whole * columns.repeat; r < count; r++) fold(piece + r * inner);
        }
    });
    if (pieces > 1)
        for (int64_t i = 0; i < outer; i++)
            extreme_rows<kMax>(parts.data() + i * pieces * inner, pieces, inner, y + i * inner);
}

void reduce(int kind, const View& x, int64_t outer, int64_t reduced, int64_t inner, const View& y) {
    if (!is_stored_f32_or_bf16(x) || outer * reduced * inner == 0)
        return plain_->reduce(kind, x, outer, reduced, inner, y);
    with_storage(x, [&]<class T>(T) {
        const T* from = x.as<T>();
        if (kind == HB_REDUCE_MAX) return extremes<true>(from, outer, reduced, inner, y.f32());
        if (kind == HB_REDUCE_MIN) return extremes<false>(from, outer, reduced, inner, y.f32());
        const double factor = kind == HB_REDUCE_MEAN ? static_cast<double>(reduced) : 1.0;
        if (inner == 1)
            sum_contiguous(from, outer, reduced, factor, y.f32());
        else
            sum_columns(from, outer, reduced, inner, factor, y.f32());
    });
}

// The extreme first, then the first place that has it.
template <class T>
int64_t argmax_run(const T* x, int64_t n) {
    const float most = extreme_run<true>(x, n);
    const bool nan = most != most;
    const F32 wanted = most;
    auto found = [&](F32 v) { return nan ? is_nan(v) : v == wanted; };
    int64_t i = 0;
    while (i + F32::kLanes <= n && !any(found(load(x + i)))) i += F32::kLanes;
    while (nan ? widen(x[i]) == widen(x[i]) : widen(x[i]) != most) i++;
    return i;
}

void argmax(const View& x, const View& y) {
    if (!is_stored_f32_or_bf16(x) || x.elements() == 0) return plain_->argmax(x, y);
    const int64_t k = x.columns();
    with_storage(x, [&]<class T>(T) {
        parallel_ranges(x.rows(), kGrain / k, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) y.as<int64_t>()[i] = argmax_run(x.as<T>() + i * k, k);
        });
    });
}

}  // namespace

void add_reductions(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.reduce = reduce;
    table.argmax = argmax;
}

}  // namespace hb::cpu::HB_TIER
