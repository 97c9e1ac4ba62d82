// Optimizer steps, norms, and the climb of SAM and ASAM. Every tensor is read and written once; all tensors of a call
// are cut into pieces of one size and the pieces go to the threads together, so that many small tensors cost no more
// than a big one. Arithmetic is in double, in the scalar tier's order, and rounded once: memory is still what limits
// it. Bytes per element: SGD 12, with momentum 20; Adam 28; norm 4; scale 8; ascend 8, then 16.
#include <cmath>

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/convert.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

const Backend* plain_ = nullptr;

// Are all that are there F32?
bool all_f32(int count, const View* tensors) {
    for (int i = 0; i < count; i++)
        if (tensors[i] && tensors[i].type != DType::F32) return false;
    return true;
}

// The tensors that `wanted` names, cut into pieces of kGrain elements.
class Pieces {
  public:
    template <class Wanted>
    Pieces(int count, const View* tensors, Wanted&& wanted) : count_(count), tensors_(tensors), begin_(count + 1) {
        begin_[0] = 0;
        for (int i = 0; i < count; i++)
            begin_[i + 1] = begin_[i] + (wanted(i) ? (tensors[i].elements() + kGrain - 1) / kGrain : 0);
    }
    int64_t size() const { return begin_[count_]; }

    // body(piece, tensor, begin, end) for every piece.
    template <class Body>
    void for_each(Body&& body) const {
        parallel(size(), [&](int64_t piece) {
            const int i =
                static_cast<int>(std::upper_bound(begin_.data(), begin_.data() + count_, piece) - begin_.data()) - 1;
            const int64_t begin = (piece - begin_[i]) * kGrain;
            body(piece, i, begin, std::min(begin + kGrain, tensors_[i].elements()));
        });
    }

  private:
    int count_;
    const View* tensors_;
    Scratch<int64_t> begin_;
};

// body(j, mask) for the vectors of begin .. end.
template <class Body>
[[gnu::always_inline]] inline void each(int64_t begin, int64_t end, Body&& body) {
    far_lanes(end - begin, [&](int64_t j, auto m) { body(begin + j, m); });
}

double decay_of(const double* decay, int i, double weight_decay) {
    return decay ? decay[i] * weight_decay : weight_decay;
}

enum class Momentum { kNone, kFirst, kLater };

template <Momentum kMomentum, bool kNesterov>
void sgd(int count, const View* parameters, const View* gradients, const View* momenta, const double* decay,
         const hb_sgd_params& p) {
    const Wide rate(p.learning_rate), momentum(p.momentum), fresh(1 - p.dampening);
    Pieces pieces(count, parameters, [&](int i) { return static_cast<bool>(gradients[i]); });
    pieces.for_each([&](int64_t, int i, int64_t begin, int64_t end) {
        const Wide weight_decay(decay_of(decay, i, p.weight_decay));
        float *w = parameters[i].f32(), *velocity = kMomentum == Momentum::kNone ? nullptr : momenta[i].f32();
        const float* g = gradients[i].f32();
        each(begin, end, [&](int64_t j, auto m) {
            const Wide weight(load(w + j, m));
            Wide step = Wide(load(g + j, m)) + weight_decay * weight;
            if constexpr (kMomentum != Momentum::kNone) {
                Wide v = step;
                if constexpr (kMomentum == Momentum::kLater) v = momentum * Wide(load(velocity + j, m)) + fresh * step;
                store(velocity + j, narrow(v), m);
                step = kNesterov ? step + momentum * v : v;
            }
            store(w + j, narrow(weight - rate * step), m);
        });
    });
}

void sgd_step(int count, const View* parameters, const View* gradients, const View* momenta, const double* decay,
              const hb_sgd_params& p) {
    if (!all_f32(count, parameters)) return plain_->sgd_step(count, parameters, gradients, momenta, decay, p);
    auto* step = p.momentum == 0 ? sgd<Momentum::kNone, false>
                 : p.first_step  ? (p.nesterov ? sgd<Momentum::kFirst, true> : sgd<Momentum::kFirst, false>)
                                 : (p.nesterov ? sgd<Momentum::kLater, true> : sgd<Momentum::kLater, false>);
    step(count, parameters, gradients, momenta, decay, p);
}

template <bool kDecoupled, bool kAmsgrad>
void adam(int count, const View* parameters, const View* gradients, const View* first, const View* second,
          const View* max_second, const double* decay, const hb_adam_params& p) {
    const double correction1 = 1 - std::pow(p.beta1, static_cast<double>(p.step));
    const double correction2 = 1 - std::pow(p.beta2, static_cast<double>(p.step));
    // w -= rate (m / c1) / (sqrt(v / c2) + e), with c1 and sqrt(c2) moved out of the loop
    const double root = std::sqrt(correction2);
    const Wide rate(p.learning_rate * root / correction1), epsilon(p.epsilon * root);
    const Wide beta1(p.beta1), beta2(p.beta2), fresh1(1 - p.beta1), fresh2(1 - p.beta2);
    Pieces pieces(count, parameters, [&](int i) { return static_cast<bool>(gradients[i]); });
    pieces.for_each([&](int64_t, int i, int64_t begin, int64_t end) {
        const double weight_decay = decay_of(decay, i, p.weight_decay);
        const Wide added(weight_decay), taken(p.learning_rate * weight_decay);
        float *w = parameters[i].f32(), *m1 = first[i].f32(), *m2 = second[i].f32();
        float* most = kAmsgrad ? max_second[i].f32() : nullptr;
        const float* gradient = gradients[i].f32();
        each(begin, end, [&](int64_t j, auto m) {
            Wide weight(load(w + j, m)), g(load(gradient + j, m));
            if constexpr (kDecoupled)
                weight = weight - taken * weight;
            else
                g = g + added * weight;
            const Wide mean = beta1 * Wide(load(m1 + j, m)) + fresh1 * g;
            Wide square = beta2 * Wide(load(m2 + j, m)) + fresh2 * g * g;
            store(m1 + j, narrow(mean), m);
            store(m2 + j, narrow(square), m);
            if constexpr (kAmsgrad) {
                square = max(Wide(load(most + j, m)), square);
                store(most + j, narrow(square), m);
            }
            store(w + j, narrow(weight - rate * mean / (sqrt(square) + epsilon)), m);
        });
    });
}

