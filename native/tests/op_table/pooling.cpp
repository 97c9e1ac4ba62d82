// Rows of the pooling ops.
#include "op_table/table.h"

namespace hb::test {
namespace {

struct Pooling {
    int64_t n, h, w, c;
    hb_pool2d_params p;

    int64_t oh() const { return (h + 2 * p.pad_h - p.kernel_h) / p.stride_h + 1; }
    int64_t ow() const { return (w + 2 * p.pad_w - p.kernel_w) / p.stride_w + 1; }
    Sizes x() const { return {n, h, w, c}; }
    Sizes y() const { return {n, oh(), ow(), c}; }
    std::string name() const {
        return text("%s by %dx%d, stride %dx%d, pad %dx%d%s", text_of(x()).c_str(), p.kernel_h, p.kernel_w, p.stride_h,
                    p.stride_w, p.pad_h, p.pad_w, p.count_padding ? ", padding counted" : "");
    }
};

std::vector<Pooling> poolings() {
    std::vector<Pooling> all;
    for (int32_t counted : {0, 1})
        for (const Pooling& p :
             {Pooling{2, 4, 4, 3, {2, 2, 2, 2, 0, 0, counted}}, Pooling{2, 7, 5, 7, {3, 3, 2, 2, 1, 1, counted}},
              Pooling{1, 1, 1, 1, {1, 1, 1, 1, 0, 0, counted}}, Pooling{3, 8, 8, 17, {2, 3, 3, 1, 1, 1, counted}},
              Pooling{2, 2, 2, 5, {4, 4, 1, 1, 2, 2, counted}}, Pooling{2, 9, 9, 4, {2, 2, 4, 3, 0, 0, counted}},
              Pooling{0, 4, 4, 3, {2, 2, 2, 2, 0, 0, counted}}, Pooling{2, 6, 6, 33, {3, 3, 1, 1, 1, 1, counted}},
              Pooling{2, 5, 3, 8, {5, 3, 5, 3, 0, 0, counted}}, Pooling{2, 5, 5, 0, {2, 2, 1, 1, 0, 0, counted}}})
            all.push_back(p);
    return all;
}

// Cut into tasks.
const Pooling kLarge{3, 33, 31, 40, {3, 3, 2, 2, 1, 1, 0}};
// The stem of an ImageNet ResNet.
const Pooling kStem{32, 112, 112, 64, {3, 3, 2, 2, 1, 1, 0}};

void max_pool2d(std::vector<Case>& cases) {
    auto add = [&](const Pooling& p, bool ties, double nans, bool differentiate) {
        Input x = real(p.x()).nans(nans);
        cases.push_back(
            {.name = p.name() + (ties       ? ", ties"
                                 : nans > 0 ? ", NaN"
                                            : ""),
             .inputs = {ties ? x.tied(3) : x},
             .run =
                 [=](const Tensors& in, Results& out) {
                     hb_tensor r[2] = {};
                     out.add(hb_max_pool2d(in[0], &p.p, r), r, 2);
                 },
             .backward = differentiate ? [=](const Tensors&, const Tensors& y, const Tensors& dy,
                                             Gradients& g) { g.set(0, hb_max_pool2d_backward(dy[0], y[1], p.h, p.w)); }
                                       : Backward{}});
    };
    for (const Pooling& p : poolings()) {
        if (p.p.count_padding) continue;
        add(p, false, 0, true);
        add(p, true, 0, false);
        add(p, false, 0.2, false);
    }
    add(kLarge, false, 0, false);
}

Case max_backward_case(const Pooling& p, bool ties) {
    // Indices as forward gives them: those of another image would be rejected or meaningless.
    return {.name = p.name() + (ties ? ", ties" : ""),
            .inputs = {real(p.y()), (ties ? real(p.x()).tied(3) : real(p.x())).any_type()},
            .run =
                [=](const Tensors& in, Results& out) {
                    hb_tensor r[2] = {};
                    ok(hb_max_pool2d(in[1], &p.p, r));
                    out.temporary(r[0]);
                    out.add(hb_max_pool2d_backward(in[0], out.temporary(r[1]), p.h, p.w));
                },
            .terms = double(p.p.kernel_h * p.p.kernel_w)};
}

void max_pool2d_backward(std::vector<Case>& cases) {
    for (const Pooling& p : poolings())
        for (bool ties : {false, true})
            if (!p.p.count_padding) cases.push_back(max_backward_case(p, ties));
    cases.push_back(max_backward_case(kLarge, false));
}

Case avg_case(const Pooling& p) {
    return {.name = p.name(),
            .inputs = {real(p.x())},
            .run = [=](const Tensors& in, Results& out) { out.add(hb_avg_pool2d(in[0], &p.p)); },
            .terms = double(p.p.kernel_h * p.p.kernel_w),
            .bytes = 4.0 * double(count(p.x()) + count(p.y()))};
}

void avg_pool2d(std::vector<Case>& cases) {
    for (const Pooling& p : poolings()) {
        cases.push_back(avg_case(p));
        cases.back().backward = [=](const Tensors&, const Tensors&, const Tensors& dy, Gradients& g) {
            g.set(0, hb_avg_pool2d_backward(dy[0], p.h, p.w, &p.p));
        };
    }
    cases.push_back(avg_case(kLarge));
}

Case avg_backward_case(const Pooling& p) {
    return {.name = p.name(),
            .inputs = {real(p.y())},
            .run = [=](const Tensors& in, Results& out) { out.add(hb_avg_pool2d_backward(in[0], p.h, p.w, &p.p)); },
            .terms = double(p.p.kernel_h * p.p.kernel_w),
            .bytes = 4.0 * double(count(p.x()) + count(p.y()))};
}

void avg_pool2d_backward(std::vector<Case>& cases) {
    for (const Pooling& p : poolings()) cases.push_back(avg_backward_case(p));
    cases.push_back(avg_backward_case(kLarge));
}

const Sizes kImages[] = {{2, 3, 5, 7}, {1, 1, 1, 1}, {3, 4, 4, 33}, {2, 7, 1, 16}, {0, 4, 4, 3}, {5, 8, 8, 300}};

Case global_case(const Sizes& x) {
    return {.name = text_of(x),
            .inputs = {real(x)},
            .run = [](const Tensors& in, Results& out) { out.add(hb_global_avg_pool(in[0])); },
            .terms = double(x[1] * x[2]),
            .bytes = 4.0 * double(count(x))};
}

void global_avg_pool(std::vector<Case>& cases) {
    for (const Sizes& x : kImages) {
        cases.push_back(global_case(x));
        if (count(x) < 10000)
            cases.back().backward = [=](const Tensors&, const Tensors&, const Tensors& dy, Gradients& g) {
                g.set(0, hb_global_avg_pool_backward(dy[0], x[1], x[2]));
            };
    }
}

Case global_backward_case(const Sizes& x) {
    return {.name = text_of(x),
            .inputs = {real({x[0], x[3]})},
            .run = [=](const Tensors& in, Results& out) { out.add(hb_global_avg_pool_backward(in[0], x[1], x[2])); },
            .bytes = 4.0 * double(count(x))};
}

void global_avg_pool_backward(std::vector<Case>& cases) {
    for (const Sizes& x : kImages) cases.push_back(global_backward_case(x));
}

}  // namespace

std::vector<Row> pooling_rows() {
    return {
        {"max_pool2d", true, max_pool2d,
         [](auto& cases) {
             cases.push_back({.name = kStem.name(),
                              .inputs = {real(kStem.x())},
                              .run =
                                  [](const Tensors& in, Results& out) {
                                      hb_tensor r[2] = {};
                                      out.add(hb_max_pool2d(in[0], &kStem.p, r), r, 2);
                                  },
                              .bytes = 4.0 * double(count(kStem.x()) + count(kStem.y())),
                              .whole_bytes = 4.0 * double(count(kStem.y()))});
         }},
        {"max_pool2d_backward", false, max_pool2d_backward,
         [](auto& cases) {
             cases.push_back(
                 {.name = kStem.name(),
                  .inputs = {real(kStem.y()), index(kStem.y(), 112 * 112).as(HB_I32)},
                  .run = [](const Tensors& in,
                            Results& out) { out.add(hb_max_pool2d_backward(in[0], in[1], kStem.h, kStem.w)); },
                  .bytes = 4.0 * double(count(kStem.x()) + count(kStem.y())),
                  .whole_bytes = 4.0 * double(count(kStem.y()))});
         }},
        {"avg_pool2d", true, avg_pool2d, [](auto& cases) { cases.push_back(avg_case(kStem)); }},
        {"avg_pool2d_backward", false, avg_pool2d_backward,
         [](auto& cases) { cases.push_back(avg_backward_case(kStem)); }},
        {"global_avg_pool", true, global_avg_pool,
         [](auto& cases) {
             cases.push_back(global_case({128, 32, 32, 64}));
         }},
        {"global_avg_pool_backward", false, global_avg_pool_backward,
         [](auto& cases) {
             cases.push_back(global_backward_case({128, 32, 32, 64}));
         }},
    };
}

}  // namespace hb::test
