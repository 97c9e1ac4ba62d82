// Rows of softmax and the losses.
#include "op_table/table.h"

namespace hb::test {
namespace {

const Sizes kRows[] = {{3, 10}, {1, 1}, {7, 3}, {5, 17}, {2, 33}, {0, 4}, {17, 100}};
// Rows that a warp of a GPU holds in its registers, and rows that it does not.
const Sizes kLargeRows[] = {{700, 130}, {9, 1500}};
const Sizes kPerfRows{1 << 16, 100};

// Logits between the usual and the extreme, where a softmax without its maximum taken off would overflow.
Input logits(const Sizes& shape, double reach) { return real(shape).from(-reach, reach); }

Case softmax_case(const Sizes& shape, double reach, bool logarithm) {
    return {.name = text("%s up to %g", text_of(shape).c_str(), reach),
            .inputs = {logits(shape, reach)},
            .run = [=](const Tensors& in, Results& out) { out.add(logarithm ? hb_log_softmax(in[0]) : hb_softmax(in[0])); },
            .backward = reach > 10 || count(shape) > 2000 ? Backward{}
                                                          : [=](const Tensors&, const Tensors& y, const Tensors& dy,
                                                                Gradients& g) {
                g.set(0, logarithm ? hb_log_softmax_backward(y[0], dy[0]) : hb_softmax_backward(y[0], dy[0]));
            },
            .terms = double(shape.back()),
            .bytes = 8.0 * double(count(shape))};
}

void softmax_cases(std::vector<Case>& cases, bool logarithm) {
    for (double reach : {2.0, 100.0})
        for (const Sizes& shape : kRows) cases.push_back(softmax_case(shape, reach, logarithm));
    cases.push_back(softmax_case({2, 3, 5}, 2, logarithm));
    cases.push_back(softmax_case({9}, 2, logarithm));
    for (const Sizes& shape : kLargeRows) cases.push_back(softmax_case(shape, 3, logarithm));
}

Case softmax_backward_case(const Sizes& shape, bool logarithm) {
    // y as forward gives it: probabilities, or their logarithms.
    return {.name = text_of(shape),
            .inputs = {logarithm ? real(shape).from(-8, 0) : real(shape).from(0, 1), real(shape)},
            .run =
                [=](const Tensors& in, Results& out) {
                    out.add(logarithm ? hb_log_softmax_backward(in[0], in[1]) : hb_softmax_backward(in[0], in[1]));
                },
            .terms = double(shape.back()),
            .bytes = 12.0 * double(count(shape))};
}

void softmax_backward_cases(std::vector<Case>& cases, bool logarithm) {
    for (const Sizes& shape : kRows) cases.push_back(softmax_backward_case(shape, logarithm));
    cases.push_back(softmax_backward_case({2, 3, 5}, logarithm));
    for (const Sizes& shape : kLargeRows) cases.push_back(softmax_backward_case(shape, logarithm));
}

Input targets(const Sizes& shape, bool soft) {
    return soft ? real(shape).from(0, 1).parameter().constant() : index({shape[0]}, shape[1]);
}

std::string entropy_name(const Sizes& shape, bool soft, double smoothing, double reach) {
    return text("%s up to %g, %s, smoothing %g", text_of(shape).c_str(), reach, soft ? "soft targets" : "classes",
                smoothing);
}

Case entropy_case(const Sizes& shape, bool soft, double smoothing, double reach) {
    return {.name = entropy_name(shape, soft, smoothing, reach),
            .inputs = {logits(shape, reach), targets(shape, soft)},
            .run = [=](const Tensors& in, Results& out) { out.add(hb_cross_entropy(in[0], in[1], smoothing)); },
            .backward =
                reach > 10 || count(shape) > 2000
                    ? Backward{}
                    : [=](const Tensors& in, const Tensors&, const Tensors& dy,
                          Gradients& g) { g.set(0, hb_cross_entropy_backward(in[0], in[1], dy[0], smoothing)); },
            .terms = double(shape[1]),
            .wide = {0},
            .bytes = 4.0 * double(count(shape)) * (soft ? 2 : 1)};
}

Case entropy_backward_case(const Sizes& shape, bool soft, double smoothing, double reach) {
    return {.name = entropy_name(shape, soft, smoothing, reach),
            .inputs = {logits(shape, reach), targets(shape, soft), real({shape[0]}).parameter()},
            .run = [=](const Tensors& in,
                       Results& out) { out.add(hb_cross_entropy_backward(in[0], in[1], in[2], smoothing)); },
            .terms = double(shape[1]),
            .bytes = 4.0 * double(count(shape)) * (soft ? 3 : 2)};
}

void each_entropy(std::vector<Case>& cases, Case (*make)(const Sizes&, bool, double, double)) {
    for (bool soft : {false, true})
        for (double smoothing : {0.0, 0.1}) {
            for (const Sizes& shape : kRows) cases.push_back(make(shape, soft, smoothing, 2));
            cases.push_back(make({5, 10}, soft, smoothing, 100));
            for (const Sizes& shape : kLargeRows) cases.push_back(make(shape, soft, smoothing, 3));
        }
}

Case scores_case(const Sizes& shape, double reach) {
    return {.name = text("%s up to %g", text_of(shape).c_str(), reach),
            .inputs = {logits(shape, reach), targets(shape, false)},
            .run =
                [](const Tensors& in, Results& out) {
                    hb_tensor r[3] = {};
                    out.add(hb_softmax_scores(in[0], in[1], r), r, 3);
                },
            .terms = double(shape[1]),
            .wide = {1, 2},
            .bytes = 8.0 * double(count(shape))};
}

void softmax_scores(std::vector<Case>& cases) {
    for (const Sizes& shape : kRows) cases.push_back(scores_case(shape, 2));
    cases.push_back(scores_case({5, 10}, 100));
    for (const Sizes& shape : kLargeRows) cases.push_back(scores_case(shape, 3));
}

Case divergence_case(const Sizes& shape, double reach) {
    return {.name = text("%s up to %g", text_of(shape).c_str(), reach),
            .inputs = {logits(shape, reach), logits(shape, reach)},
            .run = [](const Tensors& in, Results& out) { out.add(hb_kl_divergence(in[0], in[1])); },
            .backward = reach > 10 || count(shape) > 2000 ? Backward{}
                                                          : [](const Tensors& in, const Tensors&, const Tensors& dy,
                                                               Gradients& g) {
                hb_tensor r[2] = {};
                ok(hb_kl_divergence_backward(in[0], in[1], dy[0], r));
                g.set(0, r[0]);
                g.set(1, r[1]);
            },
            .terms = 4 * double(shape[1]),
            .magnitude = 2 * reach,
            .wide = {0},
            .bytes = 8.0 * double(count(shape))};
}

Case divergence_backward_case(const Sizes& shape, double reach) {
    return {.name = text("%s up to %g", text_of(shape).c_str(), reach),
            .inputs = {logits(shape, reach), logits(shape, reach), real({shape[0]}).parameter()},
            .run =
                [](const Tensors& in, Results& out) {
                    hb_tensor r[2] = {};
                    out.add(hb_kl_divergence_backward(in[0], in[1], in[2], r), r, 2);
                },
            .terms = 4 * double(shape[1]),
            .magnitude = 2 * reach,
            .bytes = 16.0 * double(count(shape))};
}

void each_rows(std::vector<Case>& cases, Case (*make)(const Sizes&, double)) {
    for (const Sizes& shape : kRows) cases.push_back(make(shape, 2));
    cases.push_back(make({5, 10}, 50));
    for (const Sizes& shape : kLargeRows) cases.push_back(make(shape, 3));
}

const Sizes kSamples[] = {{3, 7}, {5}, {2, 4, 4, 3}, {33, 17}, {0, 3}, {4, 0}};

Case squared_case(const Sizes& shape) {
    double width = double(count(shape)) / double(std::max<int64_t>(1, shape[0]));
    return {.name = text_of(shape),
            .inputs = {real(shape), real(shape)},
            .run = [](const Tensors& in, Results& out) { out.add(hb_squared_error(in[0], in[1])); },
            .backward = count(shape) > 2000 ? Backward{}
                                            : [](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& g) {
                hb_tensor dx = hb_squared_error_backward(in[0], in[1], dy[0]);
                g.set(0, dx);
                g.set(1, hb_unary(HB_NEG, dx, 0, 0));
            },
            .terms = width,
            .wide = {0},
            .bytes = 8.0 * double(count(shape))};
}

Case squared_backward_case(const Sizes& shape) {
    return {.name = text_of(shape),
            .inputs = {real(shape), real(shape), real({shape[0]}).parameter()},
            .run = [](const Tensors& in, Results& out) { out.add(hb_squared_error_backward(in[0], in[1], in[2])); },
            .bytes = 12.0 * double(count(shape))};
}

void each_sample(std::vector<Case>& cases, Case (*make)(const Sizes&)) {
    for (const Sizes& shape : kSamples) cases.push_back(make(shape));
    for (const Sizes& shape : kLargeRows) cases.push_back(make(shape));
}

}  // namespace

std::vector<Row> loss_rows() {
    return {
        {"softmax", true, [](auto& cases) { softmax_cases(cases, false); },
         [](auto& cases) { cases.push_back(softmax_case(kPerfRows, 3, false)); }},
        {"softmax_backward", false, [](auto& cases) { softmax_backward_cases(cases, false); },
         [](auto& cases) { cases.push_back(softmax_backward_case(kPerfRows, false)); }},
        {"log_softmax", true, [](auto& cases) { softmax_cases(cases, true); },
         [](auto& cases) { cases.push_back(softmax_case(kPerfRows, 3, true)); }},
        {"log_softmax_backward", false, [](auto& cases) { softmax_backward_cases(cases, true); },
         [](auto& cases) { cases.push_back(softmax_backward_case(kPerfRows, true)); }},
        {"cross_entropy", true, [](auto& cases) { each_entropy(cases, entropy_case); },
         [](auto& cases) { cases.push_back(entropy_case(kPerfRows, false, 0, 3)); }},
        {"cross_entropy_backward", false, [](auto& cases) { each_entropy(cases, entropy_backward_case); },
         [](auto& cases) { cases.push_back(entropy_backward_case(kPerfRows, false, 0, 3)); }},
        {"softmax_scores", false, softmax_scores, [](auto& cases) { cases.push_back(scores_case(kPerfRows, 3)); }},
        {"kl_divergence", true, [](auto& cases) { each_rows(cases, divergence_case); },
         [](auto& cases) { cases.push_back(divergence_case(kPerfRows, 3)); }},
        {"kl_divergence_backward", false, [](auto& cases) { each_rows(cases, divergence_backward_case); },
         [](auto& cases) { cases.push_back(divergence_backward_case(kPerfRows, 3)); }},
        {"squared_error", true, [](auto& cases) { each_sample(cases, squared_case); },
         [](auto& cases) { cases.push_back(squared_case(kPerfRows)); }},
        {"squared_error_backward", false, [](auto& cases) { each_sample(cases, squared_backward_case); },
         [](auto& cases) { cases.push_back(squared_backward_case(kPerfRows)); }},
    };
}

}  // namespace hb::test
