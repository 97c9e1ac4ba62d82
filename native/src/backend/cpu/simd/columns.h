// Column sums of dense [rows, c] arrays, for any c, one number a column.
//
// Few columns, or a number of them that is no multiple of the vector, would waste lanes: so `repeat` rows are taken as
// one of `width` = repeat * c columns, which is a multiple of the vector, and the repeats are folded at the end. Rows
// of at least 128 columns are taken as they are; their last vector is masked.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>

#include "backend/cpu/simd/convert.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {

struct Columns {
    int64_t c, repeat, width;

    explicit Columns(int64_t columns) : c(columns), repeat(1) {
        constexpr int64_t kEnough = 64;
        if (c < 2 * kEnough) {
            const int64_t whole = F32::kLanes / std::gcd(c, int64_t{F32::kLanes});  // rows to a multiple of the vector
            repeat = whole * ((kEnough + whole * c - 1) / (whole * c));
        }
        width = repeat * c;
    }
    // to[q c + k] = value(k) for every repeat q.
    template <class T, class Value>
    void spread(T* to, Value&& value) const {
        for (int64_t k = 0; k < c; k++) to[k] = value(k);
        for (int64_t q = 1; q < repeat; q++) std::copy_n(to, c, to + q * c);
    }
    // Adds the repeats to the first of them.
    void fold(double* sums) const {
        for (int64_t q = 1; q < repeat; q++)
            for (int64_t k = 0; k < c; k++) sums[k] += sums[q * c + k];
    }
};

// body(offsets, count) for every row of `columns.width` numbers of `rows` rows of c; the last may be shorter. Rows are
// taken from the beginning and from the middle on together: one stream of addresses alone does not keep the memory
// busy.
template <class Body>
[[gnu::always_inline]] inline void wide_rows(const Columns& columns, int64_t rows, Body&& body) {
    const int64_t total = rows * columns.c, half = total / columns.width / 2 * columns.width;
    int64_t at = 0;
    for (; at < half; at += columns.width) body(std::array{at, at + half}, columns.width);
    for (at = 2 * half; at < total; at += columns.width) body(std::array{at}, std::min(columns.width, total - at));
}

// What is summed: a first number, and the product of two (the first two moments; a gradient and its correlation).
struct Term {
    F32 value, factor;
};

// first[j] += value, second[j] += value * factor over rows, for the wide columns j. term(at, j, mask) gives the numbers
// at offset `at`, column j. Sums of at most 64 rows are kept in f32 and then added in double. Four streams of rows, as
// above.
template <class Source>
[[gnu::always_inline]] inline void add_columns(const Columns& columns, int64_t rows, double* first_sum,
                                               double* second_sum, Source&& term) {
    constexpr int64_t kBlock = 16;  // rows of each stream
    const int64_t width = columns.width, total = rows * columns.c, whole = total / width;
    const int64_t quarter = whole / 4, apart = quarter * width;
    Scratch<float> sums(2 * width);
    float *first = sums.data(), *second = first + width;
    auto flush = [&](int64_t count) {
        for (int64_t j = 0; j < count; j++) {
            first_sum[j] += first[j];
            second_sum[j] += second[j];
        }
    };
    for (int64_t begin = 0; begin < quarter; begin += kBlock) {
        const int64_t end = std::min(quarter, begin + kBlock);
        std::fill_n(first, 2 * width, 0.0f);
        for (int64_t r = begin; r < end; r++)
            lanes(width, [&](int64_t j, auto m) {
                const int64_t at = r * width + j;
                Term t0 = term(at, j, m), t1 = term(at + apart, j, m);
                Term t2 = term(at + 2 * apart, j, m), t3 = term(at + 3 * apart, j, m);
                store(first + j, load(first + j, m) + ((t0.value + t1.value) + (t2.value + t3.value)), m);
                F32 s = fma(t1.value, t1.factor, t0.value * t0.factor),
                    u = fma(t3.value, t3.factor, t2.value * t2.factor);
                store(second + j, load(second + j, m) + (s + u), m);
            });
        flush(width);
    }
    for (int64_t at = 4 * apart; at < total; at += width) {
        const int64_t count = std::min(width, total - at);
        lanes(count, [&](int64_t j, auto m) {
            Term t = term(at + j, j, m);
            store(first + j, t.value, m);
            store(second + j, t.value * t.factor, m);
        });
        flush(count);
    }
}

// sums[j] += the column sums of `rows` rows of `width` numbers.
template <class T>
inline void add_rows(const T* x, int64_t rows, int64_t width, double* sums) {
    auto add = [&](int64_t j, auto m, Wide w) {
        if constexpr (std::is_same_v<decltype(m), All>) {
            store(sums + j, load(sums + j) + w.low);
            store(sums + j + F64::kLanes, load(sums + j + F64::kLanes) + w.high);
        } else {
            double t[F32::kLanes];
            store(t, w.low);
            store(t + F64::kLanes, w.high);
            for (int64_t l = 0; l < width - j; l++) sums[j + l] += t[l];
        }
    };
    const int64_t quarter = rows / 4, apart = quarter * width;
    for (int64_t r = 0; r < quarter; r++)
        lanes(width, [&](int64_t j, auto m) {
            const T* p = x + r * width + j;
            add(j, m,
                (Wide(load(p, m)) + Wide(load(p + apart, m))) +
                    (Wide(load(p + 2 * apart, m)) + Wide(load(p + 3 * apart, m))));
        });
    for (int64_t r = 4 * quarter; r < rows; r++)
        lanes(width, [&](int64_t j, auto m) { add(j, m, Wide(load(x + r * width + j, m))); });
}

// sums[k] = the sum of column k of x [rows, c], in double. Room for columns.width.
template <class T>
inline void column_sums(const Columns& columns, const T* x, int64_t rows, double* sums) {
    const int64_t whole = rows / columns.repeat;
    std::fill_n(sums, columns.width, 0.0);
    add_rows(x, whole, columns.width, sums);
    columns.fold(sums);
    add_rows(x + whole * columns.width, rows - whole * columns.repeat, columns.c, sums);
}

}  // namespace hb::cpu::HB_TIER
