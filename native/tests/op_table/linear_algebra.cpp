// Rows of the matrix product, the linear layer and its gradients, and the perturbed weight.
#include "op_table/networks.h"

namespace hb::test {
namespace {

// ---- matmul

struct Product {
    Sizes batch_a;
    int64_t m, k, n;
    Sizes batch_b = {};
};

Sizes matrix(Sizes batch, int64_t rows, int64_t columns, bool transposed) {
    batch.push_back(transposed ? columns : rows);
    batch.push_back(transposed ? rows : columns);
    return batch;
}

Case product(const Product& p, bool ta, bool tb) {
    Sizes a = matrix(p.batch_a, p.m, p.k, ta), b = matrix(p.batch_b, p.k, p.n, tb);
    double batch = double(std::max(count(p.batch_a), count(p.batch_b)));
    return {.name = text("%s%s x %s%s", text_of(a).c_str(), ta ? "T" : "", text_of(b).c_str(), tb ? "T" : ""),
            .inputs = {real(a), real(b)},
            .run = [=](const Tensors& in, Results& out) { out.add(hb_matmul(in[0], in[1], ta, tb)); },
            .backward =
                [=](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& g) {
                    hb_tensor da = ta ? hb_matmul(in[1], dy[0], tb, 1) : hb_matmul(dy[0], in[1], 0, !tb);
                    hb_tensor db = tb ? hb_matmul(dy[0], in[0], 1, ta) : hb_matmul(in[0], dy[0], !ta, 0);
                    g.set(0, unbroadcast(g, g.temporary(da), a));
                    g.set(1, unbroadcast(g, g.temporary(db), b));
                },
            .terms = double(p.k),
            .flops = 2 * batch * double(p.m) * double(p.n) * double(p.k)};
}

void matmul(std::vector<Case>& cases) {
    for (const Product& p :
         {Product{{}, 1, 1, 1}, Product{{}, 3, 7, 5}, Product{{}, 17, 33, 9}, Product{{}, 1, 40, 17},
          Product{{}, 17, 40, 1}, Product{{}, 33, 1, 31}, Product{{2}, 5, 7, 3, {2}}, Product{{2, 3}, 4, 5, 6, {2, 3}},
          Product{{4}, 3, 9, 7, {}}, Product{{}, 6, 9, 17, {3}}, Product{{}, 3, 0, 2}, Product{{}, 0, 3, 2},
          Product{{0}, 2, 3, 4, {}}, Product{{}, 16, 16, 16}, Product{{}, 24, 8, 32}})
        for (bool ta : {false, true})
            for (bool tb : {false, true}) cases.push_back(product(p, ta, tb));
    // Edges of blocks of any size.
    for (const Product& p : {Product{{}, 65, 129, 97}, Product{{}, 128, 256, 64}, Product{{}, 130, 300, 50},
                             Product{{}, 7, 700, 260}, Product{{3}, 50, 64, 49, {3}}, Product{{}, 260, 17, 150}})
        for (bool ta : {false, true})
            for (bool tb : {false, true}) {
                cases.push_back(product(p, ta, tb));
                cases.back().backward = nullptr;
            }
}

void matmul_perf(std::vector<Case>& cases) {
    for (const Product& p : {Product{{}, 1024, 1024, 1024}, Product{{}, 128, 512, 10}, Product{{}, 2048, 576, 64},
                             Product{{}, 32768, 64, 64}})
        for (auto [ta, tb] : {std::pair{false, false}, {false, true}, {true, false}})
            cases.push_back(product(p, ta, tb));
}

// ---- linear

struct Layer {
    Sizes x;  // [.., in]
    int64_t out;
    bool bias;
    hb_noise noise = no_noise();

