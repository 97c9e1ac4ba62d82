// bf16 for every op of a table whose kernels know f32 and f64: the bf16 views of a call are widened into f32 scratch,
// the f32 kernel runs, and what it wrote is rounded to bf16 once. This is what a tier's bf16 kernels must agree with;
// ops without one of their own run here.
#pragma once

#include "backend/backend.h"

namespace hb::cpu {

// The table `kernels` with entries that also take bf16. A call without bf16 views goes to `kernels`; one with them goes
// to the f32 kernel of `active`, the table in use, which may be made later and may change. One such table in a process.
Backend with_bf16(const Backend& kernels, const Backend& active);

}  // namespace hb::cpu
