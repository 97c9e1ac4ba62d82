// Softmax and the losses, row by row; log softmax is x - max - log(sum of exp(x - max)).
#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

// The log softmax of a row, entry by entry.
template <class T>
class LogSoftmax {
  public:
    LogSoftmax(const T* row, int64_t k) : row_(row) {
        most_ = *std::max_element(row, row + k);
        double sum = 0;
        for (int64_t j = 0; j < k; j++) sum += std::exp(double(row[j]) - most_);
        log_sum_ = std::log(sum);
    }
    double operator[](int64_t j) const { return double(row_[j]) - most_ - log_sum_; }

  private:
    const T* row_;
    double most_, log_sum_;
};

void softmax(const View& x, const View& y) {
    with_floating(x.type, [&]<class T>(T) {
        int64_t k = x.columns();
        for_each_task(x.rows(), 32 * k, [&](int64_t i) {
            LogSoftmax<T> log_p(x.as<T>() + i * k, k);
            for (int64_t j = 0; j < k; j++) y.as<T>()[i * k + j] = T(std::exp(log_p[j]));
        });
    });
}

// dx = y (dy - sum of dy y)
void softmax_backward(const View& y, const View& dy, const View& dx) {
    with_floating(y.type, [&]<class T>(T) {
        int64_t k = y.columns();
        for_each_task(y.rows(), 32 * k, [&](int64_t i) {
            const T *p = y.as<T>() + i * k, *g = dy.as<T>() + i * k;
            double sum = 0;
            for (int64_t j = 0; j < k; j++) sum += double(p[j]) * double(g[j]);
            for (int64_t j = 0; j < k; j++) dx.as<T>()[i * k + j] = T(double(p[j]) * (double(g[j]) - sum));
        });
    });
}

void log_softmax(const View& x, const View& y) {
    with_floating(x.type, [&]<class T>(T) {
        int64_t k = x.columns();
        for_each_task(x.rows(), 32 * k, [&](int64_t i) {
            LogSoftmax<T> log_p(x.as<T>() + i * k, k);
            for (int64_t j = 0; j < k; j++) y.as<T>()[i * k + j] = T(log_p[j]);
        });
    });
}

// dx = dy - exp(y) sum of dy
void log_softmax_backward(const View& y, const View& dy, const View& dx) {
    with_floating(y.type, [&]<class T>(T) {
        int64_t k = y.columns();
        for_each_task(y.rows(), 32 * k, [&](int64_t i) {
            const T *log_p = y.as<T>() + i * k, *g = dy.as<T>() + i * k;
            double sum = 0;
            for (int64_t j = 0; j < k; j++) sum += double(g[j]);
            for (int64_t j = 0; j < k; j++) dx.as<T>()[i * k + j] = T(double(g[j]) - std::exp(double(log_p[j])) * sum);
        });
    });
}

// Entry (i, j) of the targets after smoothing: (1 - s) t + s / k.
template <class T>
double target_at(const View& targets, double smoothing, int64_t k, int64_t i, int64_t j) {
    double t = targets.type == DType::I64 ? double(targets.as<int64_t>()[i] == j) : double(targets.as<T>()[i * k + j]);
    return (1 - smoothing) * t + smoothing / double(k);
}

void cross_entropy(const View& logits, const View& targets, double smoothing, const View& loss) {
    with_floating(logits.type, [&]<class T>(T) {
        int64_t k = logits.columns();
        for_each_task(logits.rows(), 32 * k, [&](int64_t i) {
            LogSoftmax<T> log_p(logits.as<T>() + i * k, k);
            double sum = 0;
            // A class without weight adds nothing, not even where its probability is 0.
            for (int64_t j = 0; j < k; j++)
                if (double t = target_at<T>(targets, smoothing, k, i, j); t != 0) sum -= t * log_p[j];
            loss.as<T>()[i] = T(sum);
        });
    });
}

