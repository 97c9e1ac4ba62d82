// Losses of rows that the op table does not have: longer than a warp holds, almost certain, almost equal, infinite.
// Against plain loops in double precision.
#include <functional>

#include "backend/backend.h"
#include "kernels/kernels.h"
#include "tests/host/check.h"
#include "tests/kernels/arrays.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

Backend kernels() {
    Backend table{};
    add_losses(table);
    return table;
}

// i64 on the device.
class Classes {
  public:
    explicit Classes(const std::vector<int64_t>& classes) {
        view_.data = device().memory.allocate(int64_t(classes.size()) * 8);
        view_.type = DType::I64;
        view_.shape = shape_of(int64_t(classes.size()));
        view_.make_dense_strides();
        device().copy_in(view_.data, classes.data(), int64_t(classes.size()) * 8);
    }
    ~Classes() { device().memory.release(view_.data); }
    Classes(const Classes&) = delete;
    Classes& operator=(const Classes&) = delete;
    const View& view() const { return view_; }

  private:
    View view_;
};

// Of row i of rows of k.
Values log_softmax_of(const Values& x, int64_t i, int64_t k) {
    double most = -INFINITY, sum = 0;
    for (int64_t j = i * k; j < (i + 1) * k; j++) most = std::fmax(most, x[size_t(j)]);
    // Without the largest once, whose 1 would hide a small rest.
    bool left_out = false;
    for (int64_t j = i * k; j < (i + 1) * k; j++) {
        const bool leave = !left_out && x[size_t(j)] == most;
        left_out |= leave;
        if (!leave) sum += std::exp(x[size_t(j)] - most);
    }
    Values result;
    for (int64_t j = i * k; j < (i + 1) * k; j++) result.push_back(x[size_t(j)] - most - std::log1p(sum));
    return result;
}

// Results in bf16 are rounded once.
void close(const char* what, int64_t k, const Array& got, const Values& expected, double allowed) {
    const bool bf16 = got.view().type == DType::BF16;
    const double difference = largest_difference(got.now(), expected);
    check(difference <= allowed + (bf16 ? 1.0 / 256 : 0), "%s of %s, rows of %lld: differs by %g", what,
          bf16 ? "bf16" : "f32", (long long)k, difference);
}

void rows_of_every_length(DType type) {
    const Backend table = kernels();
    const int64_t n = 3;
    for (int64_t k : {1, 8, 16, 17, 128, 129, 1000, 1024, 1025, 1700, 5000}) {
        const Values at = uniforms(n * k, -4, 4, 1), other = uniforms(n * k, -4, 4, 2);
        Array x(type, shape_of(n, k), at), y(type, shape_of(n, k), other);
        Array d(DType::F32, shape_of(n), uniforms(n, 0.5, 2, 3)), loss(DType::F32, shape_of(n), Values(size_t(n)));
        Array score(DType::F32, shape_of(n), Values(size_t(n)));
        Array a(type, shape_of(n, k), Values(size_t(n * k)));
        Array b(type, shape_of(n, k), Values(size_t(n * k)));
        const Classes classes({0, k / 2, k - 1});
        Values p, log_p, ce, d_ce, kl, dp, dq, scores, se, d_softmax, d_log_softmax, d_se;
        for (int64_t i = 0; i < n; i++) {
            const Values lp = log_softmax_of(x.before(), i, k), lq = log_softmax_of(y.before(), i, k);
            const int64_t target = i == 0 ? 0 : i == 1 ? k / 2 : k - 1;
            double divergence = 0, squares = 0, of_scores = 0, inner = 0, whole = 0;
            for (int64_t j = 0; j < k; j++) {
                const double pj = std::exp(lp[size_t(j)]),
                             difference = x.before()[size_t(i * k + j)] - y.before()[size_t(i * k + j)];
                divergence += pj * (lp[size_t(j)] - lq[size_t(j)]);
                squares += difference * difference;
                of_scores += (pj - double(j == target)) * (pj - double(j == target));
                inner += pj * y.before()[size_t(i * k + j)];
                whole += y.before()[size_t(i * k + j)];
            }
            for (int64_t j = 0; j < k; j++) {
                const double pj = std::exp(lp[size_t(j)]), qj = std::exp(lq[size_t(j)]), di = d.before()[size_t(i)];
                p.push_back(pj);
                log_p.push_back(lp[size_t(j)]);
                d_ce.push_back(di * (pj - double(j == target)));
                dp.push_back(di * pj * (lp[size_t(j)] - lq[size_t(j)] - divergence));
                dq.push_back(di * (qj - pj));
                d_softmax.push_back(pj * (y.before()[size_t(i * k + j)] - inner));
                d_log_softmax.push_back(y.before()[size_t(i * k + j)] - pj * whole);
                d_se.push_back(2 * di * (x.before()[size_t(i * k + j)] - y.before()[size_t(i * k + j)]));
            }
            ce.push_back(-lp[size_t(target)]);
            kl.push_back(divergence);
            scores.push_back(of_scores);
            se.push_back(squares);
        }
        table.softmax(x.view(), a.view());
        close("softmax", k, a, p, 1e-6);
        table.softmax_backward(a.view(), y.view(), b.view());
        close("softmax_backward", k, b, d_softmax, 2e-6);
        table.log_softmax(x.view(), a.view());
        close("log_softmax", k, a, log_p, 1e-6);
        // Of the log probabilities as they are stored: the sum of dy meets exp of their rounding.
        table.log_softmax_backward(a.view(), y.view(), b.view());
        close("log_softmax_backward", k, b, d_log_softmax, type == DType::BF16 ? 2e-2 : 2e-5);
        table.cross_entropy(x.view(), classes.view(), 0, loss.view());
        close("cross_entropy", k, loss, ce, 1e-6);
        table.cross_entropy_backward(x.view(), classes.view(), d.view(), 0, a.view());
        close("cross_entropy_backward", k, a, d_ce, 1e-6);
        table.softmax_scores(x.view(), classes.view(), a.view(), loss.view(), score.view());
        close("softmax_scores, probabilities", k, a, p, 1e-6);
        close("softmax_scores, loss", k, loss, ce, 1e-6);
        close("softmax_scores, score", k, score, scores, 1e-6);
        table.kl_divergence(x.view(), y.view(), loss.view());
        close("kl_divergence", k, loss, kl, 2e-6);
        table.kl_divergence_backward(x.view(), y.view(), d.view(), a.view(), b.view());
        close("kl_divergence_backward, p", k, a, dp, 2e-6);
        close("kl_divergence_backward, q", k, b, dq, 2e-6);
        table.squared_error(x.view(), y.view(), loss.view());
        close("squared_error", k, loss, se, 2e-6);
        table.squared_error_backward(x.view(), y.view(), d.view(), a.view());
        close("squared_error_backward", k, a, d_se, 2e-6);
    }
}

