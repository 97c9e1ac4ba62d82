// The asynchronous copies that each thread of the block has asked for and not waited for.
#pragma once

namespace hb::emulation {

// Whether any thread of the launch asked for one.
extern bool copies_asked;
// Makes the running thread's, as it returns.
void finish_copies();
// A launch begins, perhaps after one that was given up.
void drop_copies();

}  // namespace hb::emulation
