// A device whose kernels do nothing: shapes, types, errors and lifetimes are real, numbers are zeros. It lets the Java
// side be tested, and its overhead be measured, without arithmetic.
#pragma once

#include "backend/backend.h"

namespace hb::null_device {
const Backend& backend();
}
