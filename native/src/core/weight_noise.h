// The arithmetic of weight noise, once for every tier: perturbed weights have the same bits in all of them.
// V is float, double or a vector type with operator* and fma found by argument lookup. Draws are always f32 normals;
// for F64 weights they are converted.
#pragma once

#include <cmath>

#include "core/philox.h"
#include "hornbeam.h"

namespace hb {

// What a noise run sees of weight w, for the normal draw z: w (1 + sigma z), as s = sigma z rounded, then w s + w.
template <class V>
HB_LANE V perturbed_multiplicative(V w, V sigma, V z) {
    using std::fma;
    return fma(w, sigma * z, w);
}

// w + sigma z, rounded once.
template <class V>
HB_LANE V perturbed_additive(V w, V sigma, V z) {
    using std::fma;
    return fma(sigma, z, w);
}

template <class V>
HB_LANE V perturbed(int kind, V w, V sigma, V z) {
    return kind == HB_NOISE_MULTIPLICATIVE ? perturbed_multiplicative(w, sigma, z) : perturbed_additive(w, sigma, z);
}

// d perturbed / d w: what a run's gradient is multiplied by under HB_GRADIENT_CHAIN_RULE. Of additive noise it is 1.
template <class V>
HB_LANE V perturbation_slope(V sigma, V z) {
    using std::fma;
    return fma(sigma, z, V(1));
}

// Must the runs of the weight gradient be kept apart?
HB_LANE bool needs_chain_rule(const hb_noise& noise) {
    return noise.kind == HB_NOISE_MULTIPLICATIVE && noise.sigma != 0 && noise.gradient == HB_GRADIENT_CHAIN_RULE;
}

// The stream of noise run m.
HB_LANE PhiloxKey noise_key(const hb_noise& noise, int64_t m) {
    return {noise.seed, noise.tensor, noise.step, kPurposeWeightNoise, noise.first_stream + static_cast<uint32_t>(m)};
}

}  // namespace hb
