// runtime: fibers, barriers, warp collectives, fake cudart; with -DHB_EMULATION_CHECK also the __tsan_* hooks = memcheck+racecheck+initcheck
#include "emulation/cuda_on_cpu.h"
#include <sys/mman.h>
#include <vector>
#include <map>
#include <set>
#include <string>
#include <random>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__)
extern "C" void __sanitizer_start_switch_fiber(void**, const void*, size_t);
extern "C" void __sanitizer_finish_switch_fiber(void*, const void**, size_t*);
#define ASAN 1
#else
#define ASAN 0
#endif
asm(".text\n.globl cuemu_switch\n.type cuemu_switch,@function\ncuemu_switch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\nmov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");
extern "C" void cuemu_switch(void** save, void* to);

namespace hb::emulation {
constexpr size_t STK = ASAN ? 256 << 10 : 64 << 10;
enum { RUN, WAIT_BAR, WAIT_COLL, DONE };
struct Coll { unsigned mask, arrived, need; bool open, done, pure; const void* site; int readers; char v[32][128]; };
struct Warp { unsigned exist, exited; std::vector<Coll*> open; };
G g;
#define self g.self
#define bIdx g.bIdx
#define bDim g.bDim
#define gDim g.gDim
#define dynsm g.dynsm
static std::vector<Fiber> fib; static std::vector<Warp> warps; static std::vector<Coll*> freec; static std::vector<char*> stacks;
static void* main_sp; static void* main_fake; static const void* main_stk; static size_t main_sz;
static void (*fn)(void*); static void* clo; static const char* kname; static int alive, arrived, bsum, ball, bany; static bool progress; static uint32_t epoch;
static std::mt19937 rng(1); static int mode = 0; static long nerr; uint32_t launch_id, blk_lin; static int res_sum, res_all, res_any; static size_t dyn_sz;
std::map<uintptr_t, std::set<uint32_t>> relset; std::set<uint32_t> acq; static bool fenced;

static std::string where(const void* pc) {
  char cmd[200], buf[300] = "?"; snprintf(cmd, sizeof cmd, "addr2line -s -e /proc/%d/exe %p", (int)getpid(), (char*)pc - 1);
  if (FILE* f = popen(cmd, "r")) { if (fgets(buf, sizeof buf, f)) buf[strcspn(buf, "\n")] = 0; pclose(f); } return buf;
}
void report(const char* kind, const void* a, const void* b, const char* extra) {
  static std::set<std::pair<const void*, const void*>> seen; ++nerr;
  if (!seen.insert({a, b}).second || seen.size() > 20) return;
  fprintf(stderr, "CUEMU %s in %s block %u thread %d at %s%s%s %s\n", kind, kname, blk_lin, self ? (int)self->lin : -1, where(a).c_str(),
          b ? " vs " : "", b ? where(b).c_str() : "", extra ? extra : "");
}
static void to_main() {
#if ASAN
  __sanitizer_start_switch_fiber(self->state == DONE ? nullptr : &self->asan_fake, main_stk, main_sz);
#endif
  Fiber* me = self; cuemu_switch(&me->sp, main_sp);
#if ASAN
  __sanitizer_finish_switch_fiber(me->asan_fake, &main_stk, &main_sz);
#endif
}
static void release_bar() { const void* s0 = nullptr; for (auto& f : fib) if (f.state != DONE) { if (s0 && f.site != s0) { report("synccheck: threads of one block meet at different __syncthreads", f.site, s0, nullptr); break; } s0 = f.site; }
  res_sum = bsum; res_all = ball; res_any = bany; arrived = bsum = bany = 0; ball = 1; progress = true; ++epoch;
  for (auto& f : fib) { ++f.bep; ++f.wep; if (f.state == WAIT_BAR) f.state = RUN; } }
static void entry() {
#if ASAN
  __sanitizer_finish_switch_fiber(nullptr, &main_stk, &main_sz);
#endif
  fn(clo);
  self->state = DONE; --alive; warps[self->warp].exited |= 1u << self->lane; progress = true;
  if (alive && arrived && arrived == alive) { const void* s = nullptr; for (auto& f : fib) if (f.state == WAIT_BAR) s = f.site; report("synccheck: a thread returned while others of its block wait at a barrier", s, nullptr, nullptr); release_bar(); }
  to_main();
}
void block_bar(const void* site, int p, int* sum, int* all, int* any) {
  if (alive != (int)fib.size()) report("synccheck: barrier after some threads of the block returned", site, nullptr, nullptr);
  self->site = site; bsum += p != 0; ball &= p != 0; bany |= p != 0;
  if (++arrived == alive) release_bar(); else { self->state = WAIT_BAR; to_main(); }
  if (sum) *sum = res_sum; if (all) *all = res_all; if (any) *any = res_any;
}
static Coll* meet(unsigned mask, const void* site, const void* val, unsigned sz, bool pure, void (*f)(char (*)[128])) {
  Warp& w = warps[self->warp]; unsigned bit = 1u << self->lane; self->site = site;
  if (!(mask & bit)) report("synccheck: calling lane is not in its own mask", site, nullptr, nullptr);
  Coll* c = nullptr; for (Coll* o : w.open) if (o->mask == mask && o->pure == pure && !(o->arrived & bit)) c = o;
  if (!c) { if (freec.empty()) c = new Coll; else c = freec.back(), freec.pop_back();
    c->mask = mask; c->arrived = 0; c->done = false; c->pure = pure; c->readers = 0; c->site = site; w.open.push_back(c); }
  if (val) memcpy(c->v[self->lane], val, sz);
  c->arrived |= bit; ++c->readers; self->coll = c;
  if (c->arrived == (mask & w.exist)) {
    c->done = true; w.open.erase(std::find(w.open.begin(), w.open.end(), c)); progress = true;
    if (f) f(c->v);
    if (pure) for (auto& t : fib) if (t.warp == self->warp && (mask >> t.lane & 1)) ++t.wep;
    for (unsigned i = self->warp * 32; i < std::min<size_t>(fib.size(), self->warp * 32 + 32); ++i)
      if (fib[i].state == WAIT_COLL && fib[i].coll == c) fib[i].state = RUN;
  } else { self->state = WAIT_COLL; to_main(); }
  return c;
}
const char* coll(unsigned mask, const void* site, const void* val, unsigned sz, unsigned* part, bool, void (*f)(char (*)[128])) {
  Coll* c = meet(mask, site, val, sz, false, f); *part = c->arrived; return c->v[0]; }
void coll_done() { Coll* c = self->coll; self->coll = nullptr; if (--c->readers == 0) freec.push_back(c); }
void warp_sync(unsigned mask, const void* site) { meet(mask, site, nullptr, 0, true, nullptr); coll_done(); }
unsigned active_mask() { Warp& w = warps[self->warp]; return w.exist & ~w.exited; }
void fence() { fenced = true; }

static void run_block() {
  unsigned n = bDim.x * bDim.y * bDim.z; fib.assign(n, {}); warps.assign((n + 31) / 32, {}); alive = n; arrived = bsum = bany = 0; ball = 1; acq.clear(); fenced = false;
  while (stacks.size() < n) stacks.push_back((char*)mmap(0, STK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  for (unsigned i = 0; i < n; ++i) {
    Fiber& f = fib[i]; f.lin = i; f.lane = i & 31; f.warp = i >> 5; f.tid = {i % bDim.x, i / bDim.x % bDim.y, i / (bDim.x * bDim.y)};
    warps[f.warp].exist |= 1u << f.lane; f.stk = stacks[i];
    void** s = (void**)(f.stk + STK); *--s = nullptr; *--s = (void*)entry; s -= 6; f.sp = s;
  }
  // PCT-like: always the first warp (in a random priority order, redrawn at every barrier) that can run; all its ready lanes, then look again
  unsigned nw = warps.size(); static std::vector<unsigned> wp; wp.resize(nw); for (unsigned i = 0; i < nw; ++i) wp[i] = mode == 1 ? nw - 1 - i : i;
  uint32_t seen = ~0u;
  while (alive) {
    progress = false;
    if (mode >= 2 && seen != epoch) { seen = epoch; std::shuffle(wp.begin(), wp.end(), rng); }
    for (unsigned wi : wp) {
      unsigned lo = wi * 32, n1 = std::min(32u, n - lo), x = mode == 1 ? n1 - 1 : mode >= 2 ? rng() % n1 : 0;
      for (unsigned k = 0; k < n1; ++k) {
        unsigned i = lo + (mode == 1 ? x - k : (x + k) % n1); if (fib[i].state != RUN) continue;
        self = &fib[i];
#if ASAN
        __sanitizer_start_switch_fiber(&main_fake, self->stk, STK);
#endif
        cuemu_switch(&main_sp, self->sp);
#if ASAN
        __sanitizer_finish_switch_fiber(main_fake, nullptr, nullptr);
#endif
        progress = true;
      }
      if (progress) break;
    }
    if (!progress) { for (auto& f : fib) if (f.state != DONE) { self = &f; report(f.state == WAIT_BAR ? "synccheck: DEADLOCK waiting at __syncthreads" : "synccheck: DEADLOCK waiting in warp collective", f.site, nullptr, nullptr); }
      fprintf(stderr, "CUEMU deadlock, abort\n"); _exit(3); }
  }
  self = nullptr;
}
void launch(dim3 gd, dim3 b, size_t smem, void (*f)(void*), void* c, const char* name) {
  static bool init = [] { if (const char* s = getenv("HORNBEAM_SCHEDULE")) { mode = !strcmp(s, "reversed") ? 1 : !strcmp(s, "forward") ? 0 : 2; if (mode == 2) rng.seed(atoi(s)); }
    atexit([] { if (nerr) { fprintf(stderr, "CUEMU: %ld reports\n", nerr); _exit(4); } }); return true; }(); (void)init;
  fn = f; clo = c; kname = name; bDim = b; gDim = gd; ++launch_id; relset.clear();
  if (b.x * b.y * b.z > 1024 || !gd.x || gd.y > 65535 || gd.z > 65535 || smem > 227 << 10) { fprintf(stderr, "CUEMU bad launch config %s\n", name); _exit(5); }
  unsigned nb = gd.x * gd.y * gd.z; std::vector<unsigned> ord(nb); for (unsigned i = 0; i < nb; ++i) ord[i] = mode == 1 ? nb - 1 - i : i;
  if (mode >= 2) std::shuffle(ord.begin(), ord.end(), rng);
  for (unsigned i : ord) { blk_lin = i; bIdx = {i % gd.x, i / gd.x % gd.y, i / (gd.x * gd.y)};
    dynsm = nullptr; dyn_sz = smem; if (smem) { posix_memalign((void**)&dynsm, 128, smem); memset(dynsm, 0xff, smem); }
    run_block(); free(dynsm); dynsm = nullptr; }
}
void mma_16816_bf16(char (*s)[128]) {
  auto h = [](uint32_t w, int i) { uint32_t u = (w >> (16 * i)) << 16; float f; memcpy(&f, &u, 4); return f; };
  float A[16][16], B[16][8];
  for (int l = 0; l < 32; ++l) { uint32_t a[4], b[2]; memcpy(a, s[l], 16); memcpy(b, s[l] + 16, 8); int g = l >> 2, t = l & 3;
    for (int i = 0; i < 8; ++i) A[g + 8 * ((i >> 1) & 1)][t * 2 + (i & 1) + 8 * (i >> 2)] = h(a[i >> 1], i & 1);
    for (int i = 0; i < 4; ++i) B[t * 2 + (i & 1) + 8 * (i >> 1)][g] = h(b[i >> 1], i & 1); }
  for (int l = 0; l < 32; ++l) { float c[4]; memcpy(c, s[l] + 24, 16); int g = l >> 2, t = l & 3;
    for (int i = 0; i < 4; ++i) { double acc = 0; for (int k = 0; k < 16; ++k) acc += (double)A[g + 8 * (i >> 1)][k] * B[k][t * 2 + (i & 1)]; c[i] += (float)acc; }
    memcpy(s[l] + 24, c, 16); }
}
#ifndef HB_EMULATION_CHECK
void atomic_note(const void*, unsigned, const void*) {}
}
extern "C" cudaError_t cudaMalloc(void** p, size_t n) { *p = nullptr; if (posix_memalign(p, 256, n ? n : 1)) return cudaErrorMemoryAllocation; memset(*p, 0xff, n); return cudaSuccess; }
extern "C" cudaError_t cudaFree(void* p) { free(p); return cudaSuccess; }
static void host_write(void*, size_t) {}
#else
// ---- shadow memory: one Cell per 4 bytes of the device arena, and of .data/.bss (= __shared__ statics) and dynamic shared -------------
struct Rec { uint32_t launch, blk; uint16_t tid, bep, wep; uint8_t mask, atom; const void* pc; };
struct Cell { Rec w, r1, r2; uint8_t alloc, init; uint32_t iblk, ilaunch; };
extern "C" char __executable_start, __data_start, _end;
constexpr size_t ARENA = 1ull << 32; static char* arena; static Cell* sh_arena; static Cell* sh_static; static size_t top = 4096;
static std::map<char*, size_t> allocs; static Cell* sh_dyn; static char* dyn_seen;
template <class T> static T* reserve(size_t n) { return (T*)mmap(0, n * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); }
static void init() { if (!arena) { arena = reserve<char>(ARENA); sh_arena = reserve<Cell>(ARENA / 4); sh_static = reserve<Cell>((&_end - &__data_start) / 4 + 8); sh_dyn = reserve<Cell>((228 << 10) / 4); } }
static bool clash(const Rec& r, const Rec& c, bool global) {
  if (r.launch != c.launch || !(r.mask & c.mask) || (r.atom && c.atom)) return false;
  if (r.blk != c.blk) return global && !acq.count(r.blk);
  if (r.tid == c.tid) return false;
  return (r.tid >> 5) == (c.tid >> 5) ? r.wep == c.wep : r.bep == c.bep;
}
static void access(uintptr_t a, unsigned n, bool wr, bool atom, const void* pc) {
  if (!self) return;
  char* p = (char*)a; uintptr_t st = (uintptr_t)self->stk;
  if (a - st < STK) return;
  Cell* base; bool global = false; size_t off;
  if (p >= arena && p < arena + ARENA) { base = sh_arena; off = p - arena; global = true; }
  else if (dynsm && p >= dynsm && p < dynsm + dyn_sz) { base = sh_dyn; off = p - dynsm; }
  else if (p >= (char*)&g && p < (char*)(&g + 1)) return;
  else if (p >= &__data_start && p < &_end) { base = sh_static; off = p - &__data_start; }
  else {   // only .rodata, the host stack (kernel arguments) and the fiber records may be read
    bool ok = !wr && ((p >= &__executable_start && p < &__data_start) || (p >= (char*)main_sp && p < (char*)main_sp + (8 << 20)) || (p >= (char*)fib.data() && p < (char*)(fib.data() + fib.size())));
    if (!ok) report(wr ? "memcheck: WRITE outside device memory" : "memcheck: READ outside device memory", pc, nullptr, nullptr); return; }
  if (a & (n - 1)) report("memcheck: misaligned access", pc, nullptr, nullptr);
  for (unsigned i = 0; i < n; i += 4 - ((off + i) & 3)) {
    Cell& c = base[(off + i) / 4]; unsigned b0 = (off + i) & 3, nb = std::min(4 - b0, n - i); uint8_t m = ((1u << nb) - 1) << b0;
    Rec r{launch_id, blk_lin, (uint16_t)self->lin, (uint16_t)self->bep, (uint16_t)self->wep, m, atom, pc};
    if (global && (c.alloc & m) != m) { report(wr ? "memcheck: out-of-bounds WRITE of global memory" : "memcheck: out-of-bounds READ of global memory", pc, nullptr, nullptr); continue; }
    if (!global && (c.ilaunch != launch_id || c.iblk != blk_lin)) { c.init = 0; c.ilaunch = launch_id; c.iblk = blk_lin; }  // shared: fresh per block
    if ((!wr || atom) && (c.init & m) != m) report(global ? "initcheck: read of uninitialised global memory" : "initcheck: read of uninitialised shared memory", pc, nullptr, nullptr);
    if (clash(c.w, r, global)) report(wr ? "racecheck: write/write" : "racecheck: read after write", pc, c.w.pc, global ? "(global)" : "(shared)");
    if (wr) {
      for (Rec* q : {&c.r1, &c.r2}) if (clash(*q, r, global)) report("racecheck: write after read", pc, q->pc, global ? "(global)" : "(shared)");
      c.w = r; c.init |= m;
    } else { if (c.r1.launch != launch_id || c.r1.blk != blk_lin || c.r1.tid == self->lin || c.r1.bep != self->bep) c.r1 = r; else c.r2 = r; }
  }
}
void atomic_note(const void* p, unsigned n, const void* site) { access((uintptr_t)p, n, true, true, site);
  auto& s = relset[(uintptr_t)p]; acq.insert(s.begin(), s.end()); if (fenced) s.insert(blk_lin); }
}
using namespace hb::emulation;
static void mark(void* p, size_t n, bool init_) { if (p < arena || p >= arena + ARENA) return; size_t o = (char*)p - arena; for (size_t i = 0; i < n; ++i) { Cell& c = sh_arena[(o + i) / 4]; uint8_t b = 1u << ((o + i) & 3); if (init_) c.init |= b; else c.alloc |= b, c.init &= ~b; } }
static void host_write(void* p, size_t n) { mark(p, n, true); }
extern "C" cudaError_t cudaMalloc(void** p, size_t n) { init(); *p = arena + top; top = (top + n + 255 + 1024) & ~size_t(255); if (top > ARENA) return cudaErrorMemoryAllocation; mark(*p, n, false); allocs[(char*)*p] = n; memset(*p, 0xff, n); return cudaSuccess; }
extern "C" cudaError_t cudaFree(void* p) { if (!p) return cudaSuccess; size_t n = allocs[(char*)p], o = (char*)p - arena; for (size_t i = 0; i < n; ++i) sh_arena[(o + i) / 4].alloc = 0; allocs.erase((char*)p); return cudaSuccess; }
#define PC __builtin_return_address(0)
#define RW(n) extern "C" void __tsan_read##n(void* a) { access((uintptr_t)a, n, false, false, PC); } extern "C" void __tsan_write##n(void* a) { access((uintptr_t)a, n, true, false, PC); } \
  extern "C" void __tsan_unaligned_read##n(void* a) { access((uintptr_t)a, n, false, false, PC); } extern "C" void __tsan_unaligned_write##n(void* a) { access((uintptr_t)a, n, true, false, PC); } \
  extern "C" void __tsan_volatile_read##n(void* a) { access((uintptr_t)a, n, false, false, PC); } extern "C" void __tsan_volatile_write##n(void* a) { access((uintptr_t)a, n, true, false, PC); }
RW(1) RW(2) RW(4) RW(8) RW(16)
extern "C" void __tsan_read_range(void* a, size_t n) { for (size_t i = 0; i < n; i += 4) access((uintptr_t)a + i, 4, false, false, PC); }
extern "C" void __tsan_write_range(void* a, size_t n) { for (size_t i = 0; i < n; i += 4) access((uintptr_t)a + i, 4, true, false, PC); }
static void range(void* a, size_t n, bool w, const void* pc) { for (size_t i = 0; i < n; i += 4) access((uintptr_t)a + i, n - i < 4 ? 1 : 4, w, false, pc); }
extern "C" void* __tsan_memcpy(void* d, const void* s, size_t n) { range((void*)s, n, false, PC); range(d, n, true, PC); return memcpy(d, s, n); }
extern "C" void* __tsan_memset(void* d, int v, size_t n) { range(d, n, true, PC); return memset(d, v, n); }
extern "C" void __tsan_init() {} extern "C" void __tsan_func_entry(void*) {} extern "C" void __tsan_func_exit() {} extern "C" void __tsan_vptr_update(void**, void*) {} extern "C" void __tsan_vptr_read(void**) {}
#endif
#ifndef HB_EMULATION_CHECK
using namespace hb::emulation;
#endif
extern "C" cudaError_t cudaMemcpy(void* d, const void* s, size_t n, cudaMemcpyKind) { memcpy(d, s, n); host_write(d, n); return cudaSuccess; }
extern "C" cudaError_t cudaMemset(void* d, int v, size_t n) { memset(d, v, n); host_write(d, n); return cudaSuccess; }
extern "C" cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }

