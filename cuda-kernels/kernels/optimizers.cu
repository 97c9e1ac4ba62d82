// Steps of SGD and Adam, the global norm, scaling, and the ascent of SAM and ASAM; each over many tensors at once.
//
// Variants: a launch per tensor costs 2 to 3 microseconds for each of the 62 tensors of a ResNet-18, most of them too
// small to fill the device; one launch over a table in device memory needs a copy before every step, as gradients move.
// Here up to 64 tensors and their sizes travel as an argument of the kernel, cut into pieces of 4096 elements, one per
// block, so that ResNet-18's 11 million parameters are one launch of 2700 blocks, which all multiprocessors share
// evenly. (Pieces of 64 Ki, usual elsewhere, would be 171 blocks: one and a third rounds of 132 multiprocessors.)
// Four elements of a thread are read at once where all tensors are 16-byte aligned.
// Arithmetic is in f32 with fused multiply-adds; sums of squares are products and sums in f64, every one of the same
// elements in the same order: within a thread, across the block, and over all pieces in one last block.
// Bytes per element: SGD 12, with momentum 20; Adam 28, amsgrad 36; norm 4; scale 8; ascend 4 to 8, then 16. On an
// H100 memory bounds all: momentum SGD 0.17, Adam 0.12, norm 0.84 T elements a second (its f64 arithmetic takes a
// quarter of that time).
#include <cmath>

#include "host/device.h"
#include "kernels/kernels.h"
#include "kernels/tensors.cuh"

