// Rows of attention.
#include <cmath>

#include "op_table/table.h"

namespace hb::test {
namespace {

struct Shape {
    int64_t n, t;
    int32_t heads;
    int64_t d;
    double reach = 1;  // of queries and keys: scores near 0, or a softmax of nearly one key
    double scale = 0;  // 0: 1/sqrt(d)

    std::string name() const {
        return text("[%lld,%lld] %d heads of %lld, up to %g, scale %g", (long long)n, (long long)t, heads, (long long)d,
                    reach, scale);
    }
    Sizes qkv() const { return {n, t, 3 * heads * d}; }
    Sizes y() const { return {n, t, heads * d}; }
    Sizes log_sum() const { return {n, heads, t}; }
    // A score is a sum of d terms; what it is wrong by, its exponential is wrong by relatively.
    double magnitude() const {
        const double factor = scale == 0 ? 1 / std::sqrt(double(d)) : scale;
        return std::fmax(1, reach * reach * double(d) * factor) * reach;
    }
    double terms() const { return double(std::max(t, d)); }
    double flops() const { return 4 * double(n * heads) * double(t) * double(t) * double(d); }
};

// Sizes around the widths of vectors, panels, blocks and tiles, on both tiers.
const Shape kShapes[] = {{2, 5, 3, 4},  {1, 1, 1, 1},      {2, 1, 2, 3},     {3, 7, 1, 8},           {2, 16, 2, 16},
                         {1, 17, 2, 5}, {2, 9, 2, 33},     {1, 33, 1, 7},    {0, 3, 2, 4},           {2, 0, 2, 4},
                         {1, 50, 2, 1}, {1, 25, 3, 20, 3}, {1, 21, 2, 8, 8}, {1, 40, 2, 12, 1, 0.3}, {2, 6, 2, 4, 60}};
const Shape kLargeShapes[] = {{2, 197, 2, 64},    {1, 65, 40, 32},  {1, 300, 2, 24}, {1, 515, 1, 17},
                              {1, 601, 2, 64, 3}, {16, 100, 2, 40}, {2, 37, 2, 100}};
// ViT-S/16 and ViT-B/16 with 224 x 224 pixels, and one long sequence.
const Shape kPerfShapes[] = {{16, 197, 6, 64}, {64, 197, 12, 64}, {64, 65, 6, 32}, {1, 1024, 6, 64}};

Case forward_case(const Shape& s, bool gradient) {
    return {
        .name = s.name(),
        .inputs = {real(s.qkv()).from(-s.reach, s.reach)},
        .run =
            [=](const Tensors& in, Results& out) {
                hb_tensor r[2] = {};
                out.add(hb_attention(in[0], s.heads, s.scale, r), r, 2);
            },
        .backward =
            !gradient
                ? Backward{}
                : [=](const Tensors& in, const Tensors& y, const Tensors& dy,
                      Gradients& g) { g.set(0, hb_attention_backward(in[0], y[0], y[1], dy[0], s.heads, s.scale)); },
        .losses = 1,
        .terms = s.terms(),
        .magnitude = s.magnitude(),
        .wide = {1},
        .flops = s.flops()};
}

// y and log_sum as forward makes them of these queries and keys: of others, the weights would not add up to 1.
Case backward_case(const Shape& s) {
    return {.name = s.name(),
            .inputs = {real(s.qkv()).from(-s.reach, s.reach), real(s.y())},
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[2] = {};
                    ok(hb_attention(in[0], s.heads, s.scale, r));
                    for (hb_tensor made : r) out.temporary(made);
                    out.add(hb_attention_backward(in[0], r[0], r[1], in[1], s.heads, s.scale));
                },
            .terms = s.terms(),
            .magnitude = s.magnitude() * s.reach,
            .roundings = 0.25,  // forward's y
            .flops = 3.5 * s.flops()};
}

// All four arguments by themselves, for what may be wrong about them.
Case backward_arguments(const Shape& s) {
    return {.name = s.name() + ", any y",
            .inputs = {real(s.qkv()), real(s.y()), real(s.log_sum()).from(1, 2).parameter(), real(s.y())},
            .run = [=](const Tensors& in,
                       Results& out) { out.add(hb_attention_backward(in[0], in[1], in[2], in[3], s.heads, s.scale)); },
            .terms = s.terms(),
            .flops = 2.5 * s.flops()};
}

void forward_cases(std::vector<Case>& cases) {
    for (const Shape& s : kShapes) cases.push_back(forward_case(s, s.reach <= 10));
    for (const Shape& s : kLargeShapes) cases.push_back(forward_case(s, false));
}

void backward_cases(std::vector<Case>& cases) {
    for (const Shape& s : {kShapes[0], kShapes[3]}) cases.push_back(backward_arguments(s));
    for (const Shape& s : kShapes) cases.push_back(backward_case(s));
    for (const Shape& s : kLargeShapes) cases.push_back(backward_case(s));
}

}  // namespace

std::vector<Row> attention_rows() {
    return {
        {"attention", true, forward_cases,
         [](auto& cases) {
             for (const Shape& s : kPerfShapes) cases.push_back(forward_case(s, false));
             cases.front().networks = "vit-s-16";
         }},
        {"attention_backward", false, backward_cases,
         [](auto& cases) {
             for (const Shape& s : kPerfShapes) cases.push_back(backward_arguments(s));
             cases.front().networks = "vit-s-16";
         }},
    };
}

}  // namespace hb::test
