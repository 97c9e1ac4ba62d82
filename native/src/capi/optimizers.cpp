// Optimizer steps over many tensors at once.
#include <cmath>

#include "capi/tensor_list.h"

using namespace hb;

namespace {

void require_alike(Call& call, int count, const char* name, const Tensors& tensors, const Tensors& parameters) {
    for (int i = 0; i < count; i++) {
        if (!tensors[i]) continue;
        call.require(tensors[i].shape == parameters[i].shape, "%s[%d] has shape %s; its parameter has %s", name, i,
                     shown(tensors[i].shape), shown(parameters[i].shape));
        call.require(tensors[i].type == parameters[i].type, "%s[%d] has type %s; its parameter has %s", name, i,
                     name_of(tensors[i].type), name_of(parameters[i].type));
    }
    call.require(tensors.device() < 0 || tensors.device() == parameters.device(),
                 "%s is on device %d but parameters are on device %d", name, tensors.device(), parameters.device());
}

// For the profile: what is read, and what is written. Where there is no gradient, nothing is done.
void count_bytes(const Call& call, int count, const Tensors& gradients, std::initializer_list<const Tensors*> read,
                 std::initializer_list<const Tensors*> written) {
    ProfileSpan* span = call.span();
    if (!span) return;
    int64_t elements = 0;
    for (int i = 0; i < count; i++) {
        if (!gradients[i]) continue;
        elements += gradients[i].elements();
        for (const Tensors* tensors : read)
            if (tensors) span->read((*tensors)[i]);
        for (const Tensors* tensors : written)
            if (tensors) span->written((*tensors)[i]);
    }
    span->elements(elements);
}

void check_count(Call& call, int count) { call.require(count >= 0, "count is %d; expected >= 0", count); }

void require_finite_at_least_0(Call& call, const char* name, double value) {
    call.require(value >= 0 && std::isfinite(value), "%s is %g; expected a finite number >= 0", name, value);
}

}  // namespace

