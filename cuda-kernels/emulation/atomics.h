// Atomic operations. One thread runs at a time, so each is a plain read and write; builds with the checker tell it.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "emulation/thread.h"

namespace hb::emulation {

#ifdef HB_EMULATION_CHECKED
#pragma GCC visibility push(hidden)
void note_atomic(const void* address, uint32_t bytes, const void* site);
#pragma GCC visibility pop
// Not instrumented, and not inlined into code that is: the checker hears of the access as an atomic one, and the return
// address is the place in the kernel.
#define HB_ATOMIC [[gnu::noinline, gnu::no_sanitize("thread")]] inline
#define HB_UNCHECKED __attribute__((no_sanitize("thread")))
#define HB_NOTE_ATOMIC(address, bytes) ::hb::emulation::note_atomic(address, bytes, __builtin_return_address(0))
#else
#define HB_ATOMIC inline
#define HB_UNCHECKED
#define HB_NOTE_ATOMIC(address, bytes) static_cast<void>(0)
#endif

// So that the type is that of the address, and the operand is converted, as with CUDA's overloads.
template <class T>
using Same = std::type_identity_t<T>;

}  // namespace hb::emulation

#define HB_ATOMIC_OPERATION(name, result)                                                                              \
    template <class T>                                                                                                 \
    HB_ATOMIC T name(T* address, ::hb::emulation::Same<T> value) {                                                     \
        HB_NOTE_ATOMIC(address, sizeof(T));                                                                            \
        T old = *address;                                                                                              \
        *address = static_cast<T>(result);                                                                             \
        return old;                                                                                                    \
    }                                                                                                                  \
    template <class T>                                                                                                 \
    HB_ATOMIC T name##_block(T* address, ::hb::emulation::Same<T> value) {                                             \
        HB_NOTE_ATOMIC(address, sizeof(T));                                                                            \
        T old = *address;                                                                                              \
        *address = static_cast<T>(result);                                                                             \
        return old;                                                                                                    \
    }

HB_ATOMIC_OPERATION(atomicAdd, old + value)
HB_ATOMIC_OPERATION(atomicSub, old - value)
HB_ATOMIC_OPERATION(atomicExch, value)
HB_ATOMIC_OPERATION(atomicMin, value < old ? value : old)
HB_ATOMIC_OPERATION(atomicMax, value > old ? value : old)
HB_ATOMIC_OPERATION(atomicAnd, old& value)
HB_ATOMIC_OPERATION(atomicOr, old | value)
HB_ATOMIC_OPERATION(atomicXor, old ^ value)
HB_ATOMIC_OPERATION(atomicInc, old >= value ? 0 : old + 1)
HB_ATOMIC_OPERATION(atomicDec, old == 0 || old > value ? value : old - 1)
#undef HB_ATOMIC_OPERATION

template <class T>
HB_ATOMIC T atomicCAS(T* address, ::hb::emulation::Same<T> expected, ::hb::emulation::Same<T> value) {
    HB_NOTE_ATOMIC(address, sizeof(T));
    T old = *address;
    if (old == expected) *address = value;
    return old;
}

// Two of 16 bits: each half is added by itself, with the toolkit's own rounding on the host.
HB_ATOMIC __nv_bfloat162 atomicAdd(__nv_bfloat162* address, __nv_bfloat162 value) {
    HB_NOTE_ATOMIC(address, sizeof value);
    __nv_bfloat162 old = *address;
    *address = __hadd2(old, value);
    return old;
}
HB_ATOMIC __half2 atomicAdd(__half2* address, __half2 value) {
    HB_NOTE_ATOMIC(address, sizeof value);
    __half2 old = *address;
    *address = __hadd2(old, value);
    return old;
}
HB_ATOMIC float4 atomicAdd(float4* address, float4 value) {
    HB_NOTE_ATOMIC(address, sizeof value);
    float4 old = *address;
    *address = {old.x + value.x, old.y + value.y, old.z + value.z, old.w + value.w};
    return old;
}
HB_ATOMIC float2 atomicAdd(float2* address, float2 value) {
    HB_NOTE_ATOMIC(address, sizeof value);
    float2 old = *address;
    *address = {old.x + value.x, old.y + value.y};
    return old;
}
