// Sums over the replicas of a network.
#include <cmath>
#include <memory>
#include <vector>

#include "capi/tensor_list.h"

using namespace hb;

namespace {

constexpr int kMostReplicas = 64;
constexpr int kPerKind = 256;  // hb_device = kind * 256 + index

}  // namespace

extern "C" {

hb_status hb_all_reduce(int32_t replicas, int32_t count, const hb_tensor* tensors, const double* weights) {
    return status_of("all_reduce", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.require(replicas >= 1 && replicas <= kMostReplicas, "replicas is %d; expected 1..%d", replicas,
                     kMostReplicas);
        call.require(count >= 0, "count is %d; expected >= 0", count);
        if (count == 0) return;
        call.not_null("tensors", tensors);
        std::vector<double> factors(size_t(replicas), 1.0);
        std::vector<std::unique_ptr<Tensors>> lists;
        for (int r = 0; r < replicas; r++) {
            if (weights) factors[size_t(r)] = weights[r];
            call.require(std::isfinite(factors[size_t(r)]), "weights[%d] is %g; expected a finite number", r,
                         factors[size_t(r)]);
            const std::string name = format("tensors[%d]", r);
            lists.push_back(std::make_unique<Tensors>(call, name.c_str(), count, tensors + int64_t{r} * count, true));
        }
        const Tensors& first = *lists[0];
        std::vector<int32_t> devices;
        std::vector<View> views;
        const View* typed = nullptr;
        for (int r = 0; r < replicas; r++) {
            const Tensors& own = *lists[size_t(r)];
            call.require(own.device() / kPerKind == first.device() / kPerKind &&
                             (own.device() < 0) == (first.device() < 0),
                         "tensors[%d] is on device %d but tensors[0] is on device %d; expected devices of one kind", r,
                         own.device(), first.device());
            devices.push_back(own.device() % kPerKind);
            for (int i = 0; i < count; i++) {
                const View& v = own[i];
                call.require(bool(v) == bool(first[i]), "tensors[%d][%d] is %s; tensors[0][%d] is %s", r, i,
                             v ? "there" : "absent", i, first[i] ? "there" : "absent");
                if (v) {
                    if (!typed) typed = &v;
                    call.require(v.shape == first[i].shape, "tensors[%d][%d] has shape %s; tensors[0][%d] has %s", r, i,
                                 shown(v.shape), i, shown(first[i].shape));
                    call.require(v.type == typed->type, "tensors[%d][%d] has type %s; others have %s", r, i,
                                 name_of(v.type), name_of(typed->type));
                }
                const bool empty = v && v.elements() == 0;
                views.push_back(empty ? View{} : v);
                if (ProfileSpan* span = call.span(); span && v) {
                    span->read(v);
                    span->written(v);
                }
            }
        }
        if (!typed) return;
        call.use_device(first.device());
        call.kernel(call.backend().all_reduce)(replicas, count, devices.data(), views.data(), factors.data());
    });
}

}  // extern "C"
