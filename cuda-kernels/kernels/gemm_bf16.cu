// The tile engine's kernels with product Bf16: gemm_tile.cuh.
#include "host/device.h"
#include "kernels/gemm_tile.cuh"

namespace hb::cuda {

void gemm_bf16(const GemmArguments& arguments, TileShape shape) { launch_product<Product::Bf16>(arguments, shape); }

}  // namespace hb::cuda
