// What every function of the C ABI is made of: arguments fetched and checked by name, results that are released again
// when something fails later, and exceptions turned into a status and a message.
#pragma once

#include <initializer_list>
#include <string>

#include "backend/backend.h"
#include "core/profile.h"
#include "core/tensor.h"

namespace hb {

void set_last_error(const char* op, const char* message);

// A shape that a message may want to show.
struct ShownShape {
    const Shape* shape;
};
inline ShownShape shown(const Shape& shape) { return {&shape}; }
template <class T>
const T& text_for(const T& value) {
    return value;
}
inline std::string text_for(const ShownShape& shown) { return text_of(*shown.shape); }
template <class T>
const T& printable(const T& value) {
    return value;
}
inline const char* printable(const std::string& text) { return text.c_str(); }

class Call {
  public:
    explicit Call(const char* op) : op_(op) {}
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // ---- arguments. The first tensor fixes the device; the others must be there too.
    View strided(const char* name, hb_tensor handle);
    View dense(const char* name, hb_tensor handle);  // copied when it is not
    // Activations and their gradients: dense, f32, f64 or bf16, all of one call alike. The first fixes the type.
    View floating(const char* name, hb_tensor handle);
    View floating_strided(const char* name, hb_tensor handle);
    // Parameters, statistics, losses and the gradients of these: dense; f64 in an f64 call, f32 in any other.
    View parameter(const char* name, hb_tensor handle);
    DType parameter_type() const { return type_ == DType::BF16 ? DType::F32 : type_; }
    View indices(const char* name, hb_tensor handle, int64_t bound);  // dense i64, all in [0, bound)
    View target(const char* name, hb_tensor handle);                  // written in place: must be dense itself
    Storage* storage_of(int argument) const { return inputs_[argument]; }

    // ---- checks
    // printf-style, with shown(shape) for %s. Nothing is formatted unless the condition fails: a check costs no memory.
    template <class... Arguments>
    void require(bool condition, const char* pattern, const Arguments&... arguments) const {
        if (condition) [[likely]]
            return;
        [&](const auto&... texts) { refuse(pattern, printable(texts)...); }(text_for(arguments)...);
    }
    void require_rank(const char* name, const View& view, int rank) const;
    void require_rank_at_least(const char* name, const View& view, int rank) const;
    void require_shape(const char* name, const View& view, const Shape& shape) const;
    void require_type(const char* name, const View& view, DType type) const;
    void not_null(const char* name, const void* pointer) const;
    // A null pointer gives "no noise"; checks the rest against n samples.
    Noise noise(const hb_noise* given, const char* name = "noise") const;
    void check_stream(const hb_stream* stream) const;
    Shape shape_argument(int32_t rank, const int64_t* sizes) const;

    // ---- device
    void use_device(hb_device device);
    const Backend& backend() const { return *backend_; }
    hb_device device() const { return device_; }
    template <class Function>
    Function kernel(Function entry) const {
        if (!entry) unsupported();
        return entry;
    }

    // ---- results
    View out(DType type, const Shape& shape);        // a new tensor
    View temporary(DType type, const Shape& shape);  // gone when the call ends
    hb_tensor out_view(Storage* storage, const View& view);
    void adopt(hb_tensor result);  // made elsewhere, handed over
    hb_tensor handle(int result) const { return outputs_[result]; }
    void keep() { output_count_ = 0; }  // the results now belong to the caller

    // ---- the profile, while one is taken: inputs and results are counted as they are asked for
    void record_in(ProfileSpan& span) {
        span.begin(op_);
        if (span.open()) span_ = &span;
    }
    // Null where nothing is recorded.
    ProfileSpan* span() const { return span_; }
    // What the call computes: the arguments of ProfileSpan::work.
    template <class... Arguments>
    void work(const Arguments&... arguments) const {
        if (span_) [[unlikely]]
            span_->work(arguments...);
    }
    // Runs body, one of several kernels of this call: `op` alone would run it. It is recorded by itself.
    template <class Body>
    void part(const char* op, std::initializer_list<const View*> read, std::initializer_list<const View*> written,
              const ConvShape* shape, Body&& body) const {
        ProfileSpan part;
        if (span_) [[unlikely]] {
            part.begin(op);
            for (const View* view : read)
                if (*view) part.read(*view);
            for (const View* view : written)
                if (*view) part.written(*view);
            if (shape) part.work(*shape);
        }
        body();
        if (part.open()) [[unlikely]]
            part.end();
    }

    const char* op() const { return op_; }

  private:
    [[noreturn]] void refuse(const char* pattern, ...) const;
    View acquire_view(const char* name, hb_tensor handle);
    View make_dense(const View& view);
    void fix_type(const char* name, const View& view);
    void fix_parameter_type(const char* name, const View& view);
    [[noreturn]] void unsupported() const;

    static constexpr int kMany = 24;
    const char* op_;
    const Backend* backend_ = nullptr;
    hb_device device_ = -1;
    const char* first_name_ = nullptr;
    const char* typed_name_ = nullptr;
    DType type_ = DType::F32;
    Storage* inputs_[kMany];
    int input_count_ = 0;
    void* temporaries_[kMany];
    int temporary_count_ = 0;
    hb_tensor outputs_[8];
    int output_count_ = 0;
    ProfileSpan* span_ = nullptr;
};

// Runs body(call) and returns what it returns (a handle, or HB_OK), or the status of what it threw.
template <class Body>
auto guarded(const char* op, Body&& body) noexcept -> decltype(body(std::declval<Call&>())) {
    try {
        Call call(op);
        ProfileSpan span;
        if (profiling()) [[unlikely]]
            call.record_in(span);
        auto result = body(call);
        call.keep();
        if (span.open()) [[unlikely]]
            span.end();
        return result;
    } catch (const Error& error) {
        set_last_error(op, error.what());
        return error.status();
    } catch (const std::bad_alloc&) {
        set_last_error(op, "out of memory");
        return HB_ERROR_MEMORY;
    } catch (const std::exception& error) {
        set_last_error(op, error.what());
        return HB_ERROR_INTERNAL;
    }
}

// For ops with one result: runs body(call), and returns the handle of its first result.
template <class Body>
hb_tensor result_of(const char* op, Body&& body) noexcept {
    return guarded(op, [&](Call& call) -> hb_tensor {
        body(call);
        return call.handle(0);
    });
}

// For ops with several results, or none: writes `count` of them to out.
template <class Body>
hb_status status_of(const char* op, int count, hb_tensor* out, Body&& body) noexcept {
    return guarded(op, [&](Call& call) -> hb_status {
        if (count > 0) call.not_null("out", out);
        hb_tensor results[8] = {};
        body(call, results);
        for (int i = 0; i < count; i++) out[i] = results[i];
        return HB_OK;
    });
}

// The shape that a and b broadcast to, by numpy's rule.
Shape broadcast_shape(const Call& call, const char* a_name, const Shape& a, const char* b_name, const Shape& b);
// v seen with the larger shape, repeated dimensions having stride 0.
View expanded(const View& v, const Shape& shape);

}  // namespace hb
