// What the files of the scalar tier share. Everything here is plain on purpose: these kernels say what an op means, and
// the other tiers are tested against their F64 form. Arithmetic is done in double and rounded once, to the result's
// type.
#pragma once

#include <algorithm>
#include <type_traits>

#include "backend/backend.h"
#include "core/bf16.h"
#include "core/parallel.h"
#include "core/philox.h"
#include "core/scratch.h"
#include "core/weight_noise.h"

namespace hb::cpu::scalar {

// Calls body(T()) with the element type of a floating view.
template <class Body>
void with_floating(DType type, Body&& body) {
    if (type == DType::F32) return body(float());
    if (type == DType::F64) return body(double());
    fail(HB_ERROR_UNSUPPORTED, "the scalar kernels compute in f32 and f64, not in %s", name_of(type));
}

template <class Body>
void with_any(DType type, Body&& body) {
    switch (type) {
        case DType::F32:
            return body(float());
        case DType::F64:
            return body(double());
        case DType::BF16:
            return body(Bf16());
        case DType::I64:
            return body(int64_t());
        case DType::I32:
            return body(int32_t());
        case DType::U8:
            return body(uint8_t());
    }
}

// An unsigned integer of the element's size, for ops that only move elements.
template <class Body>
void with_bytes(DType type, Body&& body) {
    switch (size_of(type)) {
        case 8:
            return body(uint64_t());
        case 4:
            return body(uint32_t());
        case 2:
            return body(uint16_t());
        default:
            return body(uint8_t());
    }
}

// Walks the elements of `shape` in row-major order and keeps the offset into N strided views.
template <int N>
class Walk {
  public:
    Walk(const Shape& shape, const View* const (&views)[N], int64_t start) : shape_(shape) {
        for (int v = 0; v < N; v++) offset[v] = 0;
        for (int i = shape.rank - 1; i >= 0; i--) {
            position_[i] = start % shape[i];
            start /= shape[i];
            for (int v = 0; v < N; v++) {
                stride_[v][i] = views[v]->stride[i];
                offset[v] += position_[i] * stride_[v][i];
            }
        }
    }
    void next() {
        for (int i = shape_.rank - 1; i >= 0; i--) {
            position_[i]++;
            for (int v = 0; v < N; v++) offset[v] += stride_[v][i];
            if (position_[i] < shape_[i]) return;
            for (int v = 0; v < N; v++) offset[v] -= shape_[i] * stride_[v][i];
            position_[i] = 0;
        }
    }
    int64_t offset[N];

  private:
    const Shape& shape_;
    int64_t position_[HB_MAX_RANK];
    int64_t stride_[N][HB_MAX_RANK];
};

// body(i, offsets) for every element i of `shape`; views are read through their own strides.
template <int N, class Body>
void for_each(const Shape& shape, const View* const (&views)[N], Body&& body) {
    parallel_ranges(shape.elements(), kGrain, [&](int64_t begin, int64_t end) {
        Walk<N> walk(shape, views, begin);
        for (int64_t i = begin; i < end; i++, walk.next()) body(i, walk.offset);
    });
}

// body(i) for i = 0 .. n-1.
template <class Body>
void for_each(int64_t n, Body&& body) {
    parallel_ranges(n, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) body(i);
    });
}

// body(task) for task = 0 .. tasks-1 of about `work` operations each. Small ones run together: waking a thread costs
// more.
template <class Body>
void for_each_task(int64_t tasks, int64_t work, Body&& body) {
    parallel_ranges(tasks, kGrain / std::max<int64_t>(1, work), [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; task++) body(task);
    });
}

inline PhiloxKey key_of(const Stream& stream) {
    return {stream.seed, stream.tensor, stream.step, stream.purpose, stream.stream};
}

inline int64_t runs_of(const Noise& noise) { return has_noise(noise) ? noise.sub_batches : 1; }

// First row of noise run m, where `samples` samples have `rows` rows together.
inline int64_t first_row(const Noise& noise, int64_t rows, int64_t samples, int64_t m) {
    if (!has_noise(noise)) return m == 0 ? 0 : rows;
    return samples == 0 ? 0 : run_begin(noise, samples, m) * (rows / samples);
}

// The n weights that noise run m sees.
template <class T>
void perturb(const T* w, int64_t n, const Noise& noise, int64_t m, T* y) {
    PhiloxKey key = noise_key(noise, m);
    for_each(n, [&](int64_t i) {
        y[i] = has_noise(noise) ? perturbed<T>(noise.kind, w[i], T(noise.sigma), T(key.normal(i))) : w[i];
    });
}

// What run m's gradient of weight i is multiplied by.
inline double slope_of(const Noise& noise, int64_t m, int64_t i) {
    if (!needs_chain_rule(noise)) return 1;
    return perturbation_slope<double>(noise.sigma, noise_key(noise, m).normal(i));
}

}  // namespace hb::cpu::scalar
