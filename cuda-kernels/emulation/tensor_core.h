// The instructions that kernels write in assembly: products of small matrices, loads of their fragments, and
// asynchronous copies to shared memory. kernels/mma.cuh calls these where it is compiled for the CPU.
#pragma once

#include <cstdint>

namespace hb::emulation {
#pragma GCC visibility push(hidden)

// d += a b, by the whole warp. Fragments as PTX lays them out (PTX ISA, "Matrix Fragments for mma"). Products are
// exact and the sum is taken in f32 in the order of k, which a GPU does not promise.
void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
// The low 13 bits of the operands are ignored, as tensor cores ignore them.
void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);

// Loads `count` (1, 2 or 4) matrices of 8 rows of 16 bytes; lane l gives the address of row l % 8 of matrix l / 8.
void load_matrices(uint32_t* registers, uint32_t count, const void* row, bool transposed);

// Copies at the wait, as late as the instruction allows: what is read before holds what was there. `source_bytes`
// of the `bytes` (4, 8 or 16) are read and the others become zeros.
void copy_async(void* shared, const void* global, uint32_t bytes, uint32_t source_bytes);
// What was asked for since the last commit becomes a group.
void commit_copies();
// Until at most `pending` of the groups are not done.
void wait_for_copies(uint32_t pending);

#pragma GCC visibility pop
}  // namespace hb::emulation
