// PGD's steps against plain loops in double precision.
#include "kernels/adversary.h"

#include <algorithm>

#include "tests/host/check.h"
#include "tests/kernels/arrays.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

constexpr double kRate = 0.05, kRadius = 0.125;

// Inputs in [0, 1], what an attack has made of them, and a gradient with some zeros.
struct Attack {
    Array x, adversarial, gradient;
    Attack(DType type, int64_t n, int64_t k, int64_t offset, double size)
        : x(type, shape_of(n, k), uniforms(n * k, 0, 1, 1), offset),
          adversarial(type, shape_of(n, k), uniforms(n * k, 0, 1, 2), offset),
          gradient(type, shape_of(n, k), gradients(n * k, size), offset) {}

    static Values gradients(int64_t n, double size) {
        Values g = uniforms(n, -size, size, 3);
        for (size_t i = 0; i < g.size(); i += 5) g[i] = 0;
        return g;
    }
};

void box() {
    for (DType type : {DType::F32, DType::BF16})
        for (int64_t offset : {0, 1})
            for (int64_t k : {1, 7, 48, 1000}) {
                Attack a(type, 3, k, offset, 1);
                ascend_in_box(a.adversarial.view(), a.gradient.view(), a.x.view(), kRate, kRadius, 0, 1);
                Values expected;
                for (size_t i = 0; i < a.x.before().size(); i++) {
                    const double x = a.x.before()[i], g = a.gradient.before()[i];
                    const double moved = a.adversarial.before()[i] + kRate * double(g > 0) - kRate * double(g < 0);
                    expected.push_back(std::clamp(std::clamp(moved, x - kRadius, x + kRadius), 0.0, 1.0));
                }
                const double difference = largest_difference(a.adversarial.now(), expected);
                check(difference < (type == DType::BF16 ? 2e-3 : 1e-7), "box, 3 x %lld: differs by %g", (long long)k,
                      difference);
            }
}

void ball() {
    for (DType type : {DType::F32, DType::BF16})
        for (double size : {1.0, 1e-30, 0.0})
            for (double radius : {0.5, 100.0})
                for (int64_t k : {1, 12, 100, 900, 3072}) {
                    Attack a(type, 5, k, 0, size);
                    ascend_in_ball(a.adversarial.view(), a.gradient.view(), a.x.view(), kRate, radius, 0, 1);
                    Values expected;
                    for (int64_t i = 0; i < 5; i++) {
                        double squares = 0, distance = 0;
                        Values way;
                        for (int64_t j = i * k; j < (i + 1) * k; j++)
                            squares += a.gradient.before()[size_t(j)] * a.gradient.before()[size_t(j)];
                        for (size_t j = size_t(i * k); j < size_t((i + 1) * k); j++) {
                            const double step = squares > 0 ? kRate * a.gradient.before()[j] / std::sqrt(squares) : 0.0;
                            way.push_back(a.adversarial.before()[j] + step - a.x.before()[j]);
                            distance += way.back() * way.back();
                        }
                        const double factor = std::min(1.0, radius / std::sqrt(distance));
                        for (size_t j = 0; j < size_t(k); j++)
                            expected.push_back(std::clamp(a.x.before()[size_t(i * k) + j] + factor * way[j], 0.0, 1.0));
                    }
                    const double difference = largest_difference(a.adversarial.now(), expected);
                    check(difference < (type == DType::BF16 ? 2e-3 : 5e-7),
                          "ball of %g, 5 x %lld, gradients of %g: differs by %g", radius, (long long)k, size,
                          difference);
                }
}

}  // namespace

int main() {
    box();
    ball();
    return finish();
}
