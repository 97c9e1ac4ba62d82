// Whether kernels may use algorithms that save multiplications at the price of a few bits.
#pragma once

namespace hb {

bool exact();  // set by hb_set_exact

}  // namespace hb
