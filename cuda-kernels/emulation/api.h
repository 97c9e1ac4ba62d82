// How the functions of the runtime's API begin and end.
#pragma once

#include "emulation/queue.h"

namespace hb::emulation {

// Keeps an error for cudaGetLastError.
inline cudaError_t keep(cudaError_t result) {
    // Not ready is an answer and no error.
    if (result != cudaSuccess && result != cudaErrorNotReady) last_error() = result;
    return result;
}

// Runs a function of the API under the lock. After a kernel failed, every call returns the failure.
template <class Body>
cudaError_t call(Body body) {
    Runtime& all = runtime();
    std::lock_guard guard(all.lock);
    if (all.failure != cudaSuccess) return keep(all.failure);
    cudaError_t result = body(all);
    return keep(all.failure != cudaSuccess ? all.failure : result);
}

}  // namespace hb::emulation
