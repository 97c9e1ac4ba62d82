// Rows of batch norm, the fused convolution block, group norm and layer norm.
#include "op_table/networks.h"

namespace hb::test {
namespace {

struct Norm {
    Sizes x;
    hb_batch_norm_params p;
    bool residual = false;
    hb_noise noise = no_noise();

    int64_t c() const { return x.back(); }
    int64_t groups() const { return p.training ? p.statistics_groups : 1; }
    Sizes statistics() const { return {groups(), c()}; }
    double rows() const { return double(count(x)) / double(c()); }
    bool has_running() const { return !p.training || p.update_running; }
    bool at_perturbed() const { return noise.kind && noise.gradient == HB_GRADIENT_AT_PERTURBED; }
    std::string name() const {
        constexpr const char* activations[] = {"", ", relu", ", leaky"};
        return text_of(x) + (p.training ? (p.update_running ? ", training" : ", training, running kept") : ", frozen") +
               text(", %d groups", int(groups())) + activations[p.activation] + (residual ? ", residual" : "") +
               (noise.kind ? ", " + text_of(noise) : "");
    }
};

hb_batch_norm_params norm_params(int32_t training, int32_t groups, int32_t activation, int32_t update_running = 1) {
    hb_batch_norm_params p{};
    p.training = training;
    p.update_running = training && update_running;
    p.statistics_groups = groups;
    p.activation = activation;
    p.slope = 0.2f;
    p.momentum = 0.1f;
    p.epsilon = 1e-3f;
    return p;
}

hb_noise gamma_noise(int32_t kind, int32_t runs, int32_t gradient) {
    hb_noise noise = test_noise(kind, runs, gradient);
    noise.tensor = 5;
    return noise;
}

std::vector<Norm> norms() {
    std::vector<Norm> all;
    for (int32_t activation : {HB_ACT_NONE, HB_ACT_RELU, HB_ACT_LEAKY_RELU})
        for (bool residual : {false, true})
            for (int32_t training : {1, 0}) {
                for (const Sizes& x :
                     {Sizes{3, 4, 5, 7}, Sizes{6, 3}, Sizes{2, 3, 3, 17}, Sizes{4, 1, 1, 33}, Sizes{5, 2, 16}})
                    all.push_back({x, norm_params(training, 1, activation), residual});
                all.push_back({{4, 3, 3, 8}, norm_params(training, 1, activation, 0), residual});
                for (int32_t kind : {HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
                    for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE})
                        for (int32_t groups : {1, 3})
                            for (int64_t n : {6, 7})
                                all.push_back({{n, 2, 3, 5},
                                               norm_params(training, groups, activation),
                                               residual,
                                               gamma_noise(kind, 3, gradient)});
                // Fewer samples than runs.
                all.push_back({{3, 3, 2, 9},
                               norm_params(training, 1, activation),
                               residual,
                               gamma_noise(HB_NOISE_MULTIPLICATIVE, 8, HB_GRADIENT_CHAIN_RULE)});
            }
    return all;
}

const Norm kLargeNorms[] = {{{8, 16, 16, 33}, norm_params(1, 1, HB_ACT_RELU), true},
                            {{9, 11, 10, 130},
                             norm_params(1, 4, HB_ACT_NONE),
                             false,
                             gamma_noise(HB_NOISE_MULTIPLICATIVE, 4, HB_GRADIENT_AT_PERTURBED)},
                            {{300, 257}, norm_params(1, 1, HB_ACT_NONE), false},
                            {{2000, 3}, norm_params(0, 1, HB_ACT_RELU), false}};

hb_tensor kept(Results& out, hb_tensor tensor) { return out.temporary(tensor); }

// act(seen gamma * h + beta + residual), composed of plain ops; what fused kernels must equal. shift is added to the
// gamma that each run sees.
hb_tensor scaled_and_shifted(Results& out, const Norm& norm, hb_tensor h, hb_tensor gamma, hb_tensor beta,
                             hb_tensor residual, hb_tensor shift) {
    hb_tensor y;
    if (norm.noise.kind) {
        y = kept(out, by_runs(out, norm.noise, h, [&](int32_t m, hb_tensor rows) {
                     return hb_binary(HB_MUL, rows, seen_weight(out, gamma, norm.noise, m, shift));
                 }));
    } else {
        y = kept(out, hb_binary(HB_MUL, h, gamma));
    }
    y = kept(out, hb_binary(HB_ADD, y, beta));
    if (residual) y = kept(out, hb_binary(HB_ADD, y, residual));
    if (norm.p.activation == HB_ACT_RELU) return hb_unary(HB_RELU, y, 0, 0);
    if (norm.p.activation == HB_ACT_LEAKY_RELU) return hb_unary(HB_LEAKY_RELU, y, double(norm.p.slope), 0);
    return hb_alias(y);
}

// (x - mean) / deviation alone.
hb_tensor normalised(Results& out, const Norm& norm, hb_tensor x, hb_tensor running_mean, hb_tensor running_var) {
    hb_batch_norm_params p = norm.p;
    p.activation = HB_ACT_NONE;
    hb_noise silent = norm.noise;
    silent.sigma = 0;
    int64_t c = norm.c();
    hb_tensor one = kept(out, hb_full(here(), type_of(x), 1, &c, 1));
    hb_tensor zero = kept(out, hb_full(here(), type_of(x), 1, &c, 0));
    hb_tensor r[3] = {};
    ok(hb_batch_norm(x, one, zero, running_mean, running_var, 0, &p, &silent, r));
    for (hb_tensor t : r) kept(out, t);
    return r[0];
}

// Inputs 1..5 of batch_norm: gamma, beta, the running statistics, the residual.
void add_norm_inputs(std::vector<Input>& inputs, const Norm& norm, const Sizes& residual) {
    inputs.push_back(real({norm.c()}).from(0.5, 1.5).parameter());
    inputs.push_back(real({norm.c()}).parameter());
    inputs.push_back(norm.has_running() ? real({norm.c()}).from(-0.3, 0.3).parameter().target() : absent());
    inputs.push_back(norm.has_running() ? real({norm.c()}).from(0.2, 1).parameter().target() : absent());
    inputs.push_back(norm.residual ? real(residual) : absent());
}

Input shift_input(const Sizes& shape, bool at_perturbed) {
    Input shift = real(shape).from(0, 0).parameter();
    return at_perturbed ? shift : shift.constant();
}

Case norm_case(const Norm& norm, bool differentiate) {
    std::vector<Input> inputs = {real(norm.x)};
    add_norm_inputs(inputs, norm, norm.x);
    if (norm.noise.kind) {
        // A seventh input, zero: the shift of the perturbed gamma, which the gradient at it is the one of.
        if (norm.at_perturbed()) inputs[1] = inputs[1].constant();
        inputs.push_back(shift_input({norm.c()}, norm.at_perturbed()));
    }
    Forward reference = nullptr;
    if (norm.noise.kind)
        reference = [=](const Tensors& in, Results& out) {
            hb_tensor h = normalised(out, norm, in[0], in[3], in[4]);
            out.add(scaled_and_shifted(out, norm, h, in[1], in[2], in[5], in[6]));
        };
    return {.name = norm.name(),
            .inputs = inputs,
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[3] = {};
                    out.add(hb_batch_norm(in[0], in[1], in[2], in[3], in[4], in[5], &norm.p, &norm.noise, r), r, 3);
                    if (norm.has_running()) {
                        out.add_target(in[3]);
                        out.add_target(in[4]);
                    }
                },
            .backward = differentiate ? [=](const Tensors& in, const Tensors& y, const Tensors& dy, Gradients& g) {
                hb_tensor r[4] = {};
                ok(hb_batch_norm_backward(in[0], y[0], dy[0], in[1], y[1], y[2], norm.residual, &norm.p, &norm.noise, r));
                g.set(0, r[0]);
                g.set(norm.at_perturbed() ? 6 : 1, r[1]);
                g.set(2, r[2]);
                if (norm.residual) g.set(5, r[3]);
            } : Backward{},
            .reference = reference,
            .losses = 1,
            .terms = norm.rows(),
            .wide = {1, 2, 3, 4},
            .bytes = 4.0 * double(count(norm.x)) * (norm.residual ? 4 : 3)};
}

void batch_norm(std::vector<Case>& cases) {
    for (const Norm& norm : norms()) cases.push_back(norm_case(norm, true));
    for (const Norm& norm : kLargeNorms) cases.push_back(norm_case(norm, false));
}

Case norm_backward_case(const Norm& norm) {
    // y only gives its signs; statistics are inputs, so that both types have the same.
    return {.name = norm.name(),
            .inputs = {real(norm.x), real(norm.x).away(0.01), real(norm.x), real({norm.c()}).from(0.5, 1.5).parameter(),
                       real(norm.statistics()).from(-0.3, 0.3).parameter(),
                       real(norm.statistics()).from(0.5, 2).parameter()},
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[4] = {};
                    out.add(hb_batch_norm_backward(in[0], in[1], in[2], in[3], in[4], in[5], norm.residual, &norm.p,
                                                   &norm.noise, r),
                            r, 4);
                },
            .terms = norm.rows(),
            .wide = {1, 2},
            .bytes = 4.0 * double(count(norm.x)) * (norm.p.activation ? 7 : 5)};
}

