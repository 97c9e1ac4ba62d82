// Batch norm, group norm and layer norm. The formulas stand in scalar/normalisation.cpp; the work here is to read
// memory as rarely as can be. Bytes per element of x, by batch norm:
//   forward   statistics 4; apply 8, with residual 12
//   backward  sums 8, with activation 12 (its mask is read from y); apply 12 to 20
// Group norm does the same sample by sample, layer norm row by row, where the second reading comes from the cache.
//
// Statistics in one pass: sums of x - s and (x - s)^2 with s the mean of a piece's first rows, so that a large mean
// costs no digits; pieces are merged in double (Chan, Golub and LeVeque 1983).
#include <cmath>

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/columns.h"
#include "backend/cpu/simd/random.h"
#include "core/parallel.h"

namespace hb::cpu::HB_TIER {
namespace {

const Backend* plain_ = nullptr;

int64_t runs_of(const Noise& noise) { return has_noise(noise) ? noise.sub_batches : 1; }

// gamma as each noise run sees it, [runs, c].
void perturb_gammas(const View& gamma, const Noise& noise, float* seen) {
    const int64_t c = gamma.elements();
    if (!has_noise(noise))
        std::copy_n(gamma.f32(), c, seen);
    else
        for (int64_t m = 0; m < noise.sub_batches; m++) perturb(noise, m, 0, c, gamma.f32(), seen + m * c);
}

// What the runs' gradients of gamma are multiplied by, [runs, c]; null when it is 1.
const double* slopes_of(const Noise& noise, int64_t c, Scratch<double>& room) {
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
int64_t make_segments(const Noise& noise, int64_t samples, int64_t rows, int64_t groups, Segment* out) {
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
int64_t piece_rows(int64_t c) { return std::max<int64_t>(64, kGrain / c); }

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

// Mean and sum of squared deviations of every column of x [rows, c], rows >= 1.
void column_moments(const Columns& columns, const float* x, int64_t rows, double* mean, double* squares) {
    const int64_t c = columns.c, width = columns.width, first_rows = std::min<int64_t>(rows, 8);
    Scratch<float> shift(width);
    Scratch<double> sums(2 * width);
    std::fill_n(shift.data(), c, 0.0f);
    for (int64_t r = 0; r < first_rows; r++)
        for (int64_t k = 0; k < c; k++) shift[k] += x[r * c + k];
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

struct Relu {
    F32 apply(F32 z) const { return select(z <= zero(), zero(), z); }
    F32 back(F32 y, F32 dy) const { return select(y > zero(), dy, zero()); }
};
struct LeakyRelu {
    float slope;
    F32 apply(F32 z) const { return select(z < zero(), slope * z, z); }
    F32 back(F32 y, F32 dy) const { return select(y > zero(), dy, slope * dy); }
};
struct NoActivation {
    F32 apply(F32 z) const { return z; }
    F32 back(F32, F32 dy) const { return dy; }
};
template <class Body>
void with_activation(int kind, float slope, Body&& body) {
    if (kind == HB_ACT_RELU) return body(Relu{});
    if (kind == HB_ACT_LEAKY_RELU) return body(LeakyRelu{slope});
    return body(NoActivation{});
}

// y = act((x - mean) scale + shift + residual); mean, scale and shift are wide columns.
struct Affine {
    const float *mean, *scale, *shift;
};
template <class Activation>
void apply(const Columns& columns, int64_t rows, const Affine& f, Activation activation, const float* x,
           const float* residual, float* y) {
    wide_rows(columns, rows, [&](auto rows_at, int64_t count) {
        auto normalised = [&](int64_t at, int64_t j, auto m) {
            return fma(load(x + at + j, m) - load(f.mean + j, m), load(f.scale + j, m), load(f.shift + j, m));
        };
        if (residual)
            lanes(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at)
                    store(y + at + j, activation.apply(normalised(at, j, m) + load(residual + at + j, m)), m);
            });
        else
            lanes(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at) store(y + at + j, activation.apply(normalised(at, j, m)), m);
            });
    });
}

// dx = scale dz + slope (x - mean) + shift with dz = dy act'; without `x`, dx = scale dz. dresidual, where wanted, =
// dz.
struct Gradient {
    const float *scale, *mean, *slope, *shift;
};
template <class Activation>
void apply_gradient(const Columns& columns, int64_t rows, const Gradient& f, Activation activation, const float* x,
                    const float* y, const float* dy, float* dx, float* dresidual) {
    constexpr bool kActivated = !std::is_same_v<Activation, NoActivation>;
    wide_rows(columns, rows, [&](auto rows_at, int64_t count) {
        auto through = [&](int64_t at, auto m) {
            F32 g = load(dy + at, m);
            if constexpr (kActivated) return activation.back(load(y + at, m), g);
            return g;
        };
        auto back = [&](int64_t at, int64_t j, auto m, F32 dz) {
            F32 centred = load(x + at + j, m) - load(f.mean + j, m);
            return fma(load(f.scale + j, m), dz, fma(load(f.slope + j, m), centred, load(f.shift + j, m)));
        };
        if (x && dresidual)
            lanes(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at) {
                    F32 dz = through(at + j, m);
                    store(dx + at + j, back(at, j, m, dz), m);
                    store(dresidual + at + j, dz, m);
                }
            });
        else if (x)
            lanes(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at) store(dx + at + j, back(at, j, m, through(at + j, m)), m);
            });
        else
            lanes(count, [&](int64_t j, auto m) {
                for (int64_t at : rows_at) {
                    F32 dz = through(at + j, m);
                    store(dx + at + j, load(f.scale + j, m) * dz, m);
                    if (dresidual) store(dresidual + at + j, dz, m);
                }
            });
    });
}

