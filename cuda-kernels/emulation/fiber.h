// Stacks, and the switch between them. A fiber is a stack with a function stopped on it.
#pragma once

#include <cstddef>

namespace hb::emulation {

// Saves the callee-saved registers on the present stack, its pointer in *save, and goes on where `to` was saved.
extern "C" void hb_emulation_switch(void** save, void* to);

// The stacks of all fibers, made at first use and kept. Numbers are below kStacks.
class Stacks {
  public:
    static constexpr int kStacks = 1024;
    // AddressSanitizer puts wide zones around every local array.
#ifdef __SANITIZE_ADDRESS__
    static constexpr size_t kBytes = 256 << 10;
#else
    static constexpr size_t kBytes = 32 << 10;
#endif

    Stacks();
    char* bottom(int stack) const { return base_ + stack * kBytes; }
    // What to switch to so that `entry`, which must not return, starts on the stack. Returns of the same depth lie at
    // different offsets in different stacks: at equal ones they would all compete for the same few lines of the cache.
    void* prepare(int stack, void (*entry)()) const;
    // Whether something ran over the end.
    bool overflowed(int stack) const;
    bool holds(const void* address) const {
        return static_cast<size_t>(static_cast<const char*>(address) - base_) < kStacks * kBytes;
    }

  private:
    char* base_;
};

}  // namespace hb::emulation
