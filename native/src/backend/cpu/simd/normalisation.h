// What batch norm and group norm share: noise runs and statistics groups cut into pieces, column statistics, and the
// passes that write.
#pragma once

#include <cmath>

#include "backend/backend.h"
#include "backend/cpu/simd/columns.h"
#include "backend/cpu/simd/finish.h"
#include "backend/cpu/simd/random.h"
#include "core/parallel.h"

namespace hb::cpu::HB_TIER {

// group_norm.cpp; add_normalisation calls it.
void add_group_norm(Backend& table, const Backend& plain);

namespace normalisation {

inline int64_t runs_of(const Noise& noise) { return has_noise(noise) ? noise.sub_batches : 1; }

// gamma as each noise run sees it, [runs, c].
inline void perturb_gammas(const View& gamma, const Noise& noise, float* seen) {
    const int64_t c = gamma.elements();
    if (!has_noise(noise))
        std::copy_n(gamma.f32(), c, seen);
    else
        for (int64_t m = 0; m < noise.sub_batches; m++) perturb(noise, m, 0, c, gamma.f32(), seen + m * c);
}

// What the runs' gradients of gamma are multiplied by, [runs, c]; null when it is 1.
inline const double* slopes_of(const Noise& noise, int64_t c, Scratch<double>& room) {
    if (!needs_chain_rule(noise)) return nullptr;
    Scratch<float> z(c);
    for (int64_t m = 0; m < noise.sub_batches; m++) {
        normals(noise_key(noise, m), 0, c, z.data());
        for (int64_t k = 0; k < c; k++)
            room[m * c + k] = perturbation_slope<double>(static_cast<double>(noise.sigma), static_cast<double>(z[k]));
    }
    return room.data();
}

// Rows of one noise run and one statistics group.
struct Segment {
    int64_t begin, end, run, group;
};

// The segments of `rows` rows, in order; returns how many. Room for runs + groups.
inline int64_t make_segments(const Noise& noise, int64_t samples, int64_t rows, int64_t groups, Segment* out) {
    const int64_t runs = runs_of(noise), per_sample = samples > 0 ? rows / samples : 0;
    int64_t count = 0, run = 0, group = 0;
    auto run_end = [&] { return run + 1 == runs ? rows : run_begin(noise, samples, run + 1) * per_sample; };
    auto group_end = [&] { return (group + 1) * samples / groups * per_sample; };
    for (int64_t begin = 0; begin < rows;) {
        while (run_end() <= begin) run++;
        while (group_end() <= begin) group++;
        const int64_t end = std::min(run_end(), group_end());
        out[count++] = {begin, end, run, group};
        begin = end;
    }
    return count;
}

// A part of a segment: what one task sums.
struct Piece {
    int64_t segment, begin, end;
};

// Rows of a piece: enough that the sums it leaves are small against what it reads.
inline int64_t piece_rows(int64_t c) { return std::max<int64_t>(64, kGrain / c); }

class Pieces {
  public:
    Pieces(const Segment* segments, int64_t count, int64_t c)
        : rows_(piece_rows(c)), size_(count_of(segments, count)), pieces_(size_) {
        int64_t p = 0;
        for (int64_t s = 0; s < count; s++)
            for (int64_t row = segments[s].begin; row < segments[s].end; row += rows_)
                pieces_[p++] = {s, row, std::min(segments[s].end, row + rows_)};
    }
    int64_t size() const { return size_; }
    const Piece& operator[](int64_t i) const { return pieces_[i]; }

