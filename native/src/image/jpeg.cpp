// What JPEG compression and decompression do to pixels, without the file in between.
//
// The steps and their integer arithmetic are those of the Independent JPEG Group's library and its successors: YCbCr of
// 8 bits (JFIF), chroma of half the resolution in both directions, the "islow" cosine transforms, and "fancy"
// upsampling. Entropy coding loses nothing, so it is left out. Sources: ITU-T T.81 (1992); Loeffler, Ligtenberg and
// Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", 1989.
//
// Two blocks go through the transforms together, a row of both in one Lanes: two neighbours of luma, or a block of
// either chroma. Of the transforms' odd halves every result is written as the sum of four products, which is what
// Loeffler's steps come to: they are exact.
#include <algorithm>
#include <cstring>

#include "core/scratch.h"
#include "image/kernels.h"
#include "image/lanes.h"

namespace hb::image::HB_IMAGE_TIER {
namespace {

// Multiples of 2^-13.
constexpr int k0_298 = 2446, k0_390 = 3196, k0_541 = 4433, k0_765 = 6270, k0_899 = 7373, k1_175 = 9633, k1_501 = 12299,
              k1_847 = 15137, k1_961 = 16069, k2_053 = 16819, k2_562 = 20995, k3_072 = 25172;

// Weights of four numbers: the first two, the last two.
struct Four {
    Lanes front, back;
};
Four four(int a, int b, int c, int d) { return {weights(a, b), weights(c, d)}; }

// Of the differences 3-4, 2-5, 1-6 and 0-7 in results 7, 5, 3 and 1.
struct OddHalf {
    Four of7 = four(k0_298 - k0_899 + k1_175 - k1_961, k1_175, k1_175 - k1_961, k1_175 - k0_899);
    Four of5 = four(k1_175, k2_053 - k2_562 + k1_175 - k0_390, k1_175 - k2_562, k1_175 - k0_390);
    Four of3 = four(k1_175 - k1_961, k1_175 - k2_562, k3_072 - k2_562 + k1_175 - k1_961, k1_175);
    Four of1 = four(k1_175 - k0_899, k1_175 - k0_390, k1_175, k1_501 - k0_899 + k1_175 - k0_390);
};

// 32-bit numbers of the first and of the last four columns.
struct Wide {
    Lanes low, high;
};
[[gnu::always_inline]] inline Wide operator+(Wide a, Wide b) { return {add32(a.low, b.low), add32(a.high, b.high)}; }
[[gnu::always_inline]] inline Wide operator-(Wide a, Wide b) { return {sub32(a.low, b.low), sub32(a.high, b.high)}; }
// Two rows, of which column by column pairs are multiplied.
struct Pairs {
    Lanes low, high;
    [[gnu::always_inline]] Pairs(Lanes a, Lanes b) : low(low16(a, b)), high(high16(a, b)) {}
};
[[gnu::always_inline]] inline Wide operator*(const Pairs& x, Lanes w) {
    return {pair_products(x.low, w), pair_products(x.high, w)};
}
template <int bits>
[[gnu::always_inline]] inline Lanes narrowed(Wide x) {
    return narrow32(right32<bits>(x.low), right32<bits>(x.high));
}
template <int bits>
[[gnu::always_inline]] inline Lanes rounded(Wide x) {
    Lanes half = all32(1 << (bits - 1));
    return narrowed<bits>(x + Wide{half, half});
}

[[gnu::always_inline]] inline void transpose(Lanes (&r)[8]) {
    Lanes a0 = low16(r[0], r[1]), a1 = low16(r[2], r[3]), a2 = low16(r[4], r[5]), a3 = low16(r[6], r[7]);
    Lanes b0 = high16(r[0], r[1]), b1 = high16(r[2], r[3]), b2 = high16(r[4], r[5]), b3 = high16(r[6], r[7]);
    Lanes c0 = low32(a0, a1), c1 = high32(a0, a1), c2 = low32(a2, a3), c3 = high32(a2, a3);
    Lanes d0 = low32(b0, b1), d1 = high32(b0, b1), d2 = low32(b2, b3), d3 = high32(b2, b3);
    r[0] = low64(c0, c2), r[1] = high64(c0, c2), r[2] = low64(c1, c3), r[3] = high64(c1, c3);
    r[4] = low64(d0, d2), r[5] = high64(d0, d2), r[6] = low64(d1, d3), r[7] = high64(d1, d3);
}

// Along columns. Products have 13 bits behind the point: the first direction drops 11 and keeps two, the second
// drops 15.
template <bool first>
[[gnu::always_inline]] inline void forward(Lanes (&r)[8], const OddHalf& odd) {
    constexpr int bits = first ? 11 : 15;
    Lanes s0 = add16(r[0], r[7]), s1 = add16(r[1], r[6]), s2 = add16(r[2], r[5]), s3 = add16(r[3], r[4]);
    Lanes d0 = sub16(r[0], r[7]), d1 = sub16(r[1], r[6]), d2 = sub16(r[2], r[5]), d3 = sub16(r[3], r[4]);
    Lanes e0 = add16(s0, s3), e3 = sub16(s0, s3), e1 = add16(s1, s2), e2 = sub16(s1, s2);
    if (first) {
        r[0] = left16<2>(add16(e0, e1));
        r[4] = left16<2>(sub16(e0, e1));
    } else {
        Lanes half = all16(2);
        r[0] = right16<2>(add16(add16(e0, e1), half));
        r[4] = right16<2>(add16(sub16(e0, e1), half));
    }
    Pairs even(e2, e3), front(d3, d2), back(d1, d0);
    r[2] = rounded<bits>(even * weights(k0_541, k0_541 + k0_765));
    r[6] = rounded<bits>(even * weights(k0_541 - k1_847, k0_541));
    r[7] = rounded<bits>(front * odd.of7.front + back * odd.of7.back);
    r[5] = rounded<bits>(front * odd.of5.front + back * odd.of5.back);
    r[3] = rounded<bits>(front * odd.of3.front + back * odd.of3.back);
    r[1] = rounded<bits>(front * odd.of1.front + back * odd.of1.back);
}

template <int bits>
[[gnu::always_inline]] inline void inverse(Lanes (&r)[8], const OddHalf& odd) {
    Pairs outer(r[0], r[4]), inner(r[2], r[6]), front(r[7], r[5]), back(r[3], r[1]);
    Lanes half = all32(1 << (bits - 1));
    Wide sum = outer * weights(1 << 13, 1 << 13) + Wide{half, half};
    Wide difference = outer * weights(1 << 13, -(1 << 13)) + Wide{half, half};
    Wide steep = inner * weights(k0_541 + k0_765, k0_541);
    Wide flat = inner * weights(k0_541, k0_541 - k1_847);
    Wide e0 = sum + steep, e3 = sum - steep, e1 = difference + flat, e2 = difference - flat;
    Wide o0 = front * odd.of1.front + back * odd.of1.back;
    r[0] = narrowed<bits>(e0 + o0);
    r[7] = narrowed<bits>(e0 - o0);
    Wide o1 = front * odd.of3.front + back * odd.of3.back;
    r[1] = narrowed<bits>(e1 + o1);
    r[6] = narrowed<bits>(e1 - o1);
    Wide o2 = front * odd.of5.front + back * odd.of5.back;
    r[2] = narrowed<bits>(e2 + o2);
    r[5] = narrowed<bits>(e2 - o2);
    Wide o3 = front * odd.of7.front + back * odd.of7.back;
    r[3] = narrowed<bits>(e3 + o3);
    r[4] = narrowed<bits>(e3 - o3);
}

// The steps of one kind of block.
struct Quantiser {
    alignas(32) int16_t step[8][16], half[8][16], inverse[8][16], power[8][16];

