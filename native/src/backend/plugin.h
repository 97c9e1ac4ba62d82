// What a backend in a library of its own offers the engine, such as libhornbeam_cuda.so.
//
// Its functions never throw: both libraries carry their own C++ runtime. What a kernel throws is kept by the plugin, by
// thread, and thrown again by the engine (loaded_backend.cpp).
#pragma once

#include "backend/backend.h"

namespace hb {

struct BackendPlugin {
    uint32_t version;        // kBackendVersion of the sources that it was built from
    int32_t devices;         // that can be used; 0 where none can
    const char* reason;      // why not; empty else
    const Backend* backend;  // functions of the selected device
    // Of the calling thread: which device the functions work on.
    void (*select)(int32_t device);
    // Of the process: hb_set_exact, told when it is called and once after the plugin was opened.
    void (*set_exact)(int32_t exact);
    // HB_OK, or the status of the calling thread's last function that failed, whose message is written to text. Forgets
    // it.
    hb_status (*take_error)(char* text, int64_t capacity);
    // What was found, as a JSON object; as hb_info.
    int64_t (*facts)(char* text, int64_t capacity);
};

// The one symbol that such a library exports. A plugin of another version has only its version and a reason.
using OpenBackendPlugin = const BackendPlugin* (*)(uint32_t version);
inline constexpr const char* kOpenBackendPlugin = "hornbeam_open_backend";

}  // namespace hb
