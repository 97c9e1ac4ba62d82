// Loops over the pixels of single images: see image/kernels.h.
#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "capi/call.h"
#include "image/kernels.h"

namespace hb {
namespace {

const image::Kernels& kernels() {
    static const auto* both = [] {
        auto* made = new image::Kernels[2]{};
        image::baseline::fill(made[0]);
        image::avx2::fill(made[1]);
        return made;
    }();
    return both[std::strcmp(cpu::tier(), "scalar") != 0];
}

PhiloxKey key_of(const hb_stream& s) { return {s.seed, s.tensor, s.step, s.purpose, s.stream}; }

template <class Body>
hb_status on_image(const char* name, const void* in, const void* result, int32_t height, int32_t width, Body&& body) {
    return guarded(name, [&](Call& call) -> hb_status {
        call.not_null("in", in);
        call.not_null("result", result);
        call.require(height > 0 && width > 0, "the image has %d x %d pixels; expected at least one", height, width);
        body(call);
        return HB_OK;
    });
}

template <class Body>
hb_status on_values(const char* name, const void* in, const void* result, int64_t count, Body&& body) {
    return guarded(name, [&](Call& call) -> hb_status {
        call.not_null("in", in);
        call.not_null("result", result);
        call.require(count >= 0, "count is %lld; expected 0 or more", static_cast<long long>(count));
        body(call);
        return HB_OK;
    });
}

}  // namespace
}  // namespace hb

using namespace hb;

extern "C" {

hb_status hb_image_jpeg(const uint8_t* in, uint8_t* out, int32_t height, int32_t width, const uint8_t* luma,
                        const uint8_t* chroma) {
    return on_image("image_jpeg", in, out, height, width, [&](Call& call) {
        call.not_null("luma", luma);
        call.not_null("chroma", chroma);
        for (int i = 0; i < 64; i++) call.require(luma[i] > 0 && chroma[i] > 0, "step %d is 0; expected 1 to 255", i);
        kernels().jpeg(in, out, height, width, luma, chroma);
    });
}

hb_status hb_image_pixelate(const uint8_t* in, uint8_t* out, int32_t height, int32_t width, int32_t small_height,
                            int32_t small_width) {
    return on_image("image_pixelate", in, out, height, width, [&](Call& call) {
        call.require(small_height > 0 && small_height <= height && small_width > 0 && small_width <= width,
                     "%d x %d pixels are to become %d x %d; expected fewer, but one each way", height, width,
                     small_height, small_width);
        kernels().pixelate(in, out, height, width, small_height, small_width);
    });
}

hb_status hb_image_gaussian(const uint8_t* in, float* levels, int32_t height, int32_t width, const double* kernel,
                            int32_t radius) {
    return on_image("image_gaussian", in, levels, height, width, [&](Call& call) {
        call.not_null("kernel", kernel);
        call.require(radius >= 0, "radius is %d; expected 0 or more", radius);
        kernels().gaussian(in, levels, height, width, kernel, radius);
    });
}

hb_status hb_image_defocus(const uint8_t* in, float* levels, int32_t height, int32_t width, const hb_disk* disk,
                           const int32_t* half_width, const int32_t* at, const int32_t* from, const int32_t* length,
                           const float* gauss, const float* weight, const float* columns) {
    return on_image("image_defocus", in, levels, height, width, [&](Call& call) {
        call.not_null("disk", disk);
        call.not_null("half_width", half_width);
        call.not_null("gauss", gauss);
        const image::Disk d{disk->rows, disk->reach, disk->margin, disk->corrections, half_width,  at,        from,
                            length,     gauss,       weight,       columns,           disk->scale, disk->bias};
        call.require(d.rows > 0 && d.reach >= 0 && d.corrections >= 0 && d.margin >= d.rows - 1 + d.reach,
                     "%d rows, reach %d, margin %d, %d corrections; expected a margin of rows - 1 + reach or more",
                     d.rows, d.reach, d.margin, d.corrections);
        for (int i = 0; i < d.rows; i++)
            call.require(half_width[i] >= 0 && half_width[i] <= d.margin,
                         "row %d of the disk has %d pixels to the right; expected 0 to the margin, %d", i,
                         half_width[i], d.margin);
        for (int i = 0; i < d.corrections; i++)
            call.require(at[i] >= 0 && at[i] <= d.margin && from[i] >= 0 && from[i] < d.rows && length[i] > 0 &&
                             length[i] <= d.margin + 1,
                         "correction %d is of row %d from row %d by %d weights; expected places within the disk", i,
                         at[i], from[i], length[i]);
        kernels().defocus(in, levels, height, width, d);
    });
}

hb_status hb_image_spatter(const uint8_t* in, float* levels, int32_t height, int32_t width, const hb_drops* drops,
                           const float* weights, const float* soft_weights, const hb_stream* stream) {
    return on_image("image_spatter", in, levels, height, width, [&](Call& call) {
        call.not_null("drops", drops);
        call.not_null("weights", weights);
        call.not_null("soft_weights", soft_weights);
        call.not_null("stream", stream);
        const image::Drops d{drops->mean,   drops->deviation,   drops->threshold, drops->alpha, drops->mud != 0,
                             drops->radius, drops->soft_radius, weights,          soft_weights};
        call.require(d.radius >= 0 && d.soft_radius >= 0, "radii are %d and %d; expected 0 or more", d.radius,
                     d.soft_radius);
        kernels().spatter(in, levels, height, width, d, key_of(*stream));
    });
}

hb_status hb_image_fog(const uint8_t* in, float* levels, int32_t height, int32_t width, double strength, double decay,
                       const hb_stream* stream) {
    return on_image("image_fog", in, levels, height, width, [&](Call& call) {
        call.not_null("stream", stream);
        call.require(strength > 0 && decay > 0, "strength %g and decay %g; expected both above 0", strength, decay);
        kernels().fog(in, levels, height, width, strength, decay, key_of(*stream));
    });
}

hb_status hb_image_noise(const uint8_t* in, float* levels, int64_t count, float deviation, int32_t proportional,
                         const hb_stream* stream) {
    return on_values("image_noise", in, levels, count, [&](Call& call) {
        call.not_null("stream", stream);
        kernels().noise(in, levels, count, deviation, proportional != 0, key_of(*stream));
    });
}

hb_status hb_image_poisson(const uint8_t* in, float* levels, int64_t count, const int32_t* place, const int32_t* guide,
                           const double* cumulative, const float* level_of, const hb_stream* stream) {
    return on_values("image_poisson", in, levels, count, [&](Call& call) {
        call.not_null("place", place);
        call.not_null("guide", guide);
        call.not_null("cumulative", cumulative);
        call.not_null("level_of", level_of);
        call.not_null("stream", stream);
        kernels().poisson(in, levels, count, {place, guide, cumulative, level_of}, key_of(*stream));
    });
}

hb_status hb_image_mix(const uint8_t* in, const uint8_t* other, float* levels, int64_t count, float a, float b) {
    return on_values("image_mix", in, levels, count, [&](Call& call) {
        call.not_null("other", other);
        kernels().mix(in, other, levels, count, a, b);
    });
}

hb_status hb_image_cut(const float* levels, uint8_t* out, int64_t count) {
    return on_values("image_cut", levels, out, count, [&](Call&) { kernels().cut(levels, out, count); });
}
}
