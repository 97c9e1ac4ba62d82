#include "kernels/kernels.h"

namespace hb::cuda {

void add_reductions(Backend&) {}

}  // namespace hb::cuda
