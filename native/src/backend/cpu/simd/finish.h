// Activations as functors, and the norm that a convolution applies to its results before they leave the cache.
#pragma once

#include <cmath>
#include <type_traits>

#include "backend/backend.h"
#include "backend/cpu/simd/abreast.h"
#include "backend/cpu/simd/convert.h"
#include "core/column_moments.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace normalisation {

struct Relu {
    template <Floats F>
    [[gnu::always_inline]] F apply(F z) const {
        return select(z <= F(0.0f), F(0.0f), z);
    }
    template <Floats F>
    [[gnu::always_inline]] F back(F y, F dy) const {
        return select(y > F(0.0f), dy, F(0.0f));
    }
};
struct LeakyRelu {
    float slope;
    template <Floats F>
    [[gnu::always_inline]] F apply(F z) const {
        return select(z < F(0.0f), F(slope) * z, z);
    }
    template <Floats F>
    [[gnu::always_inline]] F back(F y, F dy) const {
        return select(y > F(0.0f), dy, F(slope) * dy);
    }
};
struct NoActivation {
    template <Floats F>
    [[gnu::always_inline]] F apply(F z) const {
        return z;
    }
    template <Floats F>
    [[gnu::always_inline]] F back(F, F dy) const {
        return dy;
    }
};
template <class Body>
inline void with_activation(int kind, float slope, Body&& body) {
    if (kind == HB_ACT_RELU) return body(Relu{});
    if (kind == HB_ACT_LEAKY_RELU) return body(LeakyRelu{slope});
    return body(NoActivation{});
}

// The factor of batch norm: gamma / sqrt(variance + epsilon).
inline float norm_scale(float gamma, double inverse_deviation) { return static_cast<float>(gamma * inverse_deviation); }

}  // namespace normalisation

// Batch norm in evaluation: act((r - mean) scale + shift + residual) of results r, rounded to their type first, so that
// the bits are those of a convolution and a norm one after the other.
class Finish {
  public:
    // `norm` is in evaluation mode, without noise.
    explicit Finish(const BatchNormArguments& norm)
        : kind(norm.params.activation), slope(norm.params.slope), residual_(norm.residual),
          scales_(norm.gamma.elements()), mean_(norm.running_mean.f32()), shift_(norm.beta.f32()) {
        for (int64_t k = 0; k < norm.gamma.elements(); k++) {
            const double variance = static_cast<double>(norm.running_var.f32()[k]);
            scales_[k] = normalisation::norm_scale(norm.gamma.f32()[k],
                                                   1 / std::sqrt(variance + static_cast<double>(norm.params.epsilon)));
        }
    }

    bool has_residual() const { return static_cast<bool>(residual_); }

    // A vector of results of channels from c on, `at` elements after the first result; E is the type they are stored
    // as.
    template <class E, bool kResidual, class Activation, class M>
    [[gnu::always_inline]] F32 operator()(F32 result, int64_t at, int64_t c, Activation activation, M mask) const {
        F32 value =
            fma(as_stored<E>(result) - load(mean_ + c, mask), load(scales_.data() + c, mask), load(shift_ + c, mask));
        if constexpr (kResidual) value = value + load(residual_.as<const E>() + at, mask);
        return activation.apply(value);
    }

    const int kind;
    const float slope;

  private:
    const View residual_;
    const Scratch<float> scales_;
    const float *mean_, *shift_;
};

// Columns [begin, end) of some pixels' results, which the cache still has.
template <class E>
inline void finish_rows(const Finish& finish, E* result, const int64_t* at, int64_t count, int64_t begin, int64_t end) {
    normalisation::with_activation(finish.kind, finish.slope, [&](auto activation) {
        auto rows = [&](auto residual) {
            for (int64_t r = 0; r < count; r++)
                lanes(end - begin, [&](int64_t c, auto mask) {
                    E* out = result + at[r] + begin + c;
                    store(out,
                          finish.template operator()<E, residual.value>(load(out, mask), at[r] + begin + c, begin + c,
                                                                        activation, mask),
                          mask);
                });
        };
        if (finish.has_residual())
            rows(std::true_type{});
        else
            rows(std::false_type{});
    });
}

// What becomes of a convolution's results while they are written, beside being stored.
struct Epilogue {
    ColumnMoments* moments = nullptr;  // taken of them, for `groups` statistics groups
    int64_t groups = 1;
    const Finish* finish = nullptr;  // applied to them; not together with moments
};

// Whether a convolution with that noise on its kernels can serve the norm. In training a piece must not straddle
// statistics groups: they are the noise runs, or there is one.
inline bool takes_moments_or_finishes(const Noise& kernels, const BatchNormArguments& norm) {
    if (!norm.params.training) return norm.x.data == norm.y.data && !has_noise(norm.noise);
    const int64_t groups = norm.mean[0];
    return groups == 1 || (has_noise(kernels) && kernels.sub_batches == groups);
}

// convolve(epilogue) with what serves the norm; returns whether that was the norm itself.
template <class Convolve>
inline bool with_epilogue(const BatchNormArguments& norm, ColumnMoments& moments, Convolve&& convolve) {
    if (norm.params.training) {
        convolve(Epilogue{&moments, norm.mean[0], nullptr});
        return false;
    }
    const Finish finish(norm);
    convolve(Epilogue{nullptr, 1, &finish});
    return true;
}

}  // namespace hb::cpu::HB_TIER
