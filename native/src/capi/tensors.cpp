// Creation, transfer, views and movement.
#include <algorithm>
#include <cstring>

#include "capi/call.h"

using namespace hb;

namespace {

DType dtype_argument(Call& call, hb_dtype dtype) {
    call.require(dtype >= HB_F32 && dtype <= HB_U8, "dtype is %d; expected 0 (f32) .. 5 (u8)", dtype);
    return static_cast<DType>(dtype);
}

// y = x where y is a fresh dense tensor of the same shape.
void copy_into(Call& call, const View& x, const View& y) {
    if (y.elements() > 0) call.kernel(call.backend().copy)(x, y);
}

// v's window [start, start + count) of one dimension.
View window(const View& v, int dimension, int64_t start, int64_t count, int64_t step = 1) {
    View w = v;
    w.data = static_cast<char*>(v.data) + start * v.stride[dimension] * size_of(v.type);
    w.shape[dimension] = count;
    w.stride[dimension] = v.stride[dimension] * step;
    return w;
}

// Strides of a view of v with the new shape, where they exist without copying.
bool restride(const View& v, const Shape& shape, View& result) {
    result = v;
    result.shape = shape;
    if (v.dense() || v.elements() == 0) {
        result.make_dense_strides();
        return true;
    }
    // Walk both shapes from the left, matching runs of dimensions with equal products.
    int i = 0, j = 0;
    while (i < v.rank() || j < shape.rank) {
        int i0 = i, j0 = j;
        int64_t a = i < v.rank() ? v.shape[i++] : 1, b = j < shape.rank ? shape[j++] : 1;
        while (a != b) {
            if (a < b) {
                if (i == v.rank()) return false;
                a *= v.shape[i++];
            } else {
                if (j == shape.rank) return false;
                b *= shape[j++];
            }
        }
        // v's dimensions i0..i-1 must be mergeable.
        int64_t expected = 0;
        bool started = false;
        int64_t inner = 1;
        for (int d = i - 1; d >= i0; d--) {
            if (v.shape[d] == 1) continue;
            if (started && v.stride[d] != expected) return false;
            if (!started) inner = v.stride[d];
            started = true;
            expected = v.stride[d] * v.shape[d];
        }
        int64_t s = inner;
        for (int d = j - 1; d >= j0; d--) {
            result.stride[d] = s;
            s *= shape[d];
        }
    }
    return true;
}

}  // namespace

extern "C" {

hb_tensor hb_empty(hb_device device, hb_dtype dtype, int32_t rank, const int64_t* shape) {
    return result_of("empty", [&](Call& call) {
        call.use_device(device);
        call.out(dtype_argument(call, dtype), call.shape_argument(rank, shape));
    });
}

hb_tensor hb_full(hb_device device, hb_dtype dtype, int32_t rank, const int64_t* shape, double value) {
    return result_of("full", [&](Call& call) {
        call.use_device(device);
        View y = call.out(dtype_argument(call, dtype), call.shape_argument(rank, shape));
        if (y.elements() > 0) call.kernel(call.backend().fill)(y, value);
    });
}

hb_tensor hb_random_uniform(hb_device device, int32_t rank, const int64_t* shape, double low, double high,
                            const hb_stream* stream) {
    return result_of("random_uniform", [&](Call& call) {
        call.use_device(device);
        call.check_stream(stream);
        call.require(low <= high, "low is %g and high is %g; expected low <= high", low, high);
        View y = call.out(DType::F32, call.shape_argument(rank, shape));
        if (y.elements() > 0) call.kernel(call.backend().random_uniform)(y, low, high, *stream);
    });
}

hb_tensor hb_random_normal(hb_device device, int32_t rank, const int64_t* shape, double mean, double deviation,
                           const hb_stream* stream) {
    return result_of("random_normal", [&](Call& call) {
        call.use_device(device);
        call.check_stream(stream);
        call.require(deviation >= 0, "deviation is %g; expected >= 0", deviation);
        View y = call.out(DType::F32, call.shape_argument(rank, shape));
        if (y.elements() > 0) call.kernel(call.backend().random_normal)(y, mean, deviation, *stream);
    });
}

hb_tensor hb_alias(hb_tensor tensor) {
    return result_of("alias", [&](Call& call) {
        View v = call.strided("tensor", tensor);
        call.out_view(call.storage_of(0), v);
    });
}

hb_status hb_release(hb_tensor tensor) {
    return status_of("release", 0, nullptr, [&](Call&, hb_tensor*) { release_tensor(tensor); });
}

hb_status hb_describe(hb_tensor tensor, hb_descriptor* descriptor) {
    return status_of("describe", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.not_null("descriptor", descriptor);
        View v = call.strided("tensor", tensor);
        std::memset(descriptor, 0, sizeof *descriptor);
        descriptor->device = call.device();
        descriptor->dtype = static_cast<int32_t>(v.type);
        descriptor->rank = v.rank();
        descriptor->dense = v.dense();
        descriptor->elements = v.elements();
        for (int i = 0; i < v.rank(); i++) {
            descriptor->shape[i] = v.shape[i];
            descriptor->strides[i] = v.stride[i];
        }
        descriptor->storage = call.storage_of(0)->identity;
    });
}

