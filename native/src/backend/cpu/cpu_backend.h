// The CPU backend: one table per instruction tier, chosen once from what the CPU can do.
#pragma once

#include "backend/backend.h"

namespace hb::cpu {

// The table in use. Its address does not change when the tier does.
const Backend& backend();

// Throws Error: ARGUMENT for an unknown name, UNSUPPORTED when the CPU lacks the tier's instructions.
void set_tier(const char* tier);
const char* tier();
// How the tier in use multiplies bf16: "widened" to f32, or by the CPU's own products, "avx512_bf16" or "amx".
const char* bf16_products();
bool supported(const char* tier);

}  // namespace hb::cpu