    // n / s for n < 2048 is n * ceil(2^(15 + k) / s) without its last 15 + k bits, k being the bits of s - 1: the
    // inverse is too large by less than s / 2^(15 + k), which adds less than 1/s to any quotient.
    explicit Quantiser(const uint8_t* steps) {
        for (int row = 0; row < 8; row++)
            for (int i = 0; i < 16; i++) {
                int s = steps[8 * row + i % 8], k = 0;
                while (1 << k < s) k++;
                step[row][i] = static_cast<int16_t>(s);
                half[row][i] = static_cast<int16_t>(4 * s);
                inverse[row][i] = static_cast<int16_t>(((1 << (15 + k)) + s - 1) / s);
                power[row][i] = static_cast<int16_t>(1 << (15 - k));
            }
    }

    // The nearest multiple of the step. Values are 8 times the transform's, so the divisor is 8 times the step; halves
    // are rounded away from 0.
    [[gnu::always_inline]] Lanes apply(int row, Lanes x) const {
        Lanes sign = right16<15>(x);
        Lanes n = right_unsigned16<3>(add16(sub16(exclusive_or(x, sign), sign), load(half[row])));
        Lanes q = high_product_unsigned(left16<1>(n), load(inverse[row]));
        q = high_product_unsigned(left16<1>(q), load(power[row]));
        return multiply16(sub16(exclusive_or(q, sign), sign), load(step[row]));
    }
};

// Of two blocks what is left of them, in place; a and b are their first rows, values less 128 before and after.
[[gnu::always_inline]] inline void code(int16_t* a, int16_t* b, int64_t stride, const Quantiser& quantiser,
                                        const OddHalf& odd) {
    Lanes r[8];
    for (int y = 0; y < 8; y++) r[y] = load(a + y * stride, b + y * stride);
    transpose(r);
    forward<true>(r, odd);
    transpose(r);
    forward<false>(r, odd);
    for (int y = 0; y < 8; y++) r[y] = quantiser.apply(y, r[y]);
    inverse<11>(r, odd);
    transpose(r);
    inverse<18>(r, odd);
    transpose(r);
    Lanes middle = all16(128), most = all16(255), none = all16(0);
    for (int y = 0; y < 8; y++)
        store(a + y * stride, b + y * stride, smaller16(larger16(add16(r[y], middle), none), most));
}

// The colours of two groups of eight pixels.
struct Rgb {
    Lanes red, green, blue;
};

#if defined(__AVX2__)

inline __m128i bytes_at(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// Sixteen pixels: 48 bytes.
[[gnu::always_inline]] inline Rgb load_pixels(const uint8_t* p) {
    __m256i first = pair(bytes_at(p), bytes_at(p + 24)).v, last = pair(bytes_at(p + 8), bytes_at(p + 32)).v;
    auto colour = [&](int c) {
        auto at = [&](int i) { return static_cast<char>(c + i); };
        const char z = -1;
        __m128i front = _mm_setr_epi8(at(0), z, at(3), z, at(6), z, at(9), z, z, z, z, z, z, z, z, z);
        __m128i back = _mm_setr_epi8(z, z, z, z, z, z, z, z, at(4), z, at(7), z, at(10), z, at(13), z);
        return Lanes{_mm256_or_si256(_mm256_shuffle_epi8(first, pair(front, front).v),
                                     _mm256_shuffle_epi8(last, pair(back, back).v))};
    };
    return {colour(0), colour(1), colour(2)};
}

// 24 bytes each to a and b.
[[gnu::always_inline]] inline void store_pixels(uint8_t* a, uint8_t* b, Rgb x) {
    const char z = -1;
    __m256i rg = narrow_to_bytes(x.red, x.green).v, bb = narrow_to_bytes(x.blue, x.blue).v;
    __m128i rg0 = _mm_setr_epi8(0, 8, z, 1, 9, z, 2, 10, z, 3, 11, z, 4, 12, z, 5);
    __m128i bb0 = _mm_setr_epi8(z, z, 0, z, z, 1, z, z, 2, z, z, 3, z, z, 4, z);
    __m128i rg1 = _mm_setr_epi8(13, z, 6, 14, z, 7, 15, z, z, z, z, z, z, z, z, z);
    __m128i bb1 = _mm_setr_epi8(z, 5, z, z, 6, z, z, 7, z, z, z, z, z, z, z, z);
    Lanes front{_mm256_or_si256(_mm256_shuffle_epi8(rg, pair(rg0, rg0).v), _mm256_shuffle_epi8(bb, pair(bb0, bb0).v))};
    Lanes back{_mm256_or_si256(_mm256_shuffle_epi8(rg, pair(rg1, rg1).v), _mm256_shuffle_epi8(bb, pair(bb1, bb1).v))};
    auto write = [](uint8_t* to, __m128i x, __m128i y) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), x);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to + 16), y);
    };
    write(a, lower(front), lower(back));
    write(b, upper(front), upper(back));
}

