// Batch, group and layer norm, and the fused convolution block.
#include <cmath>

#include "capi/call.h"
#include "capi/convolution.h"

using namespace hb;

namespace {

void check_batch_norm(const Call& call, const hb_batch_norm_params* params, const Noise& noise) {
    call.not_null("params", params);
    const hb_batch_norm_params& p = *params;
    call.require(p.epsilon > 0 && std::isfinite(p.epsilon), "epsilon is %g; expected > 0", p.epsilon);
    call.require(p.momentum >= 0 && p.momentum <= 1, "momentum is %g; expected 0..1", p.momentum);
    call.require(p.activation >= HB_ACT_NONE && p.activation <= HB_ACT_LEAKY_RELU,
                 "activation is %d; expected 0 (none), 1 (relu) or 2 (leaky relu)", p.activation);
    call.require(p.activation != HB_ACT_LEAKY_RELU || (p.slope > 0 && p.slope <= 1),
                 "slope is %g; expected 0 < slope <= 1", p.slope);
    call.require(p.statistics_groups == 1 || p.statistics_groups == noise.sub_batches,
                 "statistics_groups is %d; expected 1 or the number of noise runs (%d)", p.statistics_groups,
                 noise.sub_batches);
}

int64_t groups_of(const hb_batch_norm_params& p) { return p.training ? p.statistics_groups : 1; }

View channel_vector(Call& call, const char* name, hb_tensor handle, int64_t c) {
    View v = call.parameter(name, handle);
    call.require_shape(name, v, shape_of(c));
    return v;
}

View running_vector(Call& call, const char* name, hb_tensor handle, int64_t c, bool written) {
    if (!written) return channel_vector(call, name, handle, c);
    View v = call.target(name, handle);
    call.require_shape(name, v, shape_of(c));
    return v;
}

// Arguments of the norm itself; the activations are set by the caller.
BatchNormArguments norm_arguments(Call& call, int64_t samples, int64_t c, hb_tensor gamma, hb_tensor beta,
                                  hb_tensor running_mean, hb_tensor running_var, const hb_batch_norm_params* params,
                                  const Noise& noise) {
    check_batch_norm(call, params, noise);
    BatchNormArguments a{};
    a.params = *params;
    a.noise = noise;
    a.samples = samples;
    a.gamma = channel_vector(call, "gamma", gamma, c);
    a.beta = channel_vector(call, "beta", beta, c);
    bool written = params->training && params->update_running;
    if (!params->training || written) {
        a.running_mean = running_vector(call, "running_mean", running_mean, c, written);
        a.running_var = running_vector(call, "running_var", running_var, c, written);
        call.require_type("running_mean", a.running_mean, call.parameter_type());
        call.require_type("running_var", a.running_var, call.parameter_type());
    }
    return a;
}

void check_samples(const Call& call, const View& x, const hb_batch_norm_params& p) {
    call.require_rank_at_least("x", x, 2);
    if (!p.training) return;
    call.require(x.elements() > 0, "x of shape %s is empty: a batch without samples has no statistics", shown(x.shape));
    call.require(x[0] >= p.statistics_groups, "x has %lld samples; %d statistics groups need at least one each",
                 (long long)x[0], p.statistics_groups);
}

BatchNormBackwardArguments backward_arguments(Call& call, const View& x, hb_tensor y, hb_tensor dy, hb_tensor gamma,
                                              hb_tensor mean, hb_tensor inverse_deviation,
                                              const hb_batch_norm_params* params, const Noise& noise) {
    check_batch_norm(call, params, noise);
    int64_t c = x.columns();
    BatchNormBackwardArguments a{};
    a.x = x;
    a.params = *params;
    a.noise = noise;
    a.samples = x[0];
    a.y = call.floating("y", y);
    a.dy = call.floating("dy", dy);
    call.require_shape("y", a.y, x.shape);
    call.require_shape("dy", a.dy, x.shape);
    a.gamma = channel_vector(call, "gamma", gamma, c);
    a.mean = call.parameter("mean", mean);
    a.inverse_deviation = call.parameter("inverse_deviation", inverse_deviation);
    Shape statistics = shape_of(groups_of(*params), c);
    call.require_shape("mean", a.mean, statistics);
    call.require_shape("inverse_deviation", a.inverse_deviation, statistics);
    return a;
}

}  // namespace