void batch_norm_backward(std::vector<Case>& cases) {
    for (const Norm& norm : norms()) cases.push_back(norm_backward_case(norm));
    for (const Norm& norm : kLargeNorms) cases.push_back(norm_backward_case(norm));
}

// With ReLU; with a residual, too, where the network adds it there.
void each_of_networks(std::vector<Case>& cases, const std::function<Case(const Norm&)>& make) {
    for (const NetworkTensor& tensor : network_norms())
        for (bool residual : {false, true}) {
            if (residual && std::string(tensor.networks).rfind("resnet", 0) != 0) continue;
            cases.push_back(make({tensor.x, norm_params(1, 1, HB_ACT_RELU), residual}));
            cases.back().networks = tensor.networks;
        }
    const Sizes first{128, 32, 32, 64};
    cases.push_back(make({first, norm_params(0, 1, HB_ACT_RELU), false}));
    // What DAMP's noise costs.
    cases.push_back(make({first, norm_params(1, 1, HB_ACT_RELU), true,
                          gamma_noise(HB_NOISE_MULTIPLICATIVE, 8, HB_GRADIENT_AT_PERTURBED)}));
}

// ---- convolution, norm, activation

struct Block {
    Convolution conv;
    Norm norm;
    std::string name() const { return conv.name() + "; " + norm.name(); }
};

