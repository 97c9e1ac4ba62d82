// Normalisation, pooling and attention where the op table has no case: statistics of large means, batches without
// samples, rows longer than a warp reads, indices that no window makes, heads that are wide and too wide.
#include <cmath>
#include <vector>

#include "backend/backend.h"
#include "core/philox.h"
#include "host/device.h"
#include "kernels/kernels.h"
#include "tests/host/check.h"
#include "tests/kernels/arrays.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

Backend kernels() {
    Backend table{};
    add_normalisation(table);
    add_pooling(table);
    add_attention(table);
    return table;
}

// A dense tensor on the device, released at the end of the block.
template <class T>
class Tensor {
  public:
    View view;

    explicit Tensor(const Shape& shape, DType type = DType::F32) {
        view.type = type;
        view.shape = shape;
        view.make_dense_strides();
        const int64_t bytes = shape.elements() * int64_t(sizeof(T));
        view.data = device().memory.allocate(bytes > 0 ? bytes : 1);
    }
    Tensor(const Shape& shape, const std::vector<T>& values, DType type = DType::F32) : Tensor(shape, type) {
        device().copy_in(view.data, values.data(), int64_t(values.size() * sizeof(T)));
    }
    ~Tensor() { device().memory.release(view.data); }
    Tensor(const Tensor&) = delete;
    Tensor& operator=(const Tensor&) = delete;

    std::vector<T> values() const {
        std::vector<T> all(size_t(view.elements()));
        device().copy_out(all.data(), view.data, int64_t(all.size() * sizeof(T)));
        return all;
    }
};

std::vector<float> normals(int64_t n, double mean, double deviation, uint32_t stream) {
    PhiloxKey key;
    key.seed = 11;
    key.stream = stream;
    std::vector<float> all(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) all[size_t(i)] = float(mean + deviation * double(key.normal(uint64_t(i))));
    return all;
}

Noise silence() {
    Noise none{};
    none.sub_batches = 1;
    return none;
}

hb_batch_norm_params norm_params(bool training) {
    hb_batch_norm_params p{};
    p.training = training;
    p.statistics_groups = 1;
    p.momentum = 0.1f;
    p.epsilon = 1e-5f;
    return p;
}

// A mean of 1000 deviations: sums of squares would keep one digit of the variance. Every tenth row is 50 away.
void large_means() {
    const int64_t rows = 3000, c = 24;
    std::vector<float> x = normals(rows * c, 1000, 1, 1);
    for (int64_t row = 0; row < rows; row += 10)
        for (int64_t k = 0; k < c; k++) x[size_t(row * c + k)] += 50;
    Tensor<float> in(shape_of(rows, c), x), gamma(shape_of(c), std::vector<float>(size_t(c), 1)),
        beta(shape_of(c), std::vector<float>(size_t(c), 0)), y(shape_of(rows, c)), mean(shape_of(int64_t(1), c)),
        inverse(shape_of(int64_t(1), c));
    BatchNormArguments a{};
    a.x = in.view, a.gamma = gamma.view, a.beta = beta.view;
    a.y = y.view, a.mean = mean.view, a.inverse_deviation = inverse.view;
    a.params = norm_params(true);
    a.noise = silence();
    a.samples = rows;
    kernels().batch_norm(a);
    const std::vector<float> means = mean.values(), inverses = inverse.values();
    for (int64_t k = 0; k < c; k++) {
        double average = 0, variance = 0;
        for (int64_t row = 0; row < rows; row++) average += double(x[size_t(row * c + k)]) / double(rows);
        for (int64_t row = 0; row < rows; row++)
            variance += std::pow(double(x[size_t(row * c + k)]) - average, 2) / double(rows);
        const double expected = 1 / std::sqrt(variance + double(a.params.epsilon));
        check(std::fabs(double(means[size_t(k)]) - average) < 1e-4, "mean %.7g of column %lld, expected %.7g",
              double(means[size_t(k)]), (long long)k, average);
        check(std::fabs(double(inverses[size_t(k)]) / expected - 1) < 1e-6,
              "inverse deviation %.8g of column %lld, expected %.8g", double(inverses[size_t(k)]), (long long)k,
              expected);
    }
}

