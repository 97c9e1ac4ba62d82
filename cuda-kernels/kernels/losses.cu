// Softmax, log softmax, cross-entropy, the scores of PRL, the Kullback-Leibler divergence and the squared error, with
// their gradients, row by row.
//
// Variants: a thread per row reads with a stride of the row, 32 lines an instruction; a pass per quantity (maximum,
// sum, result) reads the row three times. Here a group of lanes reads neighbouring elements, once, into registers: 8
// lanes for rows up to 16 (the ten classes of CIFAR: a whole warp would idle in 22 lanes), a warp up to 1024
// (ImageNet's thousand: 32 loads of a lane are under way at once, so wider loads gain nothing), and a block, which
// rereads from the caches, beyond. Rows are stored as f32 or bf16; arithmetic is in f32, in forms that do not cancel:
//   log sum    with d = x - max: log1p(sum of exp(d) where d < 0, + number of d = 0, - 1), so that the loss of a sample
//              that is almost certain keeps its digits; -log p = -d + log sum is a sum of two positives
//   p - 1      as expm1(log p)
//   KL         as sum of p (e + exp(-e) - 1), e = log p - log q: equal to sum of p e, as p and q both sum to 1, but of
//              positive terms, and an error common to all e enters squared only
// Bytes per element, f32: softmax 8, gradients 12 to 16, losses 4; bf16 half of it. About 25 operations per
// exponential. On an H100 memory bounds all of them: softmax of f32 at 0.42 T elements a second, for which exponentials
// take a third of the instruction slots.
#include "host/device.h"
#include "kernels/kernels.h"
#include "kernels/teams.cuh"

namespace hb::cuda {
namespace {

// Of one row. In every thread of the team.
struct LogSumExp {
    float most, log_rest;  // log p = x - most - log_rest

    template <class Team, class Row>
    __device__ __forceinline__ LogSumExp(const Team& team, const Row& x) {
        float top = -INFINITY;
        team.each([&](int j, int slot) { top = fmaxf(top, x(j, slot)); });
        most = team.largest(top);
        float rest = 0, tops = 0;
        team.each([&](int j, int slot) {
            const float d = x(j, slot) - most;
            if (d == 0)
                tops += 1;
            else
                rest += expf(d);  // also a NaN, of an infinite maximum
        });
        rest_ = team.sum(rest) + (team.sum(tops) - 1);
        log_rest = log1pf(rest_);
    }
    __device__ float log_p(float x) const { return (x - most) - log_rest; }
    __device__ float minus_log_p(float x) const { return (most - x) + log_rest; }
    __device__ float exponential(float x) const { return expf(x - most); }
    __device__ float scale() const { return 1 / (1 + rest_); }  // of exponentials, to probabilities

  private:
    float rest_;
};

// exp(log_p) - 1, also where p is near 1.
__device__ __forceinline__ float less_one(float log_p) { return log_p > -0.5f ? expm1f(log_p) : expf(log_p) - 1; }

template <class T>
struct Softmax {
    const T* x;
    T* y;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> row(team, x + i * k);
        const LogSumExp of(team, row);
        const float scale = of.scale();
        team.each([&](int j, int slot) { y[i * k + j] = stored<T>(of.exponential(row(j, slot)) * scale); });
    }
};

template <class T>
struct LogSoftmax {
    const T* x;
    T* y;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> row(team, x + i * k);
        const LogSumExp of(team, row);
        team.each([&](int j, int slot) { y[i * k + j] = stored<T>(of.log_p(row(j, slot))); });
    }
};

// dx = y (dy - sum of dy y)
template <class T>
struct SoftmaxBackward {
    const T *y, *dy;
    T* dx;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> p(team, y + i * k), g(team, dy + i * k);
        float sum = 0;
        team.each([&](int j, int slot) { sum = fmaf(p(j, slot), g(j, slot), sum); });
        sum = team.sum(sum);
        team.each([&](int j, int slot) { dx[i * k + j] = stored<T>(p(j, slot) * (g(j, slot) - sum)); });
    }
};

// dx = dy - exp(y) sum of dy
template <class T>
struct LogSoftmaxBackward {
    const T *y, *dy;
    T* dx;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> log_p(team, y + i * k), g(team, dy + i * k);
        float sum = 0;
        team.each([&](int j, int slot) { sum += g(j, slot); });
        sum = team.sum(sum);
        team.each([&](int j, int slot) { dx[i * k + j] = stored<T>(fmaf(-expf(log_p(j, slot)), sum, g(j, slot))); });
    }
};

// Rows of targets after smoothing s: (1 - s) t + s / k, where t is a row of `soft` or the class in `classes`.
struct Targets {
    const float* soft;
    const int64_t* classes;
    float own, even;