hb_status hb_read(hb_tensor tensor, void* destination, int64_t bytes) {
    return status_of("read", 0, nullptr, [&](Call& call, hb_tensor*) {
        View v = call.dense("tensor", tensor);
        int64_t expected = v.elements() * size_of(v.type);
        call.require(bytes == expected, "bytes is %lld; tensor of shape %s and type %s has %lld", (long long)bytes,
                     shown(v.shape), name_of(v.type), (long long)expected);
        if (bytes == 0) return;
        call.not_null("destination", destination);
        call.backend().copy_out(destination, v.data, bytes);
    });
}

hb_status hb_write(hb_tensor tensor, const void* source, int64_t bytes) {
    return status_of("write", 0, nullptr, [&](Call& call, hb_tensor*) {
        View v = call.target("tensor", tensor);
        int64_t expected = v.elements() * size_of(v.type);
        call.require(bytes == expected, "bytes is %lld; tensor of shape %s and type %s has %lld", (long long)bytes,
                     shown(v.shape), name_of(v.type), (long long)expected);
        if (bytes == 0) return;
        call.not_null("source", source);
        call.backend().copy_in(v.data, source, bytes);
    });
}

hb_status hb_data(hb_tensor tensor, void** address) {
    return status_of("data", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.not_null("address", address);
        View v = call.target("tensor", tensor);
        call.require(call.device() == HB_DEVICE_CPU, "tensor is on device %d; only cpu memory has an address here",
                     call.device());
        *address = v.data;
    });
}

hb_status hb_copy(hb_tensor destination, hb_tensor source) {
    return status_of("copy", 0, nullptr, [&](Call& call, hb_tensor*) {
        View y = call.strided("destination", destination);
        View x = call.strided("source", source);
        if (call.span()) call.span()->only_written(y);
        Shape shape = broadcast_shape(call, "source", x.shape, "destination", y.shape);
        call.require(shape == y.shape, "source of shape %s does not broadcast to destination of shape %s",
                     shown(x.shape), shown(y.shape));
        for (int i = 0; i < y.rank(); i++)
            call.require(y.stride[i] != 0 || y.shape[i] <= 1,
                         "destination is an expanded view: its elements share memory and cannot be written");
        if (y.elements() == 0) return;
        if (call.storage_of(0) == call.storage_of(1)) {
            View aside = call.temporary(x.type, x.shape);
            call.kernel(call.backend().copy)(x, aside);
            x = aside;
        }
        call.kernel(call.backend().copy)(expanded(x, y.shape), y);
    });
}

hb_tensor hb_cast(hb_tensor x, hb_dtype dtype) {
    return result_of("cast", [&](Call& call) {
        View v = call.strided("x", x);
        copy_into(call, v, call.out(dtype_argument(call, dtype), v.shape));
    });
}

