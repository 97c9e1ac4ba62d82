// Arrays of tensors as arguments: of optimizers and collectives.
#pragma once

#include <cstdio>

#include "capi/call.h"
#include "core/scratch.h"

namespace hb {

// The views of one array argument, each with a reference for the length of the call.
class Tensors {
  public:
    Tensors(Call& call, const char* name, int count, const hb_tensor* handles, bool optional)
        : views_(count), storages_(count) {
        if (count == 0) return;
        call.not_null(name, handles);
        for (int i = 0; i < count; i++) {
            View& v = *new (&views_[i]) View{};
            storages_[i] = nullptr;
            held_ = i + 1;
            if (handles[i] == 0 && optional) continue;
            char full[64];
            std::snprintf(full, sizeof full, "%s[%d]", name, i);
            try {
                Tensor t = acquire(handles[i], call.op(), full);
                storages_[i] = t.storage;
                v = t.view;
                if (device_ < 0) device_ = t.storage->device;
                call.require(t.storage->device == device_, "%s is on device %d but others are on device %d", full,
                             t.storage->device, device_);
                call.require(v.dense(), "%s must be dense; it is a strided view of shape %s", full, shown(v.shape));
                call.require(v.type == DType::F32 || v.type == DType::F64, "%s has type %s; expected f32 or f64", full,
                             name_of(v.type));
            } catch (...) {
                drop_all();
                throw;
            }
        }
    }
    ~Tensors() { drop_all(); }
    const View* data() const { return views_.data(); }
    const View& operator[](int i) const { return views_[i]; }
    hb_device device() const { return device_; }

  private:
    void drop_all() {
        for (int i = 0; i < held_; i++)
            if (storages_[i]) drop(storages_[i]);
        held_ = 0;
    }
    Scratch<View> views_;
    Scratch<Storage*> storages_;
    int held_ = 0;
    hb_device device_ = -1;
};

}  // namespace hb
