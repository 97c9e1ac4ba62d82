// Tensors of random numbers, and dropout. These have the same bits in every tier.
#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

// fma(high - low, uniform, low) in float, kept below high, which rounding may reach.
void random_uniform(const View& y, double low, double high, const Stream& stream) {
    PhiloxKey key = key_of(stream);
    float start = float(low), width = float(high - low);
    float last = std::nextafter(float(high), start);
    for_each(y.elements(), [&](int64_t i) { y.f32()[i] = std::min(std::fma(width, key.uniform(i), start), last); });
}

void random_normal(const View& y, double mean, double deviation, const Stream& stream) {
    PhiloxKey key = key_of(stream);
    for_each(y.elements(), [&](int64_t i) { y.f32()[i] = std::fma(float(deviation), key.normal(i), float(mean)); });
}

// An element is dropped where its uniform < float(p); the others are multiplied by 1 / (1 - p), rounded to the type.
void dropout(const View& x, double p, bool channels, const Stream& stream, const View& y) {
    PhiloxKey key = key_of(stream);
    int64_t n = x.elements();
    if (n == 0) return;
    int64_t c = channels ? x.columns() : 1, sample = channels ? n / x[0] : 1;
    with_floating(x.type, [&]<class T>(T) {
        T factor = T(1 / (1 - p));
        for_each(n, [&](int64_t i) {
            int64_t element = channels ? i / sample * c + i % c : i;
            bool dropped = key.uniform(element) < float(p);
            y.as<T>()[i] = dropped ? T(0) : x.as<T>()[i] * factor;
        });
    });
}

}  // namespace

void add_random(Backend& table) {
    table.random_uniform = random_uniform;
    table.random_normal = random_normal;
    table.dropout = dropout;
}

}  // namespace hb::cpu::scalar