// sum dz and sum dz (x - mean) of every column; mean holds wide columns.
template <class Activation>
void gradient_sums(const Columns& columns, int64_t rows, Activation activation, const float* x, const float* y,
                   const float* dy, const float* mean, double* sum, double* product) {
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
void for_each_part(const Segment* segments, int64_t count, int64_t begin, int64_t end, Body&& body) {
    for (int64_t s = 0; s < count; s++) {
        const int64_t from = std::max(begin, segments[s].begin), to = std::min(end, segments[s].end);
        if (from < to) body(s, from, to);
    }
}

// Channels of one task of the passes over [c] or [pieces, c].
constexpr int64_t kChannels = 64;

// ---- batch norm

void batch_norm(const BatchNormArguments& a) {
    const int64_t c = a.x.columns(), rows = a.x.rows(), groups = a.mean[0];
    if (a.x.type != DType::F32 || rows == 0 || c == 0) return plain_->batch_norm(a);
    const hb_batch_norm_params& p = a.params;
    const Columns columns(c);
    const int64_t runs = runs_of(a.noise), width = columns.width;
    Scratch<Segment> segments(runs + groups);
    const int64_t count = make_segments(a.noise, a.samples, rows, groups, segments.data());
    Scratch<float> gammas(runs * c);
    perturb_gammas(a.gamma, a.noise, gammas.data());

    // Mean and variance of every group, in double.
    Scratch<double> means(groups * c), variances(groups * c);
    if (p.training) {
        Noise none{};
        Scratch<Segment> whole(groups + 1);
        const int64_t with_rows = make_segments(none, a.samples, rows, groups, whole.data());
        Pieces pieces(whole.data(), with_rows, c);
        Scratch<double> parts(pieces.size() * 2 * c);
        parallel(pieces.size(), [&](int64_t i) {
            const Piece& piece = pieces[i];
            double* mean = parts.data() + i * 2 * c;
            column_moments(columns, a.x.f32() + piece.begin * c, piece.end - piece.begin, mean, mean + c);
        });
        parallel_ranges(c, kChannels, [&](int64_t begin, int64_t end) {
            for (int64_t g = 0; g < groups; g++)
                for (int64_t k = begin; k < end; k++) means[g * c + k] = variances[g * c + k] = 0;
            int64_t n = 0;
            for (int64_t i = 0; i < pieces.size(); i++) {
                const Piece& piece = pieces[i];
                if (i == 0 || piece.segment != pieces[i - 1].segment) n = 0;
                const int64_t more = piece.end - piece.begin;
                const double share = static_cast<double>(more) / static_cast<double>(n + more);
                const double weight = static_cast<double>(n) * share;
                double* mean = means.data() + whole[piece.segment].group * c;
                double* squares = variances.data() + whole[piece.segment].group * c;
                const double *part_mean = parts.data() + i * 2 * c, *part_squares = part_mean + c;
                for (int64_t k = begin; k < end; k++) {
                    const double d = part_mean[k] - mean[k];
                    mean[k] += d * share;
                    squares[k] += part_squares[k] + d * d * weight;
                }
                n += more;
            }
            // Running statistics: means over the groups that have rows.
            for (int64_t k = begin; k < end; k++) {
                double mean = 0, variance = 0;
                for (int64_t s = 0; s < with_rows; s++) {
                    const double size = static_cast<double>(whole[s].end - whole[s].begin);
                    double& v = variances[whole[s].group * c + k];
                    mean += means[whole[s].group * c + k];
                    variance += v / std::max(1.0, size - 1);
                    v /= size;
                }
                if (!p.update_running) continue;
                const double momentum = p.momentum, share = momentum / static_cast<double>(with_rows);
                float &running_mean = a.running_mean.f32()[k], &running_var = a.running_var.f32()[k];
                running_mean = static_cast<float>((1 - momentum) * static_cast<double>(running_mean) + share * mean);
                running_var = static_cast<float>((1 - momentum) * static_cast<double>(running_var) + share * variance);
            }
        });
    } else {
        for (int64_t g = 0; g < groups; g++)
            for (int64_t k = 0; k < c; k++) {
                means[g * c + k] = static_cast<double>(a.running_mean.f32()[k]);
                variances[g * c + k] = static_cast<double>(a.running_var.f32()[k]);
            }
    }
    for (int64_t i = 0; i < groups * c; i++) {
        variances[i] = 1 / std::sqrt(variances[i] + static_cast<double>(p.epsilon));  // now the inverse deviation
        a.mean.f32()[i] = static_cast<float>(means[i]);
        a.inverse_deviation.f32()[i] = static_cast<float>(variances[i]);
    }

    Scratch<float> table(count * 3 * width);
    parallel(count, [&](int64_t s) {
        const double *mean = means.data() + segments[s].group * c, *inverse = variances.data() + segments[s].group * c;
        const float *gamma = gammas.data() + segments[s].run * c, *beta = a.beta.f32();
        float* to = table.data() + s * 3 * width;
        columns.spread(to, [&](int64_t k) { return static_cast<float>(mean[k]); });
        columns.spread(to + width, [&](int64_t k) { return static_cast<float>(gamma[k] * inverse[k]); });
        // What rounding the mean leaves goes into the shift.
        columns.spread(to + 2 * width, [&](int64_t k) {
            const double rest = mean[k] - static_cast<double>(static_cast<float>(mean[k]));
            return static_cast<float>(static_cast<double>(beta[k]) - rest * (gamma[k] * inverse[k]));
        });
    });
    with_activation(p.activation, p.slope, [&](auto activation) {
        parallel_ranges(rows, piece_rows(c), [&](int64_t begin, int64_t end) {
            for_each_part(segments.data(), count, begin, end, [&](int64_t s, int64_t from, int64_t to) {
                const float* f = table.data() + s * 3 * width;
                apply(columns, to - from, {f, f + width, f + 2 * width}, activation, a.x.f32() + from * c,
                      a.residual ? a.residual.f32() + from * c : nullptr, a.y.f32() + from * c);
            });
        });
    });
}

void batch_norm_backward(const BatchNormBackwardArguments& a) {
    const int64_t c = a.x.columns(), rows = a.x.rows(), groups = a.mean[0];
    if (a.x.type != DType::F32 || rows == 0 || c == 0) return plain_->batch_norm_backward(a);
    const hb_batch_norm_params& p = a.params;
    const Columns columns(c);
    const int64_t runs = runs_of(a.noise), width = columns.width;
    Scratch<Segment> segments(runs + groups);
    const int64_t count = make_segments(a.noise, a.samples, rows, groups, segments.data());
    Scratch<float> gammas(runs * c);
    perturb_gammas(a.gamma, a.noise, gammas.data());
    Scratch<double> slope_room(needs_chain_rule(a.noise) ? runs * c : 0);
    const double* slopes = slopes_of(a.noise, c, slope_room);

    Scratch<float> wide_means(groups * width);
    for (int64_t g = 0; g < groups; g++)
        columns.spread(wide_means.data() + g * width, [&](int64_t k) { return a.mean.f32()[g * c + k]; });

    Pieces pieces(segments.data(), count, c);
    Scratch<double> parts(pieces.size() * 2 * c);
    with_activation(p.activation, p.slope, [&](auto activation) {
        parallel(pieces.size(), [&](int64_t i) {
            const Piece& piece = pieces[i];
            const int64_t at = piece.begin * c;
            double* sum = parts.data() + i * 2 * c;
            gradient_sums(columns, piece.end - piece.begin, activation, a.x.f32() + at, a.y.f32() + at, a.dy.f32() + at,
                          wide_means.data() + segments[piece.segment].group * width, sum, sum + c);
        });
    });

    // dbeta, dgamma, and per group the sums of dz g and of dz g h.
    Scratch<double> group_sums(groups * 2 * c);
    parallel_ranges(c, kChannels, [&](int64_t begin, int64_t end) {
        double dgamma[kChannels] = {}, dbeta[kChannels] = {};
        for (int64_t g = 0; g < groups; g++)
            for (int64_t k = begin; k < end; k++) group_sums[g * 2 * c + k] = group_sums[(g * 2 + 1) * c + k] = 0;
        for (int64_t i = 0; i < pieces.size(); i++) {
            const Segment& segment = segments[pieces[i].segment];
            const double *sum = parts.data() + i * 2 * c, *product = sum + c;
            double *group_sum = group_sums.data() + segment.group * 2 * c, *group_product = group_sum + c;
            const float* inverse = a.inverse_deviation.f32() + segment.group * c;
            const float* gamma = gammas.data() + segment.run * c;
            const double* slope = slopes ? slopes + segment.run * c : nullptr;
            for (int64_t k = begin; k < end; k++) {
                const double h = product[k] * static_cast<double>(inverse[k]), g = static_cast<double>(gamma[k]);
                dbeta[k - begin] += sum[k];
                dgamma[k - begin] += slope ? slope[k] * h : h;
                group_sum[k] += g * sum[k];
                group_product[k] += g * h;
            }
        }
        for (int64_t k = begin; k < end; k++) {
            a.dgamma.f32()[k] = static_cast<float>(dgamma[k - begin]);
            a.dbeta.f32()[k] = static_cast<float>(dbeta[k - begin]);
        }
    });

    Scratch<float> table(count * 3 * width);
    parallel(count, [&](int64_t s) {
        const int64_t g = segments[s].group;
        const double n = static_cast<double>((g + 1) * a.samples / groups - g * a.samples / groups) *
                         static_cast<double>(rows / a.samples);
        const float *inverse = a.inverse_deviation.f32() + g * c, *gamma = gammas.data() + segments[s].run * c;
        const double *sum = group_sums.data() + g * 2 * c, *product = sum + c;
        float* to = table.data() + s * 3 * width;
        auto d = [&](int64_t k) { return static_cast<double>(inverse[k]); };
        columns.spread(to, [&](int64_t k) { return static_cast<float>(static_cast<double>(gamma[k]) * d(k)); });
        columns.spread(to + width, [&](int64_t k) { return static_cast<float>(-d(k) * d(k) * product[k] / n); });
        columns.spread(to + 2 * width, [&](int64_t k) { return static_cast<float>(-d(k) * sum[k] / n); });
    });
    with_activation(p.activation, p.slope, [&](auto activation) {
        parallel_ranges(rows, piece_rows(c), [&](int64_t begin, int64_t end) {
            for_each_part(segments.data(), count, begin, end, [&](int64_t s, int64_t from, int64_t to) {
                const float *f = table.data() + s * 3 * width, *mean = wide_means.data() + segments[s].group * width;
                const int64_t at = from * c;
                apply_gradient(columns, to - from, {f, mean, f + width, f + 2 * width}, activation,
                               p.training ? a.x.f32() + at : nullptr, a.y.f32() + at, a.dy.f32() + at, a.dx.f32() + at,
                               a.dresidual ? a.dresidual.f32() + at : nullptr);
            });
        });
    });
}

// ---- layer norm: a row is its own group

// Noise run of a row.
int64_t run_of_row(const Segment* segments, int64_t count, int64_t row) {
    int64_t s = 0;
    while (s + 1 < count && segments[s].end <= row) s++;
    return segments[s].run;
}

void layer_norm(const float* x, int64_t n, int64_t c, int64_t samples, const View& gamma, const View& beta,
                double epsilon, const Noise& noise, float* y, float* mean, float* inverse_deviation) {
    const int64_t runs = runs_of(noise);
    const double width = static_cast<double>(c);
    Scratch<float> gammas(runs * c);
    perturb_gammas(gamma, noise, gammas.data());
    Scratch<Segment> segments(runs + 1);
    const int64_t count = make_segments(noise, samples, n, 1, segments.data());
    parallel_ranges(n, piece_rows(c), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const float *in = x + row * c, *g = gammas.data() + run_of_row(segments.data(), count, row) * c;
            float* out = y + row * c;
            // The mean but for rounding; the second pass sees what is missing.
            const float near =
                sum(add_lanes(c, [=](int64_t j, auto m) { return load(in + j, m); })) / static_cast<float>(c);
            const Two moments = add_lanes(c, [=](int64_t j, auto m) {
                F32 d = keep(load(in + j, m) - near, m);
                return Two(d, d * d);
            });
            const double rest = static_cast<double>(sum(moments.a)) / width;
            const double variance = static_cast<double>(sum(moments.b)) / width - rest * rest;
            const double inverse = 1 / std::sqrt(std::max(0.0, variance) + epsilon);
            mean[row] = static_cast<float>(static_cast<double>(near) + rest);
            inverse_deviation[row] = static_cast<float>(inverse);
            const F32 scale = static_cast<float>(inverse), shift = static_cast<float>(-rest * inverse);
            lanes(c, [&](int64_t j, auto m) {
                F32 h = fma(load(in + j, m) - near, scale, shift);
                store(out + j, fma(load(g + j, m), h, load(beta.f32() + j, m)), m);
            });
        }
    });
}