Block block(Convolution conv, const hb_batch_norm_params& p, bool residual, const hb_noise& noise = no_noise()) {
    Norm norm{conv.y(), p, residual, noise};
    conv.bias = false;
    conv.noise = noise;
    norm.noise.tensor++;
    return {conv, norm};
}

std::vector<Block> blocks() {
    std::vector<Block> all;
    for (int32_t training : {1, 0})
        for (bool residual : {false, true}) {
            for (int32_t activation : {HB_ACT_NONE, HB_ACT_RELU, HB_ACT_LEAKY_RELU})
                all.push_back(block(square(3, 5, 3, 7, 3, 1, 1), norm_params(training, 1, activation), residual));
            all.push_back(block(square(2, 7, 4, 5, 3, 2, 1), norm_params(training, 1, HB_ACT_RELU), residual));
            all.push_back(block(square(2, 6, 4, 17, 1), norm_params(training, 1, HB_ACT_RELU), residual));
            all.push_back(block(square(2, 5, 4, 8, 3, 1, 1, 1, 2), norm_params(training, 1, HB_ACT_RELU, 0), residual));
            for (int32_t kind : {HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
                for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE})
                    for (int32_t groups : {1, 3})
                        all.push_back(block(square(7, 4, 3, 5, 3, 1, 1),
                                            norm_params(training, groups, HB_ACT_LEAKY_RELU), residual,
                                            test_noise(kind, 3, gradient)));
        }
    return all;
}

std::vector<Block> large_blocks() {
    return {block(square(4, 8, 32, 32, 3, 1, 1), norm_params(1, 1, HB_ACT_RELU), true),
            block(square(6, 9, 16, 40, 3, 2, 1), norm_params(1, 3, HB_ACT_RELU), false,
                  test_noise(HB_NOISE_MULTIPLICATIVE, 3, HB_GRADIENT_AT_PERTURBED))};
}

