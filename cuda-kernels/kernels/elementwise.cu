#include "kernels/kernels.h"

namespace hb::cuda {

void add_elementwise(Backend&) {}

}  // namespace hb::cuda
