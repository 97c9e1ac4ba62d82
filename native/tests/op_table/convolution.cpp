// Rows of the convolution and its gradients.
#include "op_table/convolutions.h"
#include "op_table/networks.h"

namespace hb::test {

std::string Convolution::name() const {
    std::string s = text("[%d, %d, %d, %d] by [%d, %d, %d, %d]", int(n), int(h), int(w), int(c), int(o), int(kh),
                         int(kw), int(c / p.groups));
    if (p.stride_h != 1 || p.stride_w != 1) s += text(", stride %dx%d", p.stride_h, p.stride_w);
    if (p.pad_h != 0 || p.pad_w != 0) s += text(", pad %dx%d", p.pad_h, p.pad_w);
    if (p.dilation_h != 1 || p.dilation_w != 1) s += text(", dilation %dx%d", p.dilation_h, p.dilation_w);
    if (p.groups != 1) s += text(", %d groups", p.groups);
    if (bias) s += ", bias";
    if (noise.kind) s += ", " + text_of(noise);
    return s;
}

Convolution square(int64_t n, int64_t size, int64_t c, int64_t o, int64_t kernel, int32_t stride, int32_t pad,
                   int32_t dilation, int32_t groups) {
    return {n, size, size, c, o, kernel, kernel, {stride, stride, pad, pad, dilation, dilation, groups}};
}

// Every branch that a kernel may have: sizes that fit no vector or block, strides, gaps, groups, kernels wider than the
// image. Small enough for finite differences.
static std::vector<Convolution> small_convolutions() {
    std::vector<Convolution> all = {
        square(1, 1, 1, 1, 1),
        square(2, 5, 3, 7, 3, 1, 1),
        square(3, 7, 5, 3, 3, 2, 1),
        square(2, 5, 4, 8, 1),
        square(2, 7, 3, 5, 1, 2),
        square(1, 9, 3, 5, 7, 2, 3),
        square(2, 6, 4, 4, 3, 1, 2, 2),
        square(2, 6, 8, 12, 3, 1, 1, 1, 4),
        square(2, 5, 17, 17, 3, 1, 1, 1, 17),
        square(2, 5, 6, 12, 3, 1, 1, 1, 6),
        square(2, 2, 3, 4, 5, 1, 2),
        square(2, 1, 3, 4, 3, 1, 1),
        square(2, 9, 4, 4, 2, 3),
        square(2, 8, 3, 4, 1, 3, 1),
        square(0, 4, 3, 5, 3, 1, 1),
        square(2, 3, 0, 4, 3, 1, 1),
        {2, 7, 9, 3, 5, 1, 3, {1, 2, 0, 1, 1, 2, 1}},
        {2, 9, 5, 2, 3, 3, 2, {2, 1, 2, 0, 2, 1, 1}},
        square(3, 8, 16, 16, 3, 1, 1),
        square(2, 4, 8, 33, 3, 1, 1),
    };
    Convolution biased = square(2, 5, 3, 7, 3, 1, 1);
    biased.bias = true;
    all.insert(all.begin(), biased);
    return all;
}

std::vector<Convolution> noisy_convolutions() {
    std::vector<Convolution> all;
    for (int32_t kind : {HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
        for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE})
            // Batches that the runs divide, that they do not, fewer images than runs.
            for (auto [n, runs] : {std::pair<int64_t, int32_t>{4, 2}, {7, 3}, {3, 8}, {2, 1}})
                for (Convolution c :
                     {square(n, 4, 5, 6, 3, 1, 1), square(n, 5, 4, 8, 3, 2, 1, 1, 2), square(n, 3, 3, 4, 1)}) {
                    c.bias = kind == HB_NOISE_MULTIPLICATIVE;
                    c.noise = test_noise(kind, runs, gradient);
                    all.push_back(c);
                }
    return all;
}

// Edges of blocks of any size; of mode test only.
static std::vector<Convolution> large_convolutions() {
    std::vector<Convolution> all = {
        square(2, 12, 32, 65, 3, 2, 1),      square(2, 17, 3, 64, 3, 1, 1),
        square(2, 16, 3, 16, 7, 2, 3),       square(5, 8, 33, 31, 1),
        square(2, 8, 64, 128, 1, 2),         square(1, 4, 260, 300, 1),
        square(2, 9, 48, 48, 3, 1, 1, 1, 3), square(2, 12, 64, 64, 3, 1, 1, 1, 64),
        square(9, 4, 24, 24, 5, 1, 2),
    };
    Convolution noisy = square(6, 8, 32, 48, 3, 2, 1);
    for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE}) {
        noisy.noise = test_noise(HB_NOISE_MULTIPLICATIVE, 4, gradient);
        all.push_back(noisy);
    }
    return all;
}