// In evaluation a batch may be empty: its statistics are the running ones, its parameters' gradients 0.
void no_samples() {
    const int64_t c = 5;
    const std::vector<float> ones(size_t(c), 1), threes(size_t(c), 3);
    Tensor<float> empty(shape_of(int64_t(0), c)), gamma(shape_of(c), ones), beta(shape_of(c), ones),
        running_mean(shape_of(c), threes), running_var(shape_of(c), threes), mean(shape_of(int64_t(1), c)),
        inverse(shape_of(int64_t(1), c)), dgamma(shape_of(c), threes), dbeta(shape_of(c), threes);
    BatchNormArguments a{};
    a.x = a.y = empty.view;
    a.gamma = gamma.view, a.beta = beta.view, a.running_mean = running_mean.view, a.running_var = running_var.view;
    a.mean = mean.view, a.inverse_deviation = inverse.view;
    a.params = norm_params(false);
    a.noise = silence();
    kernels().batch_norm(a);
    check(mean.values() == threes, "an empty batch has the running means");
    BatchNormBackwardArguments b{};
    b.x = b.y = b.dy = b.dx = empty.view;
    b.gamma = gamma.view, b.mean = mean.view, b.inverse_deviation = inverse.view;
    b.dgamma = dgamma.view, b.dbeta = dbeta.view;
    b.params = a.params;
    b.noise = silence();
    kernels().batch_norm_backward(b);
    const std::vector<float> zeros(size_t(c), 0);
    check(dgamma.values() == zeros && dbeta.values() == zeros, "an empty batch has no gradient");
}

// Layer norm of rows that a whole block reads, at once or element by element.
void long_rows() {
    for (DType type : {DType::F32, DType::BF16})
        for (int64_t c : {1600, 1601}) {
            const int64_t n = 3;
            const double rounding = type == DType::BF16 ? 1.0 / 128 : 0;
            Array x(type, shape_of(n, c), uniforms(n * c, -2, 5, 1)),
                dy(type, shape_of(n, c), uniforms(n * c, -1, 1, 2));
            Array gamma(DType::F32, shape_of(c), uniforms(c, 0.5, 1.5, 3)),
                beta(DType::F32, shape_of(c), uniforms(c, -1, 1, 4));
            Array y(type, shape_of(n, c), Values(size_t(n * c))), dx(type, shape_of(n, c), Values(size_t(n * c)));
            Array mean(DType::F32, shape_of(n, int64_t(1)), Values(size_t(n)));
            Array inverse(DType::F32, shape_of(n, int64_t(1)), Values(size_t(n)));
            Array dgamma(DType::F32, shape_of(c), Values(size_t(c))), dbeta(DType::F32, shape_of(c), Values(size_t(c)));
            kernels().group_norm(x.view(), n, 1, c, 1, n, gamma.view(), beta.view(), 1e-5, silence(), y.view(),
                                 mean.view(), inverse.view());
            kernels().group_norm_backward(x.view(), n, 1, c, 1, n, dy.view(), gamma.view(), mean.view(), inverse.view(),
                                          silence(), dx.view(), dgamma.view(), dbeta.view());
            Values results, slopes, of_gamma(size_t(c), 0.0), of_beta(size_t(c), 0.0);
            for (int64_t row = 0; row < n; row++) {
                const double* at = &x.before()[size_t(row * c)];
                const double* d = &dy.before()[size_t(row * c)];
                double average = 0, variance = 0, sum = 0, sum_h = 0;
                for (int64_t k = 0; k < c; k++) average += at[k] / double(c);
                for (int64_t k = 0; k < c; k++) variance += (at[k] - average) * (at[k] - average) / double(c);
                const double scale = 1 / std::sqrt(variance + 1e-5);
                for (int64_t k = 0; k < c; k++) {
                    const double h = (at[k] - average) * scale, g = gamma.before()[size_t(k)];
                    results.push_back(h * g + beta.before()[size_t(k)]);
                    sum += d[k] * g / double(c);
                    sum_h += d[k] * g * h / double(c);
                    of_gamma[size_t(k)] += d[k] * h;
                    of_beta[size_t(k)] += d[k];
                }
                for (int64_t k = 0; k < c; k++)
                    slopes.push_back(scale *
                                     (d[k] * gamma.before()[size_t(k)] - sum - (at[k] - average) * scale * sum_h));
            }
            auto close = [&](const char* what, const Array& got, const Values& expected, double allowed) {
                const double difference = largest_difference(got.now(), expected);
                check(difference <= allowed, "%s of %lld %s: differs by %g", what, (long long)c, name_of(type),
                      difference);
            };
            close("layer norm", y, results, 2e-6 + rounding);
            close("its gradient", dx, slopes, 2e-6 + rounding);
            close("gamma's gradient", dgamma, of_gamma, 3e-6);
            close("beta's gradient", dbeta, of_beta, 3e-6);
        }
}

