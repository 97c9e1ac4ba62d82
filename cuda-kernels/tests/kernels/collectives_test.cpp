// Sums over replicas on two devices and on one: more tensors than a launch takes, of pieces and rests, some not
// aligned, some absent, and what is computed before and after on either device's stream.
#include "backend/backend.h"
#include "kernels/kernels.h"
#include "tests/host/check.h"
#include "tests/kernels/arrays.h"

#include <memory>

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

constexpr int kCount = 70;

Backend kernels() {
    Backend table{};
    add_collectives(table);
    add_optimizers(table);
    return table;
}

int64_t elements(int i) { return i == 7 ? 0 : i == 30 ? 4096 : i == 31 ? 8195 : 1 + (i * 53) % 97; }

void sums(const std::vector<int32_t>& devices, const std::vector<double>& weights, const char* name) {
    const Backend table = kernels();
    const int replicas = int(devices.size());
    std::vector<std::unique_ptr<Array>> arrays;
    std::vector<View> views;
    for (int r = 0; r < replicas; r++) {
        select_device(devices[size_t(r)]);
        for (int i = 0; i < kCount; i++) {
            const int64_t n = elements(i);
            arrays.push_back(std::make_unique<Array>(DType::F32, shape_of(n), uniforms(n, -1, 1, uint32_t(r * 100 + i)),
                                                     i < 20 ? i % 3 : 0));
            // Of a tensor without elements, none is there.
            views.push_back(i % 6 == 2 || n == 0 ? View{} : arrays.back()->view());
        }
        table.scale_all(kCount, views.data() + r * kCount, 2);
    }
    select_device(devices[0]);
    table.all_reduce(replicas, kCount, devices.data(), views.data(), weights.data());
    check(device().index == devices[0], "%s: the device that was selected still is", name);
    for (int r = 0; r < replicas; r++) {
        select_device(devices[size_t(r)]);
        table.scale_all(kCount, views.data() + r * kCount, 0.5);
    }
    for (int r = 0; r < replicas; r++) {
        select_device(devices[size_t(r)]);
        for (int i = 0; i < kCount; i++) {
            const Array& own = *arrays[size_t(r * kCount + i)];
            Values expected(size_t(elements(i)), 0.0);
            for (int q = 0; q < replicas; q++)
                for (size_t j = 0; j < expected.size(); j++) {
                    const double before = arrays[size_t(q * kCount + i)]->before()[j];
                    expected[j] += views[size_t(i)] ? weights[size_t(q)] * before : 0;
                }
            if (!views[size_t(i)]) expected = own.before();
            const double difference = largest_difference(own.now(), expected);
            check(difference < 1e-6, "%s: tensor %d of replica %d is off by %g", name, i, r, difference);
        }
    }
    // An array goes back to the memory of the selected device.
    for (int r = replicas - 1; r >= 0; r--) {
        select_device(devices[size_t(r)]);
        arrays.resize(size_t(r * kCount));
    }
    select_device(0);
}

}  // namespace

int main() {
    sums({0, 1}, {0.5, 0.5}, "two devices");
    sums({1, 0, 1}, {0.25, 0.5, 0.25}, "three replicas on two devices");
    sums({0, 0}, {1, 1}, "one device");
    sums({1}, {3}, "one replica");
    return finish();
}
