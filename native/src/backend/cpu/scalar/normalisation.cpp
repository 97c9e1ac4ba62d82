// Batch norm and group norm (layer norm is the group norm of one group and one position), with noise on gamma.
//
// With d = 1 / sqrt(variance + epsilon), h = (x - mean) d and g = gamma as the row's noise run sees it:
//   z = g h + beta + residual, y = act(z)
//   dz = dy act'(z), dbeta = sum dz, dgamma = sum dz h (times the run's slope under the chain rule), dresidual = dz
//   dx = d (dz g - mean(dz g) - h mean(dz g h)), or d dz g where the statistics are constants.
#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

double activate(const hb_batch_norm_params& p, double z) {
    if (p.activation == HB_ACT_RELU) return z <= 0 ? 0 : z;
    if (p.activation == HB_ACT_LEAKY_RELU) return z < 0 ? double(p.slope) * z : z;
    return z;
}

// The derivative, by the sign of the result; at 0 that of the left side, as in unary_backward.
double activation_slope(const hb_batch_norm_params& p, double y) {
    if (p.activation == HB_ACT_NONE || y > 0) return 1;
    return p.activation == HB_ACT_LEAKY_RELU ? double(p.slope) : 0;
}

// gamma as each noise run sees it: [runs, c].
template <class T>
class Gammas {
  public:
    Gammas(const View& gamma, const Noise& noise) : c_(gamma.elements()), seen_(runs_of(noise) * c_) {
        for (int64_t m = 0; m < runs_of(noise); m++) perturb(gamma.as<T>(), c_, noise, m, seen_.data() + m * c_);
    }
    double operator()(int64_t m, int64_t channel) const { return seen_[m * c_ + channel]; }

  private:
    int64_t c_;
    Scratch<T> seen_;
};

// body(run, row) for rows begin..end of all `rows`, in order.
template <class Body>
void for_each_row(const Noise& noise, int64_t rows, int64_t samples, int64_t begin, int64_t end, Body&& body) {
    for (int64_t m = 0; m < runs_of(noise); m++) {
        int64_t stop = std::min(end, first_row(noise, rows, samples, m + 1));
        for (int64_t row = std::max(begin, first_row(noise, rows, samples, m)); row < stop; row++) body(m, row);
    }
}

struct Moments {
    double mean = 0, variance = 0;
};

// Of n values; value(i) is the i-th. Two passes, so that a large mean costs no digits.
template <class Value>
Moments moments_of(int64_t n, Value&& value) {
    Moments result;
    if (n == 0) return result;
    for (int64_t i = 0; i < n; i++) result.mean += value(i);
    result.mean /= double(n);
    for (int64_t i = 0; i < n; i++) result.variance += (value(i) - result.mean) * (value(i) - result.mean);
    result.variance /= double(n);
    return result;
}

// First row of statistics group g of `groups`.
int64_t group_begin(int64_t rows, int64_t samples, int64_t groups, int64_t g) {
    return samples == 0 ? 0 : g * samples / groups * (rows / samples);
}

void batch_norm(const BatchNormArguments& a) {
    const hb_batch_norm_params& p = a.params;
    int64_t c = a.x.columns(), rows = a.x.rows(), groups = a.mean[0];
    with_floating(a.x.type, [&]<class T>(T) {
        Gammas<T> gammas(a.gamma, a.noise);
        const T* x = a.x.as<T>();
        for_each_task(c, 8 * rows, [&](int64_t k) {
            double running_mean = 0, running_variance = 0;  // means over the groups that have rows
            int64_t counted = 0;
            for (int64_t g = 0; g < groups; g++) {
                int64_t begin = group_begin(rows, a.samples, groups, g);
                int64_t end = group_begin(rows, a.samples, groups, g + 1), n = end - begin;
                Moments moments;
                if (!p.training) {
                    moments = {double(a.running_mean.as<T>()[k]), double(a.running_var.as<T>()[k])};
                } else {
                    moments = moments_of(n, [&](int64_t i) { return double(x[(begin + i) * c + k]); });
                    if (n > 0) {
                        counted++;
                        running_mean += moments.mean;
                        running_variance += n > 1 ? moments.variance * double(n) / double(n - 1) : moments.variance;
                    }
                }
                double inverse = 1 / std::sqrt(moments.variance + double(p.epsilon));
                a.mean.as<T>()[g * c + k] = T(moments.mean);
                a.inverse_deviation.as<T>()[g * c + k] = T(inverse);
                double beta = a.beta.as<T>()[k];
                for_each_row(a.noise, rows, a.samples, begin, end, [&](int64_t m, int64_t row) {
                    int64_t at = row * c + k;
                    double z = gammas(m, k) * ((x[at] - moments.mean) * inverse) + beta;
                    if (a.residual) z += double(a.residual.as<T>()[at]);
                    a.y.as<T>()[at] = T(activate(p, z));
                });
            }
            if (p.training && p.update_running && counted > 0) {
                T& mean = a.running_mean.as<T>()[k];
                T& variance = a.running_var.as<T>()[k];
                double momentum = p.momentum;
                mean = T((1 - momentum) * double(mean) + momentum * running_mean / double(counted));
                variance = T((1 - momentum) * double(variance) + momentum * running_variance / double(counted));
            }
        });
    });
}