    Targets(const View& targets, double smoothing, int64_t k)
        : soft(targets.type == DType::I64 ? nullptr : targets.f32()),
          classes(targets.type == DType::I64 ? targets.as<int64_t>() : nullptr), own(float(1 - smoothing)),
          even(float(smoothing / double(k))) {}
    __device__ int64_t class_of(int64_t i) const { return classes ? classes[i] : -1; }
    __device__ float operator()(int64_t i, int64_t k, int64_t chosen, int j) const {
        return fmaf(own, soft ? soft[i * k + j] : j == chosen ? 1.0f : 0.0f, even);
    }
};

template <class T>
struct CrossEntropy {
    const T* logits;
    Targets targets;
    float* loss;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> row(team, logits + i * k);
        const LogSumExp of(team, row);
        const int64_t chosen = targets.class_of(i);
        float sum = 0;
        if (!targets.soft && targets.even == 0) {  // the same in all threads
            sum = of.minus_log_p(widened(logits[i * k + chosen]));
        } else {
            // A class without weight adds nothing, not even where its probability is 0.
            team.each([&](int j, int slot) {
                const float t = targets(i, k, chosen, j);
                if (t != 0) sum = fmaf(t, of.minus_log_p(row(j, slot)), sum);
            });
            sum = team.sum(sum);
        }
        if (team.leads()) loss[i] = sum;
    }
};

// dlogits = dloss (p sum of t - t)
template <class T>
struct CrossEntropyBackward {
    const T* logits;
    Targets targets;
    const float* dloss;
    T* dlogits;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> row(team, logits + i * k);
        const LogSumExp of(team, row);
        const int64_t chosen = targets.class_of(i);
        float total = 1;
        if (targets.soft) {
            total = 0;
            team.each([&](int j, int) { total += targets(i, k, chosen, j); });
            total = team.sum(total);
        }
        const float d = dloss[i];
        team.each([&](int j, int slot) {
            const float t = targets(i, k, chosen, j), log_p = of.log_p(row(j, slot));
            // p total - t; of two nearly equal numbers where the class is nearly certain
            const float slope = log_p > -0.5f ? fmaf(total, expm1f(log_p), total - t) : fmaf(total, expf(log_p), -t);
            dlogits[i * k + j] = stored<T>(d * slope);
        });
    }
};

template <class T>
struct SoftmaxScores {
    const T* logits;
    const int64_t* targets;
    T* probabilities;
    float *loss, *score;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> row(team, logits + i * k);
        const LogSumExp of(team, row);
        const float scale = of.scale();
        const int64_t chosen = targets[i];
        float sum = 0;
        team.each([&](int j, int slot) {
            const float p = of.exponential(row(j, slot)) * scale;
            probabilities[i * k + j] = stored<T>(p);
            const float difference = j == chosen ? less_one(of.log_p(row(j, slot))) : p;
            sum = fmaf(difference, difference, sum);
        });
        sum = team.sum(sum);
        if (team.leads()) {
            loss[i] = of.minus_log_p(widened(logits[i * k + chosen]));
            score[i] = sum;
        }
    }
};

// Two rows of logits, element by element: p, q, and log p - log q without the rounding of either's size.
struct Pair {
    LogSumExp p, q;
    float apart;

    template <class Team, class Row>
    __device__ __forceinline__ Pair(const Team& team, const Row& x, const Row& y)
        : p(team, x), q(team, y), apart((p.most - q.most) + (p.log_rest - q.log_rest)) {}
    __device__ float log_ratio(float x, float y) const { return (x - y) - apart; }
    // What element j adds to the divergence: p (e + exp(-e) - 1).
    __device__ float term(float x, float y) const {
        const float p_j = expf(p.log_p(x)), q_j = expf(q.log_p(y));
        if (p_j == 0) return q_j;  // e may be infinite or, of two infinities, not a number
        const float e = log_ratio(x, y);
        if (fabsf(e) > 0.25f) return fmaf(p_j, e, q_j - p_j);
        // exp(-e) - 1 + e = e^2 (1/2 - e/6 + e^2/24 - ...), whose next term is below 2^-31
        float series = fmaf(-e, 1.0f / 40320, 1.0f / 5040);
        series = fmaf(-e, series, 1.0f / 720);
        series = fmaf(-e, series, 1.0f / 120);
        series = fmaf(-e, series, 1.0f / 24);
        series = fmaf(-e, series, 1.0f / 6);
        series = fmaf(-e, series, 0.5f);
        return p_j * (e * e * series);
    }
    template <class Team, class Row>
    __device__ __forceinline__ float divergence(const Team& team, const Row& x, const Row& y) const {
        float sum = 0;
        team.each([&](int j, int slot) { sum += term(x(j, slot), y(j, slot)); });
        return team.sum(sum);
    }
};

template <class T>
struct Divergence {
    const T *p_logits, *q_logits;
    float* loss;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> x(team, p_logits + i * k), y(team, q_logits + i * k);
        const float sum = Pair(team, x, y).divergence(team, x, y);
        if (team.leads()) loss[i] = sum;
    }
};

