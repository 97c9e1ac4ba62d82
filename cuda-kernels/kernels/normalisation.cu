// Batch norm and group norm (layer norm is the group norm of one group and one position), with noise on gamma.
//
// With d = 1 / sqrt(variance + epsilon), h = (x - mean) d and g = gamma as the row's noise run sees it:
//   z = g h + beta + residual, y = act(z)
//   dz = dy act'(z), dbeta = sum dz, dgamma = sum dz h (times the run's slope under the chain rule), dresidual = dz
//   dx = d (dz g - mean(dz g) - h mean(dz g h)), or d dz g where the statistics are constants.
//
// Two ways, by where the numbers of one mean lie:
//   columns (batch norm; group norm of images): statistics are made per channel of pieces of rows, merged by a small
//     kernel, and applied by a third. Group norm's groups are merged from their channels' statistics, which reads whole
//     rows of memory however narrow a group is.
//   rows (layer norm): one warp, or one block where a row is long, reads a row; its second and third reading comes from
//     the L1 cache.
// Known and not taken: sums of x and x^2 (lose every digit where the mean is large; instead four rows at a time have
// their mean and squares, which are merged as Chan et al. 1979 do); one cooperative kernel instead of three (the launch
// of the small one is 2-3 us, but a grid that waits for itself must fit the device); atomic adds (another order every
// time).
//
// Bytes, of an activation's e elements of w bytes (4, or 2 in bf16): batch norm reads 2ew and writes ew in training
// (ew + ew in evaluation), a residual reads ew more; backward reads 4ew, 6ew with an activation, and writes ew, 2ew
// with a residual. Layer norm reads and writes 2ew, backward reads 4ew and writes ew. About 10 operations an element
// forward and 16 backward, so memory bounds all of them: for 128x32x32x64 in bf16, 16.8 MB, on an H100 with 3.35 TB/s
// 15 us forward and 25 us backward without an activation; what the L2 cache (50 MB) keeps between the passes comes on
// top.
#include "core/weight_noise.h"
#include "host/device.h"
#include "kernels/columns.cuh"
#include "kernels/kept_moments.h"
#include "kernels/kernels.h"

namespace hb::cuda {
namespace {

// ---- gamma

// This normal is elements' own, without the indexed registers of PhiloxKey::normal, which would lie in memory.
__device__ float normal_of(const PhiloxKey& key, int64_t element) {
    float z[4];
    key.normals(static_cast<uint32_t>(element >> 2), z);
    const float even = element & 2 ? z[2] : z[0], odd = element & 2 ? z[3] : z[1];
    return element & 1 ? odd : even;
}

// seen, slopes [runs, c]: what the runs see of gamma, and what their gradients are multiplied by.
__global__ void __launch_bounds__(kColumnThreads)
    perturb_gamma_kernel(const float* gamma, int64_t c, Noise noise, float* seen, float* slopes) {
    HB_GRID_STRIDE(i, c * noise.sub_batches) {
        int64_t k = i, run = divided(k, c);
        const float z = normal_of(noise_key(noise, run), k);
        seen[i] = perturbed<float>(noise.kind, gamma[k], noise.sigma, z);
        if (slopes) slopes[i] = perturbation_slope<float>(noise.sigma, z);
    }
}

// A number per segment and channel, or one for several of either.
struct Table {
    const float* at;
    int64_t apart;  // from segment to segment; 0: one for all
    int64_t width;  // neighbouring channels that share one

    __device__ float operator()(int64_t segment, int64_t channel) const {
        return at[segment * apart + (width == 1 ? channel : channel / width)];
    }
    template <int V>
    __device__ void of(int64_t segment, int64_t channel, float (&out)[V]) const {
        if (width == 1) {
            load<V>(at + segment * apart + channel, out);
        } else {
#pragma unroll
            for (int i = 0; i < V; i++) out[i] = at[segment * apart + (channel + i) / width];
        }
    }
};

// gamma as each noise run sees it.
class Gammas {
  public:
    Gammas(const View& gamma, const Noise& noise)
        : runs(has_noise(noise) ? noise.sub_batches : 1), c_(gamma.elements()), seen_(has_noise(noise) ? runs * c_ : 0),
          slopes_(needs_chain_rule(noise) ? runs * c_ : 0), gamma_(gamma.f32()) {
        if (!has_noise(noise)) return;
        HB_LAUNCH((perturb_gamma_kernel), blocks_for(runs * c_, kColumnThreads), kColumnThreads, 0, stream(), gamma_,
                  c_, noise, seen_.data(), slopes_.data());
        gamma_ = seen_.data();
    }
    const int64_t runs;
    // By run.
    Table seen() const { return {gamma_, runs > 1 ? c_ : 0, 1}; }
    const float* slopes() const { return slopes_.data(); }

  private:
    const int64_t c_;
    DeviceScratch<float> seen_, slopes_;
    const float* gamma_;
};

// Of n samples, the run that sample i is in.
__device__ __forceinline__ int64_t run_of(int64_t i, int64_t n, int64_t runs) {
    return runs == 1 ? 0 : ((i + 1) * runs - 1) / n;
}

// ---- activations

struct Activation {
    int kind;
    float slope;

