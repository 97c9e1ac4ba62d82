// By whom an op is computed: the kernels written here (hand), or NVIDIA's libraries (library).
//
// HORNBEAM_CUDA_VARIANT = hand (the standard), library, or auto (library where it was found), for all ops that have
// both; or several, apart by commas, of which those with a name are for one op: "library,conv2d=hand". The ops: matmul,
// conv2d, conv2d_backward_data, conv2d_backward_weight, all_reduce; linear layers are convolutions of single pixels.
//
// A library computes what it can: convolutions of single pixels, without stride, are products, the others are cuDNN's.
// Products with a bias, or with the gradient of one, are cuBLASLt's, which does both at once; other products are
// cuBLAS's. The variants cublas and cublaslt give that one all products, to compare them. Sums over devices are NCCL's.
// Weight noise is drawn by the kernel of perturb_weight, for each noise run apart. The rest is left to hand: the chain
// rule through multiplicative noise, bf16 convolutions with a bias of more than single pixels, sizes beyond the
// library's integers, f64.
#pragma once

#include <string>

#include "backend/backend.h"

namespace hb::cuda {

// Replaces the functions of `table`, complete by then, for which a library was chosen. Throws Error(HB_ERROR_ARGUMENT).
void add_libraries(Backend& table);

// What was found and chosen: two members of a JSON object, "libraries": {…}, "variants": {…}.
std::string library_facts();

// Whether f32 products may be computed in tf32: HORNBEAM_CUDA_F32=tf32, unless hb_set_exact forbids it.
bool f32_by_tf32();

}  // namespace hb::cuda