void adam_step(int count, const View* parameters, const View* gradients, const View* first, const View* second,
               const View* max_second, const double* decay, const hb_adam_params& p) {
    if (!all_f32(count, parameters))
        return plain_->adam_step(count, parameters, gradients, first, second, max_second, decay, p);
    auto* step = p.decoupled ? (p.amsgrad ? adam<true, true> : adam<true, false>)
                             : (p.amsgrad ? adam<false, true> : adam<false, false>);
    step(count, parameters, gradients, first, second, max_second, decay, p);
}

// The sum over all pieces of what body(tensor, begin, end) gives for each; the pieces' sums are added in their order.
template <class Body>
double sum_pieces(const Pieces& pieces, Body&& body) {
    Scratch<double> parts(pieces.size());
    pieces.for_each([&](int64_t piece, int i, int64_t begin, int64_t end) { parts[piece] = body(i, begin, end); });
    double total = 0;
    for (int64_t i = 0; i < pieces.size(); i++) total += parts[i];
    return total;
}

// Sum of the squares of term(j, mask), a Wide, for begin .. end.
template <class Term>
double squares(int64_t begin, int64_t end, Term&& term) {
    return sum(add_lanes(end - begin, [&](int64_t j, auto m) {
        const Wide x = term(begin + j, m);
        return x * x;
    }));
}

double sum_of_squares(int count, const View* tensors) {
    if (!all_f32(count, tensors)) return plain_->sum_of_squares(count, tensors);
    Pieces pieces(count, tensors, [&](int i) { return static_cast<bool>(tensors[i]); });
    return sum_pieces(pieces, [&](int i, int64_t begin, int64_t end) {
        const float* x = tensors[i].f32();
        return squares(begin, end, [x](int64_t j, auto m) { return Wide(load(x + j, m)); });
    });
}

void scale_all(int count, const View* tensors, double factor) {
    if (!all_f32(count, tensors)) return plain_->scale_all(count, tensors, factor);
    Pieces pieces(count, tensors, [&](int i) { return static_cast<bool>(tensors[i]); });
    const Wide f(factor);
    pieces.for_each([&](int64_t, int i, int64_t begin, int64_t end) {
        float* x = tensors[i].f32();
        each(begin, end, [&](int64_t j, auto m) { store(x + j, narrow(f * Wide(load(x + j, m))), m); });
    });
}

void ascend(int count, const View* parameters, const View* gradients, const View* backups,
            const int32_t* adaptive_tensor, const hb_ascent_params& p, double* norm) {
    if (!all_f32(count, parameters))
        return plain_->ascend(count, parameters, gradients, backups, adaptive_tensor, p, norm);
    auto is_adaptive = [&](int i) { return p.adaptive && adaptive_tensor && adaptive_tensor[i]; };
    const Wide eta(p.eta);
    Pieces moved(count, parameters, [&](int i) { return static_cast<bool>(gradients[i]); });
    *norm = std::sqrt(sum_pieces(moved, [&](int i, int64_t begin, int64_t end) {
        const float *w = parameters[i].f32(), *g = gradients[i].f32();
        if (!is_adaptive(i)) return squares(begin, end, [g](int64_t j, auto m) { return Wide(load(g + j, m)); });
        return squares(begin, end, [w, g, eta](int64_t j, auto m) {
            return (abs(Wide(load(w + j, m))) + eta) * Wide(load(g + j, m));
        });
    }));
    const bool moves = *norm != 0;
    const Wide rho(p.rho), length(*norm);
    Pieces all(count, parameters, [](int) { return true; });
    all.for_each([&](int64_t, int i, int64_t begin, int64_t end) {
        float *w = parameters[i].f32(), *backup = backups[i].f32();
        if (!gradients[i] || !moves) {
            each(begin, end, [&](int64_t j, auto m) { store(backup + j, load(w + j, m), m); });
            return;
        }
        const float* g = gradients[i].f32();
        auto climb = [&](auto factor) {
            each(begin, end, [&](int64_t j, auto m) {
                const F32 old = load(w + j, m);
                const Wide weight(old);
                store(backup + j, old, m);
                store(w + j, narrow(weight + factor(weight) * Wide(load(g + j, m)) / length), m);
            });
        };
        if (is_adaptive(i))
            climb([&](const Wide& weight) {
                const Wide t = abs(weight) + eta;
                return rho * t * t;
            });
        else
            climb([&](const Wide&) { return rho; });
    });
}

}  // namespace

void add_optimizers(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.sgd_step = sgd_step;
    table.adam_step = adam_step;
    table.sum_of_squares = sum_of_squares;
    table.scale_all = scale_all;
    table.ascend = ascend;
}

}  // namespace hb::cpu::HB_TIER