hb_tensor hb_to_device(hb_tensor x, hb_device device) {
    return result_of("to_device", [&](Call& call) {
        View v = call.dense("x", x);
        const Backend& from = call.backend();
        hb_device source = call.device();
        backend_of(device);
        int64_t bytes = v.elements() * size_of(v.type);
        Call target("to_device");
        target.use_device(device);
        View y = target.out(v.type, v.shape);
        if (bytes > 0) {
            if (source == HB_DEVICE_CPU) {
                target.backend().copy_in(y.data, v.data, bytes);
            } else if (device == HB_DEVICE_CPU) {
                from.copy_out(y.data, v.data, bytes);
            } else {
                void* between = backend_of(HB_DEVICE_CPU).allocate(bytes);
                from.copy_out(between, v.data, bytes);
                target.backend().copy_in(y.data, between, bytes);
                backend_of(HB_DEVICE_CPU).release(between);
            }
        }
        // The result moves to the outer call, which hands it to the caller.
        hb_tensor result = target.handle(0);
        target.keep();
        call.adopt(result);
    });
}

hb_tensor hb_reshape(hb_tensor x, int32_t rank, const int64_t* sizes) {
    return result_of("reshape", [&](Call& call) {
        View v = call.strided("x", x);
        call.require(rank >= 0 && rank <= HB_MAX_RANK, "rank is %d; expected 0..%d", rank, HB_MAX_RANK);
        if (rank > 0) call.not_null("shape", sizes);
        Shape shape;
        int open = -1;
        int64_t known = 1;
        for (int i = 0; i < rank; i++) {
            call.require(sizes[i] >= -1, "shape[%d] is %lld; expected >= 0, or -1 once", i, (long long)sizes[i]);
            if (sizes[i] == -1) {
                call.require(open < 0, "shape has -1 at %d and %d; one is allowed", open, i);
                open = i;
            } else {
                call.require(sizes[i] <= int64_t(1) << 46, "shape[%d] is %lld: too large", i, (long long)sizes[i]);
                call.require(!__builtin_mul_overflow(known, sizes[i], &known), "shape has too many elements");
            }
            shape.add(sizes[i]);
        }
        if (open >= 0) {
            call.require(known > 0 && v.elements() % known == 0,
                         "x of shape %s has %lld elements: no whole number fits in place of -1", shown(v.shape),
                         (long long)v.elements());
            shape[open] = v.elements() / known;
        }
        call.require(shape.elements() == v.elements(), "x of shape %s has %lld elements but shape %s has %lld",
                     shown(v.shape), (long long)v.elements(), shown(shape), (long long)shape.elements());
        View result;
        if (restride(v, shape, result)) {
            call.out_view(call.storage_of(0), result);
            return;
        }
        View y = call.out(v.type, shape);
        y.shape = v.shape;
        y.make_dense_strides();
        copy_into(call, v, y);
    });
}

hb_tensor hb_slice(hb_tensor x, int32_t dimension, int64_t start, int64_t stop, int64_t step) {
    return result_of("slice", [&](Call& call) {
        View v = call.strided("x", x);
        call.require(dimension >= 0 && dimension < v.rank(), "dimension is %d; x of shape %s has dimensions 0..%d",
                     dimension, shown(v.shape), v.rank() - 1);
        call.require(step >= 1, "step is %lld; expected >= 1", (long long)step);
        call.require(start >= 0 && start <= stop && stop <= v.shape[dimension],
                     "[start, stop) is [%lld, %lld); expected 0 <= start <= stop <= %lld", (long long)start,
                     (long long)stop, (long long)v.shape[dimension]);
        int64_t count = (stop - start + step - 1) / step;
        call.out_view(call.storage_of(0), window(v, dimension, start, count, step));
    });
}