namespace hb::cuda {
namespace {

constexpr int kThreads = kPieceThreads;

// Update: a struct with kTensors, the masks kRead and kWritten, and operator()(x, number) const.
template <class Update>
__global__ void __launch_bounds__(kThreads)
    update_kernel(const __grid_constant__ Table<Update::kTensors> table, Update update) {
    each_of_piece<Update::kTensors, Update::kRead, Update::kWritten>(table, blockIdx.x, update);
}

template <class Update, class Wanted, class Number>
void update_all(int count, const View* const (&tensors)[Update::kTensors], const Wanted& wanted, const Number& number,
                const Update& update) {
    for_each_table(count, tensors, wanted, number, [&](const Table<Update::kTensors>& table, int64_t) {
        HB_LAUNCH((update_kernel<Update>), unsigned(table.first_piece[table.count]), kThreads, 0, stream(), table,
                  update);
    });
}

auto present(const View* tensors) {
    return [=](int i) { return bool(tensors[i]); };
}
auto decays(const double* decay, double weight_decay) {
    return [=](int i) { return float(decay ? decay[i] * weight_decay : weight_decay); };
}

// ---- steps

enum class Momentum { kFirst, kLater };

struct SgdPlain {
    static constexpr int kTensors = 2;
    static constexpr unsigned kRead = 3, kWritten = 1;
    float rate;
    __device__ void operator()(float (&x)[2], float decay) const { x[0] = fmaf(-rate, fmaf(decay, x[0], x[1]), x[0]); }
};

// w, g, v: g += decay w; v = momentum v + (1 - dampening) g; w -= rate v, or rate (g + momentum v) by Nesterov.
template <Momentum kMomentum, bool kNesterov>
struct Sgd {
    static constexpr int kTensors = 3;
    static constexpr unsigned kRead = kMomentum == Momentum::kFirst ? 3 : 7, kWritten = 5;
    float rate, momentum, fresh;
    __device__ void operator()(float (&x)[3], float decay) const {
        float step = fmaf(decay, x[0], x[1]);
        x[2] = kMomentum == Momentum::kFirst ? step : fmaf(momentum, x[2], fresh * step);
        step = kNesterov ? fmaf(momentum, x[2], step) : x[2];
        x[0] = fmaf(-rate, step, x[0]);
    }
};

void sgd_step(int count, const View* parameters, const View* gradients, const View* momenta, const double* decay,
              const hb_sgd_params& p) {
    const auto wanted = present(gradients);
    const auto number = decays(decay, p.weight_decay);
    const float rate = float(p.learning_rate), momentum = float(p.momentum), fresh = float(1 - p.dampening);
    if (p.momentum == 0) return update_all(count, {parameters, gradients}, wanted, number, SgdPlain{rate});
    auto step = [&](auto update) { update_all(count, {parameters, gradients, momenta}, wanted, number, update); };
    if (p.first_step && p.nesterov) return step(Sgd<Momentum::kFirst, true>{rate, momentum, fresh});
    if (p.first_step) return step(Sgd<Momentum::kFirst, false>{rate, momentum, fresh});
    if (p.nesterov) return step(Sgd<Momentum::kLater, true>{rate, momentum, fresh});
    step(Sgd<Momentum::kLater, false>{rate, momentum, fresh});
}

// Kingma and Ba 2015, Algorithm 1, on w, g, m, v and the largest v. The corrections by 1 - beta^step are in rate and
// epsilon: rate (m / c1) / (sqrt(v / c2) + epsilon) = (rate sqrt(c2) / c1) m / (sqrt(v) + epsilon sqrt(c2)).
template <bool kDecoupled, bool kAmsgrad>
struct Adam {
    static constexpr int kTensors = kAmsgrad ? 5 : 4;
    static constexpr unsigned kRead = kAmsgrad ? 31 : 15, kWritten = kRead & ~2u;
    float rate, learning_rate, epsilon, beta1, beta2, fresh1, fresh2;
    __device__ void operator()(float (&x)[kTensors], float decay) const {
        float w = x[0], g = x[1];
        if constexpr (kDecoupled)
            w = fmaf(-learning_rate * decay, w, w);
        else
            g = fmaf(decay, w, g);
        x[2] = fmaf(beta1, x[2], fresh1 * g);
        x[3] = fmaf(beta2, x[3], fresh2 * g * g);
        float square = x[3];
        if constexpr (kAmsgrad) square = x[4] = fmaxf(x[4], square);
        x[0] = fmaf(-rate, x[2] / (sqrtf(square) + epsilon), w);
    }
};

void adam_step(int count, const View* parameters, const View* gradients, const View* first, const View* second,
               const View* max_second, const double* decay, const hb_adam_params& p) {
    const double correction1 = 1 - std::pow(p.beta1, double(p.step)),
                 correction2 = 1 - std::pow(p.beta2, double(p.step));
    const double root = std::sqrt(correction2);
    const auto wanted = present(gradients);
    const auto number = decays(decay, p.weight_decay);
    auto fill = [&](auto update) {
        update.rate = float(p.learning_rate * root / correction1);
        update.learning_rate = float(p.learning_rate);
        update.epsilon = float(p.epsilon * root);
        update.beta1 = float(p.beta1);
        update.beta2 = float(p.beta2);
        update.fresh1 = float(1 - p.beta1);
        update.fresh2 = float(1 - p.beta2);
        return update;
    };
    auto plain = [&](auto update) {
        update_all(count, {parameters, gradients, first, second}, wanted, number, fill(update));
    };
    auto amsgrad = [&](auto update) {
        update_all(count, {parameters, gradients, first, second, max_second}, wanted, number, fill(update));
    };
    if (p.amsgrad) return p.decoupled ? amsgrad(Adam<true, true>{}) : amsgrad(Adam<false, true>{});
    return p.decoupled ? plain(Adam<true, false>{}) : plain(Adam<false, false>{});
}

struct Scale {
    static constexpr int kTensors = 1;
    static constexpr unsigned kRead = 1, kWritten = 1;
    float factor;
    __device__ void operator()(float (&x)[1], float) const { x[0] *= factor; }
};

void scale_all(int count, const View* tensors, double factor) {
    update_all(
        count, {tensors}, present(tensors), [](int) { return 0.0f; }, Scale{float(factor)});
}

// ---- norms

struct OfTensor {
    static constexpr int kTensors = 1;
    __device__ double operator()(const float (&x)[1], float) const { return x[0]; }
};

// (|w| + eta) g of adaptive tensors, g of the others, as the scalar tier has it.
struct OfScaledGradient {
    static constexpr int kTensors = 2;
    double eta;
    __device__ double operator()(const float (&x)[2], float adaptive) const {
        return adaptive != 0 ? (fabs(double{x[0]}) + eta) * double{x[1]} : double{x[1]};
    }
};

// parts[piece] = the sum of squares of the piece's terms.
template <class Term>
__global__ void __launch_bounds__(kThreads)
    squares_kernel(const __grid_constant__ Table<Term::kTensors> table, Term term, double* parts) {
    double sum = 0;
    each_of_piece<Term::kTensors, (1u << Term::kTensors) - 1, 0>(table, blockIdx.x,
                                                                 [&](const float(&x)[Term::kTensors], float number) {
                                                                     const double value = term(x, number);
                                                                     sum = fma(value, value, sum);
                                                                 });
    sum = joined_block<kThreads>(sum, Plus());
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// total[0] = sum of parts, by one block.
__global__ void __launch_bounds__(kThreads) total_kernel(const double* parts, int64_t n, double* total) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += parts[i];
    sum = joined_block<kThreads>(sum, Plus());
    if (threadIdx.x == 0) total[0] = sum;
}

// Leaves the sum of squares of all terms in total[0], on the device.
template <class Term, class Wanted, class Number>
void sum_squares(int count, const View* const (&tensors)[Term::kTensors], const Wanted& wanted, const Number& number,
                 const Term& term, double* total) {
    const int64_t pieces = pieces_of(count, tensors[0], wanted);
    DeviceScratch<double> scratch(pieces);
    double* parts = scratch.data();
    for_each_table(count, tensors, wanted, number, [&](const Table<Term::kTensors>& table, int64_t before) {
        HB_LAUNCH((squares_kernel<Term>), unsigned(table.first_piece[table.count]), kThreads, 0, stream(), table, term,
                  parts + before);
    });
    HB_LAUNCH((total_kernel), 1, kThreads, 0, stream(), parts, pieces, total);
}

double sum_of_squares(int count, const View* tensors) {
    DeviceScratch<double> total(1);
    sum_squares(
        count, {tensors}, present(tensors), [](int) { return 0.0f; }, OfTensor(), total.data());
    double sum = 0;
    device().copy_out(&sum, total.data(), sizeof sum);
    return sum;
}

// ---- ascent

// w, g, backup. The norm is read where the kernel before left it: the host does not stand between.
struct Climb {
    const double* squares;
    double rho, eta;
};
__global__ void __launch_bounds__(kThreads) climb_kernel(const __grid_constant__ Table<3> table, Climb climb) {
    const double squares = climb.squares[0];
    const double rate = squares == 0 ? 0 : climb.rho / sqrt(squares);
    const float eta = float(climb.eta);
    each_of_piece<3, 3, 5>(table, blockIdx.x, [&](float(&x)[3], float adaptive) {
        x[2] = x[0];
        const float t = adaptive != 0 ? fabsf(x[0]) + eta : 1.0f;
        // In f64, as the factor of a tiny gradient is beyond f32.
        if (rate != 0) x[0] += float(rate * double{t * t * x[1]});
    });
}

struct KeepBackup {
    static constexpr int kTensors = 2;
    static constexpr unsigned kRead = 1, kWritten = 2;
    __device__ void operator()(float (&x)[2], float) const { x[1] = x[0]; }
};

// w += rho T^2 g / |T g|, where T = |w| + eta for adaptive tensors and 1 for the others.
void ascend(int count, const View* parameters, const View* gradients, const View* backups,
            const int32_t* adaptive_tensor, const hb_ascent_params& p, double* norm) {
    auto adaptive = [&](int i) { return p.adaptive && adaptive_tensor && adaptive_tensor[i] ? 1.0f : 0.0f; };
    const auto moves = present(gradients);
    DeviceScratch<double> squares(1);
    sum_squares(count, {parameters, gradients}, moves, adaptive, OfScaledGradient{p.eta}, squares.data());
    const Climb climb{squares.data(), p.rho, p.eta};
    for_each_table(count, {parameters, gradients, backups}, moves, adaptive, [&](const Table<3>& table, int64_t) {
        HB_LAUNCH((climb_kernel), unsigned(table.first_piece[table.count]), kThreads, 0, stream(), table, climb);
    });
    update_all(
        count, {parameters, backups}, [&](int i) { return !gradients[i]; }, [](int) { return 0.0f; }, KeepBackup());
    double sum = 0;
    device().copy_out(&sum, squares.data(), sizeof sum);
    *norm = std::sqrt(sum);
}

}  // namespace

void add_optimizers(Backend& table) {
    table.sgd_step = sgd_step;
    table.adam_step = adam_step;
    table.sum_of_squares = sum_of_squares;
    table.scale_all = scale_all;
    table.ascend = ascend;
}

}  // namespace hb::cuda