// 3x3 of stride 1, for which tiers may use Winograd's algorithm: whole tiles and parts of tiles, borders of any width,
// one chunk of tiles and several, large and small kernels.
static std::vector<Convolution> winograd_convolutions() {
    std::vector<Convolution> all = {
        square(2, 8, 64, 64, 3, 1, 1),
        square(3, 16, 16, 16, 3, 1, 1),
        square(1, 10, 130, 70, 3, 1, 1),
        square(9, 4, 512, 40, 3, 1, 1),
        square(5, 7, 24, 20, 3, 1, 1),
        square(4, 10, 33, 40, 3, 1),
        square(4, 6, 40, 33, 3, 1, 2),
        square(20, 16, 96, 80, 3, 1, 1),
        square(40, 16, 16, 24, 3, 1, 1),
        square(6, 4, 800, 32, 3, 1, 1),
        {3, 12, 19, 48, 64, 3, 3, {1, 1, 0, 2, 1, 1, 1}},
    };
    Convolution noisy = square(6, 8, 32, 48, 3, 1, 1), wide = square(13, 8, 80, 96, 3, 1, 1);
    for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE}) {
        noisy.noise = test_noise(HB_NOISE_MULTIPLICATIVE, 4, gradient);
        wide.noise = test_noise(HB_NOISE_ADDITIVE, 3, gradient);
        all.push_back(noisy);
        all.push_back(wide);
    }
    Convolution biased = square(7, 8, 40, 56, 3, 1, 1);
    biased.bias = true;
    all.push_back(biased);
    return all;
}

// Rounding errors of Winograd's F(4x4, 3x3), against those of the direct sum (docs/numerics.md).
constexpr double kWinogradGrowth = 16;

struct Exactly {
    Exactly() { ok(hb_set_exact(1)); }
    ~Exactly() { hb_set_exact(0); }
};

// A case as it is, and the same without Winograd's algorithm.
static void add_both(std::vector<Case>& cases, Case test) {
    Case exact = test;
    exact.name += ", exact";
    exact.run = [run = test.run](const Tensors& in, Results& out) {
        const Exactly exactly;
        run(in, out);
    };
    test.growth = kWinogradGrowth;
    cases.push_back(std::move(test));
    cases.push_back(std::move(exact));
}