    __device__ float operator()(float z) const {
        if (kind == HB_ACT_RELU) return z <= 0 ? 0 : z;
        if (kind == HB_ACT_LEAKY_RELU) return z < 0 ? slope * z : z;
        return z;
    }
    // The derivative, by the sign of the result; at 0 that of the left side.
    __device__ float derivative(float y) const { return y > 0 ? 1 : kind == HB_ACT_LEAKY_RELU ? slope : 0; }
};
Activation activation_of(const hb_batch_norm_params& p) { return {p.activation, p.slope}; }

// ---- columns: statistics

// Means and sums of squared deviations of V channels, of `count` rows.
template <int V>
struct Moments {
    float at[2 * V + 1];

    __device__ void clear() {
#pragma unroll
        for (int i = 0; i <= 2 * V; i++) at[i] = 0;
    }
    __device__ float& mean(int i) { return at[i]; }
    __device__ float& squares(int i) { return at[V + i]; }
    __device__ float& count() { return at[2 * V]; }
    __device__ void merge(Moments& other) {
        const float n = count() + other.count();
        const float share = n > 0 ? other.count() / n : 0, both = share * count();
#pragma unroll
        for (int i = 0; i < V; i++) {
            const float apart = other.mean(i) - mean(i);
            mean(i) = fmaf(apart, share, mean(i));
            squares(i) = fmaf(apart * apart, both, squares(i) + other.squares(i));
        }
        count() = n;
    }
};

// Partial results [segments, pieces, 2, c].
__device__ __forceinline__ float* partial_at(float* partials, const Columns& columns, int64_t segment, int64_t piece) {
    return partials + (segment * columns.pieces + piece) * 2 * columns.c;
}

template <class T, int V>
__global__ void __launch_bounds__(kColumnThreads) column_moments_kernel(const T* x, Columns columns, float* partials) {
    const ColumnPlace<V> place(columns);
    Moments<V> moments;
    moments.clear();
    if (place.inside) {
        const int64_t down = columns.down();
        int64_t row = place.first;
        for (; row + 3 * down < place.end; row += 4 * down) {
            float four[4][V];
#pragma unroll
            for (int j = 0; j < 4; j++) load<V>(x + (row + j * down) * columns.c + place.column, four[j]);
            Moments<V> batch;
            batch.count() = 4;
#pragma unroll
            for (int i = 0; i < V; i++) {
                const float mean = 0.25f * ((four[0][i] + four[1][i]) + (four[2][i] + four[3][i]));
                float squares = 0;
#pragma unroll
                for (int j = 0; j < 4; j++) squares = fmaf(four[j][i] - mean, four[j][i] - mean, squares);
                batch.mean(i) = mean;
                batch.squares(i) = squares;
            }
            moments.merge(batch);
        }
        for (; row < place.end; row += down) {
            Moments<V> one;
            one.clear();
            one.count() = 1;
            float value[V];
            load<V>(x + row * columns.c + place.column, value);
#pragma unroll
            for (int i = 0; i < V; i++) one.mean(i) = value[i];
            moments.merge(one);
        }
    }
    merge_down(columns, place.row, moments);
    if (place.row != 0 || !place.inside) return;
    float* out = partial_at(partials, columns, place.segment, place.piece) + place.column;
    float mean[V], squares[V];
#pragma unroll
    for (int i = 0; i < V; i++) mean[i] = moments.mean(i), squares[i] = moments.squares(i);
    store<V>(out, mean);
    store<V>(out + columns.c, squares);
}

struct FinishNorm {
    float *mean, *inverse;                // [groups, c]
    float *running_mean, *running_var;    // [c]; null: not updated
    const float *fixed_mean, *fixed_var;  // [c], in evaluation
    Table gamma;                          // by run
    float* scale;                         // [runs, c]: gamma times inverse
    int64_t groups, runs;
    double momentum, epsilon;
};

// One block per 8 channels: the pieces' moments, merged in double: first the mean, then the deviations from it.
__global__ void __launch_bounds__(kColumnThreads)
    finish_norm_kernel(const float* partials, Columns columns, FinishNorm to) {
    __shared__ double shared[kColumnThreads];
    const int row = int(threadIdx.x) / kFinishChannels;
    const int64_t k = int64_t{blockIdx.x} * kFinishChannels + threadIdx.x % kFinishChannels, c = columns.c;
    const bool inside = k < c;
    double running_mean = 0, running_var = 0;
    for (int64_t g = 0; g < to.groups; g++) {
        double mean = 0, variance = 0;
        if (to.fixed_mean) {
            if (inside) mean = to.fixed_mean[k], variance = to.fixed_var[k];
        } else {
            const int64_t length = columns.length(g);
            const double n = double(length);
            const float* pieces = partials + g * columns.pieces * 2 * c + k;
            double sum = 0, squares = 0;
            for (int64_t p = row; inside && p < columns.pieces; p += kFinishRows)
                sum += double(columns.rows(length, p)) * double(pieces[2 * p * c]);
            mean = sum_of_rows(sum, shared) / n;
            for (int64_t p = row; inside && p < columns.pieces; p += kFinishRows) {
                const double apart = double(pieces[2 * p * c]) - mean;
                squares += double(pieces[(2 * p + 1) * c]) + double(columns.rows(length, p)) * apart * apart;
            }
            squares = sum_of_rows(squares, shared);
            variance = squares / n;
            running_mean += mean;
            running_var += n > 1 ? squares / (n - 1) : variance;
        }
        if (!inside) continue;
        // In evaluation as where a product is normalised before it is stored: the same bits.
        const float inverse =
            to.fixed_mean ? 1 / sqrtf(to.fixed_var[k] + float(to.epsilon)) : float(1 / sqrt(variance + to.epsilon));
        if (row == 0) {
            to.mean[g * c + k] = float(mean);
            to.inverse[g * c + k] = inverse;
        }
        // Either all runs share one group's statistics, or each has its own.
        const int64_t first = to.groups == 1 ? 0 : g, last = to.groups == 1 ? to.runs : g + 1;
        for (int64_t run = first + row; run < last; run += kFinishRows)
            to.scale[run * c + k] = to.gamma(run, k) * inverse;
    }
    if (row != 0 || !inside || !to.running_mean) return;
    const double share = to.momentum / double(to.groups);
    to.running_mean[k] = float((1 - to.momentum) * double(to.running_mean[k]) + share * running_mean);
    to.running_var[k] = float((1 - to.momentum) * double(to.running_var[k]) + share * running_var);
}

// ---- columns: y = act(scale (x - mean) + beta + residual)

// Rows that a thread has under way: 32 values.
template <int V>
inline constexpr int kRowsAtOnce = V >= 8 ? 2 : 4;

// y may be x.
template <class T, int V>
__global__ void __launch_bounds__(kColumnThreads)
    apply_norm_kernel(const T* x, const T* residual, T* y, Columns columns, Table mean, Table scale, const float* beta,
                      Activation activation) {
    constexpr int kRows = kRowsAtOnce<V>;
    const ColumnPlace<V> place(columns);
    if (!place.inside) return;
    float m[V], s[V], b[V];
    mean.of<V>(place.segment, place.column, m);
    scale.of<V>(place.segment, place.column, s);
    load<V>(beta + place.column, b);
    const int64_t down = columns.down();
    for (int64_t row = place.first; row < place.end; row += kRows * down) {
        float value[kRows][V], added[kRows][V];
#pragma unroll
        for (int j = 0; j < kRows; j++) {
            const int64_t at = (row + j * down) * columns.c + place.column;
            if (row + j * down < place.end) {
                load<V>(x + at, value[j]);
                if (residual) load<V>(residual + at, added[j]);
            }
        }
#pragma unroll
        for (int j = 0; j < kRows; j++) {
            if (row + j * down < place.end) {
#pragma unroll
                for (int i = 0; i < V; i++) {
                    float z = fmaf(value[j][i] - m[i], s[i], b[i]);
                    z = residual ? z + added[j][i] : z;
                    value[j][i] = activation(z);
                }
                store<V>(y + (row + j * down) * columns.c + place.column, value[j]);
            }
        }
    }
}

// ---- columns: gradients

// Sums over rows of V channels: of dz, and of dz (x - mean).
template <int V>
struct GradientSums {
    float at[2 * V];

