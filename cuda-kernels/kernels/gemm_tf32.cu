// The tile engine's kernels with product Tf32: gemm_tile.cuh.
#include "host/device.h"
#include "kernels/gemm_tile.cuh"

namespace hb::cuda {

void gemm_tf32(const GemmArguments& arguments, TileShape shape) { launch_product<Product::Tf32>(arguments, shape); }

}  // namespace hb::cuda
