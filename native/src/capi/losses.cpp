// Softmax and the losses.
#include "capi/call.h"

using namespace hb;

namespace {

View rows_argument(Call& call, const char* name, hb_tensor handle) {
    View v = call.floating(name, handle);
    call.require_rank_at_least(name, v, 1);
    call.require(v.columns() > 0, "%s of shape %s has an empty last dimension", name, shown(v.shape));
    return v;
}

View logits_argument(Call& call, const char* name, hb_tensor handle) {
    View v = rows_argument(call, name, handle);
    call.require_rank(name, v, 2);
    return v;
}

// Class indices [n], or soft targets [n, k]: f64 with f64 logits, else f32.
View targets_argument(Call& call, hb_tensor handle, const View& logits) {
    View t = call.dense("targets", handle);
    if (t.type == DType::I64) {
        call.require_shape("targets", t, shape_of(logits[0]));
        if (t.elements() > 0)
            call.require(call.kernel(call.backend().indices_in_range)(t, logits[1]),
                         "targets has a class outside 0..%lld", (long long)logits[1] - 1);
    } else {
        call.require(t.type == call.parameter_type(),
                     "targets has type %s; expected i64 classes, or soft targets of type %s", name_of(t.type),
                     name_of(call.parameter_type()));
        call.require_shape("targets", t, logits.shape);
    }
    return t;
}

void check_smoothing(const Call& call, double smoothing) {
    call.require(smoothing >= 0 && smoothing < 1, "smoothing is %g; expected 0 <= smoothing < 1", smoothing);
}

hb_tensor backward_of(const char* op, hb_tensor y, hb_tensor dy,
                      void (*Backend::*entry)(const View&, const View&, const View&)) {
    return result_of(op, [&](Call& call) {
        View v = rows_argument(call, "y", y), g = call.floating("dy", dy);
        call.require_shape("dy", g, v.shape);
        View dx = call.out(v.type, v.shape);
        if (dx.elements() > 0) call.kernel(call.backend().*entry)(v, g, dx);
    });
}

hb_tensor forward_of(const char* op, hb_tensor x, void (*Backend::*entry)(const View&, const View&)) {
    return result_of(op, [&](Call& call) {
        View v = rows_argument(call, "x", x);
        View y = call.out(v.type, v.shape);
        if (y.elements() > 0) call.kernel(call.backend().*entry)(v, y);
    });
}

// x and target as [n, rest].
View as_rows(View v) {
    int64_t n = v[0], rest = 1;
    for (int i = 1; i < v.rank(); i++) rest *= v[i];
    v.shape = shape_of(n, rest);
    v.make_dense_strides();
    return v;
}

}  // namespace