#else

inline Rgb load_pixels(const uint8_t* p) {
    int16_t c[3][16];
    for (int i = 0; i < 48; i++) c[i % 3][i / 3] = p[i];
    return {load(c[0]), load(c[1]), load(c[2])};
}

inline void store_pixels(uint8_t* a, uint8_t* b, Rgb x) {
    uint8_t c[3][16];
    for (int k = 0; k < 3; k++) {
        Lanes colour = k == 0 ? x.red : k == 1 ? x.green : x.blue;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(c[k]), _mm_packus_epi16(lower(colour), upper(colour)));
    }
    for (int i = 0; i < 24; i++) {
        a[i] = c[i % 3][i / 3];
        b[i] = c[i % 3][8 + i / 3];
    }
}

#endif

[[gnu::always_inline]] inline Lanes luma(const Rgb& x) {
    Lanes half = all32((1 << 15) - (128 << 16));
    // 38470 green in two parts, because a factor has 15 bits and a sign.
    Wide sum = Pairs(x.red, x.green) * weights(19595, 22086) + Pairs(x.blue, x.green) * weights(7471, 16384);
    return narrowed<16>(sum + Wide{half, half});
}

// What is left of two products and half of a third colour; 0 to 255.
[[gnu::always_inline]] inline Lanes chroma(Lanes a, int wa, Lanes b, int wb, Lanes c) {
    Lanes middle = all32((128 << 16) + (1 << 15) - 1);
    Pairs high(all16(0), c);
    Wide half{right_unsigned32<1>(high.low), right_unsigned32<1>(high.high)};
    return narrowed<16>(Pairs(a, b) * weights(wa, wb) + half + Wide{middle, middle});
}

