// Rows of the optimizer steps, norms, the ascent of SAM and ASAM, and sums over replicas.
#include "op_table/table.h"

namespace hb::test {
namespace {

// The parameters of a case: of one size each, the second without a gradient.
const std::vector<Sizes> kSmall = {{3, 7}, {17}, {2, 3, 3, 5}, {1}, {0, 3}, {33}};
const std::vector<Sizes> kLarge = {{70001}, {5}, {300, 257}};
const std::vector<Sizes> kResnet = {{512, 3, 3, 512}, {512}, {512, 3, 3, 256}, {64, 3, 3, 64}};

constexpr double kDecay[] = {1, 0, 0.5, 1, 1, 0.25};

double elements(const std::vector<Sizes>& shapes) {
    double n = 0;
    for (const Sizes& shape : shapes) n += double(count(shape));
    return n;
}

// One dense tensor of each shape.
void add_targets(std::vector<Input>& inputs, const std::vector<Sizes>& shapes, double low, double high) {
    for (const Sizes& shape : shapes) inputs.push_back(real(shape).from(low, high).parameter().target());
}

void add_gradients(std::vector<Input>& inputs, const std::vector<Sizes>& shapes) {
    size_t first = inputs.size();
    add_targets(inputs, shapes, -1, 1);
    if (shapes.size() > 3) inputs[first + 1] = absent();
}

// The i-th group of as many inputs as there are shapes.
const hb_tensor* group(const Tensors& in, const std::vector<Sizes>& shapes, size_t i) {
    return in.data() + i * shapes.size();
}

void add_results(Results& out, const Tensors& in) {
    for (hb_tensor tensor : in)
        if (tensor) out.add_target(tensor);
}

Case sgd_case(const std::vector<Sizes>& shapes, const hb_sgd_params& p, bool scaled) {
    std::vector<Input> inputs;
    add_targets(inputs, shapes, -1, 1);
    add_gradients(inputs, shapes);
    if (p.momentum != 0) add_targets(inputs, shapes, -1, 1);
    return {.name = text("%zu tensors, momentum %g, dampening %g, decay %g%s%s%s", shapes.size(), p.momentum,
                         p.dampening, p.weight_decay, scaled ? " scaled" : "", p.nesterov ? ", nesterov" : "",
                         p.first_step ? ", first" : ""),
            .inputs = inputs,
            .run =
                [=](const Tensors& in, Results& out) {
                    ok(hb_sgd_step(int32_t(shapes.size()), group(in, shapes, 0), group(in, shapes, 1),
                                   p.momentum != 0 ? group(in, shapes, 2) : nullptr, scaled ? kDecay : nullptr, &p));
                    add_results(out, in);
                },
            .terms = 4,
            .bytes = elements(shapes) * (p.momentum != 0 ? 20 : 12)};
}

void sgd_step(std::vector<Case>& cases) {
    for (const hb_sgd_params& p : {hb_sgd_params{0.1, 0, 0, 0, 0, 0}, hb_sgd_params{0.1, 0.9, 0, 5e-4, 0, 1},
                                   hb_sgd_params{0.1, 0.9, 0, 5e-4, 0, 0}, hb_sgd_params{0.1, 0.9, 0, 5e-4, 1, 0},
                                   hb_sgd_params{0.1, 0.9, 0, 5e-4, 1, 1}, hb_sgd_params{0.1, 0.8, 0.3, 0.01, 0, 0},
                                   hb_sgd_params{0, 0.9, 0, 0.1, 0, 0}})
        for (bool scaled : {false, true}) cases.push_back(sgd_case(kSmall, p, scaled));
    cases.push_back(sgd_case(kLarge, {0.1, 0.9, 0, 5e-4, 1, 0}, false));
}

Case adam_case(const std::vector<Sizes>& shapes, const hb_adam_params& p, bool scaled) {
    std::vector<Input> inputs;
    add_targets(inputs, shapes, -1, 1);
    add_gradients(inputs, shapes);
    add_targets(inputs, shapes, -1, 1);
    add_targets(inputs, shapes, 0.01, 1);
    if (p.amsgrad) add_targets(inputs, shapes, 0.01, 1);
    return {.name = text("%zu tensors, step %d, decay %g%s%s%s", shapes.size(), int(p.step), p.weight_decay,
                         scaled ? " scaled" : "", p.decoupled ? ", decoupled" : "", p.amsgrad ? ", amsgrad" : ""),
            .inputs = inputs,
            .run =
                [=](const Tensors& in, Results& out) {
                    ok(hb_adam_step(int32_t(shapes.size()), group(in, shapes, 0), group(in, shapes, 1),
                                    group(in, shapes, 2), group(in, shapes, 3),
                                    p.amsgrad ? group(in, shapes, 4) : nullptr, scaled ? kDecay : nullptr, &p));
                    add_results(out, in);
                },
            .terms = 4,
            .bytes = elements(shapes) * 28};
}

void adam_step(std::vector<Case>& cases) {
    for (int32_t decoupled : {0, 1})
        for (int32_t amsgrad : {0, 1})
            for (int64_t step : {1, 7, 100000})
                for (bool scaled : {false, true})
                    cases.push_back(
                        adam_case(kSmall, {1e-2, 0.9, 0.999, 1e-8, 0.05, decoupled, amsgrad, step}, scaled));
    cases.push_back(adam_case(kLarge, {1e-2, 0.9, 0.999, 1e-8, 0.05, 1, 0, 3}, false));
}

// A number as a tensor of the type that the case runs with.
hb_tensor number(const Tensors& in, double value) {
    for (hb_tensor tensor : in)
        if (tensor) return tensor_of(type_of(tensor), {}, {value});
    return tensor_of(HB_F32, {}, {value});
}

Case norm_case(const std::vector<Sizes>& shapes) {
    std::vector<Input> inputs;
    add_gradients(inputs, shapes);
    return {.name = text("%zu tensors", shapes.size()),
            .inputs = inputs,
            .run =
                [](const Tensors& in, Results& out) {
                    double norm = -1;
                    ok(hb_global_norm(int32_t(in.size()), in.data(), &norm));
                    out.add(number(in, norm));
                },
            .bytes = elements(shapes) * 4};
}

Case scale_case(const std::vector<Sizes>& shapes) {
    std::vector<Input> inputs;
    add_gradients(inputs, shapes);
    return {.name = text("%zu tensors", shapes.size()),
            .inputs = inputs,
            .run =
                [](const Tensors& in, Results& out) {
                    ok(hb_scale_all(int32_t(in.size()), in.data(), 0.37));
                    add_results(out, in);
                },
            .bytes = elements(shapes) * 8};
}

Case ascend_case(const std::vector<Sizes>& shapes, const hb_ascent_params& p, bool zero) {
    std::vector<Input> inputs;
    add_targets(inputs, shapes, -1, 1);
    size_t first = inputs.size();
    add_gradients(inputs, shapes);
    if (zero)
        for (size_t i = first; i < inputs.size(); i++) inputs[i] = inputs[i].from(0, 0);
    add_targets(inputs, shapes, -1, 1);
    return {.name = text("%zu tensors, %s, rho %g, eta %g%s", shapes.size(), p.adaptive ? "adaptive" : "plain", p.rho,
                         p.eta, zero ? ", zero gradient" : ""),
            .inputs = inputs,
            .run =
                [=](const Tensors& in, Results& out) {
                    constexpr int32_t adaptive[] = {1, 0, 1, 0, 1, 1};
                    double norm = -1;
                    ok(hb_ascend(int32_t(shapes.size()), group(in, shapes, 0), group(in, shapes, 1),
                                 group(in, shapes, 2), p.adaptive ? adaptive : nullptr, &p, &norm));
                    add_results(out, in);
                    out.add(number(in, norm));
                },
            .terms = 2,
            .bytes = elements(shapes) * 20};
}

void ascend(std::vector<Case>& cases) {
    for (const hb_ascent_params& p :
         {hb_ascent_params{0.05, 0, 0, 0}, hb_ascent_params{0.5, 0, 1, 0}, hb_ascent_params{0.5, 0.01, 1, 0}})
        for (bool zero : {false, true}) {
            cases.push_back(ascend_case(kSmall, p, zero));
            cases.push_back(ascend_case(kLarge, p, zero));
        }
}

void restore(std::vector<Case>& cases) {
    for (const std::vector<Sizes>& shapes : {kSmall, kLarge}) {
        std::vector<Input> inputs;
        add_targets(inputs, shapes, -1, 1);
        add_targets(inputs, shapes, -1, 1);
        cases.push_back({.name = text("%zu tensors", shapes.size()),
                         .inputs = inputs,
                         .run =
                             [=](const Tensors& in, Results& out) {
                                 ok(hb_restore(int32_t(shapes.size()), group(in, shapes, 0), group(in, shapes, 1)));
                                 add_results(out, in);
                             },
                         .oracle = Oracle::Bits});
    }
}

// Tensors of so many replicas, which are all on the device under test. weights: 1 each, or such that they differ.
Case all_reduce_case(const std::vector<Sizes>& shapes, size_t replicas, bool weighted) {
    std::vector<Input> inputs;
    for (size_t r = 0; r < replicas; r++) add_gradients(inputs, shapes);
    return {
        .name = text("%zu replicas of %zu tensors%s", replicas, shapes.size(), weighted ? ", weighted" : ""),
        .inputs = inputs,
        .run =
            [=](const Tensors& in, Results& out) {
                constexpr double weights[] = {0.25, 0.5, 0.125, 0.0625};
                ok(hb_all_reduce(int32_t(replicas), int32_t(shapes.size()), in.data(), weighted ? weights : nullptr));
                add_results(out, in);
            },
        .terms = double(replicas),
        .bytes = elements(shapes) * 8 * double(replicas)};
}

void all_reduce(std::vector<Case>& cases) {
    for (size_t replicas : {1, 2, 3, 4})
        for (bool weighted : {false, true}) {
            cases.push_back(all_reduce_case(kSmall, replicas, weighted));
            if (replicas == 2) cases.push_back(all_reduce_case(kLarge, replicas, weighted));
        }
}

}  // namespace

std::vector<Row> optimizer_rows() {
    return {
        {"sgd_step", false, sgd_step,
         [](auto& cases) {
             cases.push_back(sgd_case(kResnet, {0.1, 0.9, 0, 5e-4, 1, 0}, false));
         }},
        {"adam_step", false, adam_step,
         [](auto& cases) {
             cases.push_back(adam_case(kResnet, {1e-3, 0.9, 0.999, 1e-8, 0.05, 1, 0, 3}, false));
         }},
        {"global_norm", false,
         [](auto& cases) {
             cases.push_back(norm_case(kSmall));
             cases.push_back(norm_case(kLarge));
         },
         [](auto& cases) { cases.push_back(norm_case(kResnet)); }},
        {"scale_all", false,
         [](auto& cases) {
             cases.push_back(scale_case(kSmall));
             cases.push_back(scale_case(kLarge));
         },
         [](auto& cases) { cases.push_back(scale_case(kResnet)); }},
        {"ascend", false, ascend,
         [](auto& cases) {
             cases.push_back(ascend_case(kResnet, {0.05, 0, 0, 0}, false));
         }},
        {"restore", false, restore},
        {"all_reduce", false, all_reduce, [](auto& cases) { cases.push_back(all_reduce_case(kResnet, 2, false)); }},
    };
}

}  // namespace hb::test
