// Rows of the ops that make tensors and move elements.
#include "op_table/table.h"

namespace hb::test {
namespace {

constexpr hb_dtype kTypes[] = {HB_F32, HB_F64, HB_BF16, HB_I64, HB_I32, HB_U8};

bool is_real(hb_dtype type) { return type == HB_F32 || type == HB_F64 || type == HB_BF16; }

// Values of any type: signed, beyond the range of u8, with NaN and ties.
Input any(hb_dtype type, const Sizes& shape) {
    if (is_real(type)) return real(shape).from(-300, 300).tied(3000).nans(0.05).as(type).constant().any_type();
    if (type == HB_U8) return whole(type, shape, 0, 255).any_type();
    return whole(type, shape, -100000, 100000).any_type();
}

hb_tensor reshaped(hb_tensor x, const Sizes& shape) { return hb_reshape(x, int32_t(shape.size()), shape.data()); }

void full(std::vector<Case>& cases) {
    for (hb_dtype type : kTypes)
        for (double value : {0.0, 1.0, -3.75, 1e10, 3.14159})
            for (const Sizes& shape : {Sizes{}, Sizes{3, 7}, Sizes{0}, Sizes{70001}})
                cases.push_back({.name = text("%s %s %g", name_of_type(type), text_of(shape).c_str(), value),
                                 .run =
                                     [=](const Tensors&, Results& out) {
                                         out.add(hb_full(here(), type, int32_t(shape.size()), shape.data(), value));
                                     },
                                 .oracle = Oracle::Bits});
}

void random_uniform(std::vector<Case>& cases) {
    for (const Sizes& shape : {Sizes{1}, Sizes{3}, Sizes{4}, Sizes{17}, Sizes{33, 3}, Sizes{0, 2}, Sizes{70001}})
        for (auto [low, high] : {std::pair{0.0, 1.0}, {-2.5, 0.75}, {1.0, 2.0}, {3.0, 3.0}})
            cases.push_back(
                {.name = text("%s in [%g, %g)", text_of(shape).c_str(), low, high),
                 .run =
                     [=](const Tensors&, Results& out) {
                         hb_stream stream = test_stream(1);
                         out.add(hb_random_uniform(here(), int32_t(shape.size()), shape.data(), low, high, &stream));
                     },
                 .oracle = Oracle::Bits});
}

void random_normal(std::vector<Case>& cases) {
    for (const Sizes& shape : {Sizes{1}, Sizes{3}, Sizes{4}, Sizes{17}, Sizes{33, 3}, Sizes{0, 2}, Sizes{70001}})
        for (auto [mean, deviation] : {std::pair{0.0, 1.0}, {-2.5, 0.1}, {1.0, 0.0}})
            cases.push_back({.name = text("%s, mean %g, deviation %g", text_of(shape).c_str(), mean, deviation),
                             .run =
                                 [=](const Tensors&, Results& out) {
                                     hb_stream stream = test_stream(2, 0xffffffff, 0xffffff);
                                     out.add(hb_random_normal(here(), int32_t(shape.size()), shape.data(), mean,
                                                              deviation, &stream));
                                 },
                             .oracle = Oracle::Bits});
}

void random_perf(std::vector<Case>& cases, bool normal) {
    Sizes shape{1 << 23};
    cases.push_back({.name = text_of(shape),
                     .run =
                         [=](const Tensors&, Results& out) {
                             hb_stream stream = test_stream(1);
                             out.add(normal ? hb_random_normal(here(), 1, shape.data(), 0, 1, &stream)
                                            : hb_random_uniform(here(), 1, shape.data(), 0, 1, &stream));
                         },
                     .bytes = 4.0 * (1 << 23)});
}

void copy(std::vector<Case>& cases) {
    for (hb_dtype from : kTypes)
        for (hb_dtype to : kTypes)
            cases.push_back({.name = text("%s to %s", name_of_type(from), name_of_type(to)),
                             .inputs = {any(to, {7, 33}).target(), any(from, {7, 33})},
                             .run =
                                 [](const Tensors& in, Results& out) {
                                     ok(hb_copy(in[0], in[1]));
                                     out.add_target(in[0]);
                                 },
                             .oracle = Oracle::Bits});
    for (auto [to, from] :
         {std::pair<Sizes, Sizes>{{3, 5, 7}, {5, 1}}, {{2, 3}, {}}, {{0, 4}, {4}}, {{300, 301}, {301}}})
        cases.push_back({.name = text("%s from %s", text_of(to).c_str(), text_of(from).c_str()),
                         .inputs = {real(to).target().any_type(), real(from).any_type()},
                         .run = [](const Tensors& in, Results& out) {
                             ok(hb_copy(in[0], in[1]));
                             out.add_target(in[0]);
                         }});
    cases.push_back({.name = "into a permuted slice",
                     .inputs = {real({9, 8, 7}).target().any_type(), real({7, 3}).any_type()},
                     .run = [](const Tensors& in, Results& out) {
                         int32_t order[] = {2, 0, 1};
                         hb_tensor permuted = out.temporary(hb_permute(in[0], 3, order));  // [7, 9, 8]
                         hb_tensor plane = out.temporary(hb_slice(permuted, 2, 4, 5, 1));
                         hb_tensor columns = out.temporary(hb_slice(plane, 1, 1, 9, 3));  // [7, 3, 1]
                         ok(hb_copy(columns, out.temporary(reshaped(in[1], {7, 3, 1}))));
                         out.add_target(in[0]);
                     }});
    cases.push_back(
        {.name = "overlapping", .inputs = {real({50}).target().any_type()}, .run = [](const Tensors& in, Results& out) {
             hb_tensor to = out.temporary(hb_slice(in[0], 0, 1, 50, 1));
             ok(hb_copy(to, out.temporary(hb_slice(in[0], 0, 0, 49, 1))));
             out.add_target(in[0]);
         }});
}

void cast(std::vector<Case>& cases) {
    for (const Sizes& shape : {Sizes{3, 7}, Sizes{}, Sizes{0, 5}})
        cases.push_back({.name = "own type " + text_of(shape),
                         .inputs = {real(shape).any_type()},
                         .run = [](const Tensors& in, Results& out) { out.add(hb_cast(in[0], type_of(in[0]))); },
                         .backward = [](const Tensors& in, const Tensors&, const Tensors& dy,
                                        Gradients& gradients) { gradients.set(0, hb_cast(dy[0], type_of(in[0]))); }});
    for (hb_dtype from : kTypes)
        for (hb_dtype to : kTypes)
            for (const Sizes& shape : {Sizes{3, 65}, Sizes{70001}})
                cases.push_back(
                    {.name = text("%s to %s %s", name_of_type(from), name_of_type(to), text_of(shape).c_str()),
                     .inputs = {any(from, shape)},
                     .run = [=](const Tensors& in, Results& out) { out.add(hb_cast(in[0], to)); },
                     .oracle = Oracle::Bits});
}

void cast_perf(std::vector<Case>& cases) {
    for (auto [from, to] : {std::pair{HB_F32, HB_BF16}, {HB_BF16, HB_F32}, {HB_U8, HB_F32}})
        cases.push_back({.name = text("%s to %s [8388608]", name_of_type(from), name_of_type(to)),
                         .inputs = {any(from, {1 << 23})},
                         .run = [to = to](const Tensors& in, Results& out) { out.add(hb_cast(in[0], to)); },
                         .bytes = double(1 << 23) * double(bytes_of(from) + bytes_of(to))});
}

void reshape(std::vector<Case>& cases) {
    for (auto [from, to] : {std::pair<Sizes, Sizes>{{2, 3, 4}, {6, 4}},
                            {{2, 3, 4}, {4, 3, 2}},
                            {{24}, {2, -1, 3}},
                            {{1}, {}},
                            {{}, {1, 1, 1}},
                            {{0, 3}, {3, 0, 5}},
                            {{5, 1, 7}, {1, 5, 7, 1}},
                            {{4, 6}, {2, 2, 3, 2}}})
        cases.push_back({.name = text("%s to %s", text_of(from).c_str(), text_of(to).c_str()),
                         .inputs = {real(from).any_type()},
                         .run = [to = to](const Tensors& in, Results& out) { out.add(reshaped(in[0], to)); },
                         .backward = [from = from](const Tensors&, const Tensors&, const Tensors& dy,
                                                   Gradients& gradients) { gradients.set(0, reshaped(dy[0], from)); }});
}

void slice(std::vector<Case>& cases) {
    struct Cut {
        Sizes shape;
        int32_t dimension;
        int64_t start, stop, step;
    };
    for (const Cut& c : {Cut{{7, 5}, 0, 1, 4, 1}, Cut{{7, 5}, 1, 0, 5, 2}, Cut{{7, 5}, 0, 3, 3, 1},
                         Cut{{33}, 0, 2, 31, 7}, Cut{{2, 9, 4}, 1, 8, 9, 1}, Cut{{2, 9, 4}, 1, 0, 9, 1}})
        cases.push_back(
            {.name = text("%s, dimension %d, [%d, %d) by %d", text_of(c.shape).c_str(), c.dimension, int(c.start),
                          int(c.stop), int(c.step)),
             .inputs = {real(c.shape).any_type()},
             .run = [=](const Tensors& in,
                        Results& out) { out.add(hb_slice(in[0], c.dimension, c.start, c.stop, c.step)); },
             // The view of zeros that the slice is takes dy.
             .backward =
                 [=](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& gradients) {
                     hb_tensor dx = hb_full(here(), type_of(in[0]), int32_t(c.shape.size()), c.shape.data(), 0);
                     gradients.set(0, dx);
                     ok(hb_copy(gradients.temporary(hb_slice(dx, c.dimension, c.start, c.stop, c.step)), dy[0]));
                 }});
}

void permute(std::vector<Case>& cases) {
    for (auto [shape, order] : {std::pair<Sizes, std::vector<int32_t>>{{3, 7}, {1, 0}},
                                {{2, 3, 4, 5}, {0, 3, 1, 2}},
                                {{2, 3, 4, 5}, {3, 2, 1, 0}},
                                {{40, 70}, {1, 0}},
                                {{3, 37, 33, 4}, {0, 3, 1, 2}},
                                {{3, 5, 33, 37}, {2, 3, 1, 0}},
                                {{9, 10, 16}, {1, 0, 2}},
                                {{5}, {0}},
                                {{}, {}},
                                {{1, 0, 3}, {2, 0, 1}}})
        cases.push_back(
            {.name = text_of(shape) + " by " + text_of(Sizes(order.begin(), order.end())),
             .inputs = {real(shape).any_type()},
             .run = [order = order](const Tensors& in,
                                    Results& out) { out.add(hb_permute(in[0], int32_t(order.size()), order.data())); },
             .backward =
                 [order = order](const Tensors&, const Tensors&, const Tensors& dy, Gradients& gradients) {
                     std::vector<int32_t> back(order.size());
                     for (size_t i = 0; i < order.size(); i++) back[size_t(order[i])] = int32_t(i);
                     gradients.set(0, hb_permute(dy[0], int32_t(back.size()), back.data()));
                 }});
}

void expand(std::vector<Case>& cases) {
    for (auto [from, to] : {std::pair<Sizes, Sizes>{{3, 1, 5}, {2, 3, 4, 5}},
                            {{}, {3, 2}},
                            {{7}, {5, 7}},
                            {{1, 1}, {0, 3}},
                            {{4, 5}, {4, 5}}})
        cases.push_back({.name = text("%s to %s", text_of(from).c_str(), text_of(to).c_str()),
                         .inputs = {real(from).any_type()},
                         .run = [to = to](const Tensors& in,
                                          Results& out) { out.add(hb_expand(in[0], int32_t(to.size()), to.data())); },
                         .backward =
                             [from = from](const Tensors&, const Tensors&, const Tensors& dy, Gradients& gradients) {
                                 gradients.set(0, unbroadcast(gradients, dy[0], from));
                             }});
}

void dense(std::vector<Case>& cases) {
    for (const Sizes& shape : {Sizes{3, 7}, Sizes{2, 5, 3, 4}, Sizes{}, Sizes{0, 3}})
        cases.push_back({.name = text_of(shape),
                         .inputs = {real(shape).any_type()},
                         .run =
                             [](const Tensors& in, Results& out) {
                                 out.add(hb_dense(in[0]));
                                 std::vector<int32_t> order;
                                 for (auto i = int32_t(shape_of(in[0]).size()); i-- > 0;) order.push_back(i);
                                 hb_tensor turned =
                                     out.temporary(hb_permute(in[0], int32_t(order.size()), order.data()));
                                 out.add(hb_dense(turned));
                             },
                         .backward =
                             [](const Tensors&, const Tensors&, const Tensors& dy, Gradients& gradients) {
                                 std::vector<int32_t> order;
                                 for (auto i = int32_t(shape_of(dy[0]).size()); i-- > 0;) order.push_back(i);
                                 hb_tensor back =
                                     gradients.temporary(hb_permute(dy[1], int32_t(order.size()), order.data()));
                                 gradients.set(0, hb_binary(HB_ADD, dy[0], back));
                             }});
}

void dense_perf(std::vector<Case>& cases) {
    cases.push_back({.name = "NCHW to NHWC [128, 64, 32, 32]",
                     .inputs = {real({128, 64, 32, 32})},
                     .run =
                         [](const Tensors& in, Results& out) {
                             int32_t order[] = {0, 2, 3, 1};
                             out.add(hb_dense(out.temporary(hb_permute(in[0], 4, order))));
                         },
                     .bytes = 8.0 * 128 * 64 * 32 * 32});
}

void concat(std::vector<Case>& cases) {
    struct Join {
        std::vector<Sizes> shapes;
        int32_t dimension;
    };
    for (const Join& join :
         {Join{{{2, 3}, {4, 3}, {1, 3}}, 0}, Join{{{2, 3, 5}, {2, 1, 5}}, 1}, Join{{{3, 2}, {3, 7}}, 1}, Join{{{5}}, 0},
          Join{{{2, 0}, {2, 3}}, 1}, Join{std::vector<Sizes>(30, {2, 3}), 0}}) {
        std::vector<Input> inputs;
        for (const Sizes& shape : join.shapes) inputs.push_back(real(shape).any_type());
        cases.push_back(
            {.name =
                 text("%zu of %s, dimension %d", join.shapes.size(), text_of(join.shapes[0]).c_str(), join.dimension),
             .inputs = inputs,
             .run = [=](const Tensors& in,
                        Results& out) { out.add(hb_concat(int32_t(in.size()), in.data(), join.dimension)); },
             .backward =
                 [=](const Tensors&, const Tensors&, const Tensors& dy, Gradients& gradients) {
                     int64_t at = 0;
                     for (size_t i = 0; i < join.shapes.size(); i++) {
                         int64_t size = join.shapes[i][size_t(join.dimension)];
                         gradients.set(i, hb_slice(dy[0], join.dimension, at, at + size, 1));
                         at += size;
                     }
                 }});
    }
}

void pad(std::vector<Case>& cases) {
    struct Pad {
        Sizes shape, before, after;
        double value;
    };
    for (const Pad& p : {Pad{{3, 5}, {1, 0}, {0, 2}, 0}, Pad{{3, 5}, {-1, 2}, {0, -3}, 1.5}, Pad{{4}, {-4}, {3}, 7},
                         Pad{{2, 8, 8, 3}, {0, 4, 4, 0}, {0, 4, 4, 0}, 0}, Pad{{3, 3}, {0, 0}, {0, 0}, 1},
                         Pad{{0, 2}, {1, 1}, {1, 1}, 2}, Pad{{}, {}, {}, 2}, Pad{{5}, {-7}, {4}, 3}})
        cases.push_back({.name = text("%s by %s and %s", text_of(p.shape).c_str(), text_of(p.before).c_str(),
                                      text_of(p.after).c_str()),
                         .inputs = {real(p.shape).any_type()},
                         .run =
                             [=](const Tensors& in, Results& out) {
                                 // hb_pad cannot know how long its arrays are, and mode errors gives it other ranks.
                                 Sizes before = p.before, after = p.after;
                                 before.resize(HB_MAX_RANK);
                                 after.resize(HB_MAX_RANK);
                                 out.add(hb_pad(in[0], before.data(), after.data(), p.value));
                             },
                         .backward =
                             [=](const Tensors&, const Tensors&, const Tensors& dy, Gradients& gradients) {
                                 Sizes before = p.before, after = p.after;
                                 for (int64_t& i : before) i = -i;
                                 for (int64_t& i : after) i = -i;
                                 gradients.set(0, hb_pad(dy[0], before.data(), after.data(), 0));
                             }});
}

void gather_rows(std::vector<Case>& cases) {
    for (auto [shape, m] : {std::pair<Sizes, int64_t>{{7, 5}, 4},
                            {{3, 2, 3}, 11},
                            {{33}, 17},
                            {{4, 0}, 3},
                            {{5, 3}, 0},
                            {{1, 1}, 1},
                            {{300, 64}, 1100}})
        cases.push_back(
            {.name = text("%d rows of %s", int(m), text_of(shape).c_str()),
             .inputs = {real(shape).any_type(), index({m}, shape[0])},
             .run = [](const Tensors& in, Results& out) { out.add(hb_gather_rows(in[0], in[1])); },
             .backward =
                 [shape = shape](const Tensors& in, const Tensors&, const Tensors& dy, Gradients& gradients) {
                     hb_tensor dx = hb_full(here(), type_of(in[0]), int32_t(shape.size()), shape.data(), 0);
                     gradients.set(0, dx);
                     ok(hb_scatter_rows(dx, in[1], dy[0], 1));
                 }});
    for (hb_dtype type : kTypes)
        cases.push_back({.name = name_of_type(type),
                         .inputs = {any(type, {9, 3}), index({5}, 9)},
                         .run = [](const Tensors& in, Results& out) { out.add(hb_gather_rows(in[0], in[1])); },
                         .oracle = Oracle::Bits});
}

void scatter_rows(std::vector<Case>& cases) {
    for (auto [shape, m] : {std::pair<Sizes, int64_t>{{7, 5}, 4},
                            {{3, 2, 3}, 11},
                            {{33}, 17},
                            {{4, 0}, 3},
                            {{5, 3}, 0},
                            {{300, 64}, 1100}})
        for (int32_t add : {0, 1}) {
            Sizes rows = shape;
            rows[0] = m;
            cases.push_back({.name = text("%s, %d rows, add %d", text_of(shape).c_str(), int(m), add),
                             .inputs = {real(shape).target(), index({m}, shape[0]), real(rows)},
                             .run =
                                 [=](const Tensors& in, Results& out) {
                                     ok(hb_scatter_rows(in[0], in[1], in[2], add));
                                     out.add_target(in[0]);
                                 },
                             .terms = double(m)});
        }
    for (hb_dtype type : kTypes)
        cases.push_back({.name = name_of_type(type),
                         .inputs = {any(type, {9, 3}).target(), index({5}, 9), any(type, {5, 3})},
                         .run =
                             [](const Tensors& in, Results& out) {
                                 ok(hb_scatter_rows(in[0], in[1], in[2], 0));
                                 out.add_target(in[0]);
                             },
                         .oracle = Oracle::Bits});
}

void take_along_rows(std::vector<Case>& cases) {
    for (auto [n, k] : {std::pair<int64_t, int64_t>{5, 10}, {33, 3}, {1, 1}, {0, 4}, {70001, 2}})
        cases.push_back({.name = text("[%d, %d]", int(n), int(k)),
                         .inputs = {real({n, k}), index({n}, k)},
                         .run = [](const Tensors& in, Results& out) { out.add(hb_take_along_rows(in[0], in[1])); },
                         .backward = n > 100 ? Backward{}
                                             : [n = n, k = k](const Tensors& in, const Tensors&, const Tensors& dy,
                                                              Gradients& gradients) {
                             std::vector<double> flat = values_of(in[1]);
                             for (size_t i = 0; i < flat.size(); i++) flat[i] += double(i) * double(k);
                             Sizes shape{n * k};
                             hb_tensor dx = gradients.temporary(
                                 hb_full(here(), type_of(in[0]), 1, shape.data(), 0));
                             hb_tensor at = gradients.temporary(tensor_of(HB_I64, {n}, flat));
                             ok(hb_scatter_rows(dx, at, dy[0], 1));
                             gradients.set(0, reshaped(dx, {n, k}));
                         }});
}

void where(std::vector<Case>& cases) {
    struct Choice {
        Sizes condition, a, b;
    };
    for (const Choice& c : {Choice{{3, 5}, {3, 5}, {3, 5}}, Choice{{7}, {3, 7}, {3, 1}}, Choice{{3, 1}, {}, {4}},
                            Choice{{}, {2, 3}, {3}}, Choice{{0, 2}, {2}, {}}, Choice{{300, 301}, {301}, {300, 1}}})
        cases.push_back(
            {.name = text("%s ? %s : %s", text_of(c.condition).c_str(), text_of(c.a).c_str(), text_of(c.b).c_str()),
             .inputs = {flags(c.condition), real(c.a).any_type(), real(c.b).any_type()},
             .run = [](const Tensors& in, Results& out) { out.add(hb_where(in[0], in[1], in[2])); },
             .backward = count(c.condition) > 1000 ? Backward{}
                                                   : [=](const Tensors& in, const Tensors&, const Tensors& dy,
                                                         Gradients& gradients) {
                 hb_tensor zero = gradients.temporary(hb_full(here(), type_of(in[1]), 0, nullptr, 0));
                 hb_tensor to_a = gradients.temporary(hb_where(in[0], dy[0], zero));
                 hb_tensor to_b = gradients.temporary(hb_where(in[0], zero, dy[0]));
                 gradients.set(1, unbroadcast(gradients, to_a, c.a));
                 gradients.set(2, unbroadcast(gradients, to_b, c.b));
             }});
    for (hb_dtype type : kTypes)
        cases.push_back({.name = name_of_type(type),
                         .inputs = {flags({4, 9}), any(type, {9}), any(type, {4, 1})},
                         .run = [](const Tensors& in, Results& out) { out.add(hb_where(in[0], in[1], in[2])); },
                         .oracle = Oracle::Bits});
}

}  // namespace

std::vector<Row> creation_rows() {
    return {
        {"full", false, full},
        {"random_uniform", false, random_uniform, [](auto& cases) { random_perf(cases, false); }},
        {"random_normal", false, random_normal, [](auto& cases) { random_perf(cases, true); }},
    };
}

std::vector<Row> movement_rows() {
    return {
        {"copy", false, copy},
        {"cast", true, cast, cast_perf},
        {"reshape", true, reshape},
        {"slice", true, slice},
        {"permute", true, permute},
        {"expand", true, expand},
        {"dense", true, dense, dense_perf},
        {"concat", true, concat},
        {"pad", true, pad},
        {"gather_rows", true, gather_rows},
        {"scatter_rows", false, scatter_rows},
        {"take_along_rows", true, take_along_rows},
        {"where", true, where},
    };
}

}  // namespace hb::test
