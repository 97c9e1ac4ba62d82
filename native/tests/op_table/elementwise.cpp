// Rows of the elementwise ops, and dropout.
#include <cmath>

#include "op_table/table.h"

namespace hb::test {
namespace {

struct Function {
    int32_t kind;
    const char* name;
    double low, high;  // where it is tested and differentiated
    double apart;      // distance from a kink at 0
    double alpha, beta;
    double terms;  // > 0: sums that may cancel
    double wide;   // tested in [-wide, wide] too; 0: not there
};
constexpr Function kFunctions[] = {
    {HB_NEG, "neg", -2, 2, 0, 0, 0, 0, 1e30},
    {HB_ABS, "abs", -2, 2, 0.01, 0, 0, 0, 1e30},
    {HB_EXP, "exp", -2, 2, 0, 0, 0, 0, 100},
    {HB_LOG, "log", 0.1, 4, 0, 0, 0, 1, 0},
    {HB_SQRT, "sqrt", 0.1, 4, 0, 0, 0, 0, 0},
    {HB_RSQRT, "rsqrt", 0.1, 4, 0, 0, 0, 0, 0},
    {HB_SQUARE, "square", -2, 2, 0, 0, 0, 0, 1e15},
    {HB_SIGN, "sign", -2, 2, 0.01, 0, 0, 0, 10},
    {HB_RECIPROCAL, "reciprocal", 0.2, 4, 0, 0, 0, 0, 0},
    {HB_RELU, "relu", -2, 2, 0.01, 0, 0, 0, 100},
    {HB_LEAKY_RELU, "leaky_relu", -2, 2, 0.01, 0.1, 0, 0, 100},
    {HB_GELU, "gelu", -3, 3, 0, 0, 0, 1, 10},
    {HB_GELU_TANH, "gelu_tanh", -3, 3, 0, 0, 0, 1, 10},
    {HB_SIGMOID, "sigmoid", -3, 3, 0, 0, 0, 1, 60},
    {HB_TANH, "tanh", -3, 3, 0, 0, 0, 1, 30},
    {HB_CLAMP, "clamp", -2, 2, 0, -0.5, 0.75, 0, 100},
};

const Sizes kShapes[] = {{}, {1}, {3}, {7}, {17}, {33}, {3, 7, 5}, {0, 4}};

void unary(std::vector<Case>& cases) {
    for (const Function& f : kFunctions) {
        Forward run = [=](const Tensors& in, Results& out) { out.add(hb_unary(f.kind, in[0], f.alpha, f.beta)); };
        Backward backward = [=](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& gradients) {
            gradients.set(0, hb_unary_backward(f.kind, in[0], dy[0], f.alpha, f.beta));
        };
        for (const Sizes& shape : kShapes)
            cases.push_back({.name = text("%s %s", f.name, text_of(shape).c_str()),
                             .inputs = {real(shape).from(f.low, f.high).away(f.apart)},
                             .run = run,
                             .backward = backward,
                             .terms = f.terms});
        // Kinks, zeros and the ends of clamp's range are hit.
        cases.push_back(
            {.name = text("%s at kinks", f.name), .inputs = {real({65}).tied(16)}, .run = run, .terms = f.terms});
        cases.push_back({.name = text("%s with NaN", f.name),
                         .inputs = {real({65}).from(f.low, f.high).nans(0.3)},
                         .run = run,
                         .terms = f.terms});
        if (f.wide > 0)
            cases.push_back({.name = text("%s up to %g", f.name, f.wide),
                             .inputs = {real({515}).from(-f.wide, f.wide)},
                             .run = run,
                             .terms = f.terms});
        cases.push_back({.name = text("%s [70001]", f.name),
                         .inputs = {real({70001}).from(f.low, f.high)},
                         .run = run,
                         .terms = f.terms});
    }
}

void unary_backward(std::vector<Case>& cases) {
    for (const Function& f : kFunctions) {
        Forward run = [=](const Tensors& in, Results& out) {
            out.add(hb_unary_backward(f.kind, in[0], in[1], f.alpha, f.beta));
        };
        for (const Sizes& shape : kShapes)
            cases.push_back({.name = text("%s %s", f.name, text_of(shape).c_str()),
                             .inputs = {real(shape).from(f.low, f.high), real(shape)},
                             .run = run,
                             .terms = f.terms});
        bool everywhere = f.kind != HB_LOG && f.kind != HB_SQRT && f.kind != HB_RSQRT && f.kind != HB_RECIPROCAL;
        if (everywhere)
            cases.push_back({.name = text("%s at kinks", f.name),
                             .inputs = {real({65}).tied(16), real({65})},
                             .run = run,
                             .terms = f.terms});
        cases.push_back({.name = text("%s [70001]", f.name),
                         .inputs = {real({70001}).from(f.low, f.high), real({70001})},
                         .run = run,
                         .terms = f.terms});
    }
}

const Sizes kActivation{128, 32, 32, 64};  // of ResNet-18's first stage
constexpr double kActivationElements = 128.0 * 32 * 32 * 64;

void unary_perf(std::vector<Case>& cases) {
    for (int32_t kind : {HB_RELU, HB_EXP, HB_GELU, HB_GELU_TANH})
        cases.push_back({.name = text("%s %s", kFunctions[kind].name, text_of(kActivation).c_str()),
                         .inputs = {real(kActivation)},
                         .run = [=](const Tensors& in, Results& out) { out.add(hb_unary(kind, in[0], 0, 0)); },
                         .bytes = 8 * kActivationElements});
}

void unary_backward_perf(std::vector<Case>& cases) {
    for (int32_t kind : {HB_RELU, HB_GELU, HB_GELU_TANH})
        cases.push_back(
            {.name = text("%s %s", kFunctions[kind].name, text_of(kActivation).c_str()),
             .inputs = {real(kActivation), real(kActivation)},
             .run = [=](const Tensors& in, Results& out) { out.add(hb_unary_backward(kind, in[0], in[1], 0, 0)); },
             .bytes = 12 * kActivationElements});
}

constexpr const char* kBinary[] = {"add", "sub", "mul", "div", "max", "min", "eq", "ne", "lt", "le", "gt", "ge"};

// The gradients of z = a ? b, unsummed: what autograd composes.
void binary_gradients(int32_t kind, const Tensors& in, hb_tensor dy, Gradients& g, hb_tensor& da, hb_tensor& db) {
    auto keep = [&](hb_tensor t) { return g.temporary(t); };
    da = db = dy;
    if (kind == HB_SUB) db = keep(hb_unary(HB_NEG, dy, 0, 0));
    if (kind == HB_MUL) {
        da = keep(hb_binary(HB_MUL, dy, in[1]));
        db = keep(hb_binary(HB_MUL, dy, in[0]));
    }
    if (kind == HB_DIV) {
        da = keep(hb_binary(HB_DIV, dy, in[1]));
        hb_tensor quotient = keep(hb_binary(HB_DIV, in[0], in[1]));
        db = keep(hb_unary(HB_NEG, keep(hb_binary(HB_MUL, da, quotient)), 0, 0));
    }
    if (kind == HB_MAX || kind == HB_MIN) {
        hb_tensor first = keep(hb_binary(kind == HB_MAX ? HB_GT : HB_LT, in[0], in[1]));
        hb_tensor zero = keep(hb_full(here(), type_of(dy), 0, nullptr, 0));
        da = keep(hb_where(first, dy, zero));
        db = keep(hb_where(first, zero, dy));
    }
}

void binary(std::vector<Case>& cases) {
    const std::pair<Sizes, Sizes> shapes[] = {{{3, 5}, {3, 5}},  {{7}, {5, 7}},       {{33, 17}, {17}},
                                              {{5, 33}, {5, 1}}, {{3, 1, 5}, {4, 1}}, {{}, {2, 3}},
                                              {{1}, {1}},        {{0, 3}, {3}},       {{2, 3, 2, 3}, {3, 1, 3}}};
    for (int32_t kind = HB_ADD; kind <= HB_GE; kind++) {
        bool comparison = kind >= HB_EQ;
        Forward run = [=](const Tensors& in, Results& out) { out.add(hb_binary(kind, in[0], in[1])); };
        for (const auto& [a, b] : shapes) {
            Backward backward = [=, a = a, b = b](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& g) {
                hb_tensor da, db;
                binary_gradients(kind, in, dy[0], g, da, db);
                g.set(0, unbroadcast(g, da, a));
                g.set(1, unbroadcast(g, db, b));
            };
            cases.push_back(
                {.name = text("%s %s %s", kBinary[kind], text_of(a).c_str(), text_of(b).c_str()),
                 .inputs = {comparison ? real(a).tied(5) : real(a), comparison ? real(b).tied(5) : real(b).away(0.2)},
                 .run = run,
                 .backward = comparison ? Backward{} : backward});
        }
        cases.push_back({.name = text("%s with ties and NaN", kBinary[kind]),
                         .inputs = {real({65}).tied(4).nans(0.2), real({65}).tied(4).nans(0.2)},
                         .run = run});
        cases.push_back({.name = text("%s [300, 301] [301]", kBinary[kind]),
                         .inputs = {real({300, 301}), real({301}).away(0.2)},
                         .run = run});
        if (comparison)
            for (hb_dtype type : {HB_I64, HB_I32, HB_U8})
                cases.push_back({.name = text("%s %s", kBinary[kind], name_of_type(type)),
                                 .inputs = {whole(type, {7, 9}, 0, 3), whole(type, {9}, 0, 3)},
                                 .run = run});
    }
}

void binary_perf(std::vector<Case>& cases) {
    for (const Sizes& b : {kActivation, Sizes{64}})
        for (int32_t kind : {HB_ADD, HB_MUL})
            cases.push_back({.name = text("%s %s %s", kBinary[kind], text_of(kActivation).c_str(), text_of(b).c_str()),
                             .inputs = {real(kActivation), real(b)},
                             .run = [=](const Tensors& in, Results& out) { out.add(hb_binary(kind, in[0], in[1])); },
                             .bytes = (b.size() > 1 ? 12 : 8) * kActivationElements});
}

void binary_scalar(std::vector<Case>& cases) {
    for (int32_t kind = HB_ADD; kind <= HB_GE; kind++) {
        bool comparison = kind >= HB_EQ;
        // 0.25 is one of the tied values, so that equality occurs.
        constexpr double b = 0.25;
        Forward run = [=](const Tensors& in, Results& out) { out.add(hb_binary_scalar(kind, in[0], b)); };
        Backward backward = [=](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& g) {
            if (kind == HB_ADD || kind == HB_SUB) return g.set(0, hb_alias(dy[0]));
            if (kind == HB_MUL || kind == HB_DIV) return g.set(0, hb_binary_scalar(kind, dy[0], b));
            hb_tensor mask = g.temporary(hb_binary_scalar(kind == HB_MAX ? HB_GT : HB_LT, in[0], b));
            hb_tensor zero = g.temporary(hb_full(here(), type_of(dy[0]), 0, nullptr, 0));
            g.set(0, hb_where(mask, dy[0], zero));
        };
        for (const Sizes& shape : kShapes)
            cases.push_back({.name = text("%s %s", kBinary[kind], text_of(shape).c_str()),
                             .inputs = {real(shape)},
                             .run = run,
                             .backward = comparison ? Backward{} : backward});
        cases.push_back({.name = text("%s with ties and NaN", kBinary[kind]),
                         .inputs = {real({65}).tied(8).nans(0.2)},
                         .run = run});
        cases.push_back({.name = text("%s [70001]", kBinary[kind]), .inputs = {real({70001}).tied(64)}, .run = run});
        if (comparison)
            for (hb_dtype type : {HB_I64, HB_I32, HB_U8})
                for (double number : {2.0, 1.5, -0.5, 300.0, 1e20, std::nan("")})
                    cases.push_back({.name = text("%s %s %g", kBinary[kind], name_of_type(type), number),
                                     .inputs = {whole(type, {7, 9}, 0, 4)},
                                     .run = [=](const Tensors& in, Results& out) {
                                         out.add(hb_binary_scalar(kind, in[0], number));
                                     }});
    }
}

void binary_scalar_perf(std::vector<Case>& cases) {
    cases.push_back({.name = "mul " + text_of(kActivation),
                     .inputs = {real(kActivation)},
                     .run = [](const Tensors& in, Results& out) { out.add(hb_binary_scalar(HB_MUL, in[0], 0.5)); },
                     .bytes = 8 * kActivationElements});
}

// In place on the first input; `blend`: with a factor on it.
std::vector<Case> in_place(const Sizes& shape, bool blend, double beta, double alpha) {
    return {{.name = text("%s, %g, %g", text_of(shape).c_str(), beta, alpha),
             .inputs = {real(shape).target(), real(shape)},
             .run =
                 [=](const Tensors& in, Results& out) {
                     ok(blend ? hb_blend(in[0], in[1], beta, alpha) : hb_add_scaled(in[0], in[1], alpha));
                     out.add_target(in[0]);
                 },
             .terms = 1,
             .bytes = 12.0 * double(count(shape))}};
}

void in_place_cases(std::vector<Case>& cases, bool blend) {
    for (const Sizes& shape : kShapes)
        for (auto [beta, alpha] : {std::pair{0.9, 0.1}, {1.0, -2.5}, {0.0, 1.0}})
            for (Case& c : in_place(shape, blend, beta, alpha)) cases.push_back(c);
    for (Case& c : in_place({70001}, blend, 0.99, 0.01)) cases.push_back(c);
}

hb_tensor dropped(hb_tensor x, double p, int32_t channels) {
    hb_stream stream = test_stream(9);
    stream.purpose = 3;
    return hb_dropout(x, p, channels, &stream);
}

void dropout(std::vector<Case>& cases) {
    for (double p : {0.0, 0.1, 0.5, 0.9})
        for (int32_t channels : {0, 1})
            for (const Sizes& shape :
                 {Sizes{3, 7}, Sizes{1, 1}, Sizes{2, 5, 5, 17}, Sizes{3, 33}, Sizes{0, 4}, Sizes{2, 3, 0},
                  Sizes{70, 1001}, Sizes{9, 35, 1}, Sizes{5, 1}, Sizes{3, 70001, 1}})
                cases.push_back({.name = text("%s, p %g%s", text_of(shape).c_str(), p, channels ? ", channels" : ""),
                                 .inputs = {real(shape)},
                                 .run = [=](const Tensors& in, Results& out) { out.add(dropped(in[0], p, channels)); },
                                 .backward = count(shape) > 1000
                                                 ? Backward{}
                                                 : [=](const Tensors&, const Tensors&, const Tensors& dy,
                                                       Gradients& g) { g.set(0, dropped(dy[0], p, channels)); }});
}

void dropout_perf(std::vector<Case>& cases) {
    for (int32_t channels : {0, 1})
        cases.push_back({.name = text("%s%s", text_of(kActivation).c_str(), channels ? ", channels" : ""),
                         .inputs = {real(kActivation)},
                         .run = [=](const Tensors& in, Results& out) { out.add(dropped(in[0], 0.1, channels)); },
                         .bytes = 8 * kActivationElements});
    const Sizes samples{128, 32 * 32 * 64, 1};
    cases.push_back({.name = text_of(samples) + ", samples",
                     .inputs = {real(samples)},
                     .run = [](const Tensors& in, Results& out) { out.add(dropped(in[0], 0.1, 1)); },
                     .bytes = 8 * kActivationElements});
}

}  // namespace

std::vector<Row> elementwise_rows() {
    return {
        {"unary", true, unary, unary_perf},
        {"unary_backward", false, unary_backward, unary_backward_perf},
        {"binary", true, binary, binary_perf},
        {"binary_scalar", true, binary_scalar, binary_scalar_perf},
        {"add_scaled", false, [](auto& cases) { in_place_cases(cases, false); },
         [](auto& cases) { cases = in_place({1 << 23}, false, 1, 0.5); }},
        {"blend", false, [](auto& cases) { in_place_cases(cases, true); },
         [](auto& cases) { cases = in_place({1 << 23}, true, 0.9, 0.1); }},
        {"dropout", true, dropout, dropout_perf},
    };
}

}  // namespace hb::test
