// Matrix products, linear layers, convolution and weight noise.
#include "capi/call.h"
#include "capi/convolution.h"

namespace hb {

ConvShape conv_shape(const Call& call, const hb_conv2d_params* params, const Shape& x, const Shape& w) {
    call.not_null("params", params);
    const hb_conv2d_params& p = *params;
    call.require(p.stride_h >= 1 && p.stride_w >= 1, "stride is %dx%d; expected >= 1", p.stride_h, p.stride_w);
    call.require(p.pad_h >= 0 && p.pad_w >= 0, "padding is %dx%d; expected >= 0", p.pad_h, p.pad_w);
    call.require(p.dilation_h >= 1 && p.dilation_w >= 1, "dilation is %dx%d; expected >= 1", p.dilation_h,
                 p.dilation_w);
    call.require(x.rank == 4, "x has shape %s; expected [n, h, w, c]", shown(x));
    call.require(w.rank == 4, "w has shape %s; expected [o, kh, kw, c/groups]", shown(w));
    call.require(p.groups >= 1 && x[3] % p.groups == 0 && w[0] % p.groups == 0,
                 "groups is %d; it must divide the %lld input and the %lld output channels", p.groups, (long long)x[3],
                 (long long)w[0]);
    call.require(w[3] == x[3] / p.groups, "w of shape %s has depth %lld; x of shape %s with %d groups needs %lld",
                 shown(w), (long long)w[3], shown(x), p.groups, (long long)(x[3] / p.groups));
    call.require(w[1] >= 1 && w[2] >= 1, "w of shape %s has an empty kernel", shown(w));
    ConvShape s{};
    s.n = x[0], s.h = x[1], s.w = x[2], s.c = x[3];
    s.o = w[0], s.kh = w[1], s.kw = w[2];
    s.stride_h = p.stride_h, s.stride_w = p.stride_w, s.pad_h = p.pad_h, s.pad_w = p.pad_w;
    s.dilation_h = p.dilation_h, s.dilation_w = p.dilation_w, s.groups = p.groups;
    int64_t free_h = s.h + 2 * s.pad_h - s.dilation_h * (s.kh - 1) - 1;
    int64_t free_w = s.w + 2 * s.pad_w - s.dilation_w * (s.kw - 1) - 1;
    call.require(free_h >= 0 && free_w >= 0, "w of shape %s is larger than the padded x of shape %s", shown(w),
                 shown(x));
    s.oh = free_h / s.stride_h + 1;
    s.ow = free_w / s.stride_w + 1;
    s.runs_of = s.n;
    call.work(s);
    return s;
}

}  // namespace hb

using namespace hb;

namespace {

// A linear layer as a 1x1 convolution; noise runs split the first dimension of x, of which each entry has
// rows / x[0] rows.
ConvShape linear_shape(const Shape& x, int64_t in, int64_t out) {
    ConvShape s{};
    s.n = 1;
    for (int i = 0; i + 1 < x.rank; i++) s.n *= x[i];
    s.h = s.w = s.oh = s.ow = s.kh = s.kw = 1;
    s.c = in, s.o = out;
    s.stride_h = s.stride_w = s.dilation_h = s.dilation_w = s.groups = 1;
    s.runs_of = x.rank > 1 ? x[0] : 1;
    return s;
}

View as_image(View v, int64_t rows) {
    v.shape = shape_of(rows, 1, 1, v.columns());
    v.make_dense_strides();
    return v;
}

View as_kernel(View w) {
    w.shape = shape_of(w.shape[0], 1, 1, w.shape[1]);
    w.make_dense_strides();
    return w;
}

void fill_zero(Call& call, const View& v) {
    if (v.elements() > 0) call.kernel(call.backend().fill)(v, 0);
}

}  // namespace

