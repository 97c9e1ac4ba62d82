// Which functions fill the CPU backend's table, tier by tier. A faster tier starts as a copy of the plain one and
// replaces what it does better; whatever it does not replace (and every F64 call) runs the scalar kernels. BF16 without
// a kernel of its own is widened, computed by the tier's F32 kernel, and rounded (widened.h).
#pragma once

#include "backend/backend.h"

namespace hb::cpu {

// The scalar tier: plain loops, one file per op family; also the oracle of the tests. F32 and F64.
namespace scalar {
void add_elementwise(Backend& table);
void add_movement(Backend& table);
void add_reductions(Backend& table);
void add_linear_algebra(Backend& table);
void add_convolution(Backend& table);
void add_pooling(Backend& table);
void add_normalisation(Backend& table);
void add_attention(Backend& table);
void add_losses(Backend& table);
void add_optimizers(Backend& table);
void add_collectives(Backend& table);
void add_random(Backend& table);
}  // namespace scalar

// The SIMD tiers: the files of simd/ compiled twice. `plain` has the scalar kernels, for F64 and for cases left to
// them, and takes BF16 to this tier's F32 kernels.
#define HB_DECLARE_TIER(tier)                                                                                          \
    namespace tier {                                                                                                   \
    void add_elementwise(Backend& table, const Backend& plain);                                                        \
    void add_movement(Backend& table, const Backend& plain);                                                           \
    void add_reductions(Backend& table, const Backend& plain);                                                         \
    void add_linear_algebra(Backend& table, const Backend& plain);                                                     \
    void add_convolution(Backend& table, const Backend& plain);                                                        \
    void add_pooling(Backend& table, const Backend& plain);                                                            \
    void add_normalisation(Backend& table, const Backend& plain);                                                      \
    void add_attention(Backend& table, const Backend& plain);                                                          \
    void add_losses(Backend& table, const Backend& plain);                                                             \
    void add_optimizers(Backend& table, const Backend& plain);                                                         \
    void add_random(Backend& table, const Backend& plain);                                                             \
    }
HB_DECLARE_TIER(avx2)
HB_DECLARE_TIER(avx512)
#undef HB_DECLARE_TIER

// The files of paired/, compiled twice: convolutions and matrix products in bf16 for a table that the avx512 tier has
// filled. `plain` is that table, for every other call.
namespace amx {
void add_products(Backend& table, const Backend& plain);
}
namespace avx512_bf16 {
void add_products(Backend& table, const Backend& plain);
}

}  // namespace hb::cpu
