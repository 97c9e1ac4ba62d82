// The CUDA backend: a plugin, loaded when a CUDA device is first asked for.
#pragma once

#include <string>

#include "backend/backend.h"

namespace hb::loaded {

// Of cuda:index. Throws Error(HB_ERROR_DEVICE) with the reason when it cannot be used.
const Backend& cuda_backend(int index);

// What is known of the CUDA backend, as a JSON object: {"library": …, "devices": 0, "reason": …} where there is none.
std::string cuda_facts();
// Devices that can be used.
int cuda_devices();
// Tells the backend, where it is loaded, of hb_set_exact.
void set_exact(bool exact);

}  // namespace hb::loaded
