// Projection of weights onto the balls that RegSL allows them.
//
// Frobenius: all tensors in three launches (optimizers.cu tells how they are cut): sums of squares of the pieces, one
// block per tensor that adds its pieces, and the move towards the start, which reads its factor from the device.
// Variant: a block per tensor would leave all but a few multiprocessors idle on the largest ones. Bytes per element:
// 8, then 12 where the ball was left (nothing else is written). Rows: as softmax (teams.cuh), a row is read into the
// registers of some lanes or, beyond 1024, by a block from the caches. The nearest point of an l1 ball takes away a
// threshold from all entries; it is found by Newton's method from below (Michelot 1986), which ends after a few rounds
// of one sum each; sorting the row would need log^2 of it. Bytes per element: 12. Memory bounds both: 0.17 to 0.28 T
// elements a second on an H100.
#include "kernels/projection.h"

#include <cmath>
#include <vector>

#include "host/device.h"
#include "kernels/tensors.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = kPieceThreads;

// ---- Frobenius

// parts[piece] = the sum of (w - w0)^2 over the piece.
template <bool kFromZero>
__global__ void __launch_bounds__(kThreads)
    distance_kernel(const __grid_constant__ Table<kFromZero ? 1 : 2> table, double* parts) {
    constexpr int kCount = kFromZero ? 1 : 2;
    double sum = 0;
    each_of_piece<kCount, (1u << kCount) - 1, 0>(table, blockIdx.x, [&](const float(&x)[kCount], float) {
        const double difference = kFromZero ? double{x[0]} : double{x[0]} - double{x[kCount - 1]};
        sum = fma(difference, difference, sum);
    });
    sum = joined_block<kThreads>(sum, Plus());
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// factors[i] = min(1, radius / distance) of tensor i, whose radius is its number in the table.
template <int R>
__global__ void __launch_bounds__(kThreads)
    factor_kernel(const __grid_constant__ Table<R> table, const double* parts, float* factors) {
    const int i = blockIdx.x;
    double sum = 0;
    for (int piece = table.first_piece[i] + threadIdx.x; piece < table.first_piece[i + 1]; piece += kThreads)
        sum += parts[piece];
    sum = joined_block<kThreads>(sum, Plus());
    const double distance = sqrt(sum), radius = double{table.number[i]};
    if (threadIdx.x == 0) factors[i] = distance > radius ? static_cast<float>(radius / distance) : 1.0f;
}

template <bool kFromZero>
__global__ void __launch_bounds__(kThreads)
    approach_kernel(const __grid_constant__ Table<kFromZero ? 1 : 2> table, const float* factors) {
    constexpr int kCount = kFromZero ? 1 : 2;
    const float factor = factors[table.owner(blockIdx.x)];
    if (factor == 1) return;  // of the whole block
    each_of_piece<kCount, (1u << kCount) - 1, 1>(table, blockIdx.x, [&](float(&x)[kCount], float) {
        if constexpr (kFromZero)
            x[0] *= factor;
        else
            x[0] = fmaf(x[0] - x[1], factor, x[1]);
    });
}

template <bool kFromZero, class Wanted>
void project_tables(int count, const View* const (&tensors)[kFromZero ? 1 : 2], const double* radii,
                    const Wanted& wanted) {
    constexpr int kCount = kFromZero ? 1 : 2;
    auto radius = [&](int i) { return float(radii[i]); };
    for_each_table(count, tensors, wanted, radius, [&](const Table<kCount>& table, int64_t) {
        const unsigned pieces = unsigned(table.first_piece[table.count]);
        DeviceScratch<double> of_pieces(pieces);
        DeviceScratch<float> of_tensors(table.count);
        double* parts = of_pieces.data();
        float* factors = of_tensors.data();
        HB_LAUNCH((distance_kernel<kFromZero>), pieces, kThreads, 0, stream(), table, parts);
        HB_LAUNCH((factor_kernel<kCount>), unsigned(table.count), kThreads, 0, stream(), table, parts, factors);
        HB_LAUNCH((approach_kernel<kFromZero>), pieces, kThreads, 0, stream(), table, factors);
    });
}

// ---- rows

// What is left of a row's entry d = w - w0 whose row has the absolute sum `sum` > radius: d `factor`, or d without
// `threshold` of its size.
struct Scaled {
    template <class Team, class Difference>
    __device__ static void bring_in(const Team& team, const Difference& difference, float sum, float radius,
                                    float& factor, float& threshold) {
        (void)team, (void)difference;
        threshold = 0;
        factor = radius / sum;
    }
};
struct Nearest {
    // The threshold t with sum of max(|d| - t, 0) = radius. With the entries above the last threshold, of which there
    // are n: t = (their sum - radius) / n; it rises until none falls below it.
    template <class Team, class Difference>
    __device__ static void bring_in(const Team& team, const Difference& difference, float sum, float radius,
                                    float& factor, float& threshold) {
        factor = 1;
        threshold = 0;
        float above = 0;
        team.each([&](int j, int slot) { above += difference(j, slot) != 0 ? 1 : 0; });
        above = team.sum(above);
        bool rising = sum > radius;
        while (team.any(rising)) {
            const float next = rising ? (sum - radius) / above : threshold;
            float n = 0, rest = 0;
            team.each([&](int j, int slot) {
                const float size = fabsf(difference(j, slot));
                if (size > next) {
                    n += 1;
                    rest += size;
                }
            });
            n = team.sum(n);
            rest = team.sum(rest);
            if (rising) {
                rising = n > 0 && n < above;
                threshold = next;
                above = n;
                sum = rest;
            }
        }
    }
};

template <class Rule>
struct ProjectRows {
    float* w;
    const float* w0;  // null: 0
    float radius;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<float> row(team, w + i * k), start(team, w0 ? w0 + i * k : w + i * k);
        auto difference = [&](int j, int slot) { return w0 ? row(j, slot) - start(j, slot) : row(j, slot); };
        float sum = 0;
        team.each([&](int j, int slot) { sum += fabsf(difference(j, slot)); });
        sum = team.sum(sum);
        const bool outside = sum > radius;
        float factor, threshold;
        Rule::bring_in(team, difference, sum, radius, factor, threshold);
        team.each([&](int j, int slot) {
            const float d = difference(j, slot), size = fabsf(d) - threshold;
            const float kept = copysignf((size > 0 ? size : 0) * factor, d);
            if (outside) w[i * k + j] = w0 ? start(j, slot) + kept : kept;
        });
    }
};