extern "C" {

hb_tensor hb_perturb_weight(hb_tensor w, const hb_noise* noise, int32_t sub_batch) {
    return result_of("perturb_weight", [&](Call& call) {
        View v = call.parameter("w", w);
        Noise n = call.noise(noise);
        call.require(sub_batch >= 0 && sub_batch < n.sub_batches, "sub_batch is %d; expected 0..%d", sub_batch,
                     n.sub_batches - 1);
        View y = call.out(v.type, v.shape);
        if (v.elements() == 0) return;
        if (has_noise(n))
            call.kernel(call.backend().perturb_weight)(v, n, sub_batch, y);
        else
            call.kernel(call.backend().copy)(v, y);
    });
}

hb_tensor hb_matmul(hb_tensor a, hb_tensor b, int32_t transpose_a, int32_t transpose_b) {
    return result_of("matmul", [&](Call& call) {
        View av = call.floating("a", a), bv = call.floating("b", b);
        call.require_rank_at_least("a", av, 2);
        call.require_rank_at_least("b", bv, 2);
        int ra = av.rank(), rb = bv.rank();
        MatMulShape s{};
        s.transpose_a = transpose_a != 0;
        s.transpose_b = transpose_b != 0;
        s.m = av[s.transpose_a ? ra - 1 : ra - 2];
        s.k = av[s.transpose_a ? ra - 2 : ra - 1];
        int64_t kb = bv[s.transpose_b ? rb - 1 : rb - 2];
        s.n = bv[s.transpose_b ? rb - 2 : rb - 1];
        call.require(s.k == kb, "a of shape %s%s and b of shape %s%s have inner sizes %lld and %lld", shown(av.shape),
                     s.transpose_a ? " (transposed)" : "", shown(bv.shape), s.transpose_b ? " (transposed)" : "",
                     (long long)s.k, (long long)kb);
        Shape shape = ra >= rb ? av.shape : bv.shape;
        shape.rank -= 2;
        if (ra > 2 && rb > 2) {
            bool equal = ra == rb;
            for (int i = 0; equal && i < ra - 2; i++) equal = av[i] == bv[i];
            call.require(equal, "a of shape %s and b of shape %s have different batches", shown(av.shape),
                         shown(bv.shape));
        }
        s.batch = shape.elements();
        s.a_batch_stride = ra > 2 ? s.m * s.k : 0;
        s.b_batch_stride = rb > 2 ? s.k * s.n : 0;
        // One matrix on the right, and a not transposed: all rows of a are one tall matrix.
        if (rb == 2 && !s.transpose_a) {
            s.m *= s.batch;
            s.batch = 1;
            s.a_batch_stride = 0;
        }
        shape.add(av[s.transpose_a ? ra - 1 : ra - 2]);
        shape.add(s.n);
        call.work(s);
        View y = call.out(av.type, shape);
        if (y.elements() == 0) return;
        if (s.k == 0)
            fill_zero(call, y);
        else
            call.kernel(call.backend().matmul)(s, av, bv, y);
    });
}

hb_tensor hb_linear(hb_tensor x, hb_tensor w, hb_tensor bias, const hb_noise* noise) {
    return result_of("linear", [&](Call& call) {
        View v = call.floating("x", x), wv = call.parameter("w", w);
        call.require_rank_at_least("x", v, 1);
        call.require_rank("w", wv, 2);
        call.require(v.columns() == wv[1], "x of shape %s has %lld features; w of shape %s takes %lld", shown(v.shape),
                     (long long)v.columns(), shown(wv.shape), (long long)wv[1]);
        View b;
        if (bias) {
            b = call.parameter("bias", bias);
            call.require_shape("bias", b, shape_of(wv[0]));
        }
        Noise n = call.noise(noise);
        Shape shape = v.shape;
        shape[shape.rank - 1] = wv[0];
        View y = call.out(v.type, shape);
        if (y.elements() == 0) return;
        ConvShape s = linear_shape(v.shape, wv[1], wv[0]);
        call.work(s.n, s.c, s.o);
        call.kernel(call.backend().conv2d)(s, as_image(v, s.n), as_kernel(wv), b, n, as_image(y, s.n));
    });
}

hb_tensor hb_linear_backward_data(hb_tensor dy, hb_tensor w, const hb_noise* noise) {
    return result_of("linear_backward_data", [&](Call& call) {
        View g = call.floating("dy", dy), wv = call.parameter("w", w);
        call.require_rank_at_least("dy", g, 1);
        call.require_rank("w", wv, 2);
        call.require(g.columns() == wv[0], "dy of shape %s has %lld features; w of shape %s gives %lld", shown(g.shape),
                     (long long)g.columns(), shown(wv.shape), (long long)wv[0]);
        Noise n = call.noise(noise);
        Shape shape = g.shape;
        shape[shape.rank - 1] = wv[1];
        View dx = call.out(g.type, shape);
        if (dx.elements() == 0) return;
        ConvShape s = linear_shape(g.shape, wv[1], wv[0]);
        call.work(s.n, s.c, s.o);
        if (wv[0] == 0) return fill_zero(call, dx);
        call.kernel(call.backend().conv2d_backward_data)(s, as_image(g, s.n), as_kernel(wv), n, as_image(dx, s.n));
    });
}

hb_status hb_linear_backward_weight(hb_tensor x, hb_tensor dy, int32_t want_bias, const hb_noise* noise,
                                    hb_tensor out[2]) {
    return status_of("linear_backward_weight", 2, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x), g = call.floating("dy", dy);
        call.require_rank_at_least("x", v, 1);
        call.require_rank_at_least("dy", g, 1);
        Shape expected = v.shape;
        expected[expected.rank - 1] = g.columns();
        call.require_shape("dy", g, expected);
        Noise n = call.noise(noise);
        ConvShape s = linear_shape(v.shape, v.columns(), g.columns());
        call.work(s.n, s.c, s.o);
        View dw = call.out(call.parameter_type(), shape_of(s.o, s.c));
        results[0] = call.handle(0);
        View db;
        if (want_bias) {
            db = call.out(call.parameter_type(), shape_of(s.o));
            results[1] = call.handle(1);
        }
        if (s.n == 0 || s.c == 0) {
            fill_zero(call, dw);
            if (want_bias && s.n == 0) return fill_zero(call, db);
        }
        if (s.o == 0 || s.n == 0) return;
        if (s.c == 0) {
            if (want_bias) call.kernel(call.backend().reduce)(HB_REDUCE_SUM, g, 1, s.n, s.o, db);
            return;
        }
        call.kernel(call.backend().conv2d_backward_weight)(s, as_image(v, s.n), as_image(g, s.n), n, as_kernel(dw), db);
    });
}