void batch_norm_backward(const BatchNormBackwardArguments& a) {
    const hb_batch_norm_params& p = a.params;
    int64_t c = a.x.columns(), rows = a.x.rows(), groups = a.mean[0];
    with_floating(a.x.type, [&]<class T>(T) {
        Gammas<T> gammas(a.gamma, a.noise);
        for_each_task(c, 8 * rows, [&](int64_t k) {
            double dgamma = 0, dbeta = 0;
            Scratch<double> slopes(runs_of(a.noise));
            for (int64_t m = 0; m < runs_of(a.noise); m++) slopes[m] = slope_of(a.noise, m, k);
            for (int64_t g = 0; g < groups; g++) {
                int64_t begin = group_begin(rows, a.samples, groups, g);
                int64_t end = group_begin(rows, a.samples, groups, g + 1);
                double mean = a.mean.as<T>()[g * c + k], inverse = a.inverse_deviation.as<T>()[g * c + k];
                auto dz = [&](int64_t at) { return double(a.dy.as<T>()[at]) * activation_slope(p, a.y.as<T>()[at]); };
                auto normalised = [&](int64_t at) { return (double(a.x.as<T>()[at]) - mean) * inverse; };
                double sum = 0, product = 0;  // of dz g, and of dz g h
                for_each_row(a.noise, rows, a.samples, begin, end, [&](int64_t m, int64_t row) {
                    int64_t at = row * c + k;
                    dbeta += dz(at);
                    dgamma += dz(at) * normalised(at) * slopes[m];
                    sum += dz(at) * gammas(m, k);
                    product += dz(at) * gammas(m, k) * normalised(at);
                });
                double n = double(end - begin);
                for_each_row(a.noise, rows, a.samples, begin, end, [&](int64_t m, int64_t row) {
                    int64_t at = row * c + k;
                    double gradient = dz(at) * gammas(m, k);
                    if (p.training) gradient -= sum / n + normalised(at) * product / n;
                    a.dx.as<T>()[at] = T(gradient * inverse);
                    if (a.dresidual) a.dresidual.as<T>()[at] = T(dz(at));
                });
            }
            a.dgamma.as<T>()[k] = T(dgamma);
            a.dbeta.as<T>()[k] = T(dbeta);
        });
    });
}

// Noise run of every row.
void fill_runs(const Noise& noise, int64_t rows, int64_t samples, int64_t* run) {
    for_each_row(noise, rows, samples, 0, rows, [&](int64_t m, int64_t row) { run[row] = m; });
}

void group_norm(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                const View& gamma, const View& beta, double epsilon, const Noise& noise, const View& y,
                const View& mean, const View& inverse_deviation) {
    int64_t width = c / groups;
    with_floating(x.type, [&]<class T>(T) {
        Gammas<T> gammas(gamma, noise);
        Scratch<int64_t> run(n);
        fill_runs(noise, n, samples, run.data());
        for_each_task(n * groups, 8 * positions * width, [&](int64_t task) {
            int64_t row = task / groups, first = task % groups * width;
            auto at = [&](int64_t i) { return (row * positions + i / width) * c + first + i % width; };
            Moments moments = moments_of(positions * width, [&](int64_t i) { return double(x.as<T>()[at(i)]); });
            double inverse = 1 / std::sqrt(moments.variance + epsilon);
            mean.as<T>()[task] = T(moments.mean);
            inverse_deviation.as<T>()[task] = T(inverse);
            for (int64_t i = 0; i < positions * width; i++) {
                int64_t channel = first + i % width;
                double normalised = (double(x.as<T>()[at(i)]) - moments.mean) * inverse;
                y.as<T>()[at(i)] = T(gammas(run[row], channel) * normalised + double(beta.as<T>()[channel]));
            }
        });
    });
}

void group_norm_backward(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                         const View& dy, const View& gamma, const View& mean, const View& inverse_deviation,
                         const Noise& noise, const View& dx, const View& dgamma, const View& dbeta) {
    int64_t width = c / groups;
    with_floating(x.type, [&]<class T>(T) {
        Gammas<T> gammas(gamma, noise);
        Scratch<int64_t> run(n);
        fill_runs(noise, n, samples, run.data());
        // (x - mean) d at flat index `at`, which lies in statistics `task`.
        auto normalised = [&](int64_t task, int64_t at) {
            return (double(x.as<T>()[at]) - double(mean.as<T>()[task])) * double(inverse_deviation.as<T>()[task]);
        };
        for_each_task(n * groups, 8 * positions * width, [&](int64_t task) {
            int64_t row = task / groups, first = task % groups * width, count = positions * width;
            auto at = [&](int64_t i) { return (row * positions + i / width) * c + first + i % width; };
            auto through = [&](int64_t i) { return double(dy.as<T>()[at(i)]) * gammas(run[row], first + i % width); };
            double sum = 0, product = 0;
            for (int64_t i = 0; i < count; i++) {
                sum += through(i);
                product += through(i) * normalised(task, at(i));
            }
            for (int64_t i = 0; i < count; i++) {
                double centred = through(i) - (sum + normalised(task, at(i)) * product) / double(count);
                dx.as<T>()[at(i)] = T(centred * double(inverse_deviation.as<T>()[task]));
            }
        });
        for_each_task(c, 8 * n * positions, [&](int64_t k) {
            double scale = 0, shift = 0;
            for (int64_t row = 0; row < n; row++) {
                double of_row = 0;
                for (int64_t i = 0; i < positions; i++) {
                    int64_t at = (row * positions + i) * c + k;
                    of_row += double(dy.as<T>()[at]) * normalised(row * groups + k / width, at);
                    shift += double(dy.as<T>()[at]);
                }
                scale += of_row * slope_of(noise, run[row], k);
            }
            dgamma.as<T>()[k] = T(scale);
            dbeta.as<T>()[k] = T(shift);
        });
    });
}

}  // namespace

void add_normalisation(Backend& table) {
    table.batch_norm = batch_norm;
    table.batch_norm_backward = batch_norm_backward;
    table.group_norm = group_norm;
    table.group_norm_backward = group_norm_backward;
}

}  // namespace hb::cpu::scalar
