// Tensors on the device for tests of kernels, and the numbers in them.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/bf16.h"
#include "core/philox.h"
#include "core/view.h"
#include "host/device.h"

namespace hb::cuda::test {

using Values = std::vector<double>;

// n numbers in [low, high), the same in every run.
inline Values uniforms(int64_t n, double low, double high, uint32_t stream) {
    PhiloxKey key;
    key.seed = 7;
    key.stream = stream;
    Values values(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) values[size_t(i)] = low + (high - low) * double(key.uniform(uint64_t(i)));
    return values;
}

// As an element of the type holds them.
inline Values rounded(DType type, Values values) {
    for (double& v : values) v = type == DType::BF16 ? double(widen(round_to_bf16(float(v)))) : double(float(v));
    return values;
}

// A dense f32 or bf16 tensor. `offset`: elements by which it misses the alignment of its memory.
class Array {
  public:
    Array(DType type, const Shape& shape, const Values& values, int64_t offset = 0) : values_(rounded(type, values)) {
        const int64_t n = shape.elements(), size = size_of(type);
        memory_ = static_cast<char*>(device().memory.allocate((n + offset) * size));
        view_.data = memory_ + offset * size;
        view_.type = type;
        view_.shape = shape;
        view_.make_dense_strides();
        std::vector<char> bytes(static_cast<size_t>(n * size));
        for (int64_t i = 0; i < n; i++) {
            const float value = float(values_[size_t(i)]);
            if (type == DType::BF16) {
                const Bf16 element = round_to_bf16(value);
                std::memcpy(&bytes[size_t(i * 2)], &element, 2);
            } else {
                std::memcpy(&bytes[size_t(i * 4)], &value, 4);
            }
        }
        if (n > 0) device().copy_in(view_.data, bytes.data(), n * size);
    }
    ~Array() { device().memory.release(memory_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    const View& view() const { return view_; }
    // What it was made with, rounded to its type.
    const Values& before() const { return values_; }
    // What it holds now.
    Values now() const {
        const int64_t n = view_.elements(), size = size_of(view_.type);
        std::vector<char> bytes(static_cast<size_t>(n * size));
        if (n > 0) device().copy_out(bytes.data(), view_.data, n * size);
        Values values(static_cast<size_t>(n));
        for (int64_t i = 0; i < n; i++) {
            if (view_.type == DType::BF16) {
                Bf16 element;
                std::memcpy(&element, &bytes[size_t(i * 2)], 2);
                values[size_t(i)] = double(widen(element));
            } else {
                float element;
                std::memcpy(&element, &bytes[size_t(i * 4)], 4);
                values[size_t(i)] = double(element);
            }
        }
        return values;
    }

  private:
    Values values_;
    char* memory_;
    View view_;
};

// The largest difference, as a part of 1 + the larger one's size.
inline double largest_difference(const Values& a, const Values& b) {
    if (a.size() != b.size()) return INFINITY;
    double most = 0;
    for (size_t i = 0; i < a.size(); i++) {
        const double size = 1 + std::fmax(std::fabs(a[i]), std::fabs(b[i]));
        const double difference = std::fabs(a[i] - b[i]) / size;
        if (!(difference <= most)) most = std::isnan(difference) ? INFINITY : difference;
    }
    return most;
}

}  // namespace hb::cuda::test
