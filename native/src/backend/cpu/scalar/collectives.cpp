// Sums over replicas. They lie in one memory here: the tensors of all of them are read, and all are written.
#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

void all_reduce(int replicas, int count, const int32_t*, const View* tensors, const double* weights) {
    for (int i = 0; i < count; i++) {
        if (!tensors[i]) continue;
        with_floating(tensors[i].type, [&]<class T>(T) {
            for_each(tensors[i].elements(), [&](int64_t j) {
                double sum = 0;
                for (int r = 0; r < replicas; r++) sum += weights[r] * double(tensors[r * count + i].as<T>()[j]);
                for (int r = 0; r < replicas; r++) tensors[r * count + i].as<T>()[j] = T(sum);
            });
        });
    }
}

}  // namespace

void add_collectives(Backend& table) { table.all_reduce = all_reduce; }

}  // namespace hb::cpu::scalar