Case block_case(const Block& b, bool differentiate) {
    bool noisy = b.conv.noise.kind != HB_NOISE_NONE, at_perturbed = b.norm.at_perturbed();
    std::vector<Input> inputs = {real(b.conv.x()), real(b.conv.weight()).weight()};
    add_norm_inputs(inputs, b.norm, b.conv.y());
    if (noisy) {
        // Inputs 7 and 8: the shifts of kernel and gamma.
        if (at_perturbed) {
            inputs[1] = inputs[1].constant();
            inputs[2] = inputs[2].constant();
        }
        inputs.push_back(shift_input(b.conv.weight(), at_perturbed));
        inputs.push_back(shift_input({b.norm.c()}, at_perturbed));
    }
    Forward reference = nullptr;
    if (noisy)
        reference = [=](const Tensors& in, Results& out) {
            hb_tensor middle = kept(out, by_runs(out, b.conv.noise, in[0], [&](int32_t m, hb_tensor x) {
                                        hb_tensor w = seen_weight(out, in[1], b.conv.noise, m, in[7]);
                                        return hb_conv2d(x, w, 0, &b.conv.p, nullptr);
                                    }));
            hb_tensor h = normalised(out, b.norm, middle, in[4], in[5]);
            out.add(scaled_and_shifted(out, b.norm, h, in[2], in[3], in[6], in[8]));
        };
    return {.name = b.name(),
            .inputs = inputs,
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[4] = {};
                    out.add(hb_conv_bn_act(in[0], in[1], in[2], in[3], in[4], in[5], in[6], &b.conv.p, &b.norm.p,
                                           &b.conv.noise, &b.norm.noise, 1, r),
                            r, 4);
                    if (b.norm.has_running()) {
                        out.add_target(in[4]);
                        out.add_target(in[5]);
                    }
                },
            .backward = differentiate ? [=](const Tensors& in, const Tensors& y, const Tensors& dy, Gradients& g) {
                hb_tensor r[5] = {};
                ok(hb_conv_bn_act_backward(in[0], in[1], y[1], y[0], dy[0], in[2], y[2], y[3], 1, b.norm.residual,
                                           &b.conv.p, &b.norm.p, &b.conv.noise, &b.norm.noise, r));
                g.set(0, r[0]);
                g.set(at_perturbed ? 7 : 1, r[1]);
                g.set(at_perturbed ? 8 : 2, r[2]);
                g.set(3, r[3]);
                if (b.norm.residual) g.set(6, r[4]);
            } : Backward{},
            .reference = reference,
            .losses = 1,
            .terms = b.conv.depth() + b.norm.rows(),
            .wide = {2, 3, 4, 5},
            .roundings = 2 + (noisy ? kRoundedNoise : 0),  // the convolution's result, before it is normalised
            .flops = b.conv.flops()};
}

void conv_bn_act(std::vector<Case>& cases) {
    for (const Block& b : blocks()) cases.push_back(block_case(b, true));
    for (const Block& b : large_blocks()) cases.push_back(block_case(b, false));
}

Case block_backward_case(const Block& b, bool want_dx) {
    return {.name = b.name() + (want_dx ? "" : ", no dx"),
            .inputs = {real(b.conv.x()), real(b.conv.weight()).weight(), real(b.conv.y()), real(b.conv.y()).away(0.01),
                       real(b.conv.y()), real({b.norm.c()}).from(0.5, 1.5).parameter(),
                       real(b.norm.statistics()).from(-0.3, 0.3).parameter(),
                       real(b.norm.statistics()).from(0.5, 2).parameter()},
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[5] = {};
                    out.add(hb_conv_bn_act_backward(in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], want_dx,
                                                    b.norm.residual, &b.conv.p, &b.norm.p, &b.conv.noise, &b.norm.noise,
                                                    r),
                            r, 5);
                },
            .terms = double(b.conv.o * b.conv.kh * b.conv.kw) + b.norm.rows(),
            .wide = want_dx ? std::vector<size_t>{1, 2, 3} : std::vector<size_t>{0, 1, 2},
            .roundings = 3 + (b.conv.noise.kind ? kRoundedNoise : 0),  // the gradient between norm and convolution
            .flops = b.conv.flops() * (want_dx ? 2 : 1)};
}

void conv_bn_act_backward(std::vector<Case>& cases) {
    for (const Block& b : blocks())
        for (bool want_dx : {true, false}) cases.push_back(block_backward_case(b, want_dx));
    for (const Block& b : large_blocks()) cases.push_back(block_backward_case(b, true));
}