// The mean, less 128, of two by two values, halves rounded down and up in turn: eight of sixteen columns' sums.
[[gnu::always_inline]] inline void store_mean(int16_t* to, Lanes sums) {
    __m128i bias = _mm_setr_epi32(1, 2, 1, 2);
    Lanes mean = sub32(right32<2>(add32(pair_products(sums, all16(1)), pair(bias, bias))), all32(128));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_packs_epi32(lower(mean), upper(mean)));
}

class RoundTrip {
  public:
    RoundTrip(const uint8_t* in, uint8_t* out, int height, int width, const uint8_t* luma_steps,
              const uint8_t* chroma_steps)
        : in_(in), out_(out), height_(height), width_(width), chroma_height_((height + 1) / 2),
          chroma_width_((width + 1) / 2), down_((height + 15) / 16), across_((width + 15) / 16),
          stride_(16 * across_ + 32), chroma_stride_(8 * across_ + 32), luma_(luma_steps), chroma_(chroma_steps),
          y_(32 * stride_), blue_(8 * down_ * chroma_stride_), red_(8 * down_ * chroma_stride_),
          sums_(2 * (chroma_stride_ + 32)), padded_(2 * 48 * across_), line_(3 * stride_) {}

    void run() {
        int done = 0;
        for (int unit = 0; unit < down_; unit++) {
            read(unit);
            int16_t* rows = y_.data() + unit % 2 * 16 * stride_;
            int16_t* blue = blue_.data() + unit * 8 * chroma_stride_;
            int16_t* red = red_.data() + unit * 8 * chroma_stride_;
            for (int x = 0; x < across_; x++) {
                code(rows + 16 * x, rows + 16 * x + 8, stride_, luma_, odd_);
                code(rows + 8 * stride_ + 16 * x, rows + 8 * stride_ + 16 * x + 8, stride_, luma_, odd_);
                code(blue + 8 * x, red + 8 * x, chroma_stride_, chroma_, odd_);
            }
            // The last row of a unit needs the first row of chroma of the next.
            for (int end = unit == down_ - 1 ? height_ : 16 * unit + 15; done < end; done++) write(done);
        }
    }

