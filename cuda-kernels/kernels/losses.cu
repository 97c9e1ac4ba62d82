#include "kernels/kernels.h"

namespace hb::cuda {

void add_losses(Backend&) {}

}  // namespace hb::cuda
