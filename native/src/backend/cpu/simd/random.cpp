// Tensors of random numbers, perturbed weights and dropout: the bits of the scalar tier. 4 to 8 bytes per element, but
// here arithmetic decides; random.h has the speed.
#include "backend/cpu/simd/random.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
void normals(const PhiloxKey& key, int64_t first_element, int64_t count, float* out) {
    draw(key, first_element, count, DrawNormals{}, [=](int64_t i, F32 z, auto m) { store(out + i, z, m); });
}
void uniforms(const PhiloxKey& key, int64_t first_element, int64_t count, float* out) {
    draw(key, first_element, count, DrawUniforms{}, [=](int64_t i, F32 z, auto m) { store(out + i, z, m); });
}

void perturb(const hb_noise& noise, int64_t run, int64_t first_element, int64_t count, const float* w, float* out) {
    const F32 sigma = noise.sigma;
    if (noise.kind == HB_NOISE_MULTIPLICATIVE)
        draw(noise_key(noise, run), first_element, count, DrawNormals{},
             [=](int64_t i, F32 z, auto m) { store(out + i, perturbed_multiplicative(load(w + i, m), sigma, z), m); });
    else
        draw(noise_key(noise, run), first_element, count, DrawNormals{},
             [=](int64_t i, F32 z, auto m) { store(out + i, perturbed_additive(load(w + i, m), sigma, z), m); });
}

void multiply_slope(const hb_noise& noise, int64_t run, int64_t first_element, int64_t count, float* g) {
    const F32 sigma = noise.sigma;
    draw(noise_key(noise, run), first_element, count, DrawNormals{},
         [=](int64_t i, F32 z, auto m) { store(g + i, load(g + i, m) * perturbation_slope(sigma, z), m); });
}

namespace {

const Backend* plain_ = nullptr;

void random_uniform(const View& y, double low, double high, const Stream& stream) {
    const float start = static_cast<float>(low), last = std::nextafter(static_cast<float>(high), start);
    const float width = static_cast<float>(high - low);
    float* out = y.f32();
    parallel_ranges(y.elements(), kGrain, [&](int64_t begin, int64_t end) {
        draw(key_of(stream), begin, end - begin, DrawUniforms{},
             [=](int64_t i, F32 u, auto m) { store(out + begin + i, min(last, fma(width, u, start)), m); });
    });
}

void random_normal(const View& y, double mean, double deviation, const Stream& stream) {
    const float centre = static_cast<float>(mean), scale = static_cast<float>(deviation);
    float* out = y.f32();
    parallel_ranges(y.elements(), kGrain, [&](int64_t begin, int64_t end) {
        draw(key_of(stream), begin, end - begin, DrawNormals{},
             [=](int64_t i, F32 z, auto m) { store(out + begin + i, fma(scale, z, centre), m); });
    });
}

void perturb_weight(const View& w, const Noise& noise, int32_t sub_batch, const View& y) {
    if (w.type != DType::F32 || !has_noise(noise)) return plain_->perturb_weight(w, noise, sub_batch, y);
    parallel_ranges(w.elements(), kGrain, [&](int64_t begin, int64_t end) {
        perturb(noise, sub_batch, begin, end - begin, w.f32() + begin, y.f32() + begin);
    });
}

template <class T>
void dropout_of(const View& x, double p, bool channels, const Stream& stream, const View& y) {
    const int64_t n = x.elements();
    const float limit = static_cast<float>(p), factor = static_cast<float>(1 / (1 - p));
    const T* in = x.as<T>();
    T* out = y.as<T>();
    if (!channels) {
        parallel_ranges(n, kGrain, [&](int64_t begin, int64_t end) {
            const T* from = in + begin;
            T* to = out + begin;
            draw(key_of(stream), begin, end - begin, DrawUniforms{}, [=](int64_t i, F32 u, auto m) {
                store(to + i, select(u < limit, zero(), load(from + i, m) * factor), m);
            });
        });
        return;
    }
    const int64_t c = x.columns(), positions = n / x[0] / c;
    if (c == 1) {  // whole samples: read or not, but written once
        const int64_t pieces = (positions + kGrain - 1) / kGrain;
        parallel_ranges(x[0] * pieces, kGrain / positions, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) {
                const int64_t sample = i / pieces, first = i % pieces * kGrain, at = sample * positions + first;
                const int64_t count = std::min(kGrain, positions - first);
                float u;
                uniforms(key_of(stream), sample, 1, &u);
                if (u < limit)
                    std::fill_n(out + at, count, T{});
                else
                    far_lanes(count, [&](int64_t j, auto m) { store(out + at + j, load(in + at + j, m) * factor, m); });
            }
        });
        return;
    }
    parallel(x[0], [&](int64_t sample) {
        Scratch<float> u(c);
        uniforms(key_of(stream), sample * c, c, u.data());
        for (int64_t row = sample * positions; row < (sample + 1) * positions; row++)
            lanes(c, [&](int64_t j, auto m) {
                store(out + row * c + j,
                      select(load(u.data() + j, m) < limit, zero(), load(in + row * c + j, m) * factor), m);
            });
    });
}

void dropout(const View& x, double p, bool channels, const Stream& stream, const View& y) {
    if (!is_stored_f32_or_bf16(x) || x.elements() == 0) return plain_->dropout(x, p, channels, stream, y);
    with_storage(x, [&]<class T>(T) { dropout_of<T>(x, p, channels, stream, y); });
}

}  // namespace

void add_random(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.random_uniform = random_uniform;
    table.random_normal = random_normal;
    table.perturb_weight = perturb_weight;
    table.dropout = dropout;
}

}  // namespace hb::cpu::HB_TIER
