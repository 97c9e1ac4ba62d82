// Functions of one and two elements.
//
// Bytes bound all of them. f32 forward 8 bytes an element, backward and binary 12, bf16 half: on an H100 at 3.35 TB/s
// 0.42 and 0.28 T elements a second. The dearest functions (erf, tanh: some 30 operations) run at 0.4 to 0.9 T a second
// of the 29 T instructions/s, so that even bf16 stays bound by memory. To keep the memory busy a thread moves 16 bytes
// at a time, and the kind of the function is asked for once for those, not once an element: one kernel a type in place
// of sixteen, with the registers of the dearest function. Rows, columns and numbers that repeat (bias, scale) are read
// in place, from a cache. Accurate functions of the CUDA library (expf, erff, tanhf: at most 2 units in the last
// place); the fast ones would not pass the op table.
#include <cmath>

#include "host/device.h"
#include "kernels/kernels.h"
#include "kernels/numbers.cuh"
#include "kernels/strided.cuh"
#include "kernels/vectors.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;

// ---- unary

constexpr float kRootHalf = 0.707106781186547524f;
constexpr float kRootTwoOverPi = 0.797884560802865356f;
constexpr float kRootHalfOverPi = 0.398942280401432678f;  // 1 / sqrt(2 pi)
constexpr float kGeluCubic = 0.044715f;

