// How many blocks of a kernel a multiprocessor holds at once, by the toolkit's own calculation.
#pragma once

#include <string>

#include "budget/facts.h"

namespace hb::budget {

struct Occupancy {
    int blocks = 0;   // 0: the launch fails
    int percent = 0;  // of the warps that a multiprocessor can hold
    // What there would have to be more of for another block.
    std::string limit;
};

// For blocks of so many threads with so much dynamic shared memory. Throws std::runtime_error where the architecture is
// not known; those that are: sm_80, sm_90a, sm_100.
Occupancy occupancy(const std::string& architecture, const Resources& kernel, int threads, int dynamic_shared);

}  // namespace hb::budget
