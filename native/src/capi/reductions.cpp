// Reductions, arg-max, top-k and sort.
#include "capi/call.h"

using namespace hb;

extern "C" {

hb_tensor hb_reduce(int32_t kind, hb_tensor x, int32_t count, const int32_t* dimensions, int32_t keep) {
    return result_of("reduce", [&](Call& call) {
        call.require(kind >= HB_REDUCE_SUM && kind <= HB_REDUCE_MIN, "kind is %d; expected 0..3", kind);
        View v = call.floating("x", x);
        bool reduced[HB_MAX_RANK] = {};
        call.require(count >= 0 && count <= v.rank(), "count is %d; x of shape %s has %d dimensions", count,
                     shown(v.shape), v.rank());
        if (count > 0) call.not_null("dimensions", dimensions);
        for (int i = 0; i < count; i++) {
            int d = dimensions[i];
            call.require(d >= 0 && d < v.rank() && !reduced[d],
                         "dimensions[%d] is %d; expected distinct numbers in 0..%d", i, d, v.rank() - 1);
            reduced[d] = true;
        }
        if (count == 0)
            for (int d = 0; d < v.rank(); d++) reduced[d] = true;
        Shape shape;
        int64_t gone = 1;
        for (int d = 0; d < v.rank(); d++) {
            if (!reduced[d])
                shape.add(v.shape[d]);
            else if (keep)
                shape.add(1);
            if (reduced[d]) gone *= v.shape[d];
        }
        call.require(gone > 0 || kind == HB_REDUCE_SUM || shape.elements() == 0,
                     "x of shape %s has nothing along the reduced dimensions: only a sum of nothing is defined",
                     shown(v.shape));
        View y = call.out(v.type, shape);
        if (y.elements() == 0) return;
        if (v.elements() == 0) {
            call.kernel(call.backend().fill)(y, 0);
            return;
        }
        // One kernel call per run of neighbouring reduced dimensions, the last first. A mean is taken as sums, divided
        // once at the end, so that every element is divided by the same number. Of bf16, everything between is f32.
        int step = kind == HB_REDUCE_MEAN ? HB_REDUCE_SUM : kind;
        const DType between = call.parameter_type();
        View from = v, last = v.type == between ? y : call.temporary(between, shape);
        Shape left = v.shape;
        int d = v.rank() - 1;
        int runs = 0;
        for (int i = 0; i < v.rank(); i++) runs += reduced[i] && (i == 0 || !reduced[i - 1]);
        // Rank 0: nothing to reduce.
        if (runs == 0) call.kernel(call.backend().copy)(from, last);
        int64_t inner = 1;
        while (runs > 0) {
            while (!reduced[d]) inner *= left[d--];
            int64_t middle = 1;
            while (d >= 0 && reduced[d]) middle *= left[d--];
            int64_t outer = 1;
            for (int i = 0; i <= d; i++) outer *= left[i];
            View to = --runs == 0 ? last : call.temporary(between, shape_of(outer * inner));
            call.kernel(call.backend().reduce)(step, from, outer, middle, inner, to);
            from = to;
        }
        if (kind == HB_REDUCE_MEAN)
            call.kernel(call.backend().binary_scalar)(HB_DIV, last, static_cast<double>(gone), last);
        if (v.type != between) call.kernel(call.backend().copy)(last, y);
    });
}

hb_tensor hb_reduce_extreme_backward(hb_tensor x, hb_tensor y, hb_tensor dy) {
    return result_of("reduce_extreme_backward", [&](Call& call) {
        View v = call.floating("x", x), yv = call.floating("y", y), g = call.floating("dy", dy);
        call.require(yv.rank() == v.rank() && broadcast_shape(call, "x", v.shape, "y", yv.shape) == v.shape,
                     "y has shape %s; expected x's shape %s with reduced sizes 1", shown(yv.shape), shown(v.shape));
        call.require_shape("dy", g, yv.shape);
        View dx = call.out(v.type, v.shape);
        if (dx.elements() > 0) call.kernel(call.backend().reduce_extreme_backward)(v, yv, g, dx);
    });
}

hb_tensor hb_argmax(hb_tensor x) {
    return result_of("argmax", [&](Call& call) {
        View v = call.floating("x", x);
        call.require_rank_at_least("x", v, 1);
        call.require(v.columns() > 0, "x of shape %s has an empty last dimension", shown(v.shape));
        Shape shape = v.shape;
        shape.rank--;
        View y = call.out(DType::I64, shape);
        if (y.elements() > 0) call.kernel(call.backend().argmax)(v, y);
    });
}

hb_status hb_top_k(hb_tensor x, int64_t k, hb_tensor out[2]) {
    return status_of("top_k", 2, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x);
        call.require_rank_at_least("x", v, 1);
        call.require(k >= 1 && k <= v.columns(), "k is %lld; expected 1..%lld", (long long)k, (long long)v.columns());
        Shape shape = v.shape;
        shape[shape.rank - 1] = k;
        View values = call.out(v.type, shape), numbers = call.out(DType::I64, shape);
        if (values.elements() > 0) call.kernel(call.backend().top_k)(v, k, values, numbers);
        results[0] = call.handle(0);
        results[1] = call.handle(1);
    });
}

hb_status hb_sort(hb_tensor x, int32_t descending, hb_tensor out[2]) {
    return status_of("sort", 2, out, [&](Call& call, hb_tensor* results) {
        View v = call.floating("x", x);
        call.require_rank("x", v, 1);
        View values = call.out(v.type, v.shape), order = call.out(DType::I64, v.shape);
        if (v.elements() > 0) call.kernel(call.backend().sort)(v, descending != 0, values, order);
        results[0] = call.handle(0);
        results[1] = call.handle(1);
    });
}

}  // extern "C"
