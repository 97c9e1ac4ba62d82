// Tensors behind handles: a table of slots, each a window on a reference-counted storage.
#pragma once

#include <atomic>
#include <cstdint>

#include "backend/backend.h"
#include "core/view.h"

namespace hb {

// Device memory shared by the tensors that view it.
struct Storage {
    std::atomic<int64_t> references;
    const Backend* backend;
    hb_device device;
    int64_t bytes;
    void* data;
    int64_t identity;
};

struct Tensor {
    Storage* storage = nullptr;
    View view;  // data already includes the offset
};

// The backend of a device; throws Error(HB_ERROR_DEVICE) when it is not there.
const Backend& backend_of(hb_device device);

// A new tensor with its own storage, uninitialised.
hb_tensor new_tensor(hb_device device, DType type, const Shape& shape);
// A new tensor that views `storage`, whose reference count it raises.
hb_tensor new_view(Storage* storage, const View& view);
// The tensor of a handle, with a reference on its storage that the caller gives back with drop: another thread may
// release the handle meanwhile. Throws Error(HB_ERROR_HANDLE) naming the argument.
Tensor acquire(hb_tensor handle, const char* op, const char* argument);
void drop(Storage* storage);
void release_tensor(hb_tensor handle);

int64_t live_tensors();
int64_t live_storages();

}  // namespace hb
