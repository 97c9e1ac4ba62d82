// What the CPU and the system let kernels use.
#pragma once

namespace hb::cpu {

bool has_avx2();         // and what came with it: FMA, F16C, BMI2
bool has_avx512();       // F, BW, DQ and VL
bool has_avx512_bf16();  // on top of AVX-512
// AMX tiles with bf16 products, on top of AVX512-BF16. The first call that finds them asks Linux for permission to use
// them, which holds for the whole process from then on; a refusal is as if the CPU lacked them.
bool has_amx();

}  // namespace hb::cpu
