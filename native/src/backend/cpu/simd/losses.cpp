// Softmax and the losses, row by row. A row is read from memory once, 4 bytes an element and operand, and written once;
// the passes after the first find it in the cache. Exponentials are vectors of f32; their sums, and what is left when
// nearly equal numbers are subtracted, are in double, so that a small loss keeps its digits.
#include <cmath>
#include <limits>

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/math.h"
#include "core/parallel.h"
#include "core/worker_scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

const Backend* plain_ = nullptr;

// body(i) for every row of k elements.
template <class Body>
void for_each_row(int64_t rows, int64_t k, Body&& body) {
    parallel_ranges(rows, kGrain / 8 / k, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) body(i);
    });
}

// log softmax of a row is x - most - log_total.
struct LogSoftmax {
    float most;
    double total, log_total;  // of exp(x - most)

    // exp(x - most) goes to `exponentials`, unless it is null. x: float or Bf16.
    template <class T>
    LogSoftmax(const T* x, int64_t k, float* exponentials = nullptr) {
        F32 top = -std::numeric_limits<float>::infinity();
        lanes(k, [&](int64_t j, auto m) { top = max(top, or_lowest(load(x + j, m), m)); });
        most = largest(top);
        const F32 centre = most;
        total = sum(add_lanes(k, [=](int64_t j, auto m) {
            F32 e = keep(exp(load(x + j, m) - centre), m);
            if (exponentials) store(exponentials + j, e, m);
            return Wide(e);
        }));
        log_total = std::log(total);
    }
    double operator()(float x) const { return static_cast<double>(x) - static_cast<double>(most) - log_total; }
    Wide operator()(F32 x) const { return Wide(x) - Wide(static_cast<double>(most)) - Wide(log_total); }
    F32 scale() const { return static_cast<float>(1 / total); }

  private:
    static F32 or_lowest(F32 x, All) { return x; }
    static F32 or_lowest(F32 x, Mask m) { return select(m, x, F32(-std::numeric_limits<float>::infinity())); }
};

// Where a row of the result is made in f32: where it goes, or aside where it is bf16.
template <class T>
class RowRoom {
  public:
    explicit RowRoom(int64_t k) : aside_(std::is_same_v<T, float> ? 0 : k) {}
    float* of(T* row) const {
        if constexpr (std::is_same_v<T, float>)
            return row;
        else
            return aside_.data();
    }

  private:
    const WorkerScratch<float> aside_;
};

void softmax(const View& x, const View& y) {
    if (!is_stored_f32_or_bf16(x)) return plain_->softmax(x, y);
    const int64_t k = x.columns();
    with_storage(x, [&]<class T>(T) {
        const RowRoom<T> room(k);
        for_each_row(x.rows(), k, [&](int64_t i) {
            T* p = y.as<T>() + i * k;
            float* e = room.of(p);
            const F32 scale = LogSoftmax(x.as<T>() + i * k, k, e).scale();
            lanes(k, [&](int64_t j, auto m) { store(p + j, load(e + j, m) * scale, m); });
        });
    });
}

// dx = y (dy - sum of dy y)
void softmax_backward(const View& y, const View& dy, const View& dx) {
    if (!is_stored_f32_or_bf16(y)) return plain_->softmax_backward(y, dy, dx);
    const int64_t k = y.columns();
    with_storage(y, [&]<class T>(T) {
        for_each_row(y.rows(), k, [&](int64_t i) {
            const T *p = y.as<T>() + i * k, *g = dy.as<T>() + i * k;
            T* out = dx.as<T>() + i * k;
            const Wide total(
                sum(add_lanes(k, [=](int64_t j, auto m) { return Wide(load(p + j, m)) * Wide(load(g + j, m)); })));
            lanes(k, [&](int64_t j, auto m) {
                store(out + j, narrow(Wide(load(p + j, m)) * (Wide(load(g + j, m)) - total)), m);
            });
        });
    });
}

void log_softmax(const View& x, const View& y) {
    if (x.type != DType::F32) return plain_->log_softmax(x, y);
    const int64_t k = x.columns();
    for_each_row(x.rows(), k, [&](int64_t i) {
        const float* in = x.f32() + i * k;
        float* out = y.f32() + i * k;
        const LogSoftmax log_p(in, k);
        lanes(k, [&](int64_t j, auto m) { store(out + j, narrow(log_p(load(in + j, m))), m); });
    });
}

// dx = dy - exp(y) sum of dy
void log_softmax_backward(const View& y, const View& dy, const View& dx) {
    if (y.type != DType::F32) return plain_->log_softmax_backward(y, dy, dx);
    const int64_t k = y.columns();
    for_each_row(y.rows(), k, [&](int64_t i) {
        const float *log_p = y.f32() + i * k, *g = dy.f32() + i * k;
        float* out = dx.f32() + i * k;
        const F32 total =
            static_cast<float>(sum(add_lanes(k, [=](int64_t j, auto m) { return Wide(load(g + j, m)); })));
        lanes(k, [&](int64_t j, auto m) { store(out + j, fma(-exp(load(log_p + j, m)), total, load(g + j, m)), m); });
    });
}