// dlogits = dloss (p sum of t - t)
void cross_entropy_backward(const View& logits, const View& targets, const View& dloss, double smoothing,
                            const View& dlogits) {
    with_floating(logits.type, [&]<class T>(T) {
        int64_t k = logits.columns();
        for_each_task(logits.rows(), 32 * k, [&](int64_t i) {
            LogSoftmax<T> log_p(logits.as<T>() + i * k, k);
            double total = 0;
            for (int64_t j = 0; j < k; j++) total += target_at<T>(targets, smoothing, k, i, j);
            for (int64_t j = 0; j < k; j++) {
                double gradient = std::exp(log_p[j]) * total - target_at<T>(targets, smoothing, k, i, j);
                dlogits.as<T>()[i * k + j] = T(double(dloss.as<T>()[i]) * gradient);
            }
        });
    });
}

void softmax_scores(const View& logits, const View& targets, const View& probabilities, const View& loss,
                    const View& score) {
    with_floating(logits.type, [&]<class T>(T) {
        int64_t k = logits.columns();
        for_each_task(logits.rows(), 32 * k, [&](int64_t i) {
            LogSoftmax<T> log_p(logits.as<T>() + i * k, k);
            int64_t target = targets.as<int64_t>()[i];
            double sum = 0;
            for (int64_t j = 0; j < k; j++) {
                double p = std::exp(log_p[j]), difference = p - double(j == target);
                probabilities.as<T>()[i * k + j] = T(p);
                sum += difference * difference;
            }
            loss.as<T>()[i] = T(-log_p[target]);
            score.as<T>()[i] = T(sum);
        });
    });
}

// sum of p (log p - log q); p = 0 adds nothing.
template <class T>
double divergence(const LogSoftmax<T>& log_p, const LogSoftmax<T>& log_q, int64_t k) {
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        if (double p = std::exp(log_p[j]); p != 0) sum += p * (log_p[j] - log_q[j]);
    return sum;
}

void kl_divergence(const View& p_logits, const View& q_logits, const View& loss) {
    with_floating(p_logits.type, [&]<class T>(T) {
        int64_t k = p_logits.columns();
        for_each_task(p_logits.rows(), 32 * k, [&](int64_t i) {
            LogSoftmax<T> log_p(p_logits.as<T>() + i * k, k), log_q(q_logits.as<T>() + i * k, k);
            loss.as<T>()[i] = T(divergence(log_p, log_q, k));
        });
    });
}

// dp = dloss p (log p - log q - KL), dq = dloss (q - p)
void kl_divergence_backward(const View& p_logits, const View& q_logits, const View& dloss, const View& dp,
                            const View& dq) {
    with_floating(p_logits.type, [&]<class T>(T) {
        int64_t k = p_logits.columns();
        for_each_task(p_logits.rows(), 32 * k, [&](int64_t i) {
            LogSoftmax<T> log_p(p_logits.as<T>() + i * k, k), log_q(q_logits.as<T>() + i * k, k);
            double kl = divergence(log_p, log_q, k), d = dloss.as<T>()[i];
            for (int64_t j = 0; j < k; j++) {
                double p = std::exp(log_p[j]), q = std::exp(log_q[j]);
                dp.as<T>()[i * k + j] = T(p == 0 ? 0 : d * p * (log_p[j] - log_q[j] - kl));
                dq.as<T>()[i * k + j] = T(d * (q - p));
            }
        });
    });
}

void squared_error(const View& x, const View& target, const View& loss) {
    with_floating(x.type, [&]<class T>(T) {
        int64_t n = loss.elements(), width = n == 0 ? 0 : x.elements() / n;
        for_each_task(n, width, [&](int64_t i) {
            double sum = 0;
            for (int64_t j = i * width; j < (i + 1) * width; j++) {
                double difference = double(x.as<T>()[j]) - double(target.as<T>()[j]);
                sum += difference * difference;
            }
            loss.as<T>()[i] = T(sum);
        });
    });
}

void squared_error_backward(const View& x, const View& target, const View& dloss, const View& dx) {
    with_floating(x.type, [&]<class T>(T) {
        int64_t n = dloss.elements(), width = n == 0 ? 0 : x.elements() / n;
        for_each_task(n, width, [&](int64_t i) {
            for (int64_t j = i * width; j < (i + 1) * width; j++) {
                double difference = double(x.as<T>()[j]) - double(target.as<T>()[j]);
                dx.as<T>()[j] = T(2 * difference * double(dloss.as<T>()[i]));
            }
        });
    });
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

}  // namespace hb::cpu::scalar