    int64_t in() const { return x.back(); }
    Sizes y() const {
        Sizes shape = x;
        shape.back() = out;
        return shape;
    }
    Sizes w() const { return {out, in()}; }
    double rows() const { return double(count(x)) / double(std::max<int64_t>(1, in())); }
    std::string name() const {
        return text("%s to %d%s", text_of(x).c_str(), int(out), bias ? ", bias" : "") +
               (noise.kind ? ", " + text_of(noise) : "");
    }
    double flops() const { return 2 * rows() * double(in()) * double(out); }
};

std::vector<Layer> layers() {
    std::vector<Layer> all;
    for (bool bias : {false, true})
        for (const Layer& layer : {Layer{{3, 7}, 5, bias}, Layer{{1, 1}, 1, bias}, Layer{{33, 17}, 9, bias},
                                   Layer{{7}, 3, bias}, Layer{{2, 5, 8}, 3, bias}, Layer{{0, 4}, 3, bias},
                                   Layer{{3, 0}, 4, bias}, Layer{{5, 16}, 16, bias}, Layer{{64, 64}, 10, bias}})
            all.push_back(layer);
    return all;
}

std::vector<Layer> noisy_layers() {
    std::vector<Layer> all;
    for (int32_t kind : {HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
        for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE})
            // Batches that the runs divide, that they do not, fewer rows than runs, and rows of several dimensions.
            for (auto [x, runs] :
                 {std::pair<Sizes, int32_t>{{8, 7}, 4}, {{7, 5}, 3}, {{3, 9}, 8}, {{5, 3, 4}, 2}, {{6, 8}, 1}})
                all.push_back({x, 6, true, test_noise(kind, runs, gradient)});
    return all;
}

// Large enough to be cut into tasks.
const Layer kLargeLayers[] = {{{130, 300}, 70, true}, {{17, 700}, 260, false}};

void linear(std::vector<Case>& cases) {
    auto add = [&](const Layer& layer, bool differentiate) {
        bool noisy = layer.noise.kind != HB_NOISE_NONE;
        std::vector<Input> inputs = {real(layer.x), real(layer.w()).weight(),
                                     layer.bias ? real({layer.out}).parameter() : absent()};
        Backward backward = [=](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& g) {
            g.set(0, hb_linear_backward_data(dy[0], in[1], &layer.noise));
            hb_tensor r[2] = {};
            ok(hb_linear_backward_weight(in[0], dy[0], layer.bias, &layer.noise, r));
            g.set(noisy && layer.noise.gradient == HB_GRADIENT_AT_PERTURBED ? 3 : 1, r[0]);
            if (layer.bias) g.set(2, r[1]);
        };
        Forward reference = nullptr;
        if (noisy) {
            // A fourth input, zero: the shift of the perturbed weight, which the gradient at it is the one of.
            bool at_perturbed = layer.noise.gradient == HB_GRADIENT_AT_PERTURBED;
            if (at_perturbed) inputs[1] = inputs[1].constant();
            Input shift = real(layer.w()).from(0, 0).parameter();
            inputs.push_back(at_perturbed ? shift : shift.constant());
            reference = [=](const Tensors& in, Results& out) {
                out.add(by_runs(out, layer.noise, in[0], [&](int32_t m, hb_tensor x) {
                    return hb_linear(x, seen_weight(out, in[1], layer.noise, m, in[3]), in[2], nullptr);
                }));
            };
        }
        cases.push_back(
            {.name = layer.name(),
             .inputs = inputs,
             .run = [=](const Tensors& in, Results& out) { out.add(hb_linear(in[0], in[1], in[2], &layer.noise)); },
             .backward = differentiate ? backward : Backward{},
             .reference = reference,
             .terms = double(layer.in()),
             .roundings = noisy ? kRoundedNoise : 0,
             .flops = layer.flops()});
    };
    for (const Layer& layer : layers()) add(layer, true);
    for (const Layer& layer : noisy_layers()) add(layer, true);
    for (const Layer& layer : kLargeLayers) add(layer, false);
}

Case linear_case(const Layer& layer) {
    return {.name = layer.name(),
            .inputs = {real(layer.x), real(layer.w()).weight(), layer.bias ? real({layer.out}).parameter() : absent()},
            .run = [=](const Tensors& in, Results& out) { out.add(hb_linear(in[0], in[1], in[2], &layer.noise)); },
            .terms = double(layer.in()),
            .roundings = layer.noise.kind ? kRoundedNoise : 0,
            .flops = layer.flops()};
}

Case data_case(const Layer& layer) {
    return {
        .name = layer.name(),
        .inputs = {real(layer.y()), real(layer.w()).weight()},
        .run = [=](const Tensors& in, Results& out) { out.add(hb_linear_backward_data(in[0], in[1], &layer.noise)); },
        .terms = double(layer.out),
        .roundings = layer.noise.kind ? kRoundedNoise : 0,
        .flops = layer.flops()};
}

Case weight_case(const Layer& layer) {
    return {.name = layer.name(),
            .inputs = {real(layer.x), real(layer.y())},
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[2] = {};
                    out.add(hb_linear_backward_weight(in[0], in[1], layer.bias, &layer.noise, r), r, 2);
                },
            .terms = layer.rows(),
            .wide = {0, 1},
            .flops = layer.flops()};
}

void each_layer(std::vector<Case>& cases, Case (*make)(const Layer&)) {
    for (const Layer& layer : layers()) cases.push_back(make(layer));
    for (const Layer& layer : noisy_layers()) cases.push_back(make(layer));
    for (const Layer& layer : kLargeLayers) cases.push_back(make(layer));
}

void each_large(std::vector<Case>& cases, Case (*make)(const Layer&)) {
    for (const NetworkLayer& layer : network_layers()) {
        cases.push_back(make({layer.x, layer.out, layer.bias}));
        cases.back().networks = layer.networks;
    }
    for (const Layer& layer :
         {Layer{{1024, 768}, 768, false}, Layer{{1024, 768}, 768, false, test_noise(HB_NOISE_MULTIPLICATIVE, 8, 0)}})
        cases.push_back(make(layer));
}

// ---- perturb_weight

void perturb_weight(std::vector<Case>& cases) {
    for (int32_t kind : {HB_NOISE_NONE, HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
        for (Oracle oracle : {Oracle::Bits, Oracle::F64})
            for (const Sizes& shape :
                 {Sizes{1}, Sizes{3}, Sizes{5, 7}, Sizes{16, 3, 3, 5}, Sizes{33}, Sizes{0}, Sizes{64, 3, 3, 130}})
                for (float sigma : {0.0f, 0.2f})
                    cases.push_back({.name = text("%s, kind %d, sigma %g, %s", text_of(shape).c_str(), kind,
                                                  double(sigma), oracle == Oracle::Bits ? "bits" : "f64"),
                                     .inputs = {real(shape).parameter()},
                                     .run =
                                         [=](const Tensors& in, Results& out) {
                                             hb_noise noise = test_noise(kind, 8, HB_GRADIENT_AT_PERTURBED, sigma);
                                             out.add(hb_perturb_weight(in[0], &noise, 0));
                                             if (kind) out.add(hb_perturb_weight(in[0], &noise, 7));
                                         },
                                     .terms = 1,
                                     .oracle = oracle});
}

void perturb_weight_perf(std::vector<Case>& cases) {
    cases.push_back({.name = "[512, 3, 3, 512]",
                     .inputs = {real({512, 3, 3, 512}).parameter()},
                     .run =
                         [](const Tensors& in, Results& out) {
                             hb_noise noise = test_noise(HB_NOISE_MULTIPLICATIVE, 8, HB_GRADIENT_AT_PERTURBED);
                             out.add(hb_perturb_weight(in[0], &noise, 3));
                         },
                     .bytes = 8.0 * 512 * 9 * 512});
}

}  // namespace

std::vector<Row> linear_algebra_rows() {
    return {
        {"perturb_weight", false, perturb_weight, perturb_weight_perf},
        {"matmul", true, matmul, matmul_perf},
        {"linear", true, linear, [](auto& cases) { each_large(cases, linear_case); }},
        {"linear_backward_data", false, [](auto& cases) { each_layer(cases, data_case); },
         [](auto& cases) { each_large(cases, data_case); }},
        {"linear_backward_weight", false, [](auto& cases) { each_layer(cases, weight_case); },
         [](auto& cases) { each_large(cases, weight_case); }},
    };
}

}  // namespace hb::test
