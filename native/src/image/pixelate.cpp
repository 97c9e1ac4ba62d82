// Pillow's box filter for images of bytes, smaller and larger again. Each new pixel of the smaller image is the mean of
// the old pixels whose centres lie in its window, weighted in fixed point of 22 bits and rounded to 8 bits after each
// direction, rows first; on the way back every pixel is the one whose window it lies in.
#include <algorithm>
#include <cstring>

#include "core/scratch.h"
#include "image/kernels.h"
#include "image/lanes.h"

namespace hb::image::HB_IMAGE_TIER {
namespace {

constexpr int kWeightBits = 22;

// Red, green, blue, and whatever comes behind.
typedef int32_t Pixel __attribute__((vector_size(16)));

[[gnu::always_inline]] inline Pixel load_pixel(const uint8_t* p) {
    int32_t bytes;
    std::memcpy(&bytes, p, 4);
    __m128i x = _mm_cvtsi32_si128(bytes);
#if defined(__AVX2__)
    return (Pixel)_mm_cvtepu8_epi32(x);
#else
    return (Pixel)_mm_unpacklo_epi16(_mm_unpacklo_epi8(x, _mm_setzero_si128()), _mm_setzero_si128());
#endif
}
[[gnu::always_inline]] inline void store_pixel(uint8_t* p, Pixel x) {
    __m128i words = _mm_packs_epi32((__m128i)x, (__m128i)x);
    int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(p, &bytes, 4);
}

int weight(int count) { return static_cast<int>(0.5 + (1.0 / count) * (1 << kWeightBits)); }

// The sum never rounds up to 256: the weights of up to 2^12 pixels are too large by less than what that takes.
[[gnu::always_inline]] inline Pixel mean(Pixel sum, int weight) {
    Pixel product = sum * weight + (1 << (kWeightBits - 1));
    return product >> kWeightBits;
}

// For every new pixel, the old pixels that make it: `count` of them from `first` on.
struct Windows {
    Scratch<int> first, count, weight_of;

    Windows(int old_size, int size) : first(size), count(size), weight_of(size) {
        double scale = static_cast<double>(old_size) / size, inverse = 1 / scale;
        for (int i = 0; i < size; i++) {
            double centre = (i + 0.5) * scale;
            int from = std::max(static_cast<int>(centre - 0.5 * scale + 0.5), 0);
            int to = std::min(static_cast<int>(centre + 0.5 * scale + 0.5), old_size);
            first[i] = to;
            count[i] = 0;
            for (int j = from; j < to; j++) {
                double distance = (j - centre + 0.5) * inverse;
                if (distance > -0.5 && distance <= 0.5) {
                    first[i] = std::min(first[i], j);
                    count[i]++;
                }
            }
            weight_of[i] = weight(std::max(count[i], 1));
        }
    }
};

// Adds a row, made narrower, to the sums; or sets them.
template <bool add>
[[gnu::always_inline]] inline void narrow(const uint8_t* row, const Windows& windows, int size, Pixel* sums) {
    const int *first = windows.first.data(), *count = windows.count.data(), *weights = windows.weight_of.data();
    for (int x = 0; x < size; x++) {
        const uint8_t* from = row + 3 * first[x];
        Pixel sum = load_pixel(from);
        if (count[x] > 1) {
            sum += load_pixel(from + 3);
            for (int i = 2; i < count[x]; i++) sum += load_pixel(from + 3 * i);
            sum = mean(sum, weights[x]);
        }
        sums[x] = add ? sums[x] + sum : sum;
    }
}

void pixelate(const uint8_t* in, uint8_t* out, int height, int width, int small_height, int small_width) {
    const Windows narrower(width, small_width), lower(height, small_height);
    const int64_t length = 3 * int64_t{width};
    Scratch<Pixel> sums(small_width);
    Scratch<uint8_t> small(4 * int64_t{small_width}), wide(length + 4), last(length + 4);
    Scratch<int> column(width);
    // Enlarged, a pixel's window is narrower than a pixel: it takes what is under its centre.
    for (int x = 0; x < width; x++)
        column[x] = 4 * static_cast<int>((x + 0.5) * (static_cast<double>(small_width) / width));
    std::memcpy(last.data(), in + (height - 1) * length, length);
    auto row_of = [&](int y) { return y == height - 1 ? last.data() : in + y * length; };
    int done = 0;
    for (int y = 0; y < small_height; y++) {
        narrow<false>(row_of(lower.first[y]), narrower, small_width, sums.data());
        for (int i = 1; i < lower.count[y]; i++)
            narrow<true>(row_of(lower.first[y] + i), narrower, small_width, sums.data());
        for (int x = 0; x < small_width; x++)
            store_pixel(small.data() + 4 * x, lower.count[y] > 1 ? mean(sums[x], lower.weight_of[y]) : sums[x]);
        for (int x = 0; x < width; x++) std::memcpy(wide.data() + 3 * x, small.data() + column[x], 4);
        double scale = static_cast<double>(small_height) / height;
        for (; done < height && static_cast<int>((done + 0.5) * scale) == y; done++)
            std::memcpy(out + done * length, wide.data(), length);
    }
}

}  // namespace

void fill_pixelate(Kernels& kernels) { kernels.pixelate = pixelate; }

}  // namespace hb::image::HB_IMAGE_TIER
