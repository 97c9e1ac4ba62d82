// Matrix product: y[i, j] = sum over k of a[i, k] b[k, j].
#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

void matmul(const MatMulShape& s, const View& a, const View& b, const View& y) {
    with_floating(a.type, [&]<class T>(T) {
        for_each_task(s.batch * s.m, s.n * s.k, [&](int64_t row) {
            const T* left = a.as<T>() + row / s.m * s.a_batch_stride;
            const T* right = b.as<T>() + row / s.m * s.b_batch_stride;
            int64_t i = row % s.m;
            for (int64_t j = 0; j < s.n; j++) {
                double sum = 0;
                for (int64_t k = 0; k < s.k; k++) {
                    double l = s.transpose_a ? left[k * s.m + i] : left[i * s.k + k];
                    double r = s.transpose_b ? right[j * s.k + k] : right[k * s.n + j];
                    sum += l * r;
                }
                y.as<T>()[row * s.n + j] = T(sum);
            }
        });
    });
}

}  // namespace

void add_linear_algebra(Backend& table) { table.matmul = matmul; }

}  // namespace hb::cpu::scalar
