// Runs .cu sources on the CPU: g++ -x c++ -include emulation/cuda_on_cpu.h kernel.cu
#pragma once
#include <cuda_runtime.h>            // toolkit header in host mode: float4, dim3, make_float4, cudaError_t ...
#include <cuda_bf16.h>               // host paths
#include <cstdint>
#include <cstring>
#include <cstdio>
#include <cstdlib>
#include <cmath>
#include <algorithm>
#include <type_traits>
#undef __shared__
#undef __launch_bounds__
#undef __forceinline__
#undef __noinline__
#undef __restrict__
#define __shared__ static            /* one block at a time per process => a block's shared memory is a static */
#define __launch_bounds__(...)
#define __forceinline__ inline
#define __restrict__                 /* the race checker must see every access the source makes */
#define HB_CUDA_EMULATED 1
#define HB_EMULATION_NOSAN __attribute__((no_sanitize("thread","address"), noinline))

namespace hb::emulation {
enum Kind : uint8_t { BLOCK_BAR, WARP_BAR, COLL };
struct Fiber {                       // one CUDA thread
  uint3 tid; unsigned lin, lane, warp;
  void* sp; char* stk; const void* site; struct Coll* coll; uint32_t bep, wep; uint8_t state; void* asan_fake;
};
struct G { Fiber* self; uint3 bIdx; dim3 bDim, gDim; char* dynsm; }; extern G g;   // one object, so the checker can tell it from __shared__ statics
void  block_bar(const void* site, int pred, int* sum, int* all, int* any);
void  warp_sync(unsigned mask, const void* site);
const char* coll(unsigned mask, const void* site, const void* val, unsigned sz, unsigned* part, bool last_fn = false,
                 void (*fn)(char (*)[128]) = nullptr); // returns slot array [32][128]
void  coll_done();
void  launch(dim3 g, dim3 b, size_t smem, void (*fn)(void*), void* clo, const char* name);
void  atomic_note(const void* p, unsigned n, const void* site);
void  fence();
unsigned active_mask();
template <class F> HB_EMULATION_NOSAN void run(dim3 g, dim3 b, size_t smem, F f, const char* name) {
  launch(g, b, smem, [](void* p) { (*(F*)p)(); }, &f, name);
}
}
#define threadIdx (::hb::emulation::g.self->tid)
#define blockIdx  (::hb::emulation::g.bIdx)
#define blockDim  (::hb::emulation::g.bDim)
#define gridDim   (::hb::emulation::g.gDim)
#define warpSize  32

#define HB_HERE __builtin_return_address(0)
// ---- barriers and votes -------------------------------------------------------------------------------------------
HB_EMULATION_NOSAN inline void __syncthreads() { hb::emulation::block_bar(HB_HERE, 0, nullptr, nullptr, nullptr); }
HB_EMULATION_NOSAN inline int __syncthreads_count(int p) { int s; hb::emulation::block_bar(HB_HERE, p, &s, nullptr, nullptr); return s; }
HB_EMULATION_NOSAN inline int __syncthreads_and(int p) { int s; hb::emulation::block_bar(HB_HERE, p, nullptr, &s, nullptr); return s; }
HB_EMULATION_NOSAN inline int __syncthreads_or(int p) { int s; hb::emulation::block_bar(HB_HERE, p, nullptr, nullptr, &s); return s; }
HB_EMULATION_NOSAN inline void __syncwarp(unsigned m = 0xffffffffu) { hb::emulation::warp_sync(m, HB_HERE); }
HB_EMULATION_NOSAN inline void __threadfence() { hb::emulation::fence(); }
HB_EMULATION_NOSAN inline void __threadfence_block() { hb::emulation::fence(); }
HB_EMULATION_NOSAN inline unsigned __activemask() { return hb::emulation::active_mask(); }
HB_EMULATION_NOSAN inline unsigned __ballot_sync(unsigned m, int p) {
  unsigned part; auto s = hb::emulation::coll(m, HB_HERE, &p, 4, &part); unsigned r = 0;
  for (int i = 0; i < 32; ++i) if (part >> i & 1) { int v; memcpy(&v, s + 128 * i, 4); r |= unsigned(v != 0) << i; }
  hb::emulation::coll_done(); return r;
}
inline int __any_sync(unsigned m, int p) { return __ballot_sync(m, p) != 0; }
inline int __all_sync(unsigned m, int p) { return __ballot_sync(m, p) == m; }
// ---- shuffles: reading a lane that does not take part gives a NaN-ish pattern, as it is undefined on the GPU --------
namespace hb::emulation {
template <class T> HB_EMULATION_NOSAN T shfl(unsigned m, T v, int src, const void* site) {
  static_assert(sizeof(T) <= 8, "shfl");
  unsigned part; auto s = coll(m, site, &v, sizeof v, &part); T r;
  if (src >= 0 && src < 32 && (part >> src & 1)) memcpy(&r, s + 128 * src, sizeof r); else memset(&r, 0xff, sizeof r);
  coll_done(); return r;
}
}
template <class T> HB_EMULATION_NOSAN T __shfl_sync(unsigned m, T v, int src, int w = 32) {
  int l = hb::emulation::g.self->lane; return hb::emulation::shfl(m, v, (l & ~(w - 1)) | (src & (w - 1)), HB_HERE); }