// Targets after smoothing: (1 - s) t + s / k.
struct Smoothing {
    double own, even;
    Smoothing(double s, int64_t k) : own(1 - s), even(s / static_cast<double>(k)) {}
    F32 operator()(F32 t) const { return fma(t, static_cast<float>(own), static_cast<float>(even)); }
};

template <class T>
void cross_entropy_of(const View& logits, const View& targets, double smoothing, const View& loss) {
    const int64_t k = logits.columns();
    const Smoothing smooth(smoothing, k);
    const bool hard = targets.type == DType::I64;
    for_each_row(logits.rows(), k, [&](int64_t i) {
        const T* x = logits.as<T>() + i * k;
        const LogSoftmax log_p(x, k);
        double result = 0;
        if (hard) {
            result = -smooth.own * log_p(widen(x[targets.as<int64_t>()[i]]));
            if (smoothing != 0) {
                const double of_row = sum(add_lanes(k, [=](int64_t j, auto m) { return Wide(load(x + j, m)); }));
                const double rest = static_cast<double>(k) * (static_cast<double>(log_p.most) + log_p.log_total);
                result -= smooth.even * (of_row - rest);
            }
        } else {
            const float* t = targets.f32() + i * k;
            // A class without weight adds nothing, not even where its probability is 0.
            result = -sum(add_lanes(k, [&](int64_t j, auto m) {
                const F32 weight = smooth(load(t + j, m)), l = narrow(log_p(load(x + j, m)));
                return Wide(keep(select(weight == zero(), zero(), weight * l), m));
            }));
        }
        loss.f32()[i] = static_cast<float>(result);
    });
}

void cross_entropy(const View& logits, const View& targets, double smoothing, const View& loss) {
    if (!is_stored_f32_or_bf16(logits)) return plain_->cross_entropy(logits, targets, smoothing, loss);
    with_storage(logits, [&]<class T>(T) { cross_entropy_of<T>(logits, targets, smoothing, loss); });
}

// dlogits = dloss (p sum of t - t)
template <class T>
void cross_entropy_backward_of(const View& logits, const View& targets, const View& dloss, double smoothing,
                               const View& dlogits) {
    const int64_t k = logits.columns();
    const RowRoom<T> room(k);
    const Smoothing smooth(smoothing, k);
    const bool hard = targets.type == DType::I64;
    for_each_row(logits.rows(), k, [&](int64_t i) {
        const T* x = logits.as<T>() + i * k;
        T* out = dlogits.as<T>() + i * k;
        float* e = room.of(out);
        const double d = static_cast<double>(dloss.f32()[i]);
        const LogSoftmax log_p(x, k, e);
        const F32 outer = static_cast<float>(d);
        if (hard) {
            const int64_t own = targets.as<int64_t>()[i];
            const F32 scale = log_p.scale(), even = static_cast<float>(smooth.even);
            lanes(k, [&](int64_t j, auto m) { store(out + j, outer * fma(load(e + j, m), scale, -even), m); });
            // Its own class: p - 1 keeps its digits in double only.
            const double own_part = std::exp(log_p(widen(x[own]))) - smooth.own - smooth.even;
            out[own] = rounded_to<T>(static_cast<float>(d * own_part));
        } else {
            const float* t = targets.f32() + i * k;
            const double weight =
                sum(add_lanes(k, [&](int64_t j, auto m) { return Wide(keep(smooth(load(t + j, m)), m)); }));
            const F32 scale = static_cast<float>(weight / log_p.total);
            lanes(k, [&](int64_t j, auto m) {
                store(out + j, outer * fma(load(e + j, m), scale, -smooth(load(t + j, m))), m);
            });
        }
    });
}

void cross_entropy_backward(const View& logits, const View& targets, const View& dloss, double smoothing,
                            const View& dlogits) {
    if (!is_stored_f32_or_bf16(logits))
        return plain_->cross_entropy_backward(logits, targets, dloss, smoothing, dlogits);
    with_storage(logits, [&]<class T>(T) { cross_entropy_backward_of<T>(logits, targets, dloss, smoothing, dlogits); });
}

void softmax_scores(const View& logits, const View& targets, const View& probabilities, const View& loss,
                    const View& score) {
    if (logits.type != DType::F32) return plain_->softmax_scores(logits, targets, probabilities, loss, score);
    const int64_t k = logits.columns();
    for_each_row(logits.rows(), k, [&](int64_t i) {
        const float* x = logits.f32() + i * k;
        float* p = probabilities.f32() + i * k;
        const int64_t own = targets.as<int64_t>()[i];
        const LogSoftmax log_p(x, k, p);
        const F32 scale = log_p.scale();
        p[own] = 0;  // its square is added last: (p - 1)^2
        const double others = sum(add_lanes(k, [&](int64_t j, auto m) {
            F32 q = load(p + j, m) * scale;
            store(p + j, q, m);
            return Wide(q) * Wide(q);
        }));
        const double of_own = std::exp(log_p(x[own]));
        p[own] = static_cast<float>(of_own);
        loss.f32()[i] = static_cast<float>(-log_p(x[own]));
        score.f32()[i] = static_cast<float>(others + (of_own - 1) * (of_own - 1));
    });
}

// p and log p - log q of a row's vectors, and their scalar product, the divergence.
struct Divergence {
    const float *p, *q;
    LogSoftmax log_p, log_q;

    Divergence(const float* p_row, const float* q_row, int64_t k)
        : p(p_row), q(q_row), log_p(p_row, k), log_q(q_row, k) {}
    template <class M>
    F32 probability(int64_t j, M m) const {
        return keep(exp(load(p + j, m) - log_p.most) * log_p.scale(), m);
    }
    template <class M>
    F32 other_probability(int64_t j, M m) const {
        return exp(load(q + j, m) - log_q.most) * log_q.scale();
    }
    template <class M>
    Wide difference(int64_t j, M m) const {
        return log_p(load(p + j, m)) - log_q(load(q + j, m));
    }
    // p = 0 adds nothing, not even where q is 0 too.
    double operator()(int64_t k) const {
        return sum(add_lanes(k, [&](int64_t j, auto m) {
            const F32 p_j = probability(j, m);
            return Wide(select(p_j == zero(), zero(), p_j * narrow(difference(j, m))));
        }));
    }
};

void kl_divergence(const View& p_logits, const View& q_logits, const View& loss) {
    if (p_logits.type != DType::F32) return plain_->kl_divergence(p_logits, q_logits, loss);
    const int64_t k = p_logits.columns();
    for_each_row(p_logits.rows(), k, [&](int64_t i) {
        const Divergence divergence(p_logits.f32() + i * k, q_logits.f32() + i * k, k);
        loss.f32()[i] = static_cast<float>(divergence(k));
    });
}

// dp = dloss p (log p - log q - KL), dq = dloss (q - p)
void kl_divergence_backward(const View& p_logits, const View& q_logits, const View& dloss, const View& dp,
                            const View& dq) {
    if (p_logits.type != DType::F32) return plain_->kl_divergence_backward(p_logits, q_logits, dloss, dp, dq);
    const int64_t k = p_logits.columns();
    for_each_row(p_logits.rows(), k, [&](int64_t i) {
        const Divergence divergence(p_logits.f32() + i * k, q_logits.f32() + i * k, k);
        const Wide kl(divergence(k));
        const F32 d = dloss.f32()[i];
        float *to_p = dp.f32() + i * k, *to_q = dq.f32() + i * k;
        lanes(k, [&](int64_t j, auto m) {
            const F32 p = divergence.probability(j, m), q = divergence.other_probability(j, m);
            store(to_p + j, select(p == zero(), zero(), d * p * narrow(divergence.difference(j, m) - kl)), m);
            store(to_q + j, d * (q - p), m);
        });
    });
}

void squared_error(const View& x, const View& target, const View& loss) {
    const int64_t n = loss.elements();
    if (x.type != DType::F32 || x.elements() == 0) return plain_->squared_error(x, target, loss);
    const int64_t width = x.elements() / n;
    for_each_row(n, width, [&](int64_t i) {
        const float *a = x.f32() + i * width, *b = target.f32() + i * width;
        loss.f32()[i] = static_cast<float>(sum(add_lanes(width, [=](int64_t j, auto m) {
            const Wide d = Wide(load(a + j, m)) - Wide(load(b + j, m));
            return d * d;
        })));
    });
}

void squared_error_backward(const View& x, const View& target, const View& dloss, const View& dx) {
    const int64_t n = dloss.elements();
    if (x.type != DType::F32 || x.elements() == 0) return plain_->squared_error_backward(x, target, dloss, dx);
    const int64_t width = x.elements() / n;
    for_each_row(n, width, [&](int64_t i) {
        const float *a = x.f32() + i * width, *b = target.f32() + i * width;
        float* out = dx.f32() + i * width;
        const Wide d(static_cast<double>(dloss.f32()[i]));
        lanes(width, [&](int64_t j, auto m) {
            store(out + j, narrow(Wide(2.0) * (Wide(load(a + j, m)) - Wide(load(b + j, m))) * d), m);
        });
    });
}

}  // namespace

void add_losses(Backend& table, const Backend& plain) {
    plain_ = &plain;
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

}  // namespace hb::cpu::HB_TIER
