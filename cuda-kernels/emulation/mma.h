// The functions of kernels/mma.cuh, for the CPU.
#pragma once

#include "emulation/collectives.h"
#include "emulation/tensor_core.h"

namespace hb::cuda {

HB_INLINED void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    emulation::mma_m16n8k16_bf16(d, a, b);
}
HB_INLINED void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    emulation::mma_m16n8k8_tf32(d, a, b);
}

HB_INLINED void ldmatrix_x4(uint32_t (&r)[4], const void* row) { emulation::load_matrices(r, 4, row, false); }
HB_INLINED void ldmatrix_x2(uint32_t (&r)[2], const void* row) { emulation::load_matrices(r, 2, row, false); }
HB_INLINED void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row) { emulation::load_matrices(r, 4, row, true); }
HB_INLINED void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row) { emulation::load_matrices(r, 2, row, true); }

template <int bytes>
HB_INLINED void cp_async(void* shared, const void* global, int valid = bytes) {
    emulation::copy_async(shared, global, bytes, static_cast<uint32_t>(valid));
}
HB_INLINED void cp_async_commit() { emulation::commit_copies(); }
template <int pending>
HB_INLINED void cp_async_wait() {
    emulation::wait_for_copies(pending);
}

}  // namespace hb::cuda