hb_tensor hb_permute(hb_tensor x, int32_t rank, const int32_t* order) {
    return result_of("permute", [&](Call& call) {
        View v = call.strided("x", x);
        call.require(rank == v.rank(), "order has %d entries; x of shape %s needs %d", rank, shown(v.shape), v.rank());
        if (rank > 0) call.not_null("order", order);
        View result = v;
        bool seen[HB_MAX_RANK] = {};
        for (int i = 0; i < rank; i++) {
            call.require(order[i] >= 0 && order[i] < rank && !seen[order[i]],
                         "order[%d] is %d; each of 0..%d must occur once", i, order[i], rank - 1);
            seen[order[i]] = true;
            result.shape[i] = v.shape[order[i]];
            result.stride[i] = v.stride[order[i]];
        }
        call.out_view(call.storage_of(0), result);
    });
}

hb_tensor hb_expand(hb_tensor x, int32_t rank, const int64_t* sizes) {
    return result_of("expand", [&](Call& call) {
        View v = call.strided("x", x);
        Shape shape = call.shape_argument(rank, sizes);
        call.require(shape.rank >= v.rank() && broadcast_shape(call, "x", v.shape, "shape", shape) == shape,
                     "x of shape %s does not expand to %s", shown(v.shape), shown(shape));
        call.out_view(call.storage_of(0), expanded(v, shape));
    });
}

hb_tensor hb_dense(hb_tensor x) {
    return result_of("dense", [&](Call& call) {
        View v = call.strided("x", x);
        if (v.dense())
            call.out_view(call.storage_of(0), v);
        else
            copy_into(call, v, call.out(v.type, v.shape));
    });
}

hb_tensor hb_concat(int32_t count, const hb_tensor* tensors, int32_t dimension) {
    return result_of("concat", [&](Call& call) {
        call.require(count >= 1, "count is %d; expected >= 1", count);
        call.not_null("tensors", tensors);
        // Two passes, one tensor held at a time: the number of tensors is not bounded.
        Shape shape;
        DType type = DType::F32;
        char name[40];
        for (int i = 0; i < count; i++) {
            std::snprintf(name, sizeof name, "tensors[%d]", i);
            Call one("concat");
            if (i > 0) one.use_device(call.device());
            View v = one.strided(name, tensors[i]);
            if (i == 0) {
                call.use_device(one.device());
                shape = v.shape;
                type = v.type;
                call.require(dimension >= 0 && dimension < v.rank(),
                             "dimension is %d; tensors of shape %s have dimensions 0..%d", dimension, shown(shape),
                             shape.rank - 1);
                continue;
            }
            call.require_type(name, v, type);
            bool fits = v.rank() == shape.rank;
            for (int d = 0; fits && d < shape.rank; d++) fits = d == dimension || v.shape[d] == shape[d];
            call.require(fits, "%s has shape %s; it must equal %s but for dimension %d", name, shown(v.shape),
                         shown(shape), dimension);
            shape[dimension] += v.shape[dimension];
        }
        View y = call.out(type, shape);
        if (call.span()) call.span()->bytes(bytes_of(y), bytes_of(y));
        int64_t at = 0;
        for (int i = 0; i < count; i++) {
            Call one("concat");
            View v = one.strided("tensors", tensors[i]);
            copy_into(one, v, window(y, dimension, at, v.shape[dimension]));
            at += v.shape[dimension];
        }
    });
}

