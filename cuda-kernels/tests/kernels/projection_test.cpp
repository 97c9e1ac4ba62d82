// Projections onto the balls of RegSL, against plain loops in double precision.
#include "kernels/projection.h"

#include <algorithm>
#include <memory>

#include "tests/host/check.h"
#include "tests/kernels/arrays.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

void frobenius() {
    // More tensors than one launch has; pieces of 4096 and rests; one that is empty, some not aligned, some from 0.
    std::vector<std::unique_ptr<Array>> weights, starts;
    std::vector<View> parameters, initial;
    std::vector<double> radii;
    for (int i = 0; i < 70; i++) {
        const int64_t n = i == 3 ? 0 : i == 5 ? 10001 : 1 + 37 * i % 200;
        weights.push_back(
            std::make_unique<Array>(DType::F32, shape_of(n), uniforms(n, -1, 1, 10 + uint32_t(i)), i % 3));
        parameters.push_back(weights.back()->view());
        if (i % 4 == 1) {
            starts.push_back(nullptr);
            initial.push_back(View{});
        } else {
            starts.push_back(std::make_unique<Array>(DType::F32, shape_of(n), uniforms(n, -1, 1, 100 + uint32_t(i))));
            initial.push_back(starts.back()->view());
        }
        radii.push_back(i % 5 == 0 ? 1000 : i % 7 == 0 ? 0 : 0.3 * i);
    }
    project_frobenius(70, parameters.data(), initial.data(), radii.data());
    for (size_t i = 0; i < 70; i++) {
        const Values& w = weights[i]->before();
        Values expected = w, zeros(w.size(), 0.0);
        const Values& from = starts[i] ? starts[i]->before() : zeros;
        double squares = 0;
        for (size_t j = 0; j < w.size(); j++) squares += (w[j] - from[j]) * (w[j] - from[j]);
        const bool outside = std::sqrt(squares) > radii[i];
        for (size_t j = 0; outside && j < w.size(); j++)
            expected[j] = from[j] + (w[j] - from[j]) * radii[i] / std::sqrt(squares);
        const Values got = weights[i]->now();
        check(largest_difference(got, expected) < 3e-7, "tensor %zu differs by %g", i,
              largest_difference(got, expected));
        if (!outside) check(got == w, "tensor %zu is inside the ball and keeps its bits", i);
    }
}

// The nearest point of the l1 ball, by sorting (Duchi et al. 2008, figure 1).
Values nearest(const Values& d, double radius) {
    Values sizes;
    double sum = 0;
    for (double v : d) {
        sizes.push_back(std::fabs(v));
        sum += std::fabs(v);
    }
    if (sum <= radius) return d;
    std::sort(sizes.rbegin(), sizes.rend());
    double above = 0, threshold = 0;
    for (size_t j = 0; j < sizes.size(); j++) {
        above += sizes[j];
        const double t = (above - radius) / double(j + 1);
        if (sizes[j] >= t) threshold = t;
    }
    Values result;
    for (double v : d) result.push_back(std::copysign(std::max(std::fabs(v) - threshold, 0.0), v));
    return result;
}

Values scaled(const Values& d, double radius) {
    double sum = 0;
    for (double v : d) sum += std::fabs(v);
    Values result = d;
    for (double& v : result) v *= sum > radius ? radius / sum : 1;
    return result;
}

void rows() {
    // Of every team: 8 lanes, a warp with 4 and with 32 of each, a block.
    for (int64_t k : {1, 3, 10, 16, 27, 100, 144, 1000, 4608})
        for (RowRule rule : {RowRule::kScale, RowRule::kNearest})
            for (bool from_zero : {false, true})
                for (double share : {0.0, 0.05, 0.5, 2.0}) {
                    const int64_t o = k > 1000 ? 3 : 9;
                    const double radius = share * double(k);
                    Array w(DType::F32, shape_of(o, k), uniforms(o * k, -2, 2, 5));
                    Array start(DType::F32, shape_of(o, k), uniforms(o * k, -1, 1, 6));
                    project_rows(w.view(), from_zero ? View{} : start.view(), radius, rule);
                    Values expected;
                    for (int64_t i = 0; i < o; i++) {
                        Values d;
                        for (int64_t j = i * k; j < (i + 1) * k; j++)
                            d.push_back(w.before()[size_t(j)] - (from_zero ? 0 : start.before()[size_t(j)]));
                        d = rule == RowRule::kScale ? scaled(d, radius) : nearest(d, radius);
                        for (int64_t j = 0; j < k; j++)
                            expected.push_back(d[size_t(j)] + (from_zero ? 0 : start.before()[size_t(i * k + j)]));
                    }
                    const double difference = largest_difference(w.now(), expected);
                    check(difference < 2e-6, "rows of %lld, %s, radius %g%s: differs by %g", (long long)k,
                          rule == RowRule::kScale ? "scaled" : "nearest", radius, from_zero ? " around 0" : "",
                          difference);
                }
}

void rows_of_zeros_and_of_equals() {
    Array zeros(DType::F32, shape_of(2, 40), Values(80, 0.0)), equal(DType::F32, shape_of(2, 40), Values(80, -3.0));
    project_rows(zeros.view(), View{}, 0, RowRule::kNearest);
    check(zeros.now() == zeros.before(), "a row of zeros stays");
    project_rows(equal.view(), View{}, 20, RowRule::kNearest);
    check(largest_difference(equal.now(), Values(80, -0.5)) < 1e-6, "equal entries stay equal");
    project_rows(equal.view(), View{}, 0, RowRule::kNearest);
    check(largest_difference(equal.now(), Values(80, 0.0)) == 0, "a ball of radius 0 is its centre");
}

void scales() {
    const int64_t c = 300;
    Array gamma(DType::F32, shape_of(c), uniforms(c, -2, 2, 1)), gamma0(DType::F32, shape_of(c), uniforms(c, -2, 2, 2));
    Array variance(DType::F32, shape_of(c), uniforms(c, 0.1, 4, 3));
    Array variance0(DType::F32, shape_of(c), uniforms(c, 0.1, 4, 4));
    project_scales(gamma.view(), variance.view(), gamma0.view(), variance0.view(), 1e-6, 0.7);
    Values expected;
    for (size_t i = 0; i < size_t(c); i++) {
        const double deviation = std::sqrt(variance.before()[i] + 1e-6);
        const double start = gamma0.before()[i] / std::sqrt(variance0.before()[i] + 1e-6);
        expected.push_back(std::clamp(gamma.before()[i] / deviation, start - 0.7, start + 0.7) * deviation);
    }
    check(largest_difference(gamma.now(), expected) < 1e-6, "scales of batch norm");
}

}  // namespace

int main() {
    frobenius();
    rows();
    rows_of_zeros_and_of_equals();
    scales();
    return finish();
}
