// Optimizers over more tensors than one launch takes, of pieces and rests, some not aligned: each tensor as if it were
// alone, and the norm that of all together.
#include <memory>

#include "backend/backend.h"
#include "kernels/kernels.h"
#include "tests/host/check.h"
#include "tests/kernels/arrays.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

constexpr int kCount = 150;

Backend kernels() {
    Backend table{};
    add_optimizers(table);
    return table;
}

struct Group {
    std::vector<std::unique_ptr<Array>> arrays;
    std::vector<View> views;

    Group(double low, double high, uint32_t stream, bool some_absent, int64_t offsets) {
        for (int i = 0; i < kCount; i++) {
            const int64_t n = i == 7 ? 0 : i == 80 ? 4096 : i == 81 ? 8195 : 1 + (i * 53) % 97;
            // A launch is aligned only if all its tensors are: the last ones always are.
            arrays.push_back(std::make_unique<Array>(DType::F32, shape_of(n),
                                                     uniforms(n, low, high, stream * 1000 + uint32_t(i)),
                                                     i < 64 ? i % offsets : 0));
            views.push_back(some_absent && i % 6 == 2 ? View{} : arrays.back()->view());
        }
    }
};

double largest(const Group& group, const std::vector<Values>& expected) {
    double most = 0;
    for (size_t i = 0; i < kCount; i++) most = std::fmax(most, largest_difference(group.arrays[i]->now(), expected[i]));
    return most;
}

std::vector<Values> values_of(const Group& group) {
    std::vector<Values> values;
    for (const auto& array : group.arrays) values.push_back(array->before());
    return values;
}

void momentum() {
    Group w(-1, 1, 1, false, 2), g(-1, 1, 2, true, 1), v(-1, 1, 3, false, 3);
    std::vector<double> decay;
    for (int i = 0; i < kCount; i++) decay.push_back(0.01 * i);
    kernels().sgd_step(kCount, w.views.data(), g.views.data(), v.views.data(), decay.data(), {0.1, 0.9, 0, 0.5, 1, 0});
    auto wanted = values_of(w), velocities = values_of(v);
    for (size_t i = 0; i < kCount; i++)
        for (size_t j = 0; g.views[i] && j < wanted[i].size(); j++) {
            const double step = g.arrays[i]->before()[j] + 0.5 * decay[i] * wanted[i][j];
            velocities[i][j] = 0.9 * velocities[i][j] + step;
            wanted[i][j] -= 0.1 * (step + 0.9 * velocities[i][j]);
        }
    check(largest(w, wanted) < 3e-7, "weights after momentum differ by %g", largest(w, wanted));
    check(largest(v, velocities) < 3e-7, "momenta differ by %g", largest(v, velocities));
}

void norms() {
    Group g(-1, 1, 4, true, 2);
    double squares = 0;
    for (size_t i = 0; i < kCount; i++)
        for (size_t j = 0; g.views[i] && j < g.arrays[i]->before().size(); j++)
            squares += g.arrays[i]->before()[j] * g.arrays[i]->before()[j];
    const double got = kernels().sum_of_squares(kCount, g.views.data());
    check(std::fabs(got / squares - 1) < 1e-13, "the sum of squares is %.17g, expected %.17g", got, squares);
    check(kernels().sum_of_squares(0, nullptr) == 0, "no tensors have norm 0");
    Array large(DType::F32, shape_of(1000), Values(1000, 1e30));
    check(std::fabs(kernels().sum_of_squares(1, &large.view()) / 1e63 - 1) < 1e-6, "squares beyond f32");
}

// The gradients' size is beyond f32 when it is squared, and so is rho over their norm.
void ascent(double size) {
    Group w(-1, 1, 5, false, 2), g(-size, size, 6, true, 1), backups(0, 0, 7, false, 3);
    std::vector<int32_t> adaptive;
    for (int i = 0; i < kCount; i++) adaptive.push_back(i % 3 != 0);
    double norm = -1;
    kernels().ascend(kCount, w.views.data(), g.views.data(), backups.views.data(), adaptive.data(), {2, 0.01, 1, 0},
                     &norm);
    auto scale = [&](size_t i, size_t j) { return adaptive[i] ? std::fabs(w.arrays[i]->before()[j]) + 0.01 : 1; };
    double squares = 0;
    for (size_t i = 0; i < kCount; i++)
        for (size_t j = 0; g.views[i] && j < w.arrays[i]->before().size(); j++)
            squares += std::pow(scale(i, j) * g.arrays[i]->before()[j], 2);
    auto wanted = values_of(w);
    for (size_t i = 0; i < kCount; i++)
        for (size_t j = 0; g.views[i] && j < wanted[i].size(); j++)
            wanted[i][j] += 2 * scale(i, j) * scale(i, j) * g.arrays[i]->before()[j] / std::sqrt(squares);
    check(std::fabs(norm / std::sqrt(squares) - 1) < 1e-7, "the norm is %g, expected %g", norm, std::sqrt(squares));
    check(largest(w, wanted) < 3e-7, "weights after an ascent along gradients of %g differ by %g", size,
          largest(w, wanted));
    check(largest(backups, values_of(w)) == 0, "backups are the weights of before");
}

}  // namespace

int main() {
    momentum();
    norms();
    for (double size : {1.0, 1e-36, 1e30}) ascent(size);
    return finish();
}
