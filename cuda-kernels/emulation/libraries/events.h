// What the emulated runtime has of events, for stand-ins that work on several streams.
#pragma once

#include <cuda_runtime_api.h>

namespace hb::emulation::libraries {

// Given to a stand-in's hornbeam_connect_events.
struct EventFunctions {
    cudaError_t (*get_device)(int*);
    cudaError_t (*set_device)(int);
    cudaError_t (*create)(cudaEvent_t*, unsigned);
    cudaError_t (*record)(cudaEvent_t, cudaStream_t);
    cudaError_t (*wait)(cudaStream_t, cudaEvent_t, unsigned);
    cudaError_t (*destroy)(cudaEvent_t);
};

}  // namespace hb::emulation::libraries