// dgamma and dbeta from the sums dz h and dz of pieces of rows, [pieces, 2, c]; run_of(i) is the noise run of piece i.
template <class RunOf>
void sum_parameters(const double* parts, int64_t pieces, int64_t c, const double* slopes, RunOf&& run_of, float* dgamma,
                    float* dbeta) {
    parallel_ranges(c, kChannels, [&](int64_t begin, int64_t end) {
        double scale[kChannels] = {}, shift[kChannels] = {};
        for (int64_t i = 0; i < pieces; i++) {
            const double *sum = parts + i * 2 * c, *product = sum + c;
            const double* slope = slopes ? slopes + run_of(i) * c : nullptr;
            for (int64_t k = begin; k < end; k++) {
                shift[k - begin] += sum[k];
                scale[k - begin] += slope ? slope[k] * product[k] : product[k];
            }
        }
        for (int64_t k = begin; k < end; k++) {
            dgamma[k] = static_cast<float>(scale[k - begin]);
            dbeta[k] = static_cast<float>(shift[k - begin]);
        }
    });
}

void layer_norm_backward(const float* x, int64_t n, int64_t c, int64_t samples, const float* dy, const View& gamma,
                         const float* mean, const float* inverse_deviation, const Noise& noise, float* dx,
                         float* dgamma, float* dbeta) {
    const int64_t runs = runs_of(noise);
    Scratch<float> gammas(runs * c);
    perturb_gammas(gamma, noise, gammas.data());
    Scratch<double> slope_room(needs_chain_rule(noise) ? runs * c : 0);
    const double* slopes = slopes_of(noise, c, slope_room);
    Scratch<Segment> segments(runs + 1);
    const int64_t count = make_segments(noise, samples, n, 1, segments.data());
    Pieces pieces(segments.data(), count, c);
    Scratch<double> parts(pieces.size() * 2 * c);
    parallel(pieces.size(), [&](int64_t i) {
        const Piece& piece = pieces[i];
        const float* g = gammas.data() + segments[piece.segment].run * c;
        double* sums = parts.data() + i * 2 * c;
        std::fill_n(sums, 2 * c, 0.0);
        Scratch<float> room(2 * c);
        float *shift = room.data(), *scale = shift + c;
        constexpr int64_t kBlock = 64;  // rows summed in f32
        for (int64_t first_row = piece.begin; first_row < piece.end; first_row += kBlock) {
            std::fill_n(shift, 2 * c, 0.0f);
            for (int64_t row = first_row; row < std::min(piece.end, first_row + kBlock); row++) {
                const float *in = x + row * c, *gradient = dy + row * c;
                float* out = dx + row * c;
                const float inverse = inverse_deviation[row], centre = mean[row];
                const Two both = add_lanes(c, [=](int64_t j, auto m) {
                    F32 dz = load(gradient + j, m), h = (load(in + j, m) - centre) * inverse;
                    store(shift + j, load(shift + j, m) + dz, m);
                    store(scale + j, fma(dz, h, load(scale + j, m)), m);
                    F32 through = dz * load(g + j, m);
                    return Two(through, through * h);
                });
                const F32 share = sum(both.a) / static_cast<float>(c), slope = sum(both.b) / static_cast<float>(c);
                lanes(c, [&](int64_t j, auto m) {
                    F32 h = (load(in + j, m) - centre) * inverse;
                    store(out + j, inverse * (fma(load(gradient + j, m), load(g + j, m), -share) - h * slope), m);
                });
            }
            for (int64_t j = 0; j < c; j++) {
                sums[j] += shift[j];
                sums[c + j] += scale[j];
            }
        }
    });
    sum_parameters(
        parts.data(), pieces.size(), c, slopes, [&](int64_t i) { return segments[pieces[i].segment].run; }, dgamma,
        dbeta);
}

