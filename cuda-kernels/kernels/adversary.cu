// PGD's step, in the box of l-infinity and in the ball of l2.
//
// Box: elementwise, in one pass, 16 bytes an access where all three tensors are aligned: 16 bytes per element of f32 (8
// of bf16), about 8 operations; the memory of an H100 makes it 0.21 T elements a second. Written as ops of the
// registry (sign, multiply, add, subtract, four clips), the same takes 8 passes. Ball: a sample is a row (teams.cuh) of
// some thousand elements, so a block walks it three times, norm of the gradient, norm of the way, result; all but the
// first come from the caches: 16 bytes per element again.
#include "kernels/adversary.h"

#include "host/device.h"
#include "kernels/teams.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = 256;

struct Interval {
    float low, high;
    __device__ float clipped(float x) const { return fminf(fmaxf(x, low), high); }
};

template <class T>
struct alignas(16) Pack {
    static constexpr int kCount = 16 / sizeof(T);
    T value[kCount];
};

struct BoxStep {
    float rate, radius;
    Interval range;
    template <class T>
    __device__ T operator()(T adversarial, T gradient, T x) const {
        const float g = widened(gradient), centre = widened(x);
        const float moved = widened(adversarial) + (g > 0 ? rate : g < 0 ? -rate : 0.0f);
        return stored<T>(range.clipped(Interval{centre - radius, centre + radius}.clipped(moved)));
    }
};

// wide: all are 16-byte aligned.
template <class T>
__global__ void __launch_bounds__(kThreads)
    box_kernel(T* adversarial, const T* gradient, const T* x, int64_t n, bool wide, BoxStep step) {
    constexpr int kCount = Pack<T>::kCount;
    const int64_t packs = wide ? n / kCount : 0;
    HB_GRID_STRIDE(i, packs) {
        Pack<T> all = reinterpret_cast<const Pack<T>*>(adversarial)[i];
        const Pack<T> g = reinterpret_cast<const Pack<T>*>(gradient)[i],
                      centre = reinterpret_cast<const Pack<T>*>(x)[i];
#pragma unroll
        for (int j = 0; j < kCount; j++) all.value[j] = step(all.value[j], g.value[j], centre.value[j]);
        reinterpret_cast<Pack<T>*>(adversarial)[i] = all;
    }
    HB_GRID_STRIDE(i, n - packs * kCount) {
        const int64_t at = packs * kCount + i;
        adversarial[at] = step(adversarial[at], gradient[at], x[at]);
    }
}

template <class T>
struct BallStep {
    T* adversarial;
    const T *gradient, *x;
    float rate, radius;
    Interval range;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const int64_t at = i * k;
        // The largest first: squares of small gradients are below f32.
        float most = 0;
        team.each([&](int j, int) { most = fmaxf(most, fabsf(widened(gradient[at + j]))); });
        most = team.largest(most);
        float squares = 0;
        const bool moves = most > 0 && most < INFINITY;
        team.each([&](int j, int) {
            const float g = moves ? widened(gradient[at + j]) / most : 0;
            squares = fmaf(g, g, squares);
        });
        squares = team.sum(squares);
        const float length = moves ? rate / sqrtf(squares) : 0;  // of the gradient over `most`
        auto way = [&](int j) {
            const float g = moves ? widened(gradient[at + j]) / most : 0;
            return fmaf(length, g, widened(adversarial[at + j]) - widened(x[at + j]));
        };
        squares = 0;
        team.each([&](int j, int) {
            const float d = way(j);
            squares = fmaf(d, d, squares);
        });
        const float distance = sqrtf(team.sum(squares));
        const float factor = distance > radius ? radius / distance : 1;
        team.each([&](int j, int) {
            adversarial[at + j] = stored<T>(range.clipped(fmaf(factor, way(j), widened(x[at + j]))));
        });
    }
};

bool aligned(const View& view) { return reinterpret_cast<uintptr_t>(view.data) % 16 == 0; }

}  // namespace

void ascend_in_box(const View& adversarial, const View& gradient, const View& x, double rate, double radius, double low,
                   double high) {
    const int64_t n = x.elements();
    const bool wide = aligned(adversarial) && aligned(gradient) && aligned(x);
    const BoxStep step{float(rate), float(radius), {float(low), float(high)}};
    with_activation(x.type, [&]<class T>(T) {
        HB_LAUNCH((box_kernel<T>), blocks_for(wide ? n / Pack<T>::kCount : n, kThreads), kThreads, 0, stream(),
                  adversarial.as<T>(), gradient.as<T>(), x.as<T>(), n, wide, step);
    });
}

void ascend_in_ball(const View& adversarial, const View& gradient, const View& x, double rate, double radius,
                    double low, double high) {
    const int64_t n = x.elements();
    if (n == 0) return;
    const int64_t samples = x[0], k = n / samples;
    with_activation(x.type, [&]<class T>(T) {
        for_each_row(samples, k,
                     BallStep<T>{adversarial.as<T>(),
                                 gradient.as<T>(),
                                 x.as<T>(),
                                 float(rate),
                                 float(radius),
                                 {float(low), float(high)},
                                 k});
    });
}

}  // namespace hb::cuda