void block_perf(std::vector<Case>& cases, bool backward) {
    for (Convolution conv :
         {square(128, 32, 64, 64, 3, 1, 1), square(128, 8, 256, 256, 3, 1, 1), square(128, 32, 16, 16, 3, 1, 1)})
        for (hb_noise noise : {no_noise(), test_noise(HB_NOISE_MULTIPLICATIVE, 8, HB_GRADIENT_AT_PERTURBED)}) {
            Block b = block(conv, norm_params(1, 1, HB_ACT_RELU), true, noise);
            cases.push_back(backward ? block_backward_case(b, true) : block_case(b, false));
        }
}

// ---- group and layer norm

struct Groups {
    Sizes x;
    int32_t groups;  // 0: layer norm
    hb_noise noise = no_noise();

    bool layer() const { return groups == 0; }
    int64_t c() const { return x.back(); }
    Sizes statistics() const {
        if (!layer()) return {x[0], groups};
        return Sizes(x.begin(), x.end() - 1);
    }
    double terms() const {
        return layer() ? double(c()) : double(count(x)) / double(std::max<int64_t>(1, x[0]) * groups);
    }
    bool at_perturbed() const { return noise.kind && noise.gradient == HB_GRADIENT_AT_PERTURBED; }
    std::string name() const {
        return text_of(x) + (layer() ? "" : text(", %d groups", groups)) + (noise.kind ? ", " + text_of(noise) : "");
    }
};

constexpr double kEpsilon = 1e-3;

hb_status forward_of(const Groups& n, hb_tensor x, hb_tensor gamma, hb_tensor beta, const hb_noise* noise,
                     hb_tensor* r) {
    return n.layer() ? hb_layer_norm(x, gamma, beta, kEpsilon, noise, r)
                     : hb_group_norm(x, gamma, beta, n.groups, kEpsilon, noise, r);
}

hb_status backward_of(const Groups& n, hb_tensor x, hb_tensor dy, hb_tensor gamma, hb_tensor mean, hb_tensor inverse,
                      hb_tensor* r) {
    return n.layer() ? hb_layer_norm_backward(x, dy, gamma, mean, inverse, &n.noise, r)
                     : hb_group_norm_backward(x, dy, gamma, mean, inverse, n.groups, &n.noise, r);
}

std::vector<Groups> group_norms(bool layer) {
    std::vector<Groups> all;
    if (layer)
        for (const Sizes& x : {Sizes{3, 7}, Sizes{17}, Sizes{2, 3, 33}, Sizes{5, 1}, Sizes{0, 4}, Sizes{4, 64}})
            all.push_back({x, 0});
    else
        for (auto [x, groups] : {std::pair<Sizes, int32_t>{{2, 3, 4, 6}, 3},
                                 {{3, 8}, 2},
                                 {{2, 4, 4, 16}, 1},
                                 {{2, 3, 3, 7}, 7},
                                 {{0, 2, 4}, 2},
                                 {{3, 5, 32}, 4},
                                 {{2, 3, 33}, 11}})
            all.push_back({x, groups});
    for (int32_t kind : {HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
        for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE})
            for (auto [n, runs] : {std::pair<int64_t, int32_t>{6, 3}, {7, 3}, {3, 8}})
                all.push_back({{n, 2, 8}, layer ? 0 : 4, gamma_noise(kind, runs, gradient)});
    return all;
}

std::vector<Groups> large_group_norms(bool layer) {
    if (layer) return {{{700, 130}, 0}, {{3, 1000}, 0}, {{2, 4104}, 0}, {{2, 5001}, 0}};
    return {{{5, 13, 12, 96}, 8}, {{3, 30, 30, 33}, 3}};
}

