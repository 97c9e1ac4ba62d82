// Every op of the ABI by name; tests walk it to prove that none was forgotten.
#pragma once

#include "hornbeam.h"

namespace hb {
int op_count();
const hb_op_info& op_info(int index);
}  // namespace hb