extern "C" {

hb_status hb_batch_norm(hb_tensor x, hb_tensor gamma, hb_tensor beta, hb_tensor running_mean, hb_tensor running_var,
                        hb_tensor residual, const hb_batch_norm_params* params, const hb_noise* noise,
                        hb_tensor out[3]) {
    return status_of("batch_norm", 3, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x);
        call.not_null("params", params);
        check_samples(call, v, *params);
        int64_t c = v.columns();
        BatchNormArguments a =
            norm_arguments(call, v[0], c, gamma, beta, running_mean, running_var, params, call.noise(noise));
        a.x = v;
        if (residual) {
            a.residual = call.floating("residual", residual);
            call.require_shape("residual", a.residual, v.shape);
        }
        a.y = call.out(v.type, v.shape);
        a.mean = call.out(call.parameter_type(), shape_of(groups_of(*params), c));
        a.inverse_deviation = call.out(call.parameter_type(), shape_of(groups_of(*params), c));
        if (c > 0) call.kernel(call.backend().batch_norm)(a);
        for (int i = 0; i < 3; i++) results[i] = call.handle(i);
    });
}

hb_status hb_batch_norm_backward(hb_tensor x, hb_tensor y, hb_tensor dy, hb_tensor gamma, hb_tensor mean,
                                 hb_tensor inverse_deviation, int32_t want_residual, const hb_batch_norm_params* params,
                                 const hb_noise* noise, hb_tensor out[4]) {
    return status_of("batch_norm_backward", 4, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x);
        call.not_null("params", params);
        check_samples(call, v, *params);
        BatchNormBackwardArguments a =
            backward_arguments(call, v, y, dy, gamma, mean, inverse_deviation, params, call.noise(noise));
        a.dx = call.out(v.type, v.shape);
        a.dgamma = call.out(call.parameter_type(), a.gamma.shape);
        a.dbeta = call.out(call.parameter_type(), a.gamma.shape);
        for (int i = 0; i < 3; i++) results[i] = call.handle(i);
        if (want_residual) {
            a.dresidual = call.out(v.type, v.shape);
            results[3] = call.handle(3);
        }
        if (v.columns() > 0) call.kernel(call.backend().batch_norm_backward)(a);
    });
}

hb_status hb_conv_bn_act(hb_tensor x, hb_tensor w, hb_tensor gamma, hb_tensor beta, hb_tensor running_mean,
                         hb_tensor running_var, hb_tensor residual, const hb_conv2d_params* conv,
                         const hb_batch_norm_params* norm, const hb_noise* conv_noise, const hb_noise* norm_noise,
                         int32_t want_gradient, hb_tensor out[4]) {
    return status_of("conv_bn_act", 4, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x), wv = call.parameter("w", w);
        ConvShape s = conv_shape(call, conv, v.shape, wv.shape);
        call.require(s.c > 0 && s.o > 0, "x of shape %s and w of shape %s have no channels", shown(v.shape),
                     shown(wv.shape));
        Noise cn = call.noise(conv_noise, "conv_noise");
        call.not_null("norm", norm);
        check_samples(call, v, *norm);
        BatchNormArguments a = norm_arguments(call, s.n, s.o, gamma, beta, running_mean, running_var, norm,
                                              call.noise(norm_noise, "norm_noise"));
        Shape shape = conv_output(s);
        if (residual) {
            a.residual = call.floating("residual", residual);
            call.require_shape("residual", a.residual, shape);
        }
        const Shape statistics = shape_of(groups_of(*norm), s.o);
        a.y = call.out(v.type, shape);
        if (want_gradient) {
            a.x = call.out(v.type, shape);
            a.mean = call.out(call.parameter_type(), statistics);
            a.inverse_deviation = call.out(call.parameter_type(), statistics);
        } else {  // batch norm in place
            a.x = a.y;
            a.mean = call.temporary(call.parameter_type(), statistics);
            a.inverse_deviation = call.temporary(call.parameter_type(), statistics);
        }
        ColumnMoments moments;
        a.moments = &moments;
        bool normalised = false;
        if (s.n > 0)
            call.part("conv2d", {&v, &wv}, {&a.x}, &s, [&] {
                if (call.backend().conv2d_before_norm)
                    normalised = call.backend().conv2d_before_norm(s, v, wv, cn, a, moments);
                else
                    call.kernel(call.backend().conv2d)(s, v, wv, View{}, cn, a.x);
            });
        if (!normalised)
            call.part("batch_norm", {&a.x, &a.gamma, &a.beta, &a.residual}, {&a.y, &a.mean, &a.inverse_deviation},
                      nullptr, [&] { call.kernel(call.backend().batch_norm)(a); });
        for (int i = 0; i < (want_gradient ? 4 : 1); i++) results[i] = call.handle(i);
    });
}