Case group_case(const Groups& norm, bool differentiate) {
    std::vector<Input> inputs = {real(norm.x), real({norm.c()}).from(0.5, 1.5).parameter(),
                                 real({norm.c()}).parameter()};
    Forward reference = nullptr;
    if (norm.noise.kind) {
        if (norm.at_perturbed()) inputs[1] = inputs[1].constant();
        inputs.push_back(shift_input({norm.c()}, norm.at_perturbed()));
        reference = [=](const Tensors& in, Results& out) {
            int64_t c = norm.c();
            hb_tensor one = kept(out, hb_full(here(), type_of(in[0]), 1, &c, 1));
            hb_tensor zero = kept(out, hb_full(here(), type_of(in[0]), 1, &c, 0));
            hb_tensor r[3] = {};
            ok(forward_of(norm, in[0], one, zero, nullptr, r));
            for (hb_tensor t : r) kept(out, t);
            hb_tensor y = kept(out, by_runs(out, norm.noise, r[0], [&](int32_t m, hb_tensor rows) {
                                   return hb_binary(HB_MUL, rows, seen_weight(out, in[1], norm.noise, m, in[3]));
                               }));
            out.add(hb_binary(HB_ADD, y, in[2]));
        };
    }
    return {.name = norm.name(),
            .inputs = inputs,
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[3] = {};
                    out.add(forward_of(norm, in[0], in[1], in[2], &norm.noise, r), r, 3);
                },
            .backward = differentiate ? [=](const Tensors& in, const Tensors& y, const Tensors& dy, Gradients& g) {
                hb_tensor r[3] = {};
                ok(backward_of(norm, in[0], dy[0], in[1], y[1], y[2], r));
                g.set(0, r[0]);
                g.set(norm.at_perturbed() ? 3 : 1, r[1]);
                g.set(2, r[2]);
            } : Backward{},
            .reference = reference,
            .losses = 1,
            .terms = norm.terms(),
            .wide = {1, 2},
            .bytes = 12.0 * double(count(norm.x))};
}

Case group_backward_case(const Groups& norm) {
    return {.name = norm.name(),
            .inputs = {real(norm.x), real(norm.x), real({norm.c()}).from(0.5, 1.5).parameter(),
                       real(norm.statistics()).from(-0.3, 0.3).parameter(),
                       real(norm.statistics()).from(0.5, 2).parameter()},
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[3] = {};
                    out.add(backward_of(norm, in[0], in[1], in[2], in[3], in[4], r), r, 3);
                },
            .terms = double(count(norm.x)) / double(norm.c()) + norm.terms(),
            .wide = {1, 2},
            .bytes = 20.0 * double(count(norm.x))};
}

void group_cases(std::vector<Case>& cases, bool layer) {
    for (const Groups& norm : group_norms(layer)) cases.push_back(group_case(norm, true));
    for (const Groups& norm : large_group_norms(layer)) cases.push_back(group_case(norm, false));
}

void group_backward_cases(std::vector<Case>& cases, bool layer) {
    for (const Groups& norm : group_norms(layer)) cases.push_back(group_backward_case(norm));
    for (const Groups& norm : large_group_norms(layer)) cases.push_back(group_backward_case(norm));
}

const Groups kResnetGroups{{128, 32, 32, 64}, 16};
// Of ViT-S/16 and ViT-B/16.
const Groups kVisionLayers[] = {{{16, 197, 384}, 0}, {{128, 197, 384}, 0}, {{64, 197, 768}, 0}};

}  // namespace

std::vector<Row> normalisation_rows() {
    return {
        {"batch_norm", true, batch_norm,
         [](auto& cases) { each_of_networks(cases, [](const Norm& norm) { return norm_case(norm, false); }); }},
        {"batch_norm_backward", false, batch_norm_backward,
         [](auto& cases) { each_of_networks(cases, norm_backward_case); }},
        {"conv_bn_act", true, conv_bn_act, [](auto& cases) { block_perf(cases, false); }},
        {"conv_bn_act_backward", false, conv_bn_act_backward, [](auto& cases) { block_perf(cases, true); }},
        {"group_norm", true, [](auto& cases) { group_cases(cases, false); },
         [](auto& cases) { cases.push_back(group_case(kResnetGroups, false)); }},
        {"group_norm_backward", false, [](auto& cases) { group_backward_cases(cases, false); },
         [](auto& cases) { cases.push_back(group_backward_case(kResnetGroups)); }},
        {"layer_norm", true, [](auto& cases) { group_cases(cases, true); },
         [](auto& cases) {
             for (const Groups& norm : kVisionLayers) cases.push_back(group_case(norm, false));
             cases.front().networks = "vit-s-16";
         }},
        {"layer_norm_backward", false, [](auto& cases) { group_backward_cases(cases, true); },
         [](auto& cases) {
             for (const Groups& norm : kVisionLayers) cases.push_back(group_backward_case(norm));
             cases.front().networks = "vit-s-16";
         }},
    };
}

}  // namespace hb::test
