// What the machine can do at most, measured when asked.
#pragma once

namespace hb {

// GFLOP/s of f32 multiply-adds on registers, with the widest vectors that the CPU has whatever the tier, on threads()
// threads; 0 on a CPU without AVX2.
double measured_gflops();
// GB/s of the triad a = b + s c on arrays that no cache holds.
double measured_triad();

}  // namespace hb
