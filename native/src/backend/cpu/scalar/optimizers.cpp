// Optimizer steps, norms, and the climb of SAM and ASAM; each over many tensors at once.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

double decay_of(const double* decay, int i, double weight_decay) {
    return decay ? decay[i] * weight_decay : weight_decay;
}

// g += decay w; v = momentum v + (1 - dampening) g; w -= rate v, or rate (g + momentum v) by Nesterov.
void sgd_step(int count, const View* parameters, const View* gradients, const View* momenta, const double* decay,
              const hb_sgd_params& p) {
    for (int i = 0; i < count; i++) {
        if (!gradients[i]) continue;
        double weight_decay = decay_of(decay, i, p.weight_decay);
        with_floating(parameters[i].type, [&]<class T>(T) {
            T* w = parameters[i].as<T>();
            T* velocity = p.momentum != 0 ? momenta[i].as<T>() : nullptr;
            for_each(parameters[i].elements(), [&](int64_t j) {
                double step = double(gradients[i].as<T>()[j]) + weight_decay * double(w[j]);
                if (velocity) {
                    double v = p.first_step ? step : p.momentum * double(velocity[j]) + (1 - p.dampening) * step;
                    velocity[j] = T(v);
                    step = p.nesterov ? step + p.momentum * v : v;
                }
                w[j] = T(double(w[j]) - p.learning_rate * step);
            });
        });
    }
}

// Kingma and Ba 2015, Algorithm 1.
void adam_step(int count, const View* parameters, const View* gradients, const View* first, const View* second,
               const View* max_second, const double* decay, const hb_adam_params& p) {
    double correction1 = 1 - std::pow(p.beta1, double(p.step)), correction2 = 1 - std::pow(p.beta2, double(p.step));
    for (int i = 0; i < count; i++) {
        if (!gradients[i]) continue;
        double weight_decay = decay_of(decay, i, p.weight_decay);
        with_floating(parameters[i].type, [&]<class T>(T) {
            for_each(parameters[i].elements(), [&](int64_t j) {
                double w = parameters[i].as<T>()[j], g = gradients[i].as<T>()[j];
                if (p.decoupled)
                    w -= p.learning_rate * weight_decay * w;
                else
                    g += weight_decay * w;
                double m = p.beta1 * double(first[i].as<T>()[j]) + (1 - p.beta1) * g;
                double v = p.beta2 * double(second[i].as<T>()[j]) + (1 - p.beta2) * g * g;
                first[i].as<T>()[j] = T(m);
                second[i].as<T>()[j] = T(v);
                if (p.amsgrad) {
                    v = std::max(v, double(max_second[i].as<T>()[j]));
                    max_second[i].as<T>()[j] = T(v);
                }
                w -= p.learning_rate * (m / correction1) / (std::sqrt(v / correction2) + p.epsilon);
                parameters[i].as<T>()[j] = T(w);
            });
        });
    }
}

double sum_of_squares(int count, const View* tensors) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
        if (!tensors[i]) continue;
        with_floating(tensors[i].type, [&]<class T>(T) {
            double of_tensor = 0;
            for (int64_t j = 0; j < tensors[i].elements(); j++)
                of_tensor += double(tensors[i].as<T>()[j]) * double(tensors[i].as<T>()[j]);
            sum += of_tensor;
        });
    }
    return sum;
}

void scale_all(int count, const View* tensors, double factor) {
    for (int i = 0; i < count; i++) {
        if (!tensors[i]) continue;
        with_floating(tensors[i].type, [&]<class T>(T) {
            T* x = tensors[i].as<T>();
            for_each(tensors[i].elements(), [&](int64_t j) { x[j] = T(factor * double(x[j])); });
        });
    }
}

// w += rho T^2 g / |T g|, where T = |w| + eta for adaptive tensors and 1 for the others.
void ascend(int count, const View* parameters, const View* gradients, const View* backups,
            const int32_t* adaptive_tensor, const hb_ascent_params& p, double* norm) {
    auto is_adaptive = [&](int i) { return p.adaptive && adaptive_tensor && adaptive_tensor[i]; };
    auto scale = [&](int i, double w) { return is_adaptive(i) ? std::fabs(w) + p.eta : 1.0; };
    double sum = 0;
    for (int i = 0; i < count; i++) {
        if (!gradients[i]) continue;
        with_floating(parameters[i].type, [&]<class T>(T) {
            double of_tensor = 0;
            for (int64_t j = 0; j < parameters[i].elements(); j++) {
                double scaled = scale(i, parameters[i].as<T>()[j]) * double(gradients[i].as<T>()[j]);
                of_tensor += scaled * scaled;
            }
            sum += of_tensor;
        });
    }
    *norm = std::sqrt(sum);
    for (int i = 0; i < count; i++) {
        std::memcpy(backups[i].data, parameters[i].data, parameters[i].elements() * size_of(parameters[i].type));
        if (!gradients[i] || *norm == 0) continue;
        with_floating(parameters[i].type, [&]<class T>(T) {
            T* w = parameters[i].as<T>();
            for_each(parameters[i].elements(), [&](int64_t j) {
                double t = scale(i, w[j]);
                w[j] = T(double(w[j]) + p.rho * t * t * double(gradients[i].as<T>()[j]) / *norm);
            });
        });
    }
}

}  // namespace

void add_optimizers(Backend& table) {
    table.sgd_step = sgd_step;
    table.adam_step = adam_step;
    table.sum_of_squares = sum_of_squares;
    table.scale_all = scale_all;
    table.ascend = ascend;
}

}  // namespace hb::cpu::scalar