  private:
    // A row's bytes; where whole units are wider, a copy that goes on with the last pixel.
    const uint8_t* whole(int y, uint8_t* copy) {
        const uint8_t* row = in_ + int64_t{y} * width_ * 3;
        if (width_ == 16 * across_) return row;
        std::memcpy(copy, row, 3 * width_);
        for (int k = 3 * width_; k < 48 * across_; k++) copy[k] = copy[k - 3];
        return copy;
    }

    // Sixteen rows of luma and eight of chroma. Missing rows are the last one, of chroma the last one of chroma.
    void read(int unit) {
        int16_t* rows = y_.data() + unit % 2 * 16 * stride_;
        int16_t* blue = blue_.data() + unit * 8 * chroma_stride_;
        int16_t* red = red_.data() + unit * 8 * chroma_stride_;
        for (int y = 0; y < 16; y += 2, rows += 2 * stride_, blue += chroma_stride_, red += chroma_stride_) {
            int row = 16 * unit + y;
            if (row >= height_) {
                std::copy_n(rows - stride_, 16 * across_, rows);
                std::copy_n(rows - stride_, 16 * across_, rows + stride_);
                std::copy_n(blue - chroma_stride_, 8 * across_, blue);
                std::copy_n(red - chroma_stride_, 8 * across_, red);
                continue;
            }
            const uint8_t* upper = whole(row, padded_.data());
            const uint8_t* lower = row + 1 < height_ ? whole(row + 1, padded_.data() + 48 * across_) : upper;
            for (int x = 0; x < across_; x++) {
                Rgb a = load_pixels(upper + 48 * x), b = load_pixels(lower + 48 * x);
                store(rows + 16 * x, luma(a));
                store(rows + stride_ + 16 * x, luma(b));
                store_mean(blue + 8 * x, add16(chroma(a.red, -11059, a.green, -21709, a.blue),
                                               chroma(b.red, -11059, b.green, -21709, b.blue)));
                store_mean(red + 8 * x, add16(chroma(a.green, -27439, a.blue, -5329, a.red),
                                              chroma(b.green, -27439, b.blue, -5329, b.red)));
            }
        }
    }

    // Three parts of the nearer and one of the farther row, with a value more at both ends.
    int16_t* vertical(const int16_t* plane, int y, int16_t* sums) {
        const int16_t* near = plane + (y >> 1) * chroma_stride_;
        const int16_t* far =
            plane + std::clamp((y >> 1) + (y % 2 == 0 ? -1 : 1), 0, chroma_height_ - 1) * chroma_stride_;
        sums += 16;
        for (int x = 0; x < chroma_width_; x += 16) {
            Lanes n = load(near + x);
            store(sums + x, add16(add16(n, left16<1>(n)), load(far + x)));
        }
        sums[-1] = sums[0];
        sums[chroma_width_] = sums[chroma_width_ - 1];
        return sums;
    }

