// Softmax attention, one query at a time.
#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

// Where one head of one sample lies: rows of d numbers, `apart` from each other in qkv and `y_apart` in y.
struct Head {
    int64_t q, k, v, y, log_sum;
    int64_t apart, y_apart;

    Head(const AttentionShape& s, int64_t sample, int64_t head) {
        y_apart = s.heads * s.d;
        apart = 3 * y_apart;
        q = sample * s.t * apart + head * s.d;
        k = q + y_apart;
        v = k + y_apart;
        y = sample * s.t * y_apart + head * s.d;
        log_sum = (sample * s.heads + head) * s.t;
    }
};

template <class A, class B>
double dot(const A* a, const B* b, int64_t d) {
    double sum = 0;
    for (int64_t c = 0; c < d; c++) sum += double(a[c]) * double(b[c]);
    return sum;
}

template <class Body>
void for_each_head(const AttentionShape& s, Body&& body) {
    for_each_task(s.n * s.heads, 32 * s.t * s.t * s.d, [&](int64_t i) { body(Head(s, i / s.heads, i % s.heads)); });
}

void attention(const AttentionShape& s, const View& qkv, const View& y, const View& log_sum) {
    with_floating(qkv.type, [&]<class T>(T) {
        const T* x = qkv.as<T>();
        for_each_head(s, [&](const Head& h) {
            Scratch<double> score(s.t), sum(s.d);
            for (int64_t i = 0; i < s.t; i++) {
                for (int64_t j = 0; j < s.t; j++)
                    score[j] = s.scale * dot(x + h.q + i * h.apart, x + h.k + j * h.apart, s.d);
                double most = *std::max_element(score.data(), score.data() + s.t), total = 0;
                for (int64_t j = 0; j < s.t; j++) total += std::exp(score[j] - most);
                std::fill_n(sum.data(), s.d, 0.0);
                for (int64_t j = 0; j < s.t; j++)
                    for (int64_t c = 0; c < s.d; c++)
                        sum[c] += std::exp(score[j] - most) / total * double(x[h.v + j * h.apart + c]);
                for (int64_t c = 0; c < s.d; c++) y.as<T>()[h.y + i * h.y_apart + c] = T(sum[c]);
                log_sum.as<T>()[h.log_sum + i] = T(most + std::log(total));
            }
        });
    });
}

// p = exp(scale q k - log_sum), ds = scale p (dy v - dy y): dv = pT dy, dq = ds k, dk = dsT q.
void attention_backward(const AttentionShape& s, const View& qkv, const View& y, const View& log_sum, const View& dy,
                        const View& dqkv) {
    with_floating(qkv.type, [&]<class T>(T) {
        const T* x = qkv.as<T>();
        T* dx = dqkv.as<T>();
        for_each_head(s, [&](const Head& h) {
            Scratch<double> dq(s.d), dk(s.t * s.d), dv(s.t * s.d);
            std::fill_n(dk.data(), s.t * s.d, 0.0);
            std::fill_n(dv.data(), s.t * s.d, 0.0);
            for (int64_t i = 0; i < s.t; i++) {
                const T *q = x + h.q + i * h.apart, *g = dy.as<T>() + h.y + i * h.y_apart;
                double outer = dot(g, y.as<T>() + h.y + i * h.y_apart, s.d);
                std::fill_n(dq.data(), s.d, 0.0);
                for (int64_t j = 0; j < s.t; j++) {
                    const T *k = x + h.k + j * h.apart, *v = x + h.v + j * h.apart;
                    double p = std::exp(s.scale * dot(q, k, s.d) - double(log_sum.as<T>()[h.log_sum + i]));
                    double ds = s.scale * p * (dot(g, v, s.d) - outer);
                    for (int64_t c = 0; c < s.d; c++) {
                        dq[c] += ds * double(k[c]);
                        dk[j * s.d + c] += ds * double(q[c]);
                        dv[j * s.d + c] += p * double(g[c]);
                    }
                }
                for (int64_t c = 0; c < s.d; c++) dx[h.q + i * h.apart + c] = T(dq[c]);
            }
            for (int64_t j = 0; j < s.t; j++)
                for (int64_t c = 0; c < s.d; c++) {
                    dx[h.k + j * h.apart + c] = T(dk[j * s.d + c]);
                    dx[h.v + j * h.apart + c] = T(dv[j * s.d + c]);
                }
        });
    });
}

}  // namespace

void add_attention(Backend& table) {
    table.attention = attention;
    table.attention_backward = attention_backward;
}

}  // namespace hb::cpu::scalar
