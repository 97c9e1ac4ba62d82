// Max, average and global average pooling.
#include "capi/call.h"

using namespace hb;

namespace {

PoolShape pool_shape(const Call& call, const hb_pool2d_params* params, const Shape& x) {
    call.not_null("params", params);
    const hb_pool2d_params& p = *params;
    call.require(p.kernel_h >= 1 && p.kernel_w >= 1, "kernel is %dx%d; expected >= 1", p.kernel_h, p.kernel_w);
    call.require(p.stride_h >= 1 && p.stride_w >= 1, "stride is %dx%d; expected >= 1", p.stride_h, p.stride_w);
    call.require(p.pad_h >= 0 && p.pad_w >= 0 && p.pad_h <= p.kernel_h / 2 && p.pad_w <= p.kernel_w / 2,
                 "padding is %dx%d; expected 0 .. half the kernel %dx%d", p.pad_h, p.pad_w, p.kernel_h, p.kernel_w);
    call.require(x.rank == 4, "x has shape %s; expected [n, h, w, c]", shown(x));
    call.require(x[1] > 0 && x[2] > 0, "x of shape %s has no pixels", shown(x));
    int64_t free_h = x[1] + 2 * int64_t(p.pad_h) - p.kernel_h, free_w = x[2] + 2 * int64_t(p.pad_w) - p.kernel_w;
    call.require(free_h >= 0 && free_w >= 0, "kernel %dx%d is larger than the padded x of shape %s", p.kernel_h,
                 p.kernel_w, shown(x));
    PoolShape s{};
    s.n = x[0], s.h = x[1], s.w = x[2], s.c = x[3];
    s.oh = free_h / p.stride_h + 1, s.ow = free_w / p.stride_w + 1;
    s.kh = p.kernel_h, s.kw = p.kernel_w, s.stride_h = p.stride_h, s.stride_w = p.stride_w;
    s.pad_h = p.pad_h, s.pad_w = p.pad_w, s.count_padding = p.count_padding != 0;
    return s;
}

PoolShape global_shape(int64_t n, int64_t h, int64_t w, int64_t c) {
    PoolShape s{};
    s.n = n, s.h = h, s.w = w, s.c = c, s.oh = s.ow = 1;
    s.kh = s.stride_h = h, s.kw = s.stride_w = w;
    return s;
}

void check_image(const Call& call, int64_t height, int64_t width) {
    call.require(height >= 1 && width >= 1 && height <= 1 << 24 && width <= 1 << 24,
                 "height x width is %lldx%lld; expected 1..2^24", (long long)height, (long long)width);
}

}  // namespace

extern "C" {

hb_status hb_max_pool2d(hb_tensor x, const hb_pool2d_params* params, hb_tensor out[2]) {
    return status_of("max_pool2d", 2, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x);
        PoolShape s = pool_shape(call, params, v.shape);
        call.require(s.h * s.w <= INT32_MAX, "x of shape %s has too many pixels", shown(v.shape));
        Shape shape = shape_of(s.n, s.oh, s.ow, s.c);
        View y = call.out(v.type, shape), index = call.out(DType::I32, shape);
        if (y.elements() > 0) call.kernel(call.backend().max_pool2d)(s, v, y, index);
        results[0] = call.handle(0);
        results[1] = call.handle(1);
    });
}

hb_tensor hb_max_pool2d_backward(hb_tensor dy, hb_tensor index, int64_t height, int64_t width) {
    return result_of("max_pool2d_backward", [&](Call& call) {
        View g = call.floating("dy", dy), i = call.dense("index", index);
        call.require_rank("dy", g, 4);
        call.require_type("index", i, DType::I32);
        call.require_shape("index", i, g.shape);
        check_image(call, height, width);
        PoolShape s{};
        s.n = g[0], s.h = height, s.w = width, s.c = g[3], s.oh = g[1], s.ow = g[2];
        // A wrong index would write outside the image.
        if (i.elements() > 0) {
            View wide = call.temporary(DType::I64, i.shape);
            call.kernel(call.backend().copy)(i, wide);
            call.require(call.kernel(call.backend().indices_in_range)(wide, height * width),
                         "index has a value outside 0..%lld", (long long)(height * width - 1));
        }
        View dx = call.out(g.type, shape_of(s.n, s.h, s.w, s.c));
        if (dx.elements() > 0) call.kernel(call.backend().max_pool2d_backward)(s, g, i, dx);
    });
}

hb_tensor hb_avg_pool2d(hb_tensor x, const hb_pool2d_params* params) {
    return result_of("avg_pool2d", [&](Call& call) {
        View v = call.floating("x", x);
        PoolShape s = pool_shape(call, params, v.shape);
        View y = call.out(v.type, shape_of(s.n, s.oh, s.ow, s.c));
        if (y.elements() > 0) call.kernel(call.backend().avg_pool2d)(s, v, y);
    });
}

hb_tensor hb_avg_pool2d_backward(hb_tensor dy, int64_t height, int64_t width, const hb_pool2d_params* params) {
    return result_of("avg_pool2d_backward", [&](Call& call) {
        View g = call.floating("dy", dy);
        call.require_rank("dy", g, 4);
        check_image(call, height, width);
        PoolShape s = pool_shape(call, params, shape_of(g[0], height, width, g[3]));
        call.require_shape("dy", g, shape_of(s.n, s.oh, s.ow, s.c));
        View dx = call.out(g.type, shape_of(s.n, s.h, s.w, s.c));
        if (dx.elements() > 0) call.kernel(call.backend().avg_pool2d_backward)(s, g, dx);
    });
}

hb_tensor hb_global_avg_pool(hb_tensor x) {
    return result_of("global_avg_pool", [&](Call& call) {
        View v = call.floating("x", x);
        call.require_rank("x", v, 4);
        call.require(v[1] > 0 && v[2] > 0, "x of shape %s has no pixels", shown(v.shape));
        View y = call.out(v.type, shape_of(v[0], v[3]));
        if (y.elements() > 0) call.kernel(call.backend().avg_pool2d)(global_shape(v[0], v[1], v[2], v[3]), v, y);
    });
}

hb_tensor hb_global_avg_pool_backward(hb_tensor dy, int64_t height, int64_t width) {
    return result_of("global_avg_pool_backward", [&](Call& call) {
        View g = call.floating("dy", dy);
        call.require_rank("dy", g, 2);
        check_image(call, height, width);
        View dx = call.out(g.type, shape_of(g[0], height, width, g[1]));
        if (dx.elements() > 0)
            call.kernel(call.backend().avg_pool2d_backward)(global_shape(g[0], height, width, g[1]), g, dx);
    });
}

}  // extern "C"
