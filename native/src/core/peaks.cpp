#include "core/peaks.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>

#include "core/parallel.h"

namespace hb {
namespace {

// Each peak is the best of so many tries.
constexpr int kTries = 9;

double now() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// `rounds` of 12 independent chains of multiply-adds, so that latency is hidden; the operations done.
__attribute__((target("avx2,fma"))) double multiply_add_avx2(int64_t rounds, float* sink) {
    __m256 a[12], x = _mm256_set1_ps(0.999999f), y = _mm256_set1_ps(1e-6f);
    for (int i = 0; i < 12; i++) a[i] = _mm256_set1_ps(float(i));
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++) a[i] = _mm256_fmadd_ps(a[i], x, y);
    }
    for (int i = 1; i < 12; i++) a[0] = _mm256_add_ps(a[0], a[i]);
    _mm256_storeu_ps(sink, a[0]);
    return double(rounds) * 12 * 8 * 2;
}

__attribute__((target("avx512f"))) double multiply_add_avx512(int64_t rounds, float* sink) {
    __m512 a[12], x = _mm512_set1_ps(0.999999f), y = _mm512_set1_ps(1e-6f);
    for (int i = 0; i < 12; i++) a[i] = _mm512_set1_ps(float(i));
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++) a[i] = _mm512_fmadd_ps(a[i], x, y);
    }
    for (int i = 1; i < 12; i++) a[0] = _mm512_add_ps(a[0], a[i]);
    _mm512_storeu_ps(sink, a[0]);
    return double(rounds) * 12 * 16 * 2;
}

}  // namespace

double measured_gflops() {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    auto work = __builtin_cpu_supports("avx512f") ? multiply_add_avx512 : multiply_add_avx2;
    const int team = threads();
    double best = 0;
    for (int i = 0; i < kTries; i++) {
        double operations = 0, start = now();
#pragma omp parallel num_threads(team) reduction(+ : operations)
        {
            float sink[16];
            operations += work(20'000'000, sink);
            // Keeps the loop: the compiler cannot see that nobody looks.
            asm volatile("" : : "r"(sink) : "memory");
        }
        best = std::max(best, operations / (now() - start) * 1e-9);
    }
    return best;
}

double measured_triad() {
    constexpr int64_t n = 1 << 24;
    const int team = threads();
    std::unique_ptr<float[]> a(new float[n]), b(new float[n]), c(new float[n]);
    float *pa = a.get(), *pb = b.get(), *pc = c.get();
#pragma omp parallel for num_threads(team)
    for (int64_t i = 0; i < n; i++) {
        pa[i] = 0;
        pb[i] = float(i);
        pc[i] = 1;
    }
    double best = 0;
    for (int i = 0; i < kTries; i++) {
        double start = now();
#pragma omp parallel for num_threads(team)
        for (int64_t j = 0; j < n; j++) pa[j] = pb[j] + 3 * pc[j];
        best = std::max(best, 12.0 * double(n) / (now() - start) * 1e-9);
    }
    return best;
}

}  // namespace hb
