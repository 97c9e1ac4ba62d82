#include "capi/call.h"

#include <cstring>
#include <new>
#include <string>

#include "backend/cpu/cpu_backend.h"
#include "backend/loaded/loaded_backend.h"
#include "backend/null/null_backend.h"

namespace hb {
namespace {
thread_local std::string last_error;
}

void set_last_error(const char* op, const char* message) {
    try {
        // Messages that already begin with the op's name stay as they are.
        size_t n = std::strlen(op);
        if (std::strncmp(message, op, n) == 0 && message[n] == ':')
            last_error = message;
        else
            last_error = std::string(op) + ": " + message;
    } catch (...) {
        last_error.clear();
    }
}

const Backend& backend_of(hb_device device) {
    if (device == HB_DEVICE_CPU) return cpu::backend();
    if (device == HB_DEVICE_NULL) return null_device::backend();
    if (device >= HB_DEVICE_CUDA && device < HB_DEVICE_CUDA + 256) return loaded::cuda_backend(device - HB_DEVICE_CUDA);
    fail(HB_ERROR_DEVICE, "device number %d is unknown; 0 is cpu, 512 + i is cuda:i", device);
}

Call::~Call() {
    for (int i = 0; i < output_count_; i++) release_tensor(outputs_[i]);
    for (int i = 0; i < temporary_count_; i++) backend_->release(temporaries_[i]);
    for (int i = 0; i < input_count_; i++) drop(inputs_[i]);
}

void Call::refuse(const char* pattern, ...) const {
    va_list arguments;
    va_start(arguments, pattern);
    char text[1024];
    std::vsnprintf(text, sizeof text, pattern, arguments);
    va_end(arguments);
    fail(HB_ERROR_ARGUMENT, "%s: %s", op_, text);
}

void Call::unsupported() const {
    fail(HB_ERROR_UNSUPPORTED, "%s: device %s has no kernel for it", op_, backend_->name);
}

void Call::use_device(hb_device device) {
    backend_ = &backend_of(device);
    device_ = device;
}

View Call::acquire_view(const char* name, hb_tensor handle) {
    if (input_count_ == kMany) fail(HB_ERROR_INTERNAL, "%s: too many arguments", op_);
    Tensor t = acquire(handle, op_, name);
    inputs_[input_count_++] = t.storage;
    if (device_ < 0) {
        backend_ = t.storage->backend;
        device_ = t.storage->device;
        first_name_ = name;
    } else {
        require(t.storage->device == device_, "%s is on device %d but %s is on device %d; move one of them", name,
                t.storage->device, first_name_ ? first_name_ : "the result", device_);
    }
    if (span_) [[unlikely]]
        span_->read(t.view);
    return t.view;
}

View Call::make_dense(const View& view) {
    if (view.dense()) {
        View v = view;
        v.make_dense_strides();
        return v;
    }
    View copy = temporary(view.type, view.shape);
    kernel(backend_->copy)(view, copy);
    return copy;
}

void Call::fix_type(const char* name, const View& view) {
    require(is_floating(view.type), "%s has type %s; expected f32, f64 or bf16 (cast it first)", name,
            name_of(view.type));
    if (!typed_name_) {
        typed_name_ = name;
        type_ = view.type;
    } else {
        require(view.type == type_, "%s has type %s but %s has %s; both must be equal", name, name_of(view.type),
                typed_name_, name_of(type_));
    }
}

void Call::fix_parameter_type(const char* name, const View& view) {
    require(view.type == DType::F32 || view.type == DType::F64, "%s has type %s; expected f32 or f64 (cast it first)",
            name, name_of(view.type));
    if (!typed_name_) return fix_type(name, view);
    require(view.type == parameter_type(), "%s has type %s but %s has %s, with which it must be %s", name,
            name_of(view.type), typed_name_, name_of(type_), name_of(parameter_type()));
}

View Call::strided(const char* name, hb_tensor handle) { return acquire_view(name, handle); }
View Call::dense(const char* name, hb_tensor handle) { return make_dense(acquire_view(name, handle)); }
View Call::floating(const char* name, hb_tensor handle) {
    View v = acquire_view(name, handle);
    fix_type(name, v);
    return make_dense(v);
}
View Call::floating_strided(const char* name, hb_tensor handle) {
    View v = acquire_view(name, handle);
    fix_type(name, v);
    return v;
}
View Call::parameter(const char* name, hb_tensor handle) {
    View v = acquire_view(name, handle);
    fix_parameter_type(name, v);
    return make_dense(v);
}
View Call::indices(const char* name, hb_tensor handle, int64_t bound) {
    View v = dense(name, handle);
    require_type(name, v, DType::I64);
    if (v.elements() > 0)
        require(kernel(backend_->indices_in_range)(v, bound), "%s has a value outside 0..%lld", name,
                (long long)bound - 1);
    return v;
}
View Call::target(const char* name, hb_tensor handle) {
    View v = acquire_view(name, handle);
    require(v.dense(), "%s is written in place and must be dense; it is a strided view of shape %s", name,
            shown(v.shape));
    v.make_dense_strides();
    if (span_) [[unlikely]]
        span_->written(v);
    return v;
}

void Call::require_rank(const char* name, const View& view, int rank) const {
    require(view.rank() == rank, "%s has shape %s; expected rank %d", name, shown(view.shape), rank);
}
void Call::require_rank_at_least(const char* name, const View& view, int rank) const {
    require(view.rank() >= rank, "%s has shape %s; expected rank >= %d", name, shown(view.shape), rank);
}
void Call::require_shape(const char* name, const View& view, const Shape& shape) const {
    require(view.shape == shape, "%s has shape %s; expected %s", name, shown(view.shape), shown(shape));
}
void Call::require_type(const char* name, const View& view, DType type) const {
    require(view.type == type, "%s has type %s; expected %s", name, name_of(view.type), name_of(type));
}
void Call::not_null(const char* name, const void* pointer) const {
    require(pointer != nullptr, "%s is a null pointer", name);
}

Noise Call::noise(const hb_noise* given, const char* name) const {
    Noise none{};
    none.sub_batches = 1;
    if (!given) return none;
    require(given->sub_batches >= 1 && given->sub_batches <= 1 << 20, "%s.sub_batches is %d; expected 1..1048576", name,
            given->sub_batches);
    if (given->kind == HB_NOISE_NONE) {
        // The runs still count: statistics groups follow them.
        none.sub_batches = given->sub_batches;
        return none;
    }
    require(given->kind == HB_NOISE_MULTIPLICATIVE || given->kind == HB_NOISE_ADDITIVE,
            "%s.kind is %d; expected 0 (none), 1 (multiplicative) or 2 (additive)", name, given->kind);
    require(given->gradient == HB_GRADIENT_AT_PERTURBED || given->gradient == HB_GRADIENT_CHAIN_RULE,
            "%s.gradient is %d; expected 0 (at perturbed) or 1 (chain rule)", name, given->gradient);
    require(given->sigma >= 0 && given->sigma <= 1e6f, "%s.sigma is %g; expected 0..1e6", name, given->sigma);
    require(given->first_stream < (1u << 24) && given->first_stream + given->sub_batches <= 1u << 24,
            "%s.first_stream is %u; first_stream + sub_batches must be at most 2^24", name, given->first_stream);
    return *given;
}

void Call::check_stream(const hb_stream* stream) const {
    not_null("stream", stream);
    require(stream->purpose < 256, "stream.purpose is %u; expected 0..255", stream->purpose);
    require(stream->stream < 1u << 24, "stream.stream is %u; expected less than 2^24", stream->stream);
}

Shape Call::shape_argument(int32_t rank, const int64_t* sizes) const {
    require(rank >= 0 && rank <= HB_MAX_RANK, "rank is %d; expected 0..%d", rank, HB_MAX_RANK);
    if (rank > 0) not_null("shape", sizes);
    Shape shape;
    for (int i = 0; i < rank; i++) {
        require(sizes[i] >= 0, "shape[%d] is %lld; expected >= 0", i, (long long)sizes[i]);
        shape.add(sizes[i]);
    }
    return shape;
}

View Call::out(DType type, const Shape& shape) {
    if (output_count_ == 8) fail(HB_ERROR_INTERNAL, "%s: too many results", op_);
    hb_tensor h = new_tensor(device_, type, shape);
    outputs_[output_count_++] = h;
    Tensor t = acquire(h, op_, "result");
    drop(t.storage);  // the handle itself keeps it
    if (span_) [[unlikely]]
        span_->written(t.view);
    return t.view;
}

View Call::temporary(DType type, const Shape& shape) {
    if (temporary_count_ == kMany) fail(HB_ERROR_INTERNAL, "%s: too many temporaries", op_);
    View v;
    v.type = type;
    v.shape = shape;
    v.make_dense_strides();
    v.data = backend_->allocate(v.elements() * size_of(type));
    temporaries_[temporary_count_++] = v.data;
    return v;
}

hb_tensor Call::out_view(Storage* storage, const View& view) {
    hb_tensor h = new_view(storage, view);
    outputs_[output_count_++] = h;
    if (span_) [[unlikely]]
        span_->moved_nothing();
    return h;
}

void Call::adopt(hb_tensor result) { outputs_[output_count_++] = result; }

Shape broadcast_shape(const Call& call, const char* a_name, const Shape& a, const char* b_name, const Shape& b) {
    Shape result;
    result.rank = a.rank > b.rank ? a.rank : b.rank;
    for (int i = 0; i < result.rank; i++) {
        int ia = i - (result.rank - a.rank), ib = i - (result.rank - b.rank);
        int64_t na = ia < 0 ? 1 : a[ia], nb = ib < 0 ? 1 : b[ib];
        call.require(na == nb || na == 1 || nb == 1, "%s of shape %s and %s of shape %s do not broadcast together",
                     a_name, shown(a), b_name, shown(b));
        result[i] = na == 1 ? nb : na;
    }
    return result;
}

View expanded(const View& v, const Shape& shape) {
    View e = v;
    e.shape = shape;
    for (int i = 0; i < shape.rank; i++) {
        int from = i - (shape.rank - v.rank());
        e.stride[i] = from < 0 || (v.shape[from] == 1 && shape[i] != 1) ? 0 : v.stride[from];
    }
    return e;
}

}  // namespace hb

extern "C" const char* hb_last_error(void) { return hb::last_error.c_str(); }
