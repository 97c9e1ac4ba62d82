#include "emulation/fiber.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <sys/mman.h>

// The six registers that a function must leave as it found them, in the System V ABI; rsp is the seventh. The control
// words of floating point are the same in all fibers.
asm(R"(
    .text
    .globl hb_emulation_switch
    .hidden hb_emulation_switch
    .type hb_emulation_switch, @function
    .p2align 4
hb_emulation_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size hb_emulation_switch, . - hb_emulation_switch
)");

namespace hb::emulation {

namespace {
constexpr uint64_t kCanary = 0x5ca1ab1e0ddba11;
}

Stacks::Stacks() {
    size_t bytes = kStacks * kBytes;
    void* memory =
        mmap(nullptr, bytes + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        std::fprintf(stderr, "emulation: no memory for the stacks of %d threads\n", kStacks);
        std::abort();
    }
    // Aligned, and on huge pages where the system gives them: a block switches among hundreds of stacks.
    uintptr_t aligned = (reinterpret_cast<uintptr_t>(memory) + (2 << 20) - 1) & ~uintptr_t((2 << 20) - 1);
    base_ = reinterpret_cast<char*>(aligned);
    madvise(base_, bytes, MADV_HUGEPAGE);
    for (int i = 0; i < kStacks; i++) *reinterpret_cast<uint64_t*>(bottom(i)) = kCanary;
}

void* Stacks::prepare(int stack, void (*entry)()) const {
    char* top = bottom(stack) + kBytes - (stack % 32) * 192;
    void** words = reinterpret_cast<void**>(top);
    *--words = nullptr;  // the ABI wants rsp + 8 to be a multiple of 16 at a function's entry
    *--words = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; i++) *--words = nullptr;
    return words;
}

bool Stacks::overflowed(int stack) const { return *reinterpret_cast<uint64_t*>(bottom(stack)) != kCanary; }

}  // namespace hb::emulation
