// Group norm, sample by sample, and layer norm, row by row; the formulas stand in scalar/normalisation.cpp. Bytes per
// element of x: forward 8, backward 12; the second reading of a sample or row comes from the cache.
#include "backend/cpu/simd/normalisation.h"

namespace hb::cpu::HB_TIER {
namespace {

using namespace normalisation;

const Backend* plain_ = nullptr;

// ---- layer norm: a row is its own group. bf16 is widened by the first pass over a row, for those after it.

// Where a row can be read as floats, once `aside` has those of a bf16 row.
template <class T>
const float* floats_of(const T* row, const float* aside) {
    if constexpr (std::is_same_v<T, float>)
        return row;
    else
        return aside;
}
// The numbers of a row at j; those of a bf16 row also go to `aside`.
template <class T, class M>
F32 load_first(const T* row, int64_t j, float* aside, M m) {
    const F32 x = load(row + j, m);
    if constexpr (!std::is_same_v<T, float>) store(aside + j, x, m);
    return x;
}

// Noise run of a row.
int64_t run_of_row(const Segment* segments, int64_t count, int64_t row) {
    int64_t s = 0;
    while (s + 1 < count && segments[s].end <= row) s++;
    return segments[s].run;
}

template <class T>
void layer_norm(const T* x, int64_t n, int64_t c, int64_t samples, const View& gamma, const View& beta, double epsilon,
                const Noise& noise, T* y, float* mean, float* inverse_deviation) {
    const int64_t runs = runs_of(noise);
    const double width = static_cast<double>(c);
    Scratch<float> gammas(runs * c);
    perturb_gammas(gamma, noise, gammas.data());
    Scratch<Segment> segments(runs + 1);
    const int64_t count = make_segments(noise, samples, n, 1, segments.data());
    parallel_ranges(n, piece_rows(c), [&](int64_t begin, int64_t end) {
        const Scratch<float> room(std::is_same_v<T, float> ? 0 : c);
        float* const aside = room.data();
        for (int64_t row = begin; row < end; row++) {
            const T* stored = x + row * c;
            const float* in = floats_of(stored, aside);
            const float* g = gammas.data() + run_of_row(segments.data(), count, row) * c;
            T* out = y + row * c;
            // The mean but for rounding; the second pass sees what is missing.
            const float near = sum(add_lanes(c, [=](int64_t j, auto m) { return load_first(stored, j, aside, m); })) /
                               static_cast<float>(c);
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

template <class T>
void layer_norm_backward(const T* x, int64_t n, int64_t c, int64_t samples, const T* dy, const View& gamma,
                         const float* mean, const float* inverse_deviation, const Noise& noise, T* dx, float* dgamma,
                         float* dbeta) {
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
        Scratch<float> room(4 * c);
        float *shift = room.data(), *scale = shift + c, *const x_aside = scale + c, *const dy_aside = x_aside + c;
        constexpr int64_t kBlock = 64;  // rows summed in f32
        for (int64_t first_row = piece.begin; first_row < piece.end; first_row += kBlock) {
            std::fill_n(shift, 2 * c, 0.0f);
            for (int64_t row = first_row; row < std::min(piece.end, first_row + kBlock); row++) {
                const T *stored = x + row * c, *arrived = dy + row * c;
                const float *in = floats_of(stored, x_aside), *gradient = floats_of(arrived, dy_aside);
                T* out = dx + row * c;
                const float inverse = inverse_deviation[row], centre = mean[row];
                const Two both = add_lanes(c, [=](int64_t j, auto m) {
                    const F32 dz = load_first(arrived, j, dy_aside, m);
                    const F32 h = (load_first(stored, j, x_aside, m) - centre) * inverse;
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

template <class T>
void group_norm_of(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                   const View& gamma, const View& beta, double epsilon, const Noise& noise, const View& y,
                   const View& mean, const View& inverse_deviation) {
    if (positions == 1 && groups == 1)
        return layer_norm(x.as<const T>(), n, c, samples, gamma, beta, epsilon, noise, y.as<T>(), mean.f32(),
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
        const T* in = x.as<T>() + i * positions * c;
        const float* g = gammas.data() + run_of_row(segments.data(), count, i) * c;
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
        apply<T>(columns, positions, {to, to + width, to + 2 * width}, NoActivation{}, in, nullptr,
                 y.as<T>() + i * positions * c);
    });
}

void group_norm(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                const View& gamma, const View& beta, double epsilon, const Noise& noise, const View& y,
                const View& mean, const View& inverse_deviation) {
    if (!is_stored_f32_or_bf16(x) || x.elements() == 0)
        return plain_->group_norm(x, n, positions, c, groups, samples, gamma, beta, epsilon, noise, y, mean,
                                  inverse_deviation);
    with_storage(x, [&]<class T>(T) {
        group_norm_of<T>(x, n, positions, c, groups, samples, gamma, beta, epsilon, noise, y, mean, inverse_deviation);
    });
}

template <class T>
void group_norm_backward_of(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                            const View& dy, const View& gamma, const View& mean, const View& inverse_deviation,
                            const Noise& noise, const View& dx, const View& dgamma, const View& dbeta) {
    if (positions == 1 && groups == 1)
        return layer_norm_backward(x.as<const T>(), n, c, samples, dy.as<const T>(), gamma, mean.f32(),
                                   inverse_deviation.f32(), noise, dx.as<T>(), dgamma.f32(), dbeta.f32());
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
        gradient_sums<T>(columns, positions, NoActivation{}, x.as<T>() + at, nullptr, dy.as<T>() + at, centre, sum,
                         product);
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
        apply_gradient<T>(columns, positions, {scale, centre, slope, shift}, NoActivation{}, x.as<T>() + at, nullptr,
                          dy.as<T>() + at, dx.as<T>() + at, nullptr);
    });
    sum_parameters(
        parts.data(), n, c, slopes, [&](int64_t i) { return run_of_row(segments.data(), count, i); }, dgamma.f32(),
        dbeta.f32());
}

void group_norm_backward(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                         const View& dy, const View& gamma, const View& mean, const View& inverse_deviation,
                         const Noise& noise, const View& dx, const View& dgamma, const View& dbeta) {
    if (!is_stored_f32_or_bf16(x) || x.elements() == 0)
        return plain_->group_norm_backward(x, n, positions, c, groups, samples, dy, gamma, mean, inverse_deviation,
                                           noise, dx, dgamma, dbeta);
    with_storage(x, [&]<class T>(T) {
        group_norm_backward_of<T>(x, n, positions, c, groups, samples, dy, gamma, mean, inverse_deviation, noise, dx,
                                  dgamma, dbeta);
    });
}

}  // namespace

void add_group_norm(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.group_norm = group_norm;
    table.group_norm_backward = group_norm_backward;
}

}  // namespace hb::cpu::HB_TIER
