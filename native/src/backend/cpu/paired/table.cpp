// Which calls go by tiles or pairs; every other one goes where it went before.
#include "backend/cpu/kernels.h"
#include "backend/cpu/paired/blocks.h"
#include "backend/cpu/paired/paired.h"
#include "core/profile.h"

namespace hb::cpu::avx512 {
bool winograd_suits_forward(const ConvShape& shape, const Noise& noise);
bool winograd_suits_backward_data(const ConvShape& shape, const Noise& noise);
bool winograd_suits_backward_weight(const ConvShape& shape, const Noise& noise);
}  // namespace hb::cpu::avx512

namespace hb::cpu::HB_TIER {
namespace {

Backend plain_table;  // the avx512 tier's

// VDPBF16PS makes two products where an FMA makes one, Winograd's algorithm in f32 saves three of four: what is worth
// transforming stays with it. TDPBF16PS makes sixteen (512 multiply-adds a cycle where two FMA units make 32), so with
// tiles nothing does.
#if defined(HB_TIER_AMX)
constexpr bool kBeatsWinograd = true;
#else
constexpr bool kBeatsWinograd = false;
#endif

bool paired(const ConvShape& s, const View& activations) {
    return activations.type == DType::BF16 && s.groups == 1 && s.n > 0 && s.c > 0 && s.o > 0 && s.h > 0 && s.w > 0 &&
           s.oh > 0 && s.ow > 0 && s.kh > 0 && s.kw > 0;
}

void conv2d(const ConvShape& shape, const View& x, const View& w, const View& bias, const Noise& noise, const View& y) {
    if (!paired(shape, x) || (!kBeatsWinograd && avx512::winograd_suits_forward(shape, noise)))
        return plain_table.conv2d(shape, x, w, bias, noise, y);
    profile_algorithm(kInstructions);
    paired_conv2d(shape, x, w, bias, noise, y);
}
bool conv2d_before_norm(const ConvShape& shape, const View& x, const View& w, const Noise& noise,
                        const BatchNormArguments& norm, ColumnMoments& moments) {
    if (!paired(shape, x) || (!kBeatsWinograd && avx512::winograd_suits_forward(shape, noise)))
        return plain_table.conv2d_before_norm(shape, x, w, noise, norm, moments);
    profile_algorithm(kInstructions);
    return paired_conv2d_before_norm(shape, x, w, noise, norm, moments);
}
void conv2d_backward_data(const ConvShape& shape, const View& dy, const View& w, const Noise& noise, const View& dx) {
    if (!paired(shape, dy) || (!kBeatsWinograd && avx512::winograd_suits_backward_data(shape, noise)))
        return plain_table.conv2d_backward_data(shape, dy, w, noise, dx);
    profile_algorithm(kInstructions);
    paired_backward_data(shape, dy, w, noise, dx);
}
void conv2d_backward_weight(const ConvShape& shape, const View& x, const View& dy, const Noise& noise, const View& dw,
                            const View& dbias) {
    if (!paired(shape, dy) || (!kBeatsWinograd && avx512::winograd_suits_backward_weight(shape, noise)))
        return plain_table.conv2d_backward_weight(shape, x, dy, noise, dw, dbias);
    profile_algorithm(kInstructions);
    paired_backward_weight(shape, x, dy, noise, dw, dbias);
}

void matmul(const MatMulShape& shape, const View& a, const View& b, const View& y) {
    // With a few rows, reading B once is all the time there is, and packing it would cost more than it saves.
    constexpr int64_t kFewRows = 4;
    const bool few = shape.m <= kFewRows && (shape.batch == 1 || shape.b_batch_stride != 0);
    if (a.type != DType::BF16 || few || shape.k == 0 || y.elements() == 0) return plain_table.matmul(shape, a, b, y);
    profile_algorithm(kInstructions);
    paired_matmul(shape, a, b, y);
}

}  // namespace

void add_products(Backend& table, const Backend& plain) {
    plain_table = plain;
    table.conv2d = conv2d;
    table.conv2d_before_norm = conv2d_before_norm;
    table.conv2d_backward_data = conv2d_backward_data;
    table.conv2d_backward_weight = conv2d_backward_weight;
    table.matmul = matmul;
}

}  // namespace hb::cpu::HB_TIER