double relative(double got, double expected) { return std::fabs(got - expected) / std::fabs(expected); }

void small_losses_keep_their_digits() {
    const Backend table = kernels();
    for (int64_t k : {10, 100, 1000, 3000}) {
        // The first class is certain but for about k exp(-30).
        Values certain = uniforms(k, -1, 1, 4);
        certain[0] = 30;
        Array x(DType::F32, shape_of(1, k), certain), loss(DType::F32, shape_of(1), {0}),
            score(DType::F32, shape_of(1), {0});
        Array one(DType::F32, shape_of(1), {1}), dx(DType::F32, shape_of(1, k), Values(size_t(k)));
        const Classes first({0});
        const double expected = -log_softmax_of(x.before(), 0, k)[0];
        table.cross_entropy(x.view(), first.view(), 0, loss.view());
        check(relative(loss.now()[0], expected) < 1e-5, "a loss of %g for %lld classes is %g", expected, (long long)k,
              loss.now()[0]);
        table.cross_entropy_backward(x.view(), first.view(), one.view(), 0, dx.view());
        check(relative(dx.now()[0], std::expm1(-expected)) < 1e-5, "its slope for %lld classes is %g", (long long)k,
              dx.now()[0]);
        // Logits that an attack of 1e-4 has moved.
        Values moved = uniforms(k, -3, 3, 5);
        const Values before = moved;
        for (int64_t j = 0; j < k; j++) moved[size_t(j)] += 1e-4 * double(j % 3 - 1);
        Array p(DType::F32, shape_of(1, k), before), q(DType::F32, shape_of(1, k), moved);
        const Values lp = log_softmax_of(p.before(), 0, k), lq = log_softmax_of(q.before(), 0, k);
        double divergence = 0;
        for (int64_t j = 0; j < k; j++) divergence += std::exp(lp[size_t(j)]) * (lp[size_t(j)] - lq[size_t(j)]);
        table.kl_divergence(p.view(), q.view(), loss.view());
        check(relative(loss.now()[0], divergence) < 1e-3, "a divergence of %g for %lld classes is %g", divergence,
              (long long)k, loss.now()[0]);
    }
}

void classes_that_cannot_be() {
    const Backend table = kernels();
    for (int64_t k : {10, 1000, 3000}) {
        Values x = uniforms(k, -1, 1, 6), soft = uniforms(k, 0, 1, 7);
        x[1] = -INFINITY;
        soft[1] = 0;
        Array logits(DType::F32, shape_of(1, k), x), targets(DType::F32, shape_of(1, k), soft);
        Array loss(DType::F32, shape_of(1), {0});
        const Values lp = log_softmax_of(logits.before(), 0, k);
        double expected = 0;
        for (int64_t j = 0; j < k; j++)
            if (j != 1) expected -= targets.before()[size_t(j)] * lp[size_t(j)];
        table.cross_entropy(logits.view(), targets.view(), 0, loss.view());
        check(relative(loss.now()[0], expected) < 2e-6, "a class of weight 0 adds nothing: %g, expected %g",
              loss.now()[0], expected);
        table.kl_divergence(logits.view(), logits.view(), loss.view());
        check(loss.now()[0] == 0, "the divergence of equals is %g", loss.now()[0]);
        const Classes impossible({1});
        table.cross_entropy(logits.view(), impossible.view(), 0, loss.view());
        check(loss.now()[0] == INFINITY, "the loss of an impossible class is %g", loss.now()[0]);
        x[0] = NAN;
        Array broken(DType::F32, shape_of(1, k), x);
        table.cross_entropy(broken.view(), Classes({2}).view(), 0, loss.view());
        check(std::isnan(loss.now()[0]), "the loss of a row with a NaN is %g", loss.now()[0]);
    }
}

}  // namespace

int main() {
    rows_of_every_length(DType::F32);
    rows_of_every_length(DType::BF16);
    small_losses_keep_their_digits();
    classes_that_cannot_be();
    return finish();
}
