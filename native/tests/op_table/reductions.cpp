// Rows of the reductions, arg-max, top-k and sort.
#include "op_table/table.h"

namespace hb::test {
namespace {

constexpr const char* kKinds[] = {"sum", "mean", "max", "min"};

hb_tensor reduced(int32_t kind, hb_tensor x, const std::vector<int32_t>& dimensions, bool keep) {
    return hb_reduce(kind, x, int32_t(dimensions.size()), dimensions.data(), keep);
}

// shape with the reduced dimensions at 1; all of them where none is named.
Sizes kept_shape(Sizes shape, const std::vector<int32_t>& dimensions) {
    if (dimensions.empty()) return Sizes(shape.size(), 1);
    for (int32_t d : dimensions) shape[size_t(d)] = 1;
    return shape;
}

struct Reduction {
    Sizes shape;
    std::vector<int32_t> dimensions;
};
const Reduction kReductions[] = {{{17}, {}},
                                 {{3, 7, 5}, {0}},
                                 {{3, 7, 5}, {1}},
                                 {{3, 7, 5}, {2}},
                                 {{3, 7, 5}, {0, 2}},
                                 {{3, 7, 5}, {2, 1}},
                                 {{3, 7, 5}, {}},
                                 {{1, 1}, {1}},
                                 {{}, {}},
                                 {{33, 65}, {0}},
                                 {{33, 65}, {1}},
                                 {{4, 3, 5, 6}, {1, 2}},
                                 {{4, 3, 5, 6}, {0, 2}},
                                 {{2, 2, 3, 2, 3}, {0, 2, 4}},
                                 {{1, 100, 1}, {0, 2}}};
const Reduction kLarge[] = {{{70001}, {}},     {{300, 257}, {0}},   {{300, 257}, {1}},        {{12, 9, 31, 33}, {0, 2}},
                            {{3, 20004}, {1}}, {{20001, 3}, {0}},   {{300, 17, 3}, {1}},      {{2, 700, 24}, {1}},
                            {{3, 1500}, {1}},  {{1001, 2, 8}, {0}}, {{5, 3000, 2, 1}, {1, 3}}};

std::string name_of(int32_t kind, const Reduction& r) {
    return text("%s %s over %s", kKinds[kind], text_of(r.shape).c_str(),
                text_of(Sizes(r.dimensions.begin(), r.dimensions.end())).c_str());
}

double length(const Reduction& r) {
    return double(count(r.shape)) / double(std::max<int64_t>(1, count(kept_shape(r.shape, r.dimensions))));
}

void reduce(std::vector<Case>& cases) {
    for (int32_t kind = HB_REDUCE_SUM; kind <= HB_REDUCE_MIN; kind++) {
        bool extreme = kind >= HB_REDUCE_MAX;
        auto run = [=](const Reduction& r, bool keep) {
            return [=](const Tensors& in, Results& out) { out.add(reduced(kind, in[0], r.dimensions, keep)); };
        };
        for (const Reduction& r : kReductions)
            for (bool keep : {false, true}) {
                Backward backward = [=](const Tensors& in, const Tensors& y, const Tensors& dy, Gradients& g) {
                    Sizes kept = kept_shape(r.shape, r.dimensions);
                    auto rank = int32_t(kept.size());
                    hb_tensor dy_kept = g.temporary(hb_reshape(dy[0], rank, kept.data()));
                    if (extreme) {
                        hb_tensor y_kept = g.temporary(hb_reshape(y[0], rank, kept.data()));
                        return g.set(0, hb_reduce_extreme_backward(in[0], y_kept, dy_kept));
                    }
                    if (kind == HB_REDUCE_MEAN) dy_kept = g.temporary(hb_binary_scalar(HB_DIV, dy_kept, length(r)));
                    g.set(0, hb_expand(dy_kept, rank, r.shape.data()));
                };
                cases.push_back({.name = name_of(kind, r) + (keep ? ", kept" : ""),
                                 .inputs = {real(r.shape)},
                                 .run = run(r, keep),
                                 .backward = backward,
                                 .terms = extreme ? 0 : length(r)});
            }
        for (const Reduction& r : kLarge)
            cases.push_back({.name = name_of(kind, r),
                             .inputs = {real(r.shape)},
                             .run = run(r, false),
                             .terms = extreme ? 0 : length(r)});
        cases.push_back({.name = name_of(kind, {{33, 17}, {1}}) + ", far from 0",
                         .inputs = {real({33, 17}).from(1000, 1001)},
                         .run = run({{33, 17}, {1}}, false)});
        for (int32_t d : {0, 1})
            cases.push_back({.name = name_of(kind, {{33, 17}, {d}}) + ", with NaN",
                             .inputs = {real({33, 17}).nans(0.05)},
                             .run = run({{33, 17}, {d}}, false),
                             .terms = extreme ? 0.0 : 33.0});
        cases.push_back(
            {.name = name_of(kind, {{0, 3}, {1}}), .inputs = {real({0, 3})}, .run = run({{0, 3}, {1}}, false)});
    }
    for (const Reduction& r : {Reduction{{0, 3}, {0}}, Reduction{{2, 0, 3}, {1}}, Reduction{{0}, {}}})
        cases.push_back(
            {.name = name_of(HB_REDUCE_SUM, r), .inputs = {real(r.shape)}, .run = [=](const Tensors& in, Results& out) {
                 out.add(reduced(HB_REDUCE_SUM, in[0], r.dimensions, false));
             }});
}

void reduce_perf(std::vector<Case>& cases) {
    for (const Reduction& r :
         {Reduction{{128, 32, 32, 64}, {}}, Reduction{{128, 32, 32, 64}, {0, 1, 2}}, Reduction{{128, 32, 32, 64}, {3}}})
        for (int32_t kind : {HB_REDUCE_SUM, HB_REDUCE_MAX})
            cases.push_back(
                {.name = name_of(kind, r),
                 .inputs = {real(r.shape)},
                 .run = [=](const Tensors& in, Results& out) { out.add(reduced(kind, in[0], r.dimensions, false)); },
                 .bytes = 4.0 * double(count(r.shape))});
}

void reduce_extreme_backward(std::vector<Case>& cases) {
    for (int32_t kind : {HB_REDUCE_MAX, HB_REDUCE_MIN})
        for (bool ties : {false, true})
            for (const Reduction& r : kReductions)
                cases.push_back(
                    {.name = name_of(kind, r) + (ties ? ", ties" : ""),
                     .inputs = {ties ? real(r.shape).tied(3) : real(r.shape), real(kept_shape(r.shape, r.dimensions))},
                     .run = [=](const Tensors& in, Results& out) {
                         hb_tensor y = out.temporary(reduced(kind, in[0], r.dimensions, true));
                         out.add(hb_reduce_extreme_backward(in[0], y, in[1]));
                     }});
}

void argmax(std::vector<Case>& cases) {
    Forward run = [](const Tensors& in, Results& out) { out.add(hb_argmax(in[0])); };
    for (const Sizes& shape : {Sizes{17}, Sizes{5, 1}, Sizes{7, 3}, Sizes{33, 10}, Sizes{2, 3, 33}, Sizes{0, 4},
                               Sizes{700, 130}, Sizes{3, 5000}}) {
        cases.push_back({.name = text_of(shape), .inputs = {real(shape)}, .run = run});
        cases.push_back({.name = text_of(shape) + ", ties", .inputs = {real(shape).tied(3)}, .run = run});
        cases.push_back({.name = text_of(shape) + ", NaN", .inputs = {real(shape).tied(9).nans(0.1)}, .run = run});
    }
}

void top_k(std::vector<Case>& cases) {
    for (auto [shape, k] : {std::pair<Sizes, int64_t>{{17}, 3},
                            {{5, 1}, 1},
                            {{7, 3}, 3},
                            {{33, 10}, 5},
                            {{2, 3, 33}, 1},
                            {{0, 4}, 2},
                            {{700, 100}, 7},
                            {{3, 700}, 300},
                            {{2, 70001}, 5},
                            {{2, 5001}, 5000}}) {
        Forward run = [k = k](const Tensors& in, Results& out) {
            hb_tensor r[2] = {};
            out.add(hb_top_k(in[0], k, r), r, 2);
        };
        std::string name = text("%d of %s", int(k), text_of(shape).c_str());
        cases.push_back({.name = name, .inputs = {real(shape)}, .run = run});
        cases.push_back({.name = name + ", ties", .inputs = {real(shape).tied(3)}, .run = run});
        cases.push_back({.name = name + ", NaN", .inputs = {real(shape).tied(9).nans(0.1)}, .run = run});
    }
}

void sort(std::vector<Case>& cases) {
    for (int32_t descending : {0, 1})
        for (int64_t n : {1, 2, 3, 17, 33, 1000, 0, 70001}) {
            Forward run = [=](const Tensors& in, Results& out) {
                hb_tensor r[2] = {};
                out.add(hb_sort(in[0], descending, r), r, 2);
            };
            std::string name = text("%d %s", int(n), descending ? "falling" : "rising");
            cases.push_back({.name = name, .inputs = {real({n})}, .run = run});
            cases.push_back({.name = name + ", ties", .inputs = {real({n}).tied(4)}, .run = run});
            cases.push_back({.name = name + ", NaN", .inputs = {real({n}).tied(50).nans(0.2)}, .run = run});
        }
}

}  // namespace

std::vector<Row> reduction_rows() {
    return {
        {"reduce", true, reduce, reduce_perf},
        {"reduce_extreme_backward", false, reduce_extreme_backward},
        {"argmax", false, argmax},
        {"top_k", false, top_k},
        {"sort", false, sort},
    };
}

}  // namespace hb::test
