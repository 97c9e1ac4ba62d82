// Random numbers first .. first + count of a stream; first is a multiple of 4.
#pragma once

#include <algorithm>

#include "core/philox.h"
#include "image/lanes.h"
#if defined(__AVX2__)
#include "backend/cpu/simd/random.h"
#endif

namespace hb::image::HB_IMAGE_TIER {

#if defined(__AVX2__)
inline void normals(const PhiloxKey& key, int64_t first, int64_t count, float* out) {
    cpu::avx2::normals(key, first, count, out);
}
inline void uniforms(const PhiloxKey& key, int64_t first, int64_t count, float* out) {
    cpu::avx2::uniforms(key, first, count, out);
}
#else
inline void normals(const PhiloxKey& key, int64_t first, int64_t count, float* out) {
    for (int64_t i = 0; i < count; i += 4) {
        float four[4];
        key.normals(static_cast<uint32_t>((first + i) >> 2), four);
        std::copy_n(four, std::min<int64_t>(4, count - i), out + i);
    }
}
inline void uniforms(const PhiloxKey& key, int64_t first, int64_t count, float* out) {
    for (int64_t i = 0; i < count; i += 4) {
        PhiloxBlock block = key.block(static_cast<uint32_t>((first + i) >> 2));
        for (int64_t k = 0; k < std::min<int64_t>(4, count - i); k++)
            out[i + k] = unit_uniform<float, uint32_t>(block.word[k]);
    }
}
#endif

}  // namespace hb::image::HB_IMAGE_TIER