hb_status hb_conv_bn_act_backward(hb_tensor x, hb_tensor w, hb_tensor convolved, hb_tensor y, hb_tensor dy,
                                  hb_tensor gamma, hb_tensor mean, hb_tensor inverse_deviation, int32_t want_dx,
                                  int32_t want_residual, const hb_conv2d_params* conv, const hb_batch_norm_params* norm,
                                  const hb_noise* conv_noise, const hb_noise* norm_noise, hb_tensor out[5]) {
    return status_of("conv_bn_act_backward", 5, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x), wv = call.parameter("w", w);
        ConvShape s = conv_shape(call, conv, v.shape, wv.shape);
        call.require(s.c > 0 && s.o > 0, "x of shape %s and w of shape %s have no channels", shown(v.shape),
                     shown(wv.shape));
        Noise cn = call.noise(conv_noise, "conv_noise");
        call.not_null("norm", norm);
        check_samples(call, v, *norm);
        View middle = call.floating("convolved", convolved);
        call.require_shape("convolved", middle, conv_output(s));
        BatchNormBackwardArguments a = backward_arguments(call, middle, y, dy, gamma, mean, inverse_deviation, norm,
                                                          call.noise(norm_noise, "norm_noise"));
        int made = 0;
        auto result = [&](int position, DType type, const Shape& shape) {
            View view = call.out(type, shape);
            results[position] = call.handle(made++);
            return view;
        };
        View dw = result(1, wv.type, wv.shape);
        a.dgamma = result(2, wv.type, a.gamma.shape);
        a.dbeta = result(3, wv.type, a.gamma.shape);
        if (want_residual) a.dresidual = result(4, v.type, middle.shape);
        a.dx = call.temporary(v.type, middle.shape);
        call.part("batch_norm_backward", {&middle, &a.y, &a.dy, &a.gamma, &a.mean, &a.inverse_deviation},
                  {&a.dx, &a.dgamma, &a.dbeta, &a.dresidual}, nullptr,
                  [&] { call.kernel(call.backend().batch_norm_backward)(a); });
        if (s.n > 0)
            call.part("conv2d_backward_weight", {&v, &a.dx}, {&dw}, &s,
                      [&] { call.kernel(call.backend().conv2d_backward_weight)(s, v, a.dx, cn, dw, View{}); });
        else
            call.kernel(call.backend().fill)(dw, 0);
        if (!want_dx) return;
        View dx = result(0, v.type, v.shape);
        if (dx.elements() > 0)
            call.part("conv2d_backward_data", {&a.dx, &wv}, {&dx}, &s,
                      [&] { call.kernel(call.backend().conv2d_backward_data)(s, a.dx, wv, cn, dx); });
    });
}

hb_status hb_group_norm(hb_tensor x, hb_tensor gamma, hb_tensor beta, int32_t groups, double epsilon,
                        const hb_noise* noise, hb_tensor out[3]) {
    return status_of("group_norm", 3, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x);
        call.require_rank_at_least("x", v, 2);
        int64_t c = v.columns(), n = v[0];
        call.require(groups >= 1 && c % groups == 0, "groups is %d; it must divide the %lld channels of x %s", groups,
                     (long long)c, shown(v.shape));
        call.require(epsilon > 0, "epsilon is %g; expected > 0", epsilon);
        View g = channel_vector(call, "gamma", gamma, c), b = channel_vector(call, "beta", beta, c);
        Noise ns = call.noise(noise);
        View y = call.out(v.type, v.shape);
        View mean = call.out(call.parameter_type(), shape_of(n, groups)),
             deviation = call.out(call.parameter_type(), shape_of(n, groups));
        if (v.elements() > 0)
            call.kernel(call.backend().group_norm)(v, n, v.elements() / (n * c), c, groups, n, g, b, epsilon, ns, y,
                                                   mean, deviation);
        else
            for (const View& s : {mean, deviation})
                if (s.elements() > 0) call.kernel(call.backend().fill)(s, 0);
        for (int i = 0; i < 3; i++) results[i] = call.handle(i);
    });
}

