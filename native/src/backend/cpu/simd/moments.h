// Moments of columns that are taken while a result is written: core/column_moments.h.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/cpu/simd/convert.h"

namespace hb::cpu::HB_TIER {

// Mean and sum of squared deviations of columns [begin, end) of some pixels' results, which the cache still has.
template <class E>
inline void take_moments(const E* result, const int64_t* at, int64_t count, int64_t begin, int64_t end, double* mean,
                         double* squares) {
    constexpr int64_t kTogether = 64;  // summed in f32
    const double n = static_cast<double>(count);
    lanes(end - begin, [&](int64_t c, auto mask) {
        const E* from = result + begin + c;
        const F32 shift = load(from + at[0], mask);
        Wide sum(0.0), square(0.0);
        for (int64_t first = 0; first < count; first += kTogether) {
            F32 s = zero(), q = zero();
            for (int64_t r = first; r < std::min(first + kTogether, count); r++) {
                const F32 d = load(from + at[r], mask) - shift;
                s = s + d;
                q = fma(d, d, q);
            }
            sum = sum + Wide(s);
            square = square + Wide(q);
        }
        double shifts[F32::kLanes], sums[F32::kLanes], all[F32::kLanes];
        auto put = [](double* to, const Wide& x) {
            store(to, x.low);
            store(to + F64::kLanes, x.high);
        };
        put(shifts, Wide(shift));
        put(sums, sum);
        put(all, square);
        for (int64_t l = 0; l < std::min<int64_t>(F32::kLanes, end - begin - c); l++) {
            mean[begin + c + l] = shifts[l] + sums[l] / n;
            squares[begin + c + l] = std::max(0.0, all[l] - sums[l] * sums[l] / n);
        }
    });
}

}  // namespace hb::cpu::HB_TIER