hb_tensor hb_pad(hb_tensor x, const int64_t* before, const int64_t* after, double value) {
    return result_of("pad", [&](Call& call) {
        View v = call.strided("x", x);
        if (v.rank() > 0) {
            call.not_null("before", before);
            call.not_null("after", after);
        }
        Shape shape = v.shape;
        for (int d = 0; d < v.rank(); d++) {
            constexpr int64_t kLargest = int64_t(1) << 46;
            call.require(std::abs(before[d]) < kLargest && std::abs(after[d]) < kLargest,
                         "padding of dimension %d is %lld, %lld: too large", d, (long long)before[d],
                         (long long)after[d]);
            shape[d] = v.shape[d] + before[d] + after[d];
            call.require(shape[d] >= 0, "before[%d] = %lld and after[%d] = %lld cut more than x of shape %s has", d,
                         (long long)before[d], d, (long long)after[d], shown(v.shape));
        }
        View y = call.out(v.type, shape);
        if (y.elements() == 0) return;
        View from = v, to = y;
        bool covered = true;
        for (int d = 0; d < v.rank(); d++) {
            int64_t cut_low = std::max<int64_t>(0, -before[d]), cut_high = std::max<int64_t>(0, -after[d]);
            int64_t count = std::max<int64_t>(0, v.shape[d] - cut_low - cut_high);
            // Cuts larger than the tensor leave nothing of it.
            if (count == 0) cut_low = 0;
            from = window(from, d, cut_low, count);
            to = window(to, d, count == 0 ? 0 : std::max<int64_t>(0, before[d]), count);
            covered &= count == shape[d];
        }
        if (!covered) call.kernel(call.backend().fill)(y, value);
        copy_into(call, from, to);
    });
}

hb_tensor hb_gather_rows(hb_tensor x, hb_tensor index) {
    return result_of("gather_rows", [&](Call& call) {
        View v = call.dense("x", x);
        call.require_rank_at_least("x", v, 1);
        View i = call.indices("index", index, v.shape[0]);
        call.require_rank("index", i, 1);
        Shape shape = v.shape;
        shape[0] = i.shape[0];
        View y = call.out(v.type, shape);
        if (call.span()) call.span()->bytes(bytes_of(y) + bytes_of(i), bytes_of(y));
        if (y.elements() > 0) call.kernel(call.backend().gather_rows)(v, i, y);
    });
}

hb_status hb_scatter_rows(hb_tensor destination, hb_tensor index, hb_tensor source, int32_t add) {
    return status_of("scatter_rows", 0, nullptr, [&](Call& call, hb_tensor*) {
        View y = call.target("destination", destination);
        call.require_rank_at_least("destination", y, 1);
        View i = call.indices("index", index, y.shape[0]);
        call.require_rank("index", i, 1);
        View x = call.dense("source", source);
        Shape shape = y.shape;
        shape[0] = i.shape[0];
        call.require_shape("source", x, shape);
        call.require_type("source", x, y.type);
        call.require(!add || is_floating(y.type), "destination has type %s; add needs f32, f64 or bf16",
                     name_of(y.type));
        if (call.span()) call.span()->bytes(bytes_of(x) * (add ? 2 : 1) + bytes_of(i), bytes_of(x));
        if (x.elements() > 0) call.kernel(call.backend().scatter_rows)(y, i, x, add != 0);
    });
}

hb_tensor hb_take_along_rows(hb_tensor x, hb_tensor index) {
    return result_of("take_along_rows", [&](Call& call) {
        View v = call.floating("x", x);
        call.require_rank("x", v, 2);
        View i = call.indices("index", index, v.shape[1]);
        call.require_shape("index", i, shape_of(v.shape[0]));
        View y = call.out(v.type, i.shape);
        if (call.span()) call.span()->bytes(bytes_of(y) + bytes_of(i), bytes_of(y));
        if (y.elements() > 0) call.kernel(call.backend().take_along_rows)(v, i, y);
    });
}

hb_tensor hb_where(hb_tensor condition, hb_tensor a, hb_tensor b) {
    return result_of("where", [&](Call& call) {
        View c = call.strided("condition", condition);
        call.require_type("condition", c, DType::U8);
        View av = call.strided("a", a), bv = call.strided("b", b);
        call.require_type("b", bv, av.type);
        Shape shape = broadcast_shape(call, "a", av.shape, "b", bv.shape);
        shape = broadcast_shape(call, "condition", c.shape, "a and b", shape);
        View y = call.out(av.type, shape);
        if (y.elements() > 0)
            call.kernel(call.backend().where)(expanded(c, shape), expanded(av, shape), expanded(bv, shape), y);
    });
}

}  // extern "C"