hb_status hb_group_norm_backward(hb_tensor x, hb_tensor dy, hb_tensor gamma, hb_tensor mean,
                                 hb_tensor inverse_deviation, int32_t groups, const hb_noise* noise, hb_tensor out[3]) {
    return status_of("group_norm_backward", 3, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x), g = call.floating("dy", dy);
        call.require_rank_at_least("x", v, 2);
        call.require_shape("dy", g, v.shape);
        int64_t c = v.columns(), n = v[0];
        call.require(groups >= 1 && c % groups == 0, "groups is %d; it must divide the %lld channels of x %s", groups,
                     (long long)c, shown(v.shape));
        View scale = channel_vector(call, "gamma", gamma, c);
        View m = call.parameter("mean", mean), d = call.parameter("inverse_deviation", inverse_deviation);
        call.require_shape("mean", m, shape_of(n, groups));
        call.require_shape("inverse_deviation", d, shape_of(n, groups));
        Noise ns = call.noise(noise);
        View dx = call.out(v.type, v.shape), dg = call.out(call.parameter_type(), scale.shape),
             db = call.out(call.parameter_type(), scale.shape);
        if (v.elements() > 0)
            call.kernel(call.backend().group_norm_backward)(v, n, v.elements() / (n * c), c, groups, n, g, scale, m, d,
                                                            ns, dx, dg, db);
        else
            for (const View& s : {dg, db})
                if (s.elements() > 0) call.kernel(call.backend().fill)(s, 0);
        for (int i = 0; i < 3; i++) results[i] = call.handle(i);
    });
}

hb_status hb_layer_norm(hb_tensor x, hb_tensor gamma, hb_tensor beta, double epsilon, const hb_noise* noise,
                        hb_tensor out[3]) {
    return status_of("layer_norm", 3, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x);
        call.require_rank_at_least("x", v, 1);
        int64_t c = v.columns(), rows = v.rows();
        call.require(c > 0, "x of shape %s has an empty last dimension", shown(v.shape));
        call.require(epsilon > 0, "epsilon is %g; expected > 0", epsilon);
        View g = channel_vector(call, "gamma", gamma, c), b = channel_vector(call, "beta", beta, c);
        Noise ns = call.noise(noise);
        Shape left = v.shape;
        left.rank--;
        View y = call.out(v.type, v.shape), mean = call.out(call.parameter_type(), left),
             deviation = call.out(call.parameter_type(), left);
        if (rows > 0)
            call.kernel(call.backend().group_norm)(v, rows, 1, c, 1, v.rank() > 1 ? v[0] : 1, g, b, epsilon, ns, y,
                                                   mean, deviation);
        for (int i = 0; i < 3; i++) results[i] = call.handle(i);
    });
}

hb_status hb_layer_norm_backward(hb_tensor x, hb_tensor dy, hb_tensor gamma, hb_tensor mean,
                                 hb_tensor inverse_deviation, const hb_noise* noise, hb_tensor out[3]) {
    return status_of("layer_norm_backward", 3, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x), g = call.floating("dy", dy);
        call.require_rank_at_least("x", v, 1);
        call.require_shape("dy", g, v.shape);
        int64_t c = v.columns(), rows = v.rows();
        call.require(c > 0, "x of shape %s has an empty last dimension", shown(v.shape));
        View scale = channel_vector(call, "gamma", gamma, c);
        Shape left = v.shape;
        left.rank--;
        View m = call.parameter("mean", mean), d = call.parameter("inverse_deviation", inverse_deviation);
        call.require_shape("mean", m, left);
        call.require_shape("inverse_deviation", d, left);
        Noise ns = call.noise(noise);
        View dx = call.out(v.type, v.shape), dg = call.out(call.parameter_type(), scale.shape),
             db = call.out(call.parameter_type(), scale.shape);
        if (rows > 0) {
            call.kernel(call.backend().group_norm_backward)(v, rows, 1, c, 1, v.rank() > 1 ? v[0] : 1, g, scale, m, d,
                                                            ns, dx, dg, db);
        } else {
            call.kernel(call.backend().fill)(dg, 0);
            call.kernel(call.backend().fill)(db, 0);
        }
        for (int i = 0; i < 3; i++) results[i] = call.handle(i);
    });
}

}  // extern "C"