__device__ __forceinline__ float clamped(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

// The argument of tanh in GELU's tanh form.
__device__ __forceinline__ float gelu_argument(float x) { return kRootTwoOverPi * fmaf(kGeluCubic * x * x, x, x); }

template <int kind>
__device__ __forceinline__ float value(float x, float alpha, float beta) {
    if constexpr (kind == HB_NEG) return -x;
    if constexpr (kind == HB_ABS) return fabsf(x);
    if constexpr (kind == HB_EXP) return expf(x);
    if constexpr (kind == HB_LOG) return logf(x);
    if constexpr (kind == HB_SQRT) return sqrtf(x);
    if constexpr (kind == HB_RSQRT) return 1.0f / sqrtf(x);
    if constexpr (kind == HB_SQUARE) return x * x;
    if constexpr (kind == HB_SIGN) return x > 0 ? 1.0f : x < 0 ? -1.0f : x == 0 ? 0.0f : x;
    if constexpr (kind == HB_RECIPROCAL) return 1.0f / x;
    if constexpr (kind == HB_RELU) return x <= 0 ? 0.0f : x;  // NaN stays
    if constexpr (kind == HB_LEAKY_RELU) return x < 0 ? alpha * x : x;
    if constexpr (kind == HB_GELU) return 0.5f * x * (1.0f + erff(x * kRootHalf));
    if constexpr (kind == HB_GELU_TANH) return 0.5f * x * (1.0f + tanhf(gelu_argument(x)));
    if constexpr (kind == HB_SIGMOID) return 1.0f / (1.0f + expf(-x));
    if constexpr (kind == HB_TANH) return tanhf(x);
    return clamped(x, alpha, beta);
}

template <int kind>
__device__ __forceinline__ float derivative(float x, float alpha, float beta) {
    if constexpr (kind == HB_NEG) return -1.0f;
    if constexpr (kind == HB_ABS) return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f;
    if constexpr (kind == HB_EXP) return expf(x);
    if constexpr (kind == HB_LOG) return 1.0f / x;
    if constexpr (kind == HB_SQRT) return 0.5f / sqrtf(x);
    if constexpr (kind == HB_RSQRT) return -0.5f / (x * sqrtf(x));
    if constexpr (kind == HB_SQUARE) return 2.0f * x;
    if constexpr (kind == HB_SIGN) return 0.0f;
    if constexpr (kind == HB_RECIPROCAL) return -1.0f / (x * x);
    if constexpr (kind == HB_RELU) return x > 0 ? 1.0f : 0.0f;
    if constexpr (kind == HB_LEAKY_RELU) return x > 0 ? 1.0f : alpha;
    if constexpr (kind == HB_GELU) {
        const float density = kRootHalfOverPi * expf(-0.5f * x * x);
        return fmaf(x, density, 0.5f * (1.0f + erff(x * kRootHalf)));
    }
    if constexpr (kind == HB_GELU_TANH) {
        // Beyond 20 the slope is 0 or 1, and cubes may overflow.
        const float z = clamped(x, -20.0f, 20.0f), t = tanhf(gelu_argument(z));
        const float slope = kRootTwoOverPi * fmaf(3.0f * kGeluCubic * z, z, 1.0f);
        return fmaf(0.5f * z * fmaf(-t, t, 1.0f), slope, 0.5f * (1.0f + t));
    }
    if constexpr (kind == HB_SIGMOID) {
        const float s = 1.0f / (1.0f + expf(-x));
        return s * (1.0f - s);
    }
    if constexpr (kind == HB_TANH) {
        const float t = tanhf(x);
        return fmaf(-t, t, 1.0f);
    }
    return x >= alpha && x <= beta ? 1.0f : 0.0f;
}

template <int kind>
struct Kind {
    static constexpr int value = kind;
};

// Calls body(Kind<kind>()) with a function of one element.
template <class Body>
__device__ __forceinline__ void with_function(int kind, Body&& body) {
    switch (kind) {
        case HB_NEG:
            return body(Kind<HB_NEG>());
        case HB_ABS:
            return body(Kind<HB_ABS>());
        case HB_EXP:
            return body(Kind<HB_EXP>());
        case HB_LOG:
            return body(Kind<HB_LOG>());
        case HB_SQRT:
            return body(Kind<HB_SQRT>());
        case HB_RSQRT:
            return body(Kind<HB_RSQRT>());
        case HB_SQUARE:
            return body(Kind<HB_SQUARE>());
        case HB_SIGN:
            return body(Kind<HB_SIGN>());
        case HB_RECIPROCAL:
            return body(Kind<HB_RECIPROCAL>());
        case HB_RELU:
            return body(Kind<HB_RELU>());
        case HB_LEAKY_RELU:
            return body(Kind<HB_LEAKY_RELU>());
        case HB_GELU:
            return body(Kind<HB_GELU>());
        case HB_GELU_TANH:
            return body(Kind<HB_GELU_TANH>());
        case HB_SIGMOID:
            return body(Kind<HB_SIGMOID>());
        case HB_TANH:
            return body(Kind<HB_TANH>());
        default:
            return body(Kind<HB_CLAMP>());
    }
}

// Calls body(i, Lanes<n>()) for the n elements from i, together those of this thread among `elements`: by kLanes<T>,
// the first `packed` of them; then one by one.
template <int n>
struct Lanes {
    static constexpr int count = n;
};
template <class T, class Body>
__device__ __forceinline__ void for_lanes(int64_t packed, int64_t elements, Body&& body) {
    HB_GRID_STRIDE(i, packed / kLanes<T>) body(i * kLanes<T>, Lanes<kLanes<T>>());
    for (int64_t i = packed + int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < elements;
         i += int64_t{gridDim.x} * blockDim.x)
        body(i, Lanes<1>());
}
// How many of n elements go by kLanes<T>: none where a view does not begin at 16 bytes.
template <class T, class... Views>
int64_t packed_of(int64_t n, const Views&... views) {
    return (is_aligned(views.data, kLanes<T> * uintptr_t(size_of(views.type))) && ...) ? n / kLanes<T> * kLanes<T> : 0;
}
template <class T>
unsigned blocks_of(int64_t packed, int64_t n) {
    return blocks_for(packed / kLanes<T> > n - packed ? packed / kLanes<T> : n - packed, kThreads);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    unary_kernel(int kind, const T* x, T* y, float alpha, float beta, int64_t packed, int64_t n) {
    for_lanes<T>(packed, n, [&](int64_t i, auto lanes) {
        constexpr int kCount = decltype(lanes)::count;
        const auto from = load_packed<kCount>(x + i);
        Packed<T, kCount> to;
        with_function(kind, [&](auto function) {
#pragma unroll
            for (int l = 0; l < kCount; l++)
                to.lane[l] = stored<T>(value<decltype(function)::value>(widened(from.lane[l]), alpha, beta));
        });
        store_packed<kCount>(y + i, to);
    });
}

void unary(int kind, const View& x, double alpha, double beta, const View& y) {
    const int64_t n = x.elements();
    with_activation(x.type, [&]<class T>(T) {
        const int64_t packed = packed_of<T>(n, x, y);
        HB_LAUNCH((unary_kernel<T>), blocks_of<T>(packed, n), kThreads, 0, stream(), kind, x.as<T>(), y.as<T>(),
                  float(alpha), float(beta), packed, n);
    });
}

template <class T>
__global__ void __launch_bounds__(kThreads) unary_backward_kernel(int kind, const T* x, const T* dy, T* dx, float alpha,
                                                                  float beta, int64_t packed, int64_t n) {
    for_lanes<T>(packed, n, [&](int64_t i, auto lanes) {
        constexpr int kCount = decltype(lanes)::count;
        const auto from = load_packed<kCount>(x + i), gradient = load_packed<kCount>(dy + i);
        Packed<T, kCount> to;
        with_function(kind, [&](auto function) {
#pragma unroll
            for (int l = 0; l < kCount; l++)
                to.lane[l] = stored<T>(widened(gradient.lane[l]) *
                                       derivative<decltype(function)::value>(widened(from.lane[l]), alpha, beta));
        });
        store_packed<kCount>(dx + i, to);
    });
}

void unary_backward(int kind, const View& x, const View& dy, double alpha, double beta, const View& dx) {
    const int64_t n = x.elements();
    with_activation(x.type, [&]<class T>(T) {
        const int64_t packed = packed_of<T>(n, x, dy, dx);
        HB_LAUNCH((unary_backward_kernel<T>), blocks_of<T>(packed, n), kThreads, 0, stream(), kind, x.as<T>(),
                  dy.as<T>(), dx.as<T>(), float(alpha), float(beta), packed, n);
    });
}

// ---- binary

template <int kind, class T>
__device__ __forceinline__ auto combined(T a, T b) {
    if constexpr (kind == HB_ADD) return a + b;
    if constexpr (kind == HB_SUB) return a - b;
    if constexpr (kind == HB_MUL) return a * b;
    if constexpr (kind == HB_DIV) return a / b;
    if constexpr (kind == HB_MAX) return a > b || a != a ? a : b;  // NaN if either is
    if constexpr (kind == HB_MIN) return a < b || a != a ? a : b;
    if constexpr (kind == HB_EQ) return a == b;
    if constexpr (kind == HB_NE) return a != b;
    if constexpr (kind == HB_LT) return a < b;
    if constexpr (kind == HB_LE) return a <= b;
    if constexpr (kind == HB_GT) return a > b;
    if constexpr (kind == HB_GE) return a >= b;
}

// Calls body(Kind<kind>()) with a comparison or with arithmetic.
template <bool comparison, class Body>
__device__ __forceinline__ void with_operator(int kind, Body&& body) {
    if constexpr (comparison) {
        switch (kind) {
            case HB_EQ:
                return body(Kind<HB_EQ>());
            case HB_NE:
                return body(Kind<HB_NE>());
            case HB_LT:
                return body(Kind<HB_LT>());
            case HB_LE:
                return body(Kind<HB_LE>());
            case HB_GT:
                return body(Kind<HB_GT>());
            default:
                return body(Kind<HB_GE>());
        }
    } else {
        switch (kind) {
            case HB_ADD:
                return body(Kind<HB_ADD>());
            case HB_SUB:
                return body(Kind<HB_SUB>());
            case HB_MUL:
                return body(Kind<HB_MUL>());
            case HB_DIV:
                return body(Kind<HB_DIV>());
            case HB_MAX:
                return body(Kind<HB_MAX>());
            default:
                return body(Kind<HB_MIN>());
        }
    }
}

// What elements of a type are compared as, and what results of arithmetic and comparisons are.
template <class T>
__device__ __forceinline__ T compared(T x) {
    return x;
}
__device__ __forceinline__ float compared(Bf16 x) { return widened(x); }
template <class T>
using Compared = std::conditional_t<std::is_same_v<T, Bf16>, float, T>;
template <class T, bool comparison>
using Result = std::conditional_t<comparison, uint8_t, T>;

template <class Y, class X>
__device__ __forceinline__ Y result_of(X x) {
    if constexpr (std::is_same_v<X, bool>)
        return x;
    else
        return stored<Y>(x);
}

// kCount elements from p, or one for all of them.
template <int kCount, class T>
__device__ __forceinline__ Packed<T, kCount> load_or_repeat(const T* p, bool repeats) {
    if (!repeats) return load_packed<kCount>(p);
    Packed<T, kCount> all;
#pragma unroll
    for (int l = 0; l < kCount; l++) all.lane[l] = *p;
    return all;
}

// Two operands with their own strides; y dense. `by_lanes` walks the first `packed` elements kLanes<T> at a time.
template <class T, bool comparison>
__global__ void __launch_bounds__(kThreads)
    binary_kernel(int kind, const T* a, const T* b, Result<T, comparison>* y, int64_t packed, Strided<2> by_lanes,
                  bool a_repeats, bool b_repeats, Strided<2> at) {
    for_lanes<T>(packed, at.elements, [&](int64_t i, auto lanes) {
        constexpr int kCount = decltype(lanes)::count;
        int64_t offset[2];
        if constexpr (kCount > 1)
            by_lanes.offsets(i / kCount, offset);
        else
            at.offsets(i, offset);
        const auto left = load_or_repeat<kCount>(a + offset[0], a_repeats && kCount > 1);
        const auto right = load_or_repeat<kCount>(b + offset[1], b_repeats && kCount > 1);
        Packed<Result<T, comparison>, kCount> to;
        with_operator<comparison>(kind, [&](auto op) {
#pragma unroll
            for (int l = 0; l < kCount; l++)
                to.lane[l] = result_of<Result<T, comparison>>(
                    combined<decltype(op)::value>(compared(left.lane[l]), compared(right.lane[l])));
        });
        store_packed<kCount>(y + i, to);
    });
}

template <class T, bool comparison>
void binary_of(int kind, const View& a, const View& b, const View& y) {
    const Strided<2> at(y.shape, {&a, &b});
    const bool fit = at.lanes_fit(0, kLanes<T>) && at.lanes_fit(1, kLanes<T>) && is_aligned(y.data) &&
                     (at.repeats(0) || is_aligned(a.data)) && (at.repeats(1) || is_aligned(b.data));
    Strided<2> by_lanes = at;
    if (fit) by_lanes.join_lanes(kLanes<T>);
    const int64_t packed = fit ? by_lanes.elements * kLanes<T> : 0;
    using Y = Result<T, comparison>;
    HB_LAUNCH((binary_kernel<T, comparison>), blocks_of<T>(packed, at.elements), kThreads, 0, stream(), kind, a.as<T>(),
              b.as<T>(), y.as<Y>(), packed, by_lanes, at.repeats(0), at.repeats(1), at);
}

bool is_comparison(int kind) { return kind >= HB_EQ; }

void binary(int kind, const View& a, const View& b, const View& y) {
    if (is_comparison(kind))
        with_any(a.type, [&]<class T>(T) { binary_of<T, true>(kind, a, b, y); });
    else
        with_activation(a.type, [&]<class T>(T) { binary_of<T, false>(kind, a, b, y); });
}

// a and y may be the same.
template <class T, bool comparison>
__global__ void __launch_bounds__(kThreads)
    binary_scalar_kernel(int kind, const T* a, Compared<T> b, Result<T, comparison>* y, int64_t packed, int64_t n) {
    for_lanes<T>(packed, n, [&](int64_t i, auto lanes) {
        constexpr int kCount = decltype(lanes)::count;
        const auto left = load_packed<kCount>(a + i);
        Packed<Result<T, comparison>, kCount> to;
        with_operator<comparison>(kind, [&](auto op) {
#pragma unroll
            for (int l = 0; l < kCount; l++)
                to.lane[l] = result_of<Result<T, comparison>>(combined<decltype(op)::value>(compared(left.lane[l]), b));
        });
        store_packed<kCount>(y + i, to);
    });
}

template <class T, bool comparison>
void binary_scalar_of(int kind, const View& a, Compared<T> b, const View& y) {
    const int64_t n = y.elements(), packed = packed_of<T>(n, a, y);
    using Y = Result<T, comparison>;
    HB_LAUNCH((binary_scalar_kernel<T, comparison>), blocks_of<T>(packed, n), kThreads, 0, stream(), kind, a.as<T>(), b,
              y.as<Y>(), packed, n);
}

// A whole number compared with any number, as a comparison with a whole number of its type; or the same answer for all.
template <class T>
struct WholeComparison {
    int kind;
    T b = 0;
    bool constant = false, answer = false;

    WholeComparison(int kind, double given) : kind(kind) { settle(given); }

  private:
    void settle(double given) {
        const bool below = kind == HB_LT || kind == HB_LE;  // are numbers below b to be found?
        const bool above = kind == HB_GT || kind == HB_GE;
        if (given != given) return decide(kind == HB_NE);
        // 2^63 - 1 is not a double: every whole number is below 2^63.
        if (given >= static_cast<double>(Limits<T>::highest) + (sizeof(T) == 8 ? 0 : 1))
            return decide(below || kind == HB_NE);
        if (given < static_cast<double>(Limits<T>::lowest)) return decide(above || kind == HB_NE);
        b = static_cast<T>(std::floor(given));
        if (static_cast<double>(b) == given) return;
        // Between b and b + 1.
        if (kind == HB_EQ || kind == HB_NE) return decide(kind == HB_NE);
        kind = below ? HB_LE : HB_GT;
    }
    void decide(bool all) {
        constant = true;
        answer = all;
    }
};

void binary_scalar(int kind, const View& a, double b, const View& y) {
    if (!is_comparison(kind))
        return with_activation(a.type,
                               [&]<class T>(T) { binary_scalar_of<T, false>(kind, a, static_cast<float>(b), y); });
    with_any(a.type, [&]<class T>(T) {
        if constexpr (std::is_integral_v<T>) {
            const WholeComparison<T> whole(kind, b);
            if (!whole.constant) return binary_scalar_of<T, true>(whole.kind, a, whole.b, y);
            check(cudaMemsetAsync(y.data, whole.answer, size_t(y.elements()), stream()), "cudaMemsetAsync");
        } else {
            binary_scalar_of<T, true>(kind, a, static_cast<Compared<T>>(b), y);
        }
    });
}

// ---- in place

// In double, rounded once: moving averages have factors such as 0.9999, whose distance from 1 an f32 does not hold.
template <class T>
__global__ void __launch_bounds__(kThreads)
    blend_kernel(T* destination, const T* source, double beta, double alpha, int64_t packed, int64_t n) {
    for_lanes<T>(packed, n, [&](int64_t i, auto lanes) {
        constexpr int kCount = decltype(lanes)::count;
        const auto s = load_packed<kCount>(source + i);
        auto d = load_packed<kCount>(destination + i);
#pragma unroll
        for (int l = 0; l < kCount; l++) {
            const double old = widened(d.lane[l]), with = widened(s.lane[l]);
            d.lane[l] = stored<T>(static_cast<float>(beta * old + alpha * with));
        }
        store_packed<kCount>(destination + i, d);
    });
}

void blend(const View& destination, const View& source, double beta, double alpha) {
    const int64_t n = destination.elements();
    with_activation(destination.type, [&]<class T>(T) {
        const int64_t packed = packed_of<T>(n, destination, source);
        HB_LAUNCH((blend_kernel<T>), blocks_of<T>(packed, n), kThreads, 0, stream(), destination.as<T>(),
                  source.as<T>(), beta, alpha, packed, n);
    });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    add_scaled_kernel(T* destination, const T* source, float alpha, int64_t packed, int64_t n) {
    for_lanes<T>(packed, n, [&](int64_t i, auto lanes) {
        constexpr int kCount = decltype(lanes)::count;
        const auto s = load_packed<kCount>(source + i);
        auto d = load_packed<kCount>(destination + i);
#pragma unroll
        for (int l = 0; l < kCount; l++) d.lane[l] = stored<T>(fmaf(alpha, widened(s.lane[l]), widened(d.lane[l])));
        store_packed<kCount>(destination + i, d);
    });
}

void add_scaled(const View& destination, const View& source, double alpha) {
    const int64_t n = destination.elements();
    with_activation(destination.type, [&]<class T>(T) {
        const int64_t packed = packed_of<T>(n, destination, source);
        HB_LAUNCH((add_scaled_kernel<T>), blocks_of<T>(packed, n), kThreads, 0, stream(), destination.as<T>(),
                  source.as<T>(), float(alpha), packed, n);
    });
}

}  // namespace

void add_elementwise(Backend& table) {
    table.unary = unary;
    table.unary_backward = unary_backward;
    table.binary = binary;
    table.binary_scalar = binary_scalar;
    table.add_scaled = add_scaled;
    table.blend = blend;
}

}  // namespace hb::cuda
