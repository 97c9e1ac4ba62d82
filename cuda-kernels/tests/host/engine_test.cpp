// The engine with the backend as a program meets both: through the C ABI. What needs more than one device, or a setting
// that the engine hands on.
#include "hornbeam.h"

#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "core/philox.h"
#include "tests/host/check.h"

using namespace hb::cuda::test;

namespace {

using Numbers = std::vector<float>;

constexpr hb_device kFirst = HB_DEVICE_CUDA, kSecond = HB_DEVICE_CUDA + 1;

void ok(hb_status status) { check(status == HB_OK, "status %d: %s", int(status), hb_last_error()); }

Numbers uniforms(int64_t n, uint32_t stream) {
    hb::PhiloxKey key;
    key.seed = 7;
    key.stream = stream;
    Numbers values(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) values[size_t(i)] = 2 * key.uniform(uint64_t(i)) - 1;
    return values;
}

// Released when it goes.
class Owned {
  public:
    explicit Owned(hb_tensor tensor) : tensor_(tensor) {
        check(tensor > 0, "status %d: %s", int(tensor), hb_last_error());
    }
    Owned(hb_device device, const std::vector<int64_t>& shape, const Numbers& values)
        : Owned(hb_empty(device, HB_F32, int32_t(shape.size()), shape.data())) {
        ok(hb_write(tensor_, values.data(), int64_t(values.size() * sizeof(float))));
    }
    ~Owned() { hb_release(tensor_); }
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    hb_tensor get() const { return tensor_; }
    Numbers read() const {
        hb_descriptor d{};
        ok(hb_describe(tensor_, &d));
        Numbers values(static_cast<size_t>(d.elements));
        ok(hb_read(tensor_, values.data(), d.elements * int64_t(sizeof(float))));
        return values;
    }

