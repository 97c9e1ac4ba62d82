// Softmax attention.
#include <cmath>

#include "capi/call.h"

using namespace hb;

namespace {

AttentionShape attention_shape(const Call& call, const View& qkv, int32_t heads, double scale) {
    call.require_rank("qkv", qkv, 3);
    call.require(heads >= 1, "heads is %d; expected at least 1", heads);
    int64_t width = qkv.columns();
    call.require(width > 0 && width % (int64_t{3} * heads) == 0,
                 "qkv of shape %s has %lld columns; queries, keys and values of %d heads need a multiple of %lld",
                 shown(qkv.shape), (long long)width, heads, (long long)heads * 3);
    call.require(scale >= 0 && std::isfinite(scale), "scale is %g; expected >= 0, 0 for 1/sqrt(d)", scale);
    int64_t d = width / (int64_t{3} * heads);
    return {qkv[0], qkv[1], heads, d, scale == 0 ? 1 / std::sqrt(double(d)) : scale};
}

Shape result_shape(const AttentionShape& s) { return shape_of(s.n, s.t, s.heads * s.d); }

}  // namespace

extern "C" {

hb_status hb_attention(hb_tensor qkv, int32_t heads, double scale, hb_tensor out[2]) {
    return status_of("attention", 2, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("qkv", qkv);
        AttentionShape s = attention_shape(call, v, heads, scale);
        call.work(s, 2);
        View y = call.out(v.type, result_shape(s)),
             log_sum = call.out(call.parameter_type(), shape_of(s.n, s.heads, s.t));
        if (y.elements() > 0) call.kernel(call.backend().attention)(s, v, y, log_sum);
        for (int i = 0; i < 2; i++) results[i] = call.handle(i);
    });
}

hb_tensor hb_attention_backward(hb_tensor qkv, hb_tensor y, hb_tensor log_sum, hb_tensor dy, int32_t heads,
                                double scale) {
    return result_of("attention_backward", [&](Call& call) {
        View v = call.floating("qkv", qkv);
        AttentionShape s = attention_shape(call, v, heads, scale);
        // The scores once more, and the gradients of values, weights, queries and keys.
        call.work(s, 5);
        View result = call.floating("y", y), sums = call.parameter("log_sum", log_sum), g = call.floating("dy", dy);
        call.require_shape("y", result, result_shape(s));
        call.require_shape("log_sum", sums, shape_of(s.n, s.heads, s.t));
        call.require_shape("dy", g, result_shape(s));
        View dqkv = call.out(v.type, v.shape);
        if (dqkv.elements() > 0) call.kernel(call.backend().attention_backward)(s, v, result, sums, g, dqkv);
    });
}

}  // extern "C"
