// Elementwise ops and dropout.
#include "capi/call.h"

using namespace hb;

namespace {

bool is_comparison(int kind) { return kind >= HB_EQ; }

void check_unary(Call& call, int kind) {
    call.require(kind >= HB_NEG && kind <= HB_CLAMP, "kind is %d; expected 0..%d", kind, HB_CLAMP);
}

void check_binary(Call& call, int kind) {
    call.require(kind >= HB_ADD && kind <= HB_GE, "kind is %d; expected 0..%d", kind, HB_GE);
}

}  // namespace

extern "C" {

hb_tensor hb_unary(int32_t kind, hb_tensor x, double alpha, double beta) {
    return result_of("unary", [&](Call& call) {
        check_unary(call, kind);
        View v = call.floating("x", x);
        View y = call.out(v.type, v.shape);
        if (y.elements() > 0) call.kernel(call.backend().unary)(kind, v, alpha, beta, y);
    });
}

hb_tensor hb_unary_backward(int32_t kind, hb_tensor x, hb_tensor dy, double alpha, double beta) {
    return result_of("unary_backward", [&](Call& call) {
        check_unary(call, kind);
        View v = call.floating("x", x), g = call.floating("dy", dy);
        call.require_shape("dy", g, v.shape);
        View dx = call.out(v.type, v.shape);
        if (dx.elements() > 0) call.kernel(call.backend().unary_backward)(kind, v, g, alpha, beta, dx);
    });
}

hb_tensor hb_binary(int32_t kind, hb_tensor a, hb_tensor b) {
    return result_of("binary", [&](Call& call) {
        check_binary(call, kind);
        View av, bv;
        if (is_comparison(kind)) {
            av = call.strided("a", a);
            bv = call.strided("b", b);
            call.require_type("b", bv, av.type);
        } else {
            av = call.floating_strided("a", a);
            bv = call.floating_strided("b", b);
        }
        Shape shape = broadcast_shape(call, "a", av.shape, "b", bv.shape);
        View y = call.out(is_comparison(kind) ? DType::U8 : av.type, shape);
        if (y.elements() > 0) call.kernel(call.backend().binary)(kind, expanded(av, shape), expanded(bv, shape), y);
    });
}

hb_tensor hb_binary_scalar(int32_t kind, hb_tensor a, double b) {
    return result_of("binary_scalar", [&](Call& call) {
        check_binary(call, kind);
        View av;
        if (is_comparison(kind))
            av = call.dense("a", a);
        else
            av = call.floating("a", a);
        View y = call.out(is_comparison(kind) ? DType::U8 : av.type, av.shape);
        if (y.elements() > 0) call.kernel(call.backend().binary_scalar)(kind, av, b, y);
    });
}

hb_status hb_add_scaled(hb_tensor destination, hb_tensor source, double alpha) {
    return status_of("add_scaled", 0, nullptr, [&](Call& call, hb_tensor*) {
        View y = call.target("destination", destination);
        View x = call.floating("source", source);
        call.require_type("destination", y, x.type);
        call.require_shape("source", x, y.shape);
        if (y.elements() > 0) call.kernel(call.backend().add_scaled)(y, x, alpha);
    });
}

hb_status hb_blend(hb_tensor destination, hb_tensor source, double beta, double alpha) {
    return status_of("blend", 0, nullptr, [&](Call& call, hb_tensor*) {
        View y = call.target("destination", destination);
        View x = call.floating("source", source);
        call.require_type("destination", y, x.type);
        call.require_shape("source", x, y.shape);
        if (y.elements() > 0) call.kernel(call.backend().blend)(y, x, beta, alpha);
    });
}

hb_tensor hb_dropout(hb_tensor x, double p, int32_t channels, const hb_stream* stream) {
    return result_of("dropout", [&](Call& call) {
        call.check_stream(stream);
        call.require(p >= 0 && p < 1, "p is %g; expected 0 <= p < 1", p);
        View v = call.floating("x", x);
        if (channels) call.require_rank_at_least("x", v, 2);
        View y = call.out(v.type, v.shape);
        if (y.elements() > 0) call.kernel(call.backend().dropout)(v, p, channels != 0, *stream, y);
    });
}

}  // extern "C"