  private:
    int64_t count_of(const Segment* segments, int64_t count) const {
        int64_t n = 0;
        for (int64_t s = 0; s < count; s++) n += (segments[s].end - segments[s].begin + rows_ - 1) / rows_;
        return n;
    }
    int64_t rows_, size_;
    Scratch<Piece> pieces_;
};

// Mean and sum of squared deviations of every column of x [rows, c], rows >= 1. T: float or Bf16, as everywhere here.
template <class T>
inline void column_moments(const Columns& columns, const T* x, int64_t rows, double* mean, double* squares) {
    const int64_t c = columns.c, width = columns.width, first_rows = std::min<int64_t>(rows, 8);
    Scratch<float> shift(width);
    Scratch<double> sums(2 * width);
    std::fill_n(shift.data(), c, 0.0f);
    for (int64_t r = 0; r < first_rows; r++)
        for (int64_t k = 0; k < c; k++) shift[k] += widen(x[r * c + k]);
    columns.spread(shift.data(), [&](int64_t k) { return shift[k] / static_cast<float>(first_rows); });
    std::fill_n(sums.data(), 2 * width, 0.0);
    double *sum = sums.data(), *square = sum + width;
    add_columns(columns, rows, sum, square, [x, s = shift.data()](int64_t at, int64_t j, auto m) {
        F32 d = load(x + at, m) - load(s + j, m);
        return Term{d, d};
    });
    columns.fold(sum);
    columns.fold(square);
    const double n = static_cast<double>(rows);
    for (int64_t k = 0; k < c; k++) {
        mean[k] = static_cast<double>(shift[k]) + sum[k] / n;
        squares[k] = std::max(0.0, square[k] - sum[k] * sum[k] / n);
    }
}

// ---- the passes that write

// y = act((x - mean) scale + shift + residual); mean, scale and shift are wide columns.
struct Affine {
    const float *mean, *scale, *shift;
};
template <class T, class Activation>
inline void apply(const Columns& columns, int64_t rows, const Affine& f, Activation activation, const T* x,
                  const T* residual, T* y) {
    wide_rows(columns, rows, [&](auto rows_at, int64_t count) {
        auto normalised = [&](int64_t at, int64_t j, auto m) {
            return fma(load(x + at + j, m) - load(f.mean + j, m), load(f.scale + j, m), load(f.shift + j, m));
        };
        if (residual)
            lanes_of<T>(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at)
                    store(y + at + j, activation.apply(normalised(at, j, m) + load(residual + at + j, m)), m);
            });
        else
            lanes_of<T>(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at) store(y + at + j, activation.apply(normalised(at, j, m)), m);
            });
    });
}

// dx = scale dz + slope (x - mean) + shift with dz = dy act'; without `x`, dx = scale dz. dresidual, where wanted, =
// dz.
struct Gradient {
    const float *scale, *mean, *slope, *shift;
};
template <class T, class Activation>
inline void apply_gradient(const Columns& columns, int64_t rows, const Gradient& f, Activation activation, const T* x,
                           const T* y, const T* dy, T* dx, T* dresidual) {
    constexpr bool kActivated = !std::is_same_v<Activation, NoActivation>;
    wide_rows(columns, rows, [&](auto rows_at, int64_t count) {
        auto through = [&](int64_t at, auto m) {
            const auto g = load(dy + at, m);
            if constexpr (kActivated) return activation.back(load(y + at, m), g);
            return g;
        };
        auto back = [&](int64_t at, int64_t j, auto m, auto dz) {
            const auto centred = load(x + at + j, m) - load(f.mean + j, m);
            return fma(load(f.scale + j, m), dz, fma(load(f.slope + j, m), centred, load(f.shift + j, m)));
        };
        if (x && dresidual)
            lanes_of<T>(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at) {
                    const auto dz = through(at + j, m);
                    store(dx + at + j, back(at, j, m, dz), m);
                    store(dresidual + at + j, dz, m);
                }
            });
        else if (x)
            lanes_of<T>(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at) store(dx + at + j, back(at, j, m, through(at + j, m)), m);
            });
        else
            lanes_of<T>(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at) {
                    const auto dz = through(at + j, m);
                    store(dx + at + j, load(f.scale + j, m) * dz, m);
                    if (dresidual) store(dresidual + at + j, dz, m);
                }
            });
    });
}

// sum dz and sum dz (x - mean) of every column; mean holds wide columns.
template <class T, class Activation>
inline void gradient_sums(const Columns& columns, int64_t rows, Activation activation, const T* x, const T* y,
                          const T* dy, const float* mean, double* sum, double* product) {
    constexpr bool kActivated = !std::is_same_v<Activation, NoActivation>;
    Scratch<double> sums(2 * columns.width);
    std::fill_n(sums.data(), 2 * columns.width, 0.0);
    double *first = sums.data(), *second = first + columns.width;
    add_columns(columns, rows, first, second, [=](int64_t at, int64_t j, auto m) {
        F32 g = load(dy + at, m);
        if constexpr (kActivated) g = activation.back(load(y + at, m), g);
        return Term{g, load(x + at, m) - load(mean + j, m)};
    });
    columns.fold(first);
    columns.fold(second);
    std::copy_n(first, columns.c, sum);
    std::copy_n(second, columns.c, product);
}

// body(segment, begin, end) for the parts of segments in rows begin .. end.
template <class Body>
inline void for_each_part(const Segment* segments, int64_t count, int64_t begin, int64_t end, Body&& body) {
    for (int64_t s = 0; s < count; s++) {
        const int64_t from = std::max(begin, segments[s].begin), to = std::min(end, segments[s].end);
        if (from < to) body(s, from, to);
    }
}

// Channels of one task of the passes over [c] or [pieces, c].
inline constexpr int64_t kChannels = 64;

}  // namespace normalisation
}  // namespace hb::cpu::HB_TIER
