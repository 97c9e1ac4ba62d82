// A record of how kernels are started, for the budget: with how many threads, and how much dynamic shared memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hb::emulation {

// Appends a line to the file that HORNBEAM_EMULATED_LAUNCHES names, the first time that this process starts the kernel
// so: the source file's name without its end, the kernel's symbol, threads of a block, and bytes. Nothing where the
// variable is not set. Call with the runtime locked.
void record_launch(const void* kernel, uint64_t threads, size_t dynamic_shared_bytes);

}  // namespace hb::emulation
