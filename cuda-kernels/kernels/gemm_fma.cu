// The tile engine's kernels with product Fma: gemm_tile.cuh.
#include "host/device.h"
#include "kernels/gemm_tile.cuh"

namespace hb::cuda {

void gemm_fma(const GemmArguments& arguments, TileShape shape) { launch_product<Product::Fma>(arguments, shape); }

}  // namespace hb::cuda