template <class T> HB_EMULATION_NOSAN T __shfl_xor_sync(unsigned m, T v, int x, int w = 32) {
  int l = hb::emulation::g.self->lane, s = l ^ x; return hb::emulation::shfl(m, v, (s & ~(w - 1)) > (l & ~(w - 1)) ? l : s, HB_HERE); }
template <class T> HB_EMULATION_NOSAN T __shfl_down_sync(unsigned m, T v, unsigned d, int w = 32) {
  int l = hb::emulation::g.self->lane, s = l + (int)d; return hb::emulation::shfl(m, v, (s & ~(w - 1)) != (l & ~(w - 1)) ? l : s, HB_HERE); }
template <class T> HB_EMULATION_NOSAN T __shfl_up_sync(unsigned m, T v, unsigned d, int w = 32) {
  int l = hb::emulation::g.self->lane, s = l - (int)d; return hb::emulation::shfl(m, v, s < (l & ~(w - 1)) ? l : s, HB_HERE); }
// ---- atomics ------------------------------------------------------------------------------------------------------
namespace hb::emulation {
template <class T, class F> HB_EMULATION_NOSAN T rmw(T* p, F f, const void* site) {
  atomic_note(p, sizeof(T), site); T o; memcpy(&o, p, sizeof o); T n = f(o); memcpy(p, &n, sizeof n); return o; }
}
#define HB_EMULATION_ATOMIC(name, expr) template <class T> HB_EMULATION_NOSAN T name(T* p, std::type_identity_t<T> v) { \
  return hb::emulation::rmw(p, [&](T o) HB_EMULATION_LAMBDA { return T(expr); }, HB_HERE); }
#define HB_EMULATION_LAMBDA __attribute__((no_sanitize("thread","address")))
HB_EMULATION_ATOMIC(atomicAdd, o + v)
HB_EMULATION_ATOMIC(atomicSub, o - v)
HB_EMULATION_ATOMIC(atomicMax, o > v ? o : v)
HB_EMULATION_ATOMIC(atomicMin, o < v ? o : v)
HB_EMULATION_ATOMIC(atomicOr, o | v)
HB_EMULATION_ATOMIC(atomicExch, v)
template <class T> HB_EMULATION_NOSAN T atomicCAS(T* p, std::type_identity_t<T> c, std::type_identity_t<T> v) {
  return hb::emulation::rmw(p, [&](T o) HB_EMULATION_LAMBDA { return o == c ? v : o; }, HB_HERE); }
// ---- loads, math --------------------------------------------------------------------------------------------------
template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T __ldcs(const T* p) { return *p; }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __frcp_rn(float a) { return 1.f / a; }
inline float rsqrtf(float x) { return 1.f / sqrtf(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
inline float __uint_as_float(unsigned i) { float f; memcpy(&f, &i, 4); return f; }
inline unsigned __float_as_uint(float f) { unsigned i; memcpy(&i, &f, 4); return i; }
inline int __float_as_int(float f) { int i; memcpy(&i, &f, 4); return i; }
inline float __int_as_float(int i) { float f; memcpy(&f, &i, 4); return f; }
using std::min; using std::max;
namespace hb::emulation {
void mma_16816_bf16(char (*slots)[128]);
HB_EMULATION_NOSAN inline void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  struct { uint32_t a[4], b[2]; float c[4]; } in;
  memcpy(in.a, a, 16); memcpy(in.b, b, 8); memcpy(in.c, d, 16);
  unsigned part; auto s = coll(0xffffffffu, HB_HERE, &in, sizeof in, &part, true, mma_16816_bf16);
  memcpy(d, s + 128 * g.self->lane + 24, 16); coll_done();
}
}