// ---- group norm: a sample's columns are summed, then taken together by groups

void group_norm(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                const View& gamma, const View& beta, double epsilon, const Noise& noise, const View& y,
                const View& mean, const View& inverse_deviation) {
    if (x.type != DType::F32 || x.elements() == 0)
        return plain_->group_norm(x, n, positions, c, groups, samples, gamma, beta, epsilon, noise, y, mean,
                                  inverse_deviation);
    if (positions == 1 && groups == 1)
        return layer_norm(x.f32(), n, c, samples, gamma, beta, epsilon, noise, y.f32(), mean.f32(),
                          inverse_deviation.f32());
    const Columns columns(c);
    const int64_t runs = runs_of(noise), width = columns.width, group = c / groups;
    Scratch<float> gammas(runs * c);
    perturb_gammas(gamma, noise, gammas.data());
    Scratch<Segment> segments(runs + 1);
    const int64_t count = make_segments(noise, samples, n, 1, segments.data());
    parallel(n, [&](int64_t i) {
        Scratch<double> moments(2 * c);
        Scratch<float> table(3 * width);
        const float *in = x.f32() + i * positions * c, *g = gammas.data() + run_of_row(segments.data(), count, i) * c;
        double *means = moments.data(), *squares = means + c;
        column_moments(columns, in, positions, means, squares);
        for (int64_t q = 0; q < groups; q++) {
            double *m = means + q * group, *s = squares + q * group, centre = 0, total = 0;
            for (int64_t k = 0; k < group; k++) centre += m[k];
            centre /= static_cast<double>(group);
            for (int64_t k = 0; k < group; k++)
                total += s[k] + static_cast<double>(positions) * (m[k] - centre) * (m[k] - centre);
            const double inverse = 1 / std::sqrt(total / static_cast<double>(positions * group) + epsilon);
            mean.f32()[i * groups + q] = static_cast<float>(centre);
            inverse_deviation.f32()[i * groups + q] = static_cast<float>(inverse);
            std::fill_n(m, group, centre);
            std::fill_n(s, group, inverse);
        }
        float* to = table.data();
        columns.spread(to, [&](int64_t k) { return static_cast<float>(means[k]); });
        columns.spread(to + width,
                       [&](int64_t k) { return static_cast<float>(static_cast<double>(g[k]) * squares[k]); });
        columns.spread(to + 2 * width, [&](int64_t k) {
            const double rest = means[k] - static_cast<double>(static_cast<float>(means[k]));
            return static_cast<float>(static_cast<double>(beta.f32()[k]) -
                                      rest * static_cast<double>(g[k]) * squares[k]);
        });
        apply(columns, positions, {to, to + width, to + 2 * width}, NoActivation{}, in, nullptr,
              y.f32() + i * positions * c);
    });
}