  private:
    hb_tensor tensor_;
};

bool same_bits(const Numbers& a, const Numbers& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// ---- hb_set_exact

constexpr int64_t kM = 70, kN = 50, kK = 90;

Numbers product() {
    Owned a(kFirst, {kM, kK}, uniforms(kM * kK, 1)), b(kFirst, {kK, kN}, uniforms(kK * kN, 2));
    return Owned(hb_matmul(a.get(), b.get(), 0, 0)).read();
}

// Multiply-adds in ascending k: what the kernel without tensor cores does.
Numbers product_by_fma() {
    const Numbers a = uniforms(kM * kK, 1), b = uniforms(kK * kN, 2);
    Numbers y;
    for (int64_t i = 0; i < kM; i++)
        for (int64_t j = 0; j < kN; j++) {
            float sum = 0;
            for (int64_t k = 0; k < kK; k++) sum = std::fmaf(a[size_t(i * kK + k)], b[size_t(k * kN + j)], sum);
            y.push_back(sum);
        }
    return y;
}

void exactness_reaches_the_device() {
    const Numbers expected = product_by_fma();
    ok(hb_set_exact(1));  // before the backend is loaded
    check(same_bits(product(), expected), "exact: multiply-adds, bit for bit");
    ok(hb_set_exact(0));
    const Numbers fast = product();
    check(!same_bits(fast, expected), "not exact: by tensor cores");
    double most = 0;
    for (size_t i = 0; i < fast.size(); i++) most = std::fmax(most, std::fabs(double(fast[i]) - double(expected[i])));
    check(most < 1e-5, "and near to it: %g", most);
    ok(hb_set_exact(1));
    check(same_bits(product(), expected), "exact again");
    ok(hb_set_exact(0));
    check(same_bits(product(), fast), "and not");
}

// ---- hb_all_reduce

const std::vector<std::vector<int64_t>> kShapes = {{3, 7}, {1}, {0, 4}, {4099}, {2, 3, 5}, {64}};

int64_t elements(const std::vector<int64_t>& shape) {
    int64_t n = 1;
    for (int64_t size : shape) n *= size;
    return n;
}

// Tensors of so many replicas on those devices, summed right after a kernel has made them and while another one waits
// to change them; three times, so that memory is used again.
void sums(const std::vector<hb_device>& devices, const std::vector<double>& weights, const char* name) {
    const size_t count = kShapes.size(), replicas = devices.size();
    for (uint32_t round = 0; round < 3; round++) {
        std::vector<Numbers> expected(count);
        std::vector<std::unique_ptr<Owned>> own;
        std::vector<hb_tensor> handles;
        for (size_t r = 0; r < replicas; r++)
            for (size_t i = 0; i < count; i++) {
                Numbers values = uniforms(elements(kShapes[i]), uint32_t(100 * round + 10 * r + i));
                own.push_back(std::make_unique<Owned>(devices[r], kShapes[i], values));
                ok(hb_add_scaled(own.back()->get(), own.back()->get(), 2));
                handles.push_back(i == 1 ? 0 : own.back()->get());
                expected[i].resize(values.size(), 0.0f);
                const float weight = weights.empty() ? 1.0f : float(weights[r]);
                for (size_t j = 0; j < values.size(); j++) {
                    const float mine = weight * std::fmaf(2.0f, values[j], values[j]);
                    expected[i][j] = r == 0 ? mine : expected[i][j] + mine;
                }
            }
        ok(hb_all_reduce(int32_t(replicas), int32_t(count), handles.data(),
                         weights.empty() ? nullptr : weights.data()));
        std::vector<std::unique_ptr<Owned>> kept;
        for (size_t t = 0; t < own.size(); t++) kept.push_back(std::make_unique<Owned>(hb_cast(own[t]->get(), HB_F32)));
        for (const auto& tensor : own) ok(hb_scale_all(1, std::array{tensor->get()}.data(), 0));
        for (size_t r = 0; r < replicas; r++)
            for (size_t i = 0; i < count; i++)
                if (i != 1)
                    check(same_bits(kept[r * count + i]->read(), expected[i]),
                          "%s, round %u: tensor %zu of replica %zu", name, round, i, r);
    }
}

void replicas_are_checked() {
    Owned a(kFirst, {2}, {1, 2}), b(kSecond, {2}, {3, 4}), shorter(kSecond, {1}, {3}), cpu(HB_DEVICE_CPU, {2}, {5, 6});
    auto refused = [&](hb_tensor second, std::initializer_list<const char*> words) {
        const hb_tensor both[] = {a.get(), second};
        check(hb_all_reduce(2, 1, both, nullptr) == HB_ERROR_ARGUMENT, "refused");
        check_words("message", hb_last_error(), words);
    };
    refused(cpu.get(), {"tensors[1] is on device 0", "tensors[0] is on device 512", "devices of one kind"});
    refused(shorter.get(), {"tensors[1][0] has shape [1]", "tensors[0][0] has [2]"});
    const hb_tensor absent[] = {a.get(), a.get(), b.get(), 0};
    check(hb_all_reduce(2, 2, absent, nullptr) == HB_ERROR_ARGUMENT, "absent in one");
    check_words("message", hb_last_error(), {"tensors[1][1] is absent", "tensors[0][1] is there"});
    check(hb_all_reduce(0, 1, absent, nullptr) == HB_ERROR_ARGUMENT, "no replicas");
    check(hb_all_reduce(65, 1, absent, nullptr) == HB_ERROR_ARGUMENT, "too many replicas");
    check(a.read() == Numbers{1, 2} && b.read() == Numbers{3, 4}, "nothing was changed");
}

}  // namespace

int main() {
    exactness_reaches_the_device();
    sums({kFirst, kSecond}, {}, "two devices");
    sums({kSecond, kFirst}, {0.5, 0.5}, "a mean");
    sums({kFirst, kSecond}, {0.75, 0.25}, "weighted");
    sums({kSecond, kFirst, kSecond}, {0.5, 0.25, 0.25}, "three on two devices");
    sums({kFirst, kFirst}, {}, "two on one device");
    sums({kFirst}, {0.5}, "one");
    replicas_are_checked();
    return finish();
}