    __device__ void merge(GradientSums& other) {
#pragma unroll
        for (int i = 0; i < 2 * V; i++) at[i] += other.at[i];
    }
};

// Means of whole segments, for sums of dz (x - mean).
struct MeanOfSegment {
    Table mean;

    template <int V>
    struct At {
        float mean[V];
        __device__ void row(int64_t) {}
        __device__ float deviation(int i, float x) const { return x - mean[i]; }
    };
    template <int V>
    __device__ At<V> at(int64_t segment, int64_t column) const {
        At<V> found;
        mean.of<V>(segment, column, found.mean);
        return found;
    }
};
// Statistics of each row and group of channels, for sums of dz h.
struct StatisticsOfRow {
    const float *mean, *inverse;  // [rows, groups]
    int64_t groups, width;

    template <int V>
    struct At {
        const StatisticsOfRow& of;
        int64_t column, first;
        __device__ void row(int64_t row) { first = row * of.groups; }
        __device__ float deviation(int i, float x) const {
            const int64_t at = first + (of.groups == 1 ? 0 : (column + i) / of.width);
            return (x - of.mean[at]) * of.inverse[at];
        }
    };
    template <int V>
    __device__ At<V> at(int64_t, int64_t column) const {
        return {*this, column, 0};
    }
};

template <class T, int V, class Statistics>
__global__ void __launch_bounds__(kColumnThreads)
    gradient_sums_kernel(const T* __restrict__ x, const T* __restrict__ y, const T* __restrict__ dy, Columns columns,
                         Statistics statistics, Activation activation, float* partials) {
    const ColumnPlace<V> place(columns);
    GradientSums<V> sums;
#pragma unroll
    for (int i = 0; i < 2 * V; i++) sums.at[i] = 0;
    if (place.inside) {
        auto here = statistics.template at<V>(place.segment, place.column);
#pragma unroll 2
        for (int64_t row = place.first; row < place.end; row += columns.down()) {
            const int64_t at = row * columns.c + place.column;
            float dz[V], value[V];
            load<V>(dy + at, dz);
            load<V>(x + at, value);
            if (activation.kind != HB_ACT_NONE) {
                float result[V];
                load<V>(y + at, result);
#pragma unroll
                for (int i = 0; i < V; i++) dz[i] *= activation.derivative(result[i]);
            }
            here.row(row);
#pragma unroll
            for (int i = 0; i < V; i++) {
                sums.at[i] += dz[i];
                sums.at[V + i] = fmaf(dz[i], here.deviation(i, value[i]), sums.at[V + i]);
            }
        }
    }
    merge_down(columns, place.row, sums);
    if (place.row != 0 || !place.inside) return;
    float* out = partial_at(partials, columns, place.segment, place.piece) + place.column;
    float of_dz[V], of_products[V];
#pragma unroll
    for (int i = 0; i < V; i++) of_dz[i] = sums.at[i], of_products[i] = sums.at[V + i];
    store<V>(out, of_dz);
    store<V>(out + columns.c, of_products);
}

// dx = slope dz + bend (x - mean) + shift.
struct FinishGradients {
    Table inverse;        // by group
    Table gamma;          // by run
    const float* slopes;  // [runs, c]; null: 1
    float *dgamma, *dbeta;
    float *slope, *bend, *shift;  // [segments, c], [groups, c], [groups, c]
    int64_t groups;
    bool constants;  // the statistics are
};

__global__ void __launch_bounds__(kColumnThreads)
    finish_gradients_kernel(const float* partials, Columns columns, FinishGradients to) {
    __shared__ double shared[kColumnThreads];
    const int row = int(threadIdx.x) / kFinishChannels;
    const int64_t k = int64_t{blockIdx.x} * kFinishChannels + threadIdx.x % kFinishChannels, c = columns.c;
    const bool inside = k < c;
    double dgamma = 0, dbeta = 0;
    for (int64_t g = 0; g < to.groups; g++) {
        const int64_t first = to.groups == 1 ? 0 : g, last = to.groups == 1 ? columns.segments : g + 1;
        const double inverse = inside ? double(to.inverse(g, k)) : 0;
        double sum = 0, product = 0;  // of dz g, and of dz g h
        for (int64_t s = first; s < last; s++) {
            const float* pieces = partials + s * columns.pieces * 2 * c + k;
            double of_dz = 0, of_products = 0;
            for (int64_t p = row; inside && p < columns.pieces; p += kFinishRows) {
                of_dz += double(pieces[2 * p * c]);
                of_products += double(pieces[(2 * p + 1) * c]);
            }
            of_dz = sum_of_rows(of_dz, shared);
            of_products = sum_of_rows(of_products, shared) * inverse;
            if (!inside) continue;
            const double gamma = double(to.gamma(s, k));
            dbeta += of_dz;
            dgamma += of_products * (to.slopes ? double(to.slopes[s * c + k]) : 1);
            sum += of_dz * gamma;
            product += of_products * gamma;
            if (row == 0) to.slope[s * c + k] = float(inverse * gamma);
        }
        if (row != 0 || !inside) continue;
        const double n = double(columns.begin(last) - columns.begin(first));
        to.bend[g * c + k] = to.constants || n == 0 ? 0 : float(-inverse * inverse * product / n);
        to.shift[g * c + k] = to.constants || n == 0 ? 0 : float(-inverse * sum / n);
    }
    if (row != 0 || !inside) return;
    to.dgamma[k] = float(dgamma);
    to.dbeta[k] = float(dbeta);
}

template <class T>
struct GradientViews {
    const T *x, *y, *dy;
    T *dx, *dresidual;  // dresidual may be null
};

template <class T, int V>
__global__ void __launch_bounds__(kColumnThreads)
    apply_gradients_kernel(GradientViews<T> views, Columns columns, Table mean, Table slope, Table bend, Table shift,
                           Activation activation) {
    constexpr int kRows = kRowsAtOnce<V>;
    const ColumnPlace<V> place(columns);
    if (!place.inside) return;
    float m[V], a[V], b[V], d[V];
    mean.of<V>(place.segment, place.column, m);
    slope.of<V>(place.segment, place.column, a);
    bend.of<V>(place.segment, place.column, b);
    shift.of<V>(place.segment, place.column, d);
    const int64_t down = columns.down();
    for (int64_t row = place.first; row < place.end; row += kRows * down) {
        float dz[kRows][V], value[kRows][V], result[kRows][V];
#pragma unroll
        for (int j = 0; j < kRows; j++) {
            const int64_t at = (row + j * down) * columns.c + place.column;
            if (row + j * down >= place.end) break;
            load<V>(views.dy + at, dz[j]);
            load<V>(views.x + at, value[j]);
            if (activation.kind != HB_ACT_NONE) load<V>(views.y + at, result[j]);
        }
#pragma unroll
        for (int j = 0; j < kRows; j++) {
            const int64_t at = (row + j * down) * columns.c + place.column;
            if (row + j * down >= place.end) break;
#pragma unroll
            for (int i = 0; i < V; i++) {
                if (activation.kind != HB_ACT_NONE) dz[j][i] *= activation.derivative(result[j][i]);
                value[j][i] = fmaf(a[i], dz[j][i], fmaf(b[i], value[j][i] - m[i], d[i]));
            }
            store<V>(views.dx + at, value[j]);
            if (views.dresidual) store<V>(views.dresidual + at, dz[j]);
        }
    }
}

// ---- batch norm

constexpr int64_t kSumBlocks = 1024, kMostPieces = 256;  // 8 blocks on each of an H100's multiprocessors
constexpr int64_t kApplyBlocks = 4096, kAnyPieces = 1 << 20;

unsigned finish_blocks(int64_t c) { return static_cast<unsigned>((c + kFinishChannels - 1) / kFinishChannels); }

void batch_norm(const BatchNormArguments& a) {
    const hb_batch_norm_params& p = a.params;
    const int64_t c = a.x.columns(), rows = a.x.rows(), groups = a.mean[0];
    const Gammas gammas(a.gamma, a.noise);
    const int64_t segments = gammas.runs > groups ? gammas.runs : groups, samples = rows ? a.samples : 1;
    DeviceScratch<float> scale(segments * c);
    FinishNorm finish{a.mean.f32(),
                      a.inverse_deviation.f32(),
                      nullptr,
                      nullptr,
                      nullptr,
                      nullptr,
                      gammas.seen(),
                      scale.data(),
                      groups,
                      segments,
                      double(p.momentum),
                      double(p.epsilon)};
    if (!p.training) {
        finish.fixed_mean = a.running_mean.f32();
        finish.fixed_var = a.running_var.f32();
    } else if (p.update_running) {
        finish.running_mean = a.running_mean.f32();
        finish.running_var = a.running_var.f32();
    }
    // A convolution may have taken the moments already, in pieces of its own.
    const TileMoments taken = p.training && rows > 0 ? kept_moments(a) : TileMoments{};
    with_activation(a.x.type, [&]<class T>(T) {
        auto run = [&]<int V>(std::integral_constant<int, V>) {
            Columns sums(rows, c, samples, groups, V, kSumBlocks, kMostPieces);
            if (taken.values) sums.pieces = taken.pieces, sums.rows_of_piece = taken.rows_of_piece;
            DeviceScratch<float> partials(p.training && !taken.values ? groups * sums.pieces * 2 * c : 0);
            if (p.training && !taken.values)
                HB_LAUNCH((column_moments_kernel<T, V>), unsigned(sums.blocks()), kColumnThreads, 0, stream(),
                          a.x.as<T>(), sums, partials.data());
            HB_LAUNCH((finish_norm_kernel), finish_blocks(c), kColumnThreads, 0, stream(),
                      taken.values ? taken.values->data() : partials.data(), sums, finish);
            if (rows == 0) return;
            const Columns columns(rows, c, samples, segments, V, kApplyBlocks, kAnyPieces);
            HB_LAUNCH((apply_norm_kernel<T, V>), unsigned(columns.blocks()), kColumnThreads, 0, stream(), a.x.as<T>(),
                      a.residual.as<T>(), a.y.as<T>(), columns, Table{a.mean.f32(), groups > 1 ? c : 0, 1},
                      Table{scale.data(), c, 1}, a.beta.f32(), activation_of(p));
        };
        with_pack<T>(c, run, a.x, a.y, a.residual, a.beta, a.mean, a.gamma);
    });
}

void batch_norm_backward(const BatchNormBackwardArguments& a) {
    const hb_batch_norm_params& p = a.params;
    const int64_t c = a.x.columns(), rows = a.x.rows(), groups = a.mean[0];
    const Gammas gammas(a.gamma, a.noise);
    const int64_t segments = gammas.runs > groups ? gammas.runs : groups, samples = rows ? a.samples : 1;
    DeviceScratch<float> coefficients((segments + 2 * groups) * c);
    float* slope = coefficients.data();
    float *bend = slope + segments * c, *shift = bend + groups * c;
    const int64_t group_apart = groups > 1 ? c : 0;
    const Table mean{a.mean.f32(), group_apart, 1};
    const FinishGradients finish{{a.inverse_deviation.f32(), group_apart, 1},
                                 gammas.seen(),
                                 gammas.slopes(),
                                 a.dgamma.f32(),
                                 a.dbeta.f32(),
                                 slope,
                                 bend,
                                 shift,
                                 groups,
                                 !p.training};
    with_activation(a.x.type, [&]<class T>(T) {
        auto run = [&]<int V>(std::integral_constant<int, V>) {
            Columns sums(rows, c, samples, segments, V, kSumBlocks, kMostPieces);
            if (rows == 0) sums.pieces = 0;
            DeviceScratch<float> partials(segments * sums.pieces * 2 * c);
            if (rows > 0)
                HB_LAUNCH((gradient_sums_kernel<T, V, MeanOfSegment>), unsigned(sums.blocks()), kColumnThreads, 0,
                          stream(), a.x.as<T>(), a.y.as<T>(), a.dy.as<T>(), sums, MeanOfSegment{mean}, activation_of(p),
                          partials.data());
            HB_LAUNCH((finish_gradients_kernel), finish_blocks(c), kColumnThreads, 0, stream(), partials.data(), sums,
                      finish);
            if (rows == 0) return;
            const Columns columns(rows, c, samples, segments, V, kApplyBlocks, kAnyPieces);
            HB_LAUNCH((apply_gradients_kernel<T, V>), unsigned(columns.blocks()), kColumnThreads, 0, stream(),
                      GradientViews<T>{a.x.as<T>(), a.y.as<T>(), a.dy.as<T>(), a.dx.as<T>(), a.dresidual.as<T>()},
                      columns, mean, Table{slope, c, 1}, Table{bend, group_apart, 1}, Table{shift, group_apart, 1},
                      activation_of(p));
        };
        with_pack<T>(c, run, a.x, a.y, a.dy, a.dx, a.dresidual, a.mean);
    });
}

// ---- group norm, by columns: the segments are the samples

struct Groups {
    int64_t n, groups, width, runs;
    double share;  // of one number in its mean
};

// One warp per sample and group: statistics from those of its channels. scale [n, c]: gamma times inverse deviation.
__global__ void __launch_bounds__(kColumnThreads)
    finish_groups_kernel(const float* partials, Columns columns, Groups of, Table gamma, double epsilon, float* mean,
                         float* inverse, float* scale) {
    const int64_t task = (int64_t{blockIdx.x} * kColumnThreads + threadIdx.x) / 32;
    const int lane = int(threadIdx.x) % 32;
    if (task >= of.n * of.groups) return;
    int64_t group = task, sample = divided(group, of.groups);
    const int64_t run = run_of(sample, of.n, of.runs);
    const int64_t c = columns.c, first = group * of.width, last = first + of.width;
    const float* pieces = partials + sample * columns.pieces * 2 * c;
    double sum = 0, squares = 0;
    for (int64_t k = first + lane; k < last; k += 32)
#pragma unroll 1
        for (int64_t p = 0; p < columns.pieces; p++)
            sum += double(columns.rows(columns.rows_of_sample, p)) * double(pieces[2 * p * c + k]);
    const double average = warp_sum(sum) * of.share;
    for (int64_t k = first + lane; k < last; k += 32)
#pragma unroll 1
        for (int64_t p = 0; p < columns.pieces; p++) {
            const double apart = double(pieces[2 * p * c + k]) - average;
            squares +=
                double(pieces[(2 * p + 1) * c + k]) + double(columns.rows(columns.rows_of_sample, p)) * apart * apart;
        }
    const float found = rsqrtf(float(warp_sum(squares) * of.share + epsilon));
    if (lane == 0) {
        mean[task] = float(average);
        inverse[task] = found;
    }
    for (int64_t k = first + lane; k < last; k += 32) scale[sample * c + k] = gamma(run, k) * found;
}

// The same for dx = slope dz + bend (x - mean) + shift: slope [n, c], bend and shift [n, groups].
__global__ void __launch_bounds__(kColumnThreads)
    finish_group_gradients_kernel(const float* partials, Columns columns, Groups of, Table gamma, const float* inverse,
                                  float* slope, float* bend, float* shift) {
    const int64_t task = (int64_t{blockIdx.x} * kColumnThreads + threadIdx.x) / 32;
    const int lane = int(threadIdx.x) % 32;
    if (task >= of.n * of.groups) return;
    int64_t group = task, sample = divided(group, of.groups);
    const int64_t c = columns.c, run = run_of(sample, of.n, of.runs);
    const float* first = partials + sample * columns.pieces * 2 * c;
    const double d = double(inverse[task]);
    double sum = 0, product = 0;
    for (int64_t k = group * of.width + lane; k < (group + 1) * of.width; k += 32) {
        double of_dy = 0, of_products = 0;
        for (int64_t piece = 0; piece < columns.pieces; piece++) {
            of_dy += double(first[2 * piece * c + k]);
            of_products += double(first[(2 * piece + 1) * c + k]);
        }
        const double g = double(gamma(run, k));
        sum += g * of_dy;
        product += g * of_products * d;
        slope[sample * c + k] = float(g * d);
    }
    sum = warp_sum(sum);
    product = warp_sum(product);
    if (lane != 0) return;
    bend[task] = float(-d * d * product * of.share);
    shift[task] = float(-d * sum * of.share);
}

// dgamma and dbeta from the sums of all segments. inverse: what their products still lack; its `at` may be null.
__global__ void __launch_bounds__(kColumnThreads)
    parameter_gradients_kernel(const float* partials, Columns columns, Table inverse, const float* slopes, int64_t runs,
                               float* dgamma, float* dbeta) {
    __shared__ double shared[kColumnThreads];
    const int row = int(threadIdx.x) / kFinishChannels;
    const int64_t k = int64_t{blockIdx.x} * kFinishChannels + threadIdx.x % kFinishChannels, c = columns.c;
    double of_dy = 0, of_products = 0;
    for (int64_t i = row; k < c && i < columns.segments * columns.pieces; i += kFinishRows) {
        const int64_t segment = i / columns.pieces;
        double product = double(partials[(2 * i + 1) * c + k]);
        if (inverse.at) product *= double(inverse(segment, k));
        if (slopes) product *= double(slopes[run_of(segment, columns.segments, runs) * c + k]);
        of_products += product;
        of_dy += double(partials[2 * i * c + k]);
    }
    of_dy = sum_of_rows(of_dy, shared);
    of_products = sum_of_rows(of_products, shared);
    if (row != 0 || k >= c) return;
    dgamma[k] = float(of_products);
    dbeta[k] = float(of_dy);
}

// ---- group norm, by rows: one position

// x [rows, groups, width]; mean, inverse [rows, groups]. Noise runs split samples, of which rows are parts.
struct RowShape {
    int64_t rows, groups, width, samples, runs;
};

// Sum over the threads that share a row: a warp, or a block of kWarps.
template <int kWarps>
__device__ __forceinline__ float sum_of_team(float x, float* shared) {
    x = warp_sum(x);
    if constexpr (kWarps == 1) return x;
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = 0;
#pragma unroll
    for (int w = 0; w < kWarps; w++) sum += shared[w];
    __syncthreads();
    return sum;
}

constexpr int kRowThreads = 256;

// The (row, group) that a team of kWarps has, and where its thread is in it.
template <int kWarps>
struct RowPlace {
    int64_t task, group, run, start;  // start: of the group's elements
    int thread;
    bool inside;