void group_norm_backward(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                         const View& dy, const View& gamma, const View& mean, const View& inverse_deviation,
                         const Noise& noise, const View& dx, const View& dgamma, const View& dbeta) {
    if (x.type != DType::F32 || x.elements() == 0)
        return plain_->group_norm_backward(x, n, positions, c, groups, samples, dy, gamma, mean, inverse_deviation,
                                           noise, dx, dgamma, dbeta);
    if (positions == 1 && groups == 1)
        return layer_norm_backward(x.f32(), n, c, samples, dy.f32(), gamma, mean.f32(), inverse_deviation.f32(), noise,
                                   dx.f32(), dgamma.f32(), dbeta.f32());
    const Columns columns(c);
    const int64_t runs = runs_of(noise), width = columns.width, group = c / groups;
    Scratch<float> gammas(runs * c);
    perturb_gammas(gamma, noise, gammas.data());
    Scratch<double> slope_room(needs_chain_rule(noise) ? runs * c : 0);
    const double* slopes = slopes_of(noise, c, slope_room);
    Scratch<Segment> segments(runs + 1);
    const int64_t count = make_segments(noise, samples, n, 1, segments.data());
    Scratch<double> parts(n * 2 * c);
    parallel(n, [&](int64_t i) {
        Scratch<float> table(4 * width);
        const int64_t at = i * positions * c;
        const float* g = gammas.data() + run_of_row(segments.data(), count, i) * c;
        const float *means = mean.f32() + i * groups, *inverses = inverse_deviation.f32() + i * groups;
        double *sum = parts.data() + i * 2 * c, *product = sum + c;
        float *scale = table.data(), *centre = scale + width, *slope = centre + width, *shift = slope + width;
        columns.spread(centre, [&](int64_t k) { return means[k / group]; });
        gradient_sums(columns, positions, NoActivation{}, x.f32() + at, nullptr, dy.f32() + at, centre, sum, product);
        for (int64_t q = 0; q < groups; q++) {
            const double d = static_cast<double>(inverses[q]), size = static_cast<double>(positions * group);
            double total = 0, correlation = 0;
            for (int64_t k = q * group; k < (q + 1) * group; k++) {
                product[k] *= d;
                total += static_cast<double>(g[k]) * sum[k];
                correlation += static_cast<double>(g[k]) * product[k];
            }
            for (int64_t k = q * group; k < (q + 1) * group; k++) {
                scale[k] = static_cast<float>(static_cast<double>(g[k]) * d);
                slope[k] = static_cast<float>(-d * d * correlation / size);
                shift[k] = static_cast<float>(-d * total / size);
            }
        }
        for (float* column : {scale, slope, shift}) columns.spread(column, [=](int64_t k) { return column[k]; });
        apply_gradient(columns, positions, {scale, centre, slope, shift}, NoActivation{}, x.f32() + at, nullptr,
                       dy.f32() + at, dx.f32() + at, nullptr);
    });
    sum_parameters(
        parts.data(), n, c, slopes, [&](int64_t i) { return run_of_row(segments.data(), count, i); }, dgamma.f32(),
        dbeta.f32());
}

}  // namespace

void add_normalisation(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.batch_norm = batch_norm;
    table.batch_norm_backward = batch_norm_backward;
    table.group_norm = group_norm;
    table.group_norm_backward = group_norm_backward;
}

}  // namespace hb::cpu::HB_TIER
