// Batch norm. The formulas stand in scalar/normalisation.cpp; the work here is to read memory as rarely as can be.
// Bytes per element of x, in f32; bf16 has half of them:
//   forward   statistics 4; apply 8, with residual 12
//   backward  sums 8, with activation 12 (its mask is read from y); apply 12 to 20
//
// Statistics in one pass: sums of x - s and (x - s)^2 with s the mean of a piece's first rows, so that a large mean
// costs no digits; pieces are merged in double (Chan, Golub and LeVeque 1983).
//
// [128, 32, 32, 64] with ReLU, one AVX2 core of a busy machine, ms in f32 and bf16: forward 3.1 and 3.1 (33 and 16
// GB/s), backward 8.6 and 5.5 (27 and 21 GB/s). Widening and rounding are some ten operations a vector: what bf16 gains
// is memory, so it gains most where cores wait for it.
#include "backend/cpu/simd/normalisation.h"

#include "backend/cpu/kernels.h"

namespace hb::cpu::HB_TIER {
namespace {

using namespace normalisation;

const Backend* plain_ = nullptr;

template <class T>
void batch_norm_of(const BatchNormArguments& a) {
    const int64_t c = a.x.columns(), rows = a.x.rows(), groups = a.mean[0];
    const T *x = a.x.as<T>(), *residual = a.residual.as<T>();
    T* y = a.y.as<T>();
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
        ColumnMoments own;
        const bool taken = a.moments && a.moments->count() > 0;
        if (!taken) {
            Pieces pieces(whole.data(), with_rows, c);
            own.reserve(pieces.size(), c);
            parallel(pieces.size(), [&](int64_t i) {
                const Piece& piece = pieces[i];
                own[i] = {piece.end - piece.begin, whole[piece.segment].group};
                column_moments(columns, x + piece.begin * c, piece.end - piece.begin, own.mean(i), own.squares(i));
            });
        }
        const ColumnMoments& moments = taken ? *a.moments : own;
        parallel_ranges(c, kChannels, [&](int64_t begin, int64_t end) {
            for (int64_t g = 0; g < groups; g++)
                for (int64_t k = begin; k < end; k++) means[g * c + k] = variances[g * c + k] = 0;
            int64_t n = 0;
            for (int64_t i = 0; i < moments.count(); i++) {
                const int64_t more = moments[i].rows, group = moments[i].group;
                if (i == 0 || group != moments[i - 1].group) n = 0;
                const double share = static_cast<double>(more) / static_cast<double>(n + more);
                const double weight = static_cast<double>(n) * share;
                double *mean = means.data() + group * c, *squares = variances.data() + group * c;
                const double *part_mean = moments.mean(i), *part_squares = moments.squares(i);
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
        columns.spread(to + width, [&](int64_t k) { return norm_scale(gamma[k], inverse[k]); });
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
                apply(columns, to - from, {f, f + width, f + 2 * width}, activation, x + from * c,
                      residual ? residual + from * c : nullptr, y + from * c);
            });
        });
    });
}

void batch_norm(const BatchNormArguments& a) {
    if (!is_stored_f32_or_bf16(a.x) || a.x.elements() == 0) return plain_->batch_norm(a);
    with_storage(a.x, [&]<class T>(T) { batch_norm_of<T>(a); });
}

template <class T>
void batch_norm_backward_of(const BatchNormBackwardArguments& a) {
    const int64_t c = a.x.columns(), rows = a.x.rows(), groups = a.mean[0];
    const T *x = a.x.as<T>(), *y = a.y.as<T>(), *dy = a.dy.as<T>();
    T *dx = a.dx.as<T>(), *dresidual = a.dresidual.as<T>();
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
            gradient_sums(columns, piece.end - piece.begin, activation, x + at, y + at, dy + at,
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
                               p.training ? x + at : nullptr, y + at, dy + at, dx + at,
                               dresidual ? dresidual + at : nullptr);
            });
        });
    });
}

void batch_norm_backward(const BatchNormBackwardArguments& a) {
    if (!is_stored_f32_or_bf16(a.x) || a.x.elements() == 0) return plain_->batch_norm_backward(a);
    with_storage(a.x, [&]<class T>(T) { batch_norm_backward_of<T>(a); });
}

}  // namespace

void add_normalisation(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.batch_norm = batch_norm;
    table.batch_norm_backward = batch_norm_backward;
    add_group_norm(table, plain);
}

}  // namespace hb::cpu::HB_TIER