extern "C" {

hb_tensor hb_softmax(hb_tensor x) { return forward_of("softmax", x, &Backend::softmax); }
hb_tensor hb_log_softmax(hb_tensor x) { return forward_of("log_softmax", x, &Backend::log_softmax); }
hb_tensor hb_softmax_backward(hb_tensor y, hb_tensor dy) {
    return backward_of("softmax_backward", y, dy, &Backend::softmax_backward);
}
hb_tensor hb_log_softmax_backward(hb_tensor y, hb_tensor dy) {
    return backward_of("log_softmax_backward", y, dy, &Backend::log_softmax_backward);
}

hb_tensor hb_cross_entropy(hb_tensor logits, hb_tensor targets, double smoothing) {
    return result_of("cross_entropy", [&](Call& call) {
        View x = logits_argument(call, "logits", logits);
        View t = targets_argument(call, targets, x);
        check_smoothing(call, smoothing);
        View loss = call.out(call.parameter_type(), shape_of(x[0]));
        if (x.elements() > 0) call.kernel(call.backend().cross_entropy)(x, t, smoothing, loss);
    });
}

hb_tensor hb_cross_entropy_backward(hb_tensor logits, hb_tensor targets, hb_tensor dloss, double smoothing) {
    return result_of("cross_entropy_backward", [&](Call& call) {
        View x = logits_argument(call, "logits", logits);
        View t = targets_argument(call, targets, x);
        View g = call.parameter("dloss", dloss);
        call.require_shape("dloss", g, shape_of(x[0]));
        check_smoothing(call, smoothing);
        View dx = call.out(x.type, x.shape);
        if (x.elements() > 0) call.kernel(call.backend().cross_entropy_backward)(x, t, g, smoothing, dx);
    });
}

hb_status hb_softmax_scores(hb_tensor logits, hb_tensor targets, hb_tensor out[3]) {
    return status_of("softmax_scores", 3, out, [&](Call& call, hb_tensor* results) {
        View x = logits_argument(call, "logits", logits);
        View t = call.indices("targets", targets, x[1]);
        call.require_shape("targets", t, shape_of(x[0]));
        View p = call.out(x.type, x.shape), loss = call.out(call.parameter_type(), shape_of(x[0])),
             score = call.out(call.parameter_type(), shape_of(x[0]));
        if (x.elements() > 0) call.kernel(call.backend().softmax_scores)(x, t, p, loss, score);
        for (int i = 0; i < 3; i++) results[i] = call.handle(i);
    });
}

hb_tensor hb_kl_divergence(hb_tensor p_logits, hb_tensor q_logits) {
    return result_of("kl_divergence", [&](Call& call) {
        View p = logits_argument(call, "p_logits", p_logits), q = logits_argument(call, "q_logits", q_logits);
        call.require_shape("q_logits", q, p.shape);
        View loss = call.out(call.parameter_type(), shape_of(p[0]));
        if (p.elements() > 0) call.kernel(call.backend().kl_divergence)(p, q, loss);
    });
}

hb_status hb_kl_divergence_backward(hb_tensor p_logits, hb_tensor q_logits, hb_tensor dloss, hb_tensor out[2]) {
    return status_of("kl_divergence_backward", 2, out, [&](Call& call, hb_tensor* results) {
        View p = logits_argument(call, "p_logits", p_logits), q = logits_argument(call, "q_logits", q_logits);
        call.require_shape("q_logits", q, p.shape);
        View g = call.parameter("dloss", dloss);
        call.require_shape("dloss", g, shape_of(p[0]));
        View dp = call.out(p.type, p.shape), dq = call.out(p.type, p.shape);
        if (p.elements() > 0) call.kernel(call.backend().kl_divergence_backward)(p, q, g, dp, dq);
        results[0] = call.handle(0);
        results[1] = call.handle(1);
    });
}

hb_tensor hb_squared_error(hb_tensor x, hb_tensor target) {
    return result_of("squared_error", [&](Call& call) {
        View v = call.floating("x", x), t = call.floating("target", target);
        call.require_rank_at_least("x", v, 1);
        call.require_shape("target", t, v.shape);
        View loss = call.out(call.parameter_type(), shape_of(v[0]));
        if (v.elements() > 0)
            call.kernel(call.backend().squared_error)(as_rows(v), as_rows(t), loss);
        else if (v[0] > 0)
            call.kernel(call.backend().fill)(loss, 0);
    });
}

hb_tensor hb_squared_error_backward(hb_tensor x, hb_tensor target, hb_tensor dloss) {
    return result_of("squared_error_backward", [&](Call& call) {
        View v = call.floating("x", x), t = call.floating("target", target), g = call.parameter("dloss", dloss);
        call.require_rank_at_least("x", v, 1);
        call.require_shape("target", t, v.shape);
        call.require_shape("dloss", g, shape_of(v[0]));
        View dx = call.out(v.type, v.shape);
        if (v.elements() > 0)
            call.kernel(call.backend().squared_error_backward)(as_rows(v), as_rows(t), g, as_rows(dx));
    });
}

}  // extern "C"