hb_tensor hb_conv2d(hb_tensor x, hb_tensor w, hb_tensor bias, const hb_conv2d_params* params, const hb_noise* noise) {
    return result_of("conv2d", [&](Call& call) {
        View v = call.floating("x", x), wv = call.parameter("w", w);
        ConvShape s = conv_shape(call, params, v.shape, wv.shape);
        View b;
        if (bias) {
            b = call.parameter("bias", bias);
            call.require_shape("bias", b, shape_of(s.o));
        }
        Noise n = call.noise(noise);
        View y = call.out(v.type, conv_output(s));
        if (y.elements() == 0) return;
        if (s.c == 0) {
            fill_zero(call, y);
            if (b) call.kernel(call.backend().copy)(expanded(b, y.shape), y);
            return;
        }
        call.kernel(call.backend().conv2d)(s, v, wv, b, n, y);
    });
}

hb_tensor hb_conv2d_backward_data(hb_tensor dy, hb_tensor w, int64_t height, int64_t width,
                                  const hb_conv2d_params* params, const hb_noise* noise) {
    return result_of("conv2d_backward_data", [&](Call& call) {
        View g = call.floating("dy", dy), wv = call.parameter("w", w);
        call.require_rank("dy", g, 4);
        call.require_rank("w", wv, 4);
        call.not_null("params", params);
        call.require(height >= 0 && width >= 0 && height <= 1 << 24 && width <= 1 << 24,
                     "height x width is %lldx%lld; expected 0..2^24", (long long)height, (long long)width);
        call.require(params->groups >= 1, "groups is %d; expected >= 1", params->groups);
        Shape xs = shape_of(g[0], height, width, wv[3] * params->groups);
        ConvShape s = conv_shape(call, params, xs, wv.shape);
        call.require_shape("dy", g, conv_output(s));
        Noise n = call.noise(noise);
        View dx = call.out(g.type, xs);
        if (dx.elements() == 0) return;
        if (s.o == 0) return fill_zero(call, dx);
        call.kernel(call.backend().conv2d_backward_data)(s, g, wv, n, dx);
    });
}

hb_status hb_conv2d_backward_weight(hb_tensor x, hb_tensor dy, int64_t kernel_h, int64_t kernel_w, int32_t want_bias,
                                    const hb_conv2d_params* params, const hb_noise* noise, hb_tensor out[2]) {
    return status_of("conv2d_backward_weight", 2, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x), g = call.floating("dy", dy);
        call.require_rank("x", v, 4);
        call.require_rank("dy", g, 4);
        call.not_null("params", params);
        call.require(kernel_h >= 1 && kernel_w >= 1 && kernel_h <= 1 << 20 && kernel_w <= 1 << 20,
                     "kernel is %lldx%lld; expected 1..2^20", (long long)kernel_h, (long long)kernel_w);
        call.require(params->groups >= 1, "groups is %d; expected >= 1", params->groups);
        Shape ws = shape_of(g[3], kernel_h, kernel_w, v[3] / params->groups);
        ConvShape s = conv_shape(call, params, v.shape, ws);
        call.require_shape("dy", g, conv_output(s));
        Noise n = call.noise(noise);
        View dw = call.out(call.parameter_type(), ws);
        results[0] = call.handle(0);
        View db;
        if (want_bias) {
            db = call.out(call.parameter_type(), shape_of(s.o));
            results[1] = call.handle(1);
        }
        if (s.o == 0) return;
        if (s.n == 0 || s.c == 0) {
            fill_zero(call, dw);
            if (want_bias) {
                fill_zero(call, db);
                if (g.elements() > 0)
                    call.kernel(call.backend().reduce)(HB_REDUCE_SUM, g, 1, g.elements() / s.o, s.o, db);
            }
            return;
        }
        call.kernel(call.backend().conv2d_backward_weight)(s, v, g, n, dw, db);
    });
}

}  // extern "C"