namespace {

void conv2d(std::vector<Case>& cases) {
    auto make = [](const Convolution& c, bool differentiate) {
        bool noisy = c.noise.kind != HB_NOISE_NONE;
        std::vector<Input> inputs = {real(c.x()), real(c.weight()).weight(),
                                     c.bias ? real({c.o}).parameter() : absent()};
        Backward backward = [=](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& g) {
            g.set(0, hb_conv2d_backward_data(dy[0], in[1], c.h, c.w, &c.p, &c.noise));
            hb_tensor r[2] = {};
            ok(hb_conv2d_backward_weight(in[0], dy[0], c.kh, c.kw, c.bias, &c.p, &c.noise, r));
            g.set(noisy && c.noise.gradient == HB_GRADIENT_AT_PERTURBED ? 3 : 1, r[0]);
            if (c.bias) g.set(2, r[1]);
        };
        Forward reference = nullptr;
        if (noisy) {
            // A fourth input, zero: the shift of the perturbed kernel, which the gradient at it is the one of.
            bool at_perturbed = c.noise.gradient == HB_GRADIENT_AT_PERTURBED;
            if (at_perturbed) inputs[1] = inputs[1].constant();
            Input shift = real(c.weight()).from(0, 0).parameter();
            inputs.push_back(at_perturbed ? shift : shift.constant());
            reference = [=](const Tensors& in, Results& out) {
                out.add(by_runs(out, c.noise, in[0], [&](int32_t m, hb_tensor x) {
                    return hb_conv2d(x, seen_weight(out, in[1], c.noise, m, in[3]), in[2], &c.p, nullptr);
                }));
            };
        }
        return Case{
            .name = c.name(),
            .inputs = inputs,
            .run = [=](const Tensors& in, Results& out) { out.add(hb_conv2d(in[0], in[1], in[2], &c.p, &c.noise)); },
            .backward = differentiate ? backward : Backward{},
            .reference = reference,
            .terms = c.depth(),
            .roundings = noisy ? kRoundedNoise : 0,
            .flops = c.flops()};
    };
    for (const Convolution& c : small_convolutions()) cases.push_back(make(c, true));
    for (const Convolution& c : noisy_convolutions()) cases.push_back(make(c, true));
    for (const Convolution& c : large_convolutions()) cases.push_back(make(c, false));
    for (const Convolution& c : winograd_convolutions()) add_both(cases, make(c, false));
}

Case forward_case(const Convolution& c) {
    return {.name = c.name(),
            .inputs = {real(c.x()), real(c.weight()).weight(), c.bias ? real({c.o}).parameter() : absent()},
            .run = [=](const Tensors& in, Results& out) { out.add(hb_conv2d(in[0], in[1], in[2], &c.p, &c.noise)); },
            .terms = c.depth(),
            .roundings = c.noise.kind ? kRoundedNoise : 0,
            .flops = c.flops()};
}

Case data_case(const Convolution& c) {
    return {.name = c.name(),
            .inputs = {real(c.y()), real(c.weight()).weight()},
            .run = [=](const Tensors& in,
                       Results& out) { out.add(hb_conv2d_backward_data(in[0], in[1], c.h, c.w, &c.p, &c.noise)); },
            .terms = double(c.o * c.kh * c.kw) / c.p.groups,
            .roundings = c.noise.kind ? kRoundedNoise : 0,
            .flops = c.flops()};
}

Case weight_case(const Convolution& c) {
    return {.name = c.name(),
            .inputs = {real(c.x()), real(c.y())},
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[2] = {};
                    out.add(hb_conv2d_backward_weight(in[0], in[1], c.kh, c.kw, c.bias, &c.p, &c.noise, r), r, 2);
                },
            .terms = double(c.n * c.oh() * c.ow()),
            .wide = {0, 1},
            .flops = c.flops()};
}

void each(std::vector<Case>& cases, Case (*make)(const Convolution&)) {
    for (const Convolution& c : small_convolutions()) cases.push_back(make(c));
    for (const Convolution& c : noisy_convolutions()) cases.push_back(make(c));
    for (const Convolution& c : large_convolutions()) cases.push_back(make(c));
    for (const Convolution& c : winograd_convolutions()) add_both(cases, make(c));
}

void each_of_networks(std::vector<Case>& cases, Case (*make)(const Convolution&)) {
    for (const NetworkConvolution& c : network_convolutions()) {
        cases.push_back(make(c.shape));
        cases.back().networks = c.networks;
    }
    // The same with DAMP's noise: what drawing it costs.
    for (Convolution c :
         {square(128, 32, 64, 64, 3, 1, 1), square(128, 4, 512, 512, 3, 1, 1), square(128, 32, 16, 16, 3, 1, 1)}) {
        c.noise = test_noise(HB_NOISE_MULTIPLICATIVE, 8, HB_GRADIENT_AT_PERTURBED);
        cases.push_back(make(c));
    }
}

}  // namespace

std::vector<Row> convolution_rows() {
    return {
        {"conv2d", true, conv2d, [](auto& cases) { each_of_networks(cases, forward_case); }},
        {"conv2d_backward_data", false, [](auto& cases) { each(cases, data_case); },
         [](auto& cases) { each_of_networks(cases, data_case); }},
        {"conv2d_backward_weight", false, [](auto& cases) { each(cases, weight_case); },
         [](auto& cases) { each_of_networks(cases, weight_case); }},
    };
}

}  // namespace hb::test