    void write(int y) {
        const int16_t* light = y_.data() + y % 32 * stride_;
        uint8_t* row = out_ + int64_t{y} * width_ * 3;
        uint8_t* to = width_ % 32 == 0 ? row : line_.data();
        if (chroma_width_ <= 2) {
            narrow(y, light, row);
            return;
        }
        const int16_t* blues = vertical(blue_.data(), y, sums_.data());
        const int16_t* reds = vertical(red_.data(), y, sums_.data() + chroma_stride_ + 32);
        for (int x = 0; x < chroma_width_; x += 16) {
            Lanes b[2], r[2];
            upsample(blues + x, b);
            upsample(reds + x, r);
            // Lanes hold pixels 0 to 7 and 16 to 23, then 8 to 15 and 24 to 31.
            for (int i = 0; i < 2; i++)
                store_pixels(to + 6 * x + 24 * i, to + 6 * x + 48 + 24 * i,
                             to_rgb(load(light + 2 * x + 8 * i, light + 2 * x + 16 + 8 * i), b[i], r[i]));
        }
        if (to != row) std::memcpy(row, to, 3 * width_);
    }

    // Three parts of the nearer and one of the farther value, less 128.
    [[gnu::always_inline]] static void upsample(const int16_t* sums, Lanes (&result)[2]) {
        Lanes near = load(sums), middle = all16(128);
        Lanes three = add16(near, left16<1>(near));
        Lanes even = sub16(right16<4>(add16(add16(three, load(sums - 1)), all16(8))), middle);
        Lanes odd = sub16(right16<4>(add16(add16(three, load(sums + 1)), all16(7))), middle);
        result[0] = low16(even, odd);
        result[1] = high16(even, odd);
    }

    // Factors above 1 are split into whole numbers and the rest; (2 c w >> 16) + 1 >> 1 is c w / 2^16, rounded.
    [[gnu::always_inline]] static Rgb to_rgb(Lanes y, Lanes blue, Lanes red) {
        Lanes one = all16(1), half = all32(1 << 15);
        Lanes red2 = left16<1>(red), blue2 = left16<1>(blue);
        Lanes more_red = add16(red, right16<1>(add16(high_product(red2, all16(91881 - 65536)), one)));
        Lanes more_blue = add16(blue2, right16<1>(add16(high_product(blue2, all16(116130 - 131072)), one)));
        Wide sum = Pairs(blue, red) * weights(-22554, 65536 - 46802);
        Lanes more_green = sub16(narrowed<16>(sum + Wide{half, half}), red);
        return {add16(y, more_red), add16(y, more_green), add16(y, more_blue)};
    }

    // Planes of one or two columns of chroma are just repeated.
    void narrow(int y, const int16_t* light, uint8_t* row) {
        for (int x = 0; x < width_; x++) {
            int at = (y >> 1) * chroma_stride_ + (x >> 1);
            int blue = blue_[at] - 128, red = red_[at] - 128, half = 1 << 15;
            int levels[3] = {light[x] + ((91881 * red + half) >> 16),
                             light[x] + ((-22554 * blue - 46802 * red + half) >> 16),
                             light[x] + ((116130 * blue + half) >> 16)};
            for (int c = 0; c < 3; c++) row[3 * x + c] = static_cast<uint8_t>(std::clamp(levels[c], 0, 255));
        }
    }

    const uint8_t* in_;
    uint8_t* out_;
    const int height_, width_, chroma_height_, chroma_width_, down_, across_;
    const int64_t stride_, chroma_stride_;
    const Quantiser luma_, chroma_;
    const OddHalf odd_;
    Scratch<int16_t> y_;  // two units in turn
    Scratch<int16_t> blue_, red_, sums_;
    Scratch<uint8_t> padded_, line_;
};

void jpeg(const uint8_t* in, uint8_t* out, int height, int width, const uint8_t* luma_steps,
          const uint8_t* chroma_steps) {
    RoundTrip(in, out, height, width, luma_steps, chroma_steps).run();
}

}  // namespace

void fill_jpeg(Kernels& kernels) { kernels.jpeg = jpeg; }

}  // namespace hb::image::HB_IMAGE_TIER