extern "C" {

hb_status hb_sgd_step(int32_t count, const hb_tensor* parameters, const hb_tensor* gradients, const hb_tensor* momenta,
                      const double* decay, const hb_sgd_params* params) {
    return status_of("sgd_step", 0, nullptr, [&](Call& call, hb_tensor*) {
        check_count(call, count);
        call.not_null("params", params);
        require_finite_at_least_0(call, "learning_rate", params->learning_rate);
        require_finite_at_least_0(call, "momentum", params->momentum);
        require_finite_at_least_0(call, "weight_decay", params->weight_decay);
        bool has_momentum = params->momentum != 0;
        call.require(!params->nesterov || (has_momentum && params->dampening == 0),
                     "nesterov needs momentum > 0 and dampening 0; they are %g and %g", params->momentum,
                     params->dampening);
        if (count == 0) return;
        Tensors w(call, "parameters", count, parameters, false), g(call, "gradients", count, gradients, true);
        Tensors m(call, "momenta", has_momentum ? count : 0, momenta, false);
        require_alike(call, count, "gradients", g, w);
        if (has_momentum) require_alike(call, count, "momenta", m, w);
        call.use_device(w.device());
        const Tensors* momentum = has_momentum ? &m : nullptr;
        count_bytes(call, count, g, {&w, &g, momentum}, {&w, momentum});
        call.kernel(call.backend().sgd_step)(count, w.data(), g.data(), has_momentum ? m.data() : nullptr, decay,
                                             *params);
    });
}

hb_status hb_adam_step(int32_t count, const hb_tensor* parameters, const hb_tensor* gradients, const hb_tensor* first,
                       const hb_tensor* second, const hb_tensor* max_second, const double* decay,
                       const hb_adam_params* params) {
    return status_of("adam_step", 0, nullptr, [&](Call& call, hb_tensor*) {
        check_count(call, count);
        call.not_null("params", params);
        require_finite_at_least_0(call, "learning_rate", params->learning_rate);
        require_finite_at_least_0(call, "weight_decay", params->weight_decay);
        require_finite_at_least_0(call, "epsilon", params->epsilon);
        call.require(params->beta1 >= 0 && params->beta1 < 1, "beta1 is %g; expected 0 <= beta1 < 1", params->beta1);
        call.require(params->beta2 >= 0 && params->beta2 < 1, "beta2 is %g; expected 0 <= beta2 < 1", params->beta2);
        call.require(params->step >= 1, "step is %lld; expected >= 1", (long long)params->step);
        if (count == 0) return;
        bool amsgrad = params->amsgrad != 0;
        Tensors w(call, "parameters", count, parameters, false), g(call, "gradients", count, gradients, true);
        Tensors m(call, "first", count, first, false), v(call, "second", count, second, false);
        Tensors top(call, "max_second", amsgrad ? count : 0, max_second, false);
        require_alike(call, count, "gradients", g, w);
        require_alike(call, count, "first", m, w);
        require_alike(call, count, "second", v, w);
        if (amsgrad) require_alike(call, count, "max_second", top, w);
        call.use_device(w.device());
        const Tensors* largest = amsgrad ? &top : nullptr;
        count_bytes(call, count, g, {&w, &g, &m, &v, largest}, {&w, &m, &v, largest});
        call.kernel(call.backend().adam_step)(count, w.data(), g.data(), m.data(), v.data(),
                                              amsgrad ? top.data() : nullptr, decay, *params);
    });
}

hb_status hb_global_norm(int32_t count, const hb_tensor* tensors, double* norm) {
    return status_of("global_norm", 0, nullptr, [&](Call& call, hb_tensor*) {
        check_count(call, count);
        call.not_null("norm", norm);
        Tensors t(call, "tensors", count, tensors, true);
        *norm = 0;
        if (t.device() < 0) return;
        call.use_device(t.device());
        count_bytes(call, count, t, {&t}, {});
        *norm = std::sqrt(call.kernel(call.backend().sum_of_squares)(count, t.data()));
    });
}

hb_status hb_scale_all(int32_t count, const hb_tensor* tensors, double factor) {
    return status_of("scale_all", 0, nullptr, [&](Call& call, hb_tensor*) {
        check_count(call, count);
        Tensors t(call, "tensors", count, tensors, true);
        if (t.device() < 0) return;
        call.use_device(t.device());
        count_bytes(call, count, t, {&t}, {&t});
        call.kernel(call.backend().scale_all)(count, t.data(), factor);
    });
}

hb_status hb_ascend(int32_t count, const hb_tensor* parameters, const hb_tensor* gradients, const hb_tensor* backups,
                    const int32_t* adaptive_tensor, const hb_ascent_params* params, double* norm) {
    return status_of("ascend", 0, nullptr, [&](Call& call, hb_tensor*) {
        check_count(call, count);
        call.not_null("params", params);
        call.not_null("norm", norm);
        require_finite_at_least_0(call, "rho", params->rho);
        require_finite_at_least_0(call, "eta", params->eta);
        *norm = 0;
        if (count == 0) return;
        if (params->adaptive) call.not_null("adaptive_tensor", adaptive_tensor);
        Tensors w(call, "parameters", count, parameters, false), g(call, "gradients", count, gradients, true);
        Tensors b(call, "backups", count, backups, false);
        require_alike(call, count, "gradients", g, w);
        require_alike(call, count, "backups", b, w);
        call.use_device(w.device());
        count_bytes(call, count, g, {&w, &g}, {&w, &b});
        call.kernel(call.backend().ascend)(count, w.data(), g.data(), b.data(), adaptive_tensor, *params, norm);
    });
}

hb_status hb_restore(int32_t count, const hb_tensor* parameters, const hb_tensor* backups) {
    return status_of("restore", 0, nullptr, [&](Call& call, hb_tensor*) {
        check_count(call, count);
        if (count == 0) return;
        Tensors w(call, "parameters", count, parameters, false), b(call, "backups", count, backups, false);
        require_alike(call, count, "backups", b, w);
        call.use_device(w.device());
        count_bytes(call, count, b, {&b}, {&w});
        for (int i = 0; i < count; i++)
            if (w[i].elements() > 0) call.kernel(call.backend().copy)(b[i], w[i]);
    });
}

}  // extern "C"