// dp = dloss p (log p - log q - KL), dq = dloss (q - p)
template <class T>
struct DivergenceBackward {
    const T *p_logits, *q_logits;
    const float* dloss;
    T *dp, *dq;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const typename Team::template Row<T> x(team, p_logits + i * k), y(team, q_logits + i * k);
        const Pair pair(team, x, y);
        const float divergence = pair.divergence(team, x, y), d = dloss[i];
        team.each([&](int j, int slot) {
            const float a = x(j, slot), b = y(j, slot);
            const float p = expf(pair.p.log_p(a)), q = expf(pair.q.log_p(b)), e = pair.log_ratio(a, b);
            dp[i * k + j] = stored<T>(p == 0 ? 0 : d * p * (e - divergence));
            dq[i * k + j] = stored<T>(d * (p != 0 && fabsf(e) < 0.25f ? p * expm1f(-e) : q - p));
        });
    }
};

template <class T>
struct SquaredError {
    const T *x, *target;
    float* loss;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        float sum = 0;
        team.each([&](int j, int) {
            const float difference = widened(x[i * k + j]) - widened(target[i * k + j]);
            sum = fmaf(difference, difference, sum);
        });
        sum = team.sum(sum);
        if (team.leads()) loss[i] = sum;
    }
};

template <class T>
struct SquaredErrorBackward {
    const T *x, *target;
    const float* dloss;
    T* dx;
    int64_t k;
    template <class Team>
    __device__ void operator()(const Team& team, int64_t i) const {
        const float d = 2 * dloss[i];
        team.each(
            [&](int j, int) { dx[i * k + j] = stored<T>((widened(x[i * k + j]) - widened(target[i * k + j])) * d); });
    }
};

// ---- entries

template <template <class> class Body, class... Arguments>
void for_rows_of(const View& rows, const Arguments&... arguments) {
    const int64_t k = rows.columns();
    with_activation(rows.type, [&]<class T>(T) {
        auto pointer = [](const auto& argument) {
            if constexpr (std::is_same_v<std::decay_t<decltype(argument)>, View>)
                return argument.template as<T>();
            else
                return argument;
        };
        for_each_row(rows.rows(), k, Body<T>{pointer(arguments)..., k});
    });
}

void softmax(const View& x, const View& y) { for_rows_of<Softmax>(x, x, y); }
void log_softmax(const View& x, const View& y) { for_rows_of<LogSoftmax>(x, x, y); }
void softmax_backward(const View& y, const View& dy, const View& dx) { for_rows_of<SoftmaxBackward>(y, y, dy, dx); }
void log_softmax_backward(const View& y, const View& dy, const View& dx) {
    for_rows_of<LogSoftmaxBackward>(y, y, dy, dx);
}
void cross_entropy(const View& logits, const View& targets, double smoothing, const View& loss) {
    for_rows_of<CrossEntropy>(logits, logits, Targets(targets, smoothing, logits.columns()), loss.f32());
}
void cross_entropy_backward(const View& logits, const View& targets, const View& dloss, double smoothing,
                            const View& dlogits) {
    for_rows_of<CrossEntropyBackward>(logits, logits, Targets(targets, smoothing, logits.columns()), dloss.f32(),
                                      dlogits);
}
void softmax_scores(const View& logits, const View& targets, const View& probabilities, const View& loss,
                    const View& score) {
    for_rows_of<SoftmaxScores>(logits, logits, targets.as<int64_t>(), probabilities, loss.f32(), score.f32());
}
void kl_divergence(const View& p_logits, const View& q_logits, const View& loss) {
    for_rows_of<Divergence>(p_logits, p_logits, q_logits, loss.f32());
}
void kl_divergence_backward(const View& p_logits, const View& q_logits, const View& dloss, const View& dp,
                            const View& dq) {
    for_rows_of<DivergenceBackward>(p_logits, p_logits, q_logits, dloss.f32(), dp, dq);
}
void squared_error(const View& x, const View& target, const View& loss) {
    for_rows_of<SquaredError>(x, x, target, loss.f32());
}
void squared_error_backward(const View& x, const View& target, const View& dloss, const View& dx) {
    for_rows_of<SquaredErrorBackward>(x, x, target, dloss.f32(), dx);
}

}  // namespace

void add_losses(Backend& table) {
    table.softmax = softmax;
    table.softmax_backward = softmax_backward;
    table.log_softmax = log_softmax;
    table.log_softmax_backward = log_softmax_backward;
    table.cross_entropy = cross_entropy;
    table.cross_entropy_backward = cross_entropy_backward;
    table.softmax_scores = softmax_scores;
    table.kl_divergence = kl_divergence;
    table.kl_divergence_backward = kl_divergence_backward;
    table.squared_error = squared_error;
    table.squared_error_backward = squared_error_backward;
}

}  // namespace hb::cuda
