#include "kernels/kernels.h"

namespace hb::cuda {

void add_convolution(Backend&) {}

}  // namespace hb::cuda
