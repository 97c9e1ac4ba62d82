// Fill and copy between strided views.
#include "host/device.h"
#include "kernels/kernels.h"
#include "kernels/numbers.cuh"
#include "kernels/strided.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;

// round to nearest even; NaN stays NaN; float to integer truncates and saturates
template <class To, class From>
__device__ To converted(From x) {
    if constexpr (std::is_same_v<To, From>) {
        return x;
    } else if constexpr (std::is_same_v<From, Bf16>) {
        return converted<To>(widened(x));
    } else if constexpr (std::is_same_v<To, Bf16>) {
        return rounded_bf16(static_cast<float>(x));
    } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
        if (x != x) return To(0);
        if (x <= static_cast<From>(Limits<To>::lowest)) return Limits<To>::lowest;
        if (x >= static_cast<From>(Limits<To>::highest)) return Limits<To>::highest;
        return static_cast<To>(x);
    } else {
        return static_cast<To>(x);
    }
}

template <class To, class From>
__global__ void __launch_bounds__(kThreads) copy_kernel(const From* x, To* y, Strided<2> at) {
    HB_GRID_STRIDE(i, at.elements) {
        int64_t offset[2];
        at.offsets(i, offset);
        y[offset[1]] = converted<To>(x[offset[0]]);
    }
}

void copy(const View& x, const View& y) {
    Strided<2> at(y.shape, {&x, &y});
    with_any(x.type, [&]<class From>(From) {
        with_any(y.type, [&]<class To>(To) {
            HB_LAUNCH((copy_kernel<To, From>), blocks_for(at.elements, kThreads), kThreads, 0, stream(), x.as<From>(),
                      y.as<To>(), at);
        });
    });
}

template <class T>
__global__ void __launch_bounds__(kThreads) fill_kernel(T* y, double value, Strided<1> at) {
    const T filler = converted<T>(value);
    HB_GRID_STRIDE(i, at.elements) {
        int64_t offset[1];
        at.offsets(i, offset);
        y[offset[0]] = filler;
    }
}

void fill(const View& y, double value) {
    Strided<1> at(y.shape, {&y});
    with_any(y.type, [&]<class T>(T) {
        HB_LAUNCH((fill_kernel<T>), blocks_for(at.elements, kThreads), kThreads, 0, stream(), y.as<T>(), value, at);
    });
}

}  // namespace

void add_movement(Backend& table) {
    table.fill = fill;
    table.copy = copy;
}

}  // namespace hb::cuda