// ---- batch norm

__global__ void __launch_bounds__(kThreads)
    project_scales_kernel(float* gamma, const float* variance, const float* gamma0, const float* variance0, int64_t n,
                          float epsilon, float radius) {
    HB_GRID_STRIDE(i, n) {
        const float deviation = sqrtf(variance[i] + epsilon);
        const float start = gamma0[i] / sqrtf(variance0[i] + epsilon), scale = gamma[i] / deviation;
        if (fabsf(scale - start) > radius) gamma[i] = (scale > start ? start + radius : start - radius) * deviation;
    }
}

}  // namespace

void project_frobenius(int count, const View* parameters, const View* initial, const double* radii) {
    project_tables<false>(count, {parameters, initial}, radii, [&](int i) { return bool(initial[i]); });
    project_tables<true>(count, {parameters}, radii, [&](int i) { return !initial[i]; });
}

void project_rows(const View& w, const View& w0, double radius, RowRule rule) {
    if (w.elements() == 0) return;
    const int64_t rows = w[0], k = w.elements() / rows;
    const float* start = w0 ? w0.f32() : nullptr;
    if (rule == RowRule::kScale)
        for_each_row(rows, k, ProjectRows<Scaled>{w.f32(), start, float(radius), k});
    else
        for_each_row(rows, k, ProjectRows<Nearest>{w.f32(), start, float(radius), k});
}

void project_scales(const View& gamma, const View& variance, const View& gamma0, const View& variance0, double epsilon,
                    double radius) {
    const int64_t n = gamma.elements();
    HB_LAUNCH((project_scales_kernel), blocks_for(n, kThreads), kThreads, 0, stream(), gamma.f32(), variance.f32(),
              gamma0.f32(), variance0.f32(), n, float(epsilon), float(radius));
}

}  // namespace hb::cuda
