#include "kernels/kernels.h"

namespace hb::cuda {

void add_normalisation(Backend&) {}

}  // namespace hb::cuda