// Results that come from anywhere in the image, several from one pixel.
void scattered_maxima() {
    PoolShape s{};
    s.n = 2, s.h = 9, s.w = 7, s.c = 8, s.oh = 12, s.ow = 11;
    const int64_t results = s.n * s.oh * s.ow * s.c, pixels = s.h * s.w;
    PhiloxKey key;
    key.stream = 3;
    const std::vector<float> dy = normals(results, 0, 1, 2);
    std::vector<int32_t> index(static_cast<size_t>(results));
    std::vector<double> expected(size_t(s.n * pixels * s.c));
    for (int64_t i = 0; i < results; i++) {
        index[size_t(i)] = int32_t(key.below(uint64_t(i), uint32_t(pixels)));
        const int64_t n = i / (s.oh * s.ow * s.c);
        expected[size_t((n * pixels + index[size_t(i)]) * s.c + i % s.c)] += double(dy[size_t(i)]);
    }
    Tensor<float> gradient(shape_of(s.n, s.oh, s.ow, s.c), dy), dx(shape_of(s.n, s.h, s.w, s.c));
    Tensor<int32_t> at(shape_of(s.n, s.oh, s.ow, s.c), index, DType::I32);
    kernels().max_pool2d_backward(s, gradient.view, at.view, dx.view);
    const std::vector<float> got = dx.values();
    double worst = 0;
    for (size_t i = 0; i < got.size(); i++) worst = std::fmax(worst, std::fabs(double(got[i]) - expected[i]));
    check(worst < 1e-5, "the gradient of scattered maxima differs by %.3g", worst);
}

// Heads of 65 to 128 columns; 70 positions are more than a block has.
void heads_of_100() {
    for (DType type : {DType::F32, DType::BF16}) {
        const AttentionShape s{1, 70, 2, 100, 0.1};
        const int64_t width = s.heads * s.d;
        Array qkv(type, shape_of(s.n, s.t, 3 * width), uniforms(s.t * 3 * width, -1, 1, 5));
        Array dy(type, shape_of(s.n, s.t, width), uniforms(s.t * width, -1, 1, 6));
        Array y(type, shape_of(s.n, s.t, width), Values(size_t(s.t * width)));
        Array dqkv(type, shape_of(s.n, s.t, 3 * width), Values(size_t(s.t * 3 * width)));
        Array log_sum(DType::F32, shape_of(s.n, s.heads, s.t), Values(size_t(s.heads * s.t)));
        kernels().attention(s, qkv.view(), y.view(), log_sum.view());
        kernels().attention_backward(s, qkv.view(), y.view(), log_sum.view(), dy.view(), dqkv.view());
        Values results(size_t(s.t * width), 0.0), slopes(size_t(s.t * 3 * width), 0.0);
        for (int64_t head = 0; head < s.heads; head++) {
            auto in = [&](int64_t position, int64_t which, int64_t k) {
                return size_t(position * 3 * width + which * width + head * s.d + k);
            };
            for (int64_t i = 0; i < s.t; i++) {
                Values p, dp(size_t(s.t), 0.0);
                double sum = 0, inner = 0;
                for (int64_t j = 0; j < s.t; j++) {
                    double score = 0;
                    for (int64_t k = 0; k < s.d; k++) score += qkv.before()[in(i, 0, k)] * qkv.before()[in(j, 1, k)];
                    p.push_back(std::exp(score * s.scale));
                    sum += p.back();
                }
                for (int64_t j = 0; j < s.t; j++) {
                    p[size_t(j)] /= sum;
                    for (int64_t k = 0; k < s.d; k++) {
                        const size_t at = size_t(i * width + head * s.d + k);
                        results[at] += p[size_t(j)] * qkv.before()[in(j, 2, k)];
                        slopes[in(j, 2, k)] += p[size_t(j)] * dy.before()[at];
                        dp[size_t(j)] += dy.before()[at] * qkv.before()[in(j, 2, k)];
                    }
                    inner += p[size_t(j)] * dp[size_t(j)];
                }
                for (int64_t j = 0; j < s.t; j++) {
                    const double ds = p[size_t(j)] * (dp[size_t(j)] - inner) * s.scale;
                    for (int64_t k = 0; k < s.d; k++) {
                        slopes[in(i, 0, k)] += ds * qkv.before()[in(j, 1, k)];
                        slopes[in(j, 1, k)] += ds * qkv.before()[in(i, 0, k)];
                    }
                }
            }
        }
        const double of_y = largest_difference(y.now(), results), of_dqkv = largest_difference(dqkv.now(), slopes);
        const double allowed = type == DType::BF16 ? 1.0 / 128 : 1e-5;
        check(of_y <= allowed, "attention of heads of 100 %s differs by %g", name_of(type), of_y);
        check(of_dqkv <= allowed, "its gradient of %s differs by %g", name_of(type), of_dqkv);
    }
}

void wide_heads() {
    const AttentionShape s{1, 3, 1, 129, 0.1};
    Tensor<float> qkv(shape_of(s.n, s.t, 3 * s.d)), y(shape_of(s.n, s.t, s.d)), log_sum(shape_of(s.n, s.heads, s.t));
    check_throws("heads of 129 columns", HB_ERROR_UNSUPPORTED, {"129", "at most 128"},
                 [&] { kernels().attention(s, qkv.view, y.view, log_sum.view); });
}

}  // namespace

int main() {
    large_means();
    no_samples();
    long_rows();
    scattered_maxima();
    heads_of_100();
    wide_heads();
    return finish();
}
