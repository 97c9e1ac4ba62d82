// Corruptions of one value at a time: noise, photons, another picture laid over; and the way from levels to bytes.
#include <algorithm>

#include "image/draws.h"
#include "image/kernels.h"
#include "image/lanes.h"

namespace hb::image::HB_IMAGE_TIER {
namespace {

// Values that are drawn at once: they stay in the nearest cache.
constexpr int64_t kChunk = 2048;

void noise(const uint8_t* in, float* levels, int64_t count, float deviation, bool proportional, const PhiloxKey& key) {
    for (int64_t first = 0; first < count; first += kChunk) {
        const uint8_t* from = in + first;
        float* to = levels + first;
        const int64_t n = std::min(kChunk, count - first);
        normals(key, first, n, to);
        if (proportional) {
            for (int64_t i = 0; i < n; i++) to[i] = from[i] + from[i] * (deviation * to[i]);
        } else {
            for (int64_t i = 0; i < n; i++) to[i] = from[i] + deviation * to[i];
        }
    }
}

void poisson(const uint8_t* in, float* levels, int64_t count, const PhotonTables& tables, const PhiloxKey& key) {
    float drawn[2 * kChunk];
    int32_t open[kChunk];
    for (int64_t first = 0; first < count; first += kChunk) {
        const int64_t n = std::min(kChunk, count - first);
        uniforms(key, 2 * first, 2 * n, drawn);
        // Without branches, which nobody could foretell; samples that the guide leaves open are looked for after.
        int left = 0;
        for (int64_t i = 0; i < n; i++) {
            const int bits = static_cast<int>(drawn[2 * i] * 0x1p24f);
            const int entry = tables.guide[256 * in[first + i] + (bits >> 16)];
            const int rest = bits & 0xffff, turn = entry & 0xffff;
            const int several = entry >> 31;  // all bits where there are
            levels[first + i] = tables.levels[((entry >> 16) + (rest > turn)) & ~several];
            open[left] = static_cast<int32_t>(i);
            left += (rest == turn) | (several & 1);
        }
        for (int j = 0; j < left; j++) {
            const int32_t i = open[j];
            const int32_t* place = tables.place + 2 * in[first + i];
            const float high = drawn[2 * i];
            const double u = high + 0x1p-24 * drawn[2 * i + 1];
            const double* cumulative = tables.cumulative + place[0];
            const int guess = tables.guide[256 * in[first + i] + static_cast<int>(high * 256)];
            int entry = guess < 0 ? ~guess : (guess >> 16) - place[1];
            while (u >= cumulative[entry]) entry++;
            levels[first + i] = tables.levels[place[1] + entry];
        }
    }
}

void mix(const uint8_t* in, const uint8_t* other, float* levels, int64_t count, float a, float b) {
    for (int64_t i = 0; i < count; i++) levels[i] = a * in[i] + b * other[i];
}

void cut(const float* levels, uint8_t* out, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        float level = levels[i] > 0 ? levels[i] : 0;
        out[i] = static_cast<uint8_t>(static_cast<int>(level < 255 ? level : 255));
    }
}

}  // namespace

void fill_noise(Kernels& kernels) {
    kernels.noise = noise;
    kernels.poisson = poisson;
    kernels.mix = mix;
    kernels.cut = cut;
}

}  // namespace hb::image::HB_IMAGE_TIER
