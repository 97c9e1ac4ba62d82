// Normalisation, pooling and attention where the op table has no case: statistics of large means, batches without
// samples, indices that no window makes, heads that are too wide.
#include <cmath>
#include <vector>

#include "backend/backend.h"
#include "core/philox.h"
#include "host/device.h"
#include "kernels/kernels.h"
#include "tests/host/check.h"

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
    scattered_maxima();
    wide_heads();
    return finish();
}