    __device__ explicit RowPlace(const RowShape& s) {
        task = (int64_t{blockIdx.x} * kRowThreads + threadIdx.x) / (32 * kWarps);
        thread = int(threadIdx.x) % (32 * kWarps);
        inside = task < s.rows * s.groups;
        group = task;
        const int64_t row = divided(group, s.groups);
        run = run_of(row / (s.rows / s.samples), s.samples, s.runs);
        start = task * s.width;
    }
};

template <class T, int V, int kWarps>
__global__ void __launch_bounds__(kRowThreads)
    row_norm_kernel(const T* x, RowShape shape, Table gamma, const float* beta, float epsilon, T* y, float* mean,
                    float* inverse) {
    __shared__ float shared[kWarps];
    const RowPlace<kWarps> place(shape);
    if (!place.inside) return;
    const int64_t step = 32 * kWarps * V, first = place.thread * V;
    const T* row = x + place.start;
    float sum = 0, squares = 0;
    for (int64_t k = first; k < shape.width; k += step) {
        float value[V];
        load<V>(row + k, value);
#pragma unroll
        for (int i = 0; i < V; i++) sum += value[i];
    }
    const float average = sum_of_team<kWarps>(sum, shared) / float(shape.width);
    for (int64_t k = first; k < shape.width; k += step) {
        float value[V];
        load<V>(row + k, value);
#pragma unroll
        for (int i = 0; i < V; i++) squares = fmaf(value[i] - average, value[i] - average, squares);
    }
    const float variance = sum_of_team<kWarps>(squares, shared) / float(shape.width);
    const float d = 1 / sqrtf(variance + epsilon);
    if (place.thread == 0) {
        mean[place.task] = average;
        inverse[place.task] = d;
    }
    for (int64_t k = first; k < shape.width; k += step) {
        const int64_t channel = place.group * shape.width + k;
        float value[V], g[V], b[V];
        load<V>(row + k, value);
        gamma.of<V>(place.run, channel, g);
        load<V>(beta + channel, b);
#pragma unroll
        for (int i = 0; i < V; i++) value[i] = fmaf(g[i], (value[i] - average) * d, b[i]);
        store<V>(y + place.start + k, value);
    }
}

// share: 1 / shape.width, from the host since a division here is a call.
template <class T, int V, int kWarps>
__global__ void __launch_bounds__(kRowThreads)
    row_gradients_kernel(const T* x, const T* dy, RowShape shape, float share, Table gamma, const float* mean,
                         const float* inverse, T* dx) {
    __shared__ float shared[kWarps];
    const RowPlace<kWarps> place(shape);
    if (!place.inside) return;
    const int64_t step = 32 * kWarps * V, first = place.thread * V;
    const float average = mean[place.task], d = inverse[place.task];
    float sum = 0, product = 0;  // of dy g, and of dy g h
    // Not unrolled further: at V = 1 that cost registers that were spilled.
#pragma unroll 1
    for (int64_t k = first; k < shape.width; k += step) {
        float value[V], gradient[V], g[V];
        load<V>(x + place.start + k, value);
        load<V>(dy + place.start + k, gradient);
        gamma.of<V>(place.run, place.group * shape.width + k, g);
#pragma unroll
        for (int i = 0; i < V; i++) {
            const float through = gradient[i] * g[i];
            sum += through;
            product = fmaf(through, (value[i] - average) * d, product);
        }
    }
    sum = sum_of_team<kWarps>(sum, shared) * share;
    product = sum_of_team<kWarps>(product, shared) * share;
#pragma unroll 1
    for (int64_t k = first; k < shape.width; k += step) {
        float value[V], gradient[V], g[V];
        load<V>(x + place.start + k, value);
        load<V>(dy + place.start + k, gradient);
        gamma.of<V>(place.run, place.group * shape.width + k, g);
#pragma unroll
        for (int i = 0; i < V; i++) {
            const float h = (value[i] - average) * d;
            value[i] = d * (fmaf(gradient[i], g[i], -sum) - h * product);
        }
        store<V>(dx + place.start + k, value);
    }
}

// Rows longer than this have a block of their own, so that no thread reads more than 32 elements of a usual one.
constexpr int64_t kLongRow = 1024;

// body(std::integral_constant<int, warps of a team>(), blocks)
template <class Body>
void with_team(const RowShape& s, Body&& body) {
    const int64_t tasks = s.rows * s.groups;
    if (s.width > kLongRow)
        body(std::integral_constant<int, kRowThreads / 32>(), unsigned(tasks));
    else
        body(std::integral_constant<int, 1>(), unsigned((tasks * 32 + kRowThreads - 1) / kRowThreads));
}

unsigned warp_blocks(int64_t warps) { return unsigned((warps * 32 + kColumnThreads - 1) / kColumnThreads); }

void group_norm(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                const View& gamma, const View& beta, double epsilon, const Noise& noise, const View& y,
                const View& mean, const View& inverse_deviation) {
    const Gammas gammas(gamma, noise);
    const int64_t width = c / groups;
    with_activation(x.type, [&]<class T>(T) {
        if (positions == 1) {
            const RowShape shape{n, groups, width, samples, gammas.runs};
            auto run = [&]<int V>(std::integral_constant<int, V>) {
                with_team(shape, [&]<int kWarps>(std::integral_constant<int, kWarps>, unsigned blocks) {
                    HB_LAUNCH((row_norm_kernel<T, V, kWarps>), blocks, kRowThreads, 0, stream(), x.as<T>(), shape,
                              gammas.seen(), beta.f32(), float(epsilon), y.as<T>(), mean.f32(),
                              inverse_deviation.f32());
                });
            };
            return with_pack<T>(width, run, x, y, beta, gamma);
        }
        DeviceScratch<float> scale(n * c);
        auto run = [&]<int V>(std::integral_constant<int, V>) {
            const Columns columns(n * positions, c, n, n, V, kSumBlocks, kMostPieces);
            DeviceScratch<float> partials(n * columns.pieces * 2 * c);
            HB_LAUNCH((column_moments_kernel<T, V>), unsigned(columns.blocks()), kColumnThreads, 0, stream(), x.as<T>(),
                      columns, partials.data());
            HB_LAUNCH((finish_groups_kernel), warp_blocks(n * groups), kColumnThreads, 0, stream(), partials.data(),
                      columns, Groups{n, groups, width, gammas.runs, 1 / double(positions * width)}, gammas.seen(),
                      epsilon, mean.f32(), inverse_deviation.f32(), scale.data());
            HB_LAUNCH((apply_norm_kernel<T, V>), unsigned(columns.blocks()), kColumnThreads, 0, stream(), x.as<T>(),
                      static_cast<const T*>(nullptr), y.as<T>(), columns, Table{mean.f32(), groups, width},
                      Table{scale.data(), c, 1}, beta.f32(), Activation{HB_ACT_NONE, 0});
        };
        with_pack<T>(c, run, x, y, beta, mean);
    });
}

void group_norm_backward(const View& x, int64_t n, int64_t positions, int64_t c, int64_t groups, int64_t samples,
                         const View& dy, const View& gamma, const View& mean, const View& inverse_deviation,
                         const Noise& noise, const View& dx, const View& dgamma, const View& dbeta) {
    const Gammas gammas(gamma, noise);
    const int64_t width = c / groups;
    const Activation none{HB_ACT_NONE, 0};
    with_activation(x.type, [&]<class T>(T) {
        if (positions == 1) {
            const RowShape shape{n, groups, width, samples, gammas.runs};
            auto rows = [&]<int V>(std::integral_constant<int, V>) {
                with_team(shape, [&]<int kWarps>(std::integral_constant<int, kWarps>, unsigned blocks) {
                    HB_LAUNCH((row_gradients_kernel<T, V, kWarps>), blocks, kRowThreads, 0, stream(), x.as<T>(),
                              dy.as<T>(), shape, 1.0f / float(width), gammas.seen(), mean.f32(),
                              inverse_deviation.f32(), dx.as<T>());
                });
            };
            with_pack<T>(width, rows, x, dy, dx, gamma);
            const int64_t segments = gammas.slopes() ? gammas.runs : 1;
            auto parameters = [&]<int V>(std::integral_constant<int, V>) {
                const Columns columns(n, c, samples, segments, V, kSumBlocks, kMostPieces);
                DeviceScratch<float> partials(segments * columns.pieces * 2 * c);
                HB_LAUNCH((gradient_sums_kernel<T, V, StatisticsOfRow>), unsigned(columns.blocks()), kColumnThreads, 0,
                          stream(), x.as<T>(), static_cast<const T*>(nullptr), dy.as<T>(), columns,
                          StatisticsOfRow{mean.f32(), inverse_deviation.f32(), groups, width}, none, partials.data());
                HB_LAUNCH((parameter_gradients_kernel), finish_blocks(c), kColumnThreads, 0, stream(), partials.data(),
                          columns, Table{}, gammas.slopes(), gammas.runs, dgamma.f32(), dbeta.f32());
            };
            return with_pack<T>(c, parameters, x, dy);
        }
        DeviceScratch<float> coefficients(n * (c + 2 * groups));
        float* slope = coefficients.data();
        float *bend = slope + n * c, *shift = bend + n * groups;
        const Table means{mean.f32(), groups, width};
        auto run = [&]<int V>(std::integral_constant<int, V>) {
            const Columns columns(n * positions, c, n, n, V, kSumBlocks, kMostPieces);
            DeviceScratch<float> partials(n * columns.pieces * 2 * c);
            HB_LAUNCH((gradient_sums_kernel<T, V, MeanOfSegment>), unsigned(columns.blocks()), kColumnThreads, 0,
                      stream(), x.as<T>(), static_cast<const T*>(nullptr), dy.as<T>(), columns, MeanOfSegment{means},
                      none, partials.data());
            HB_LAUNCH((finish_group_gradients_kernel), warp_blocks(n * groups), kColumnThreads, 0, stream(),
                      partials.data(), columns, Groups{n, groups, width, gammas.runs, 1 / double(positions * width)},
                      gammas.seen(), inverse_deviation.f32(), slope, bend, shift);
            HB_LAUNCH((parameter_gradients_kernel), finish_blocks(c), kColumnThreads, 0, stream(), partials.data(),
                      columns, Table{inverse_deviation.f32(), groups, width}, gammas.slopes(), gammas.runs,
                      dgamma.f32(), dbeta.f32());
            HB_LAUNCH((apply_gradients_kernel<T, V>), unsigned(columns.blocks()), kColumnThreads, 0, stream(),
                      GradientViews<T>{x.as<T>(), nullptr, dy.as<T>(), dx.as<T>(), nullptr}, columns, means,
                      Table{slope, c, 1}, Table{bend, groups, width}, Table{shift, groups, width}, none);
        };
        with_pack<T>(c, run, x, dy, dx, mean, inverse_deviation);
    });
}

}  // namespace

void add_normalisation(Backend& table) {
    table.batch_norm = batch_norm;
    table.batch_norm_backward = batch_norm_backward;
    table.group_norm = group_norm;
    table.group_norm_backward = group_norm_backward;
}

}  // namespace hb::cuda
