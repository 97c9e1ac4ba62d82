// Ops that move and convert elements, against values worked out by hand: here the table's oracle would be the same
// code.
#include <cmath>
#include <limits>

#include "support/check.h"

using namespace hb::test;

namespace {

using Values = std::vector<double>;

const double kNaN = std::nan("");
const double kInfinity = std::numeric_limits<double>::infinity();

void check_tensor(const char* what, hb_tensor got, const Sizes& shape, const Values& values) {
    check(shape_of(got) == shape, "%s: shape %s, expected %s", what, text_of(shape_of(got)).c_str(),
          text_of(shape).c_str());
    Values g = values_of(got);
    check(largest_difference(g, values) == 0, "%s: other values", what);
}

hb_tensor counting(Handles& own, const Sizes& shape, hb_dtype type = HB_F32) {
    Values values(static_cast<size_t>(count(shape)));
    for (size_t i = 0; i < values.size(); i++) values[i] = double(i);
    return own(tensor_of(type, shape, values));
}

void views() {
    Handles own;
    hb_tensor x = counting(own, {2, 3, 2});
    check_tensor("reshape", own(hb_reshape(x, 2, Sizes{3, -1}.data())), {3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    int32_t order[] = {2, 0, 1};
    hb_tensor turned = own(hb_permute(x, 3, order));
    check_tensor("permute", turned, {2, 2, 3}, {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11});
    check_tensor("reshape of a permuted view", own(hb_reshape(turned, 1, Sizes{12}.data())), {12},
                 {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11});
    check_tensor("slice", own(hb_slice(x, 1, 0, 3, 2)), {2, 2, 2}, {0, 1, 4, 5, 6, 7, 10, 11});
    check_tensor("slice of a permuted view", own(hb_slice(turned, 2, 1, 3, 1)), {2, 2, 2}, {2, 4, 8, 10, 3, 5, 9, 11});
    hb_tensor column = own(hb_slice(counting(own, {3, 2}), 1, 1, 2, 1));
    check_tensor("expand", own(hb_expand(column, 3, Sizes{2, 3, 2}.data())), {2, 3, 2},
                 {1, 1, 3, 3, 5, 5, 1, 1, 3, 3, 5, 5});
    hb_descriptor d;
    // Merging what is contiguous inside a view needs no copy; splitting neither.
    hb_tensor inner = own(hb_slice(counting(own, {4, 2, 3}), 0, 1, 3, 1));
    hb_tensor merged = own(hb_reshape(inner, 1, Sizes{12}.data()));
    check_tensor("reshape of a slice", merged, {12}, {6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
    hb_tensor every_other = own(hb_slice(counting(own, {8, 3}), 0, 0, 8, 2));
    hb_tensor split = own(hb_reshape(every_other, 3, Sizes{2, 2, 3}.data()));
    check_tensor("a split dimension of a strided view", split, {2, 2, 3}, {0, 1, 2, 6, 7, 8, 12, 13, 14, 18, 19, 20});
    hb_descriptor of_view;
    ok(hb_describe(every_other, &of_view));
    ok(hb_describe(split, &d));
    check(d.storage == of_view.storage, "a reshape that needs no copy made one");
    hb_tensor scalar = own(hb_reshape(own(hb_slice(counting(own, {5}), 0, 3, 4, 1)), 0, nullptr));
    check_tensor("rank 0", scalar, {}, {3});
}

void joining_and_padding() {
    Handles own;
    hb_tensor a = counting(own, {2, 2}), b = own(tensor_of(HB_F32, {2, 1}, {10, 11}));
    hb_tensor both[] = {a, b, a};
    check_tensor("concat", own(hb_concat(3, both, 1)), {2, 5}, {0, 1, 10, 0, 1, 2, 3, 11, 2, 3});
    int64_t before[] = {1, 0}, after[] = {0, 2};
    check_tensor("pad", own(hb_pad(a, before, after, 9)), {3, 4}, {9, 9, 9, 9, 0, 1, 9, 9, 2, 3, 9, 9});
    int64_t cut[] = {-1, 1}, other[] = {1, -1};
    check_tensor("pad and cut", own(hb_pad(a, cut, other, 9)), {2, 2}, {9, 2, 9, 9});
    // A pad-and-crop by (2, 1): what augmentation does.
    hb_tensor image = counting(own, {1, 3, 3, 1});
    int64_t low[] = {0, -1, 1, 0}, high[] = {0, 1, -1, 0};
    check_tensor("crop", own(hb_pad(image, low, high, 0)), {1, 3, 3, 1}, {0, 3, 4, 0, 6, 7, 0, 0, 0});
}

void rows() {
    Handles own;
    hb_tensor x = counting(own, {3, 2}), at = own(tensor_of(HB_I64, {4}, {2, 0, 0, 1}));
    check_tensor("gather_rows", own(hb_gather_rows(x, at)), {4, 2}, {4, 5, 0, 1, 0, 1, 2, 3});
    hb_tensor to = own(tensor_of(HB_F32, {3, 2}, Values(6, 100))), from = counting(own, {4, 2});
    ok(hb_scatter_rows(to, at, from, 1));
    check_tensor("scatter_rows, adding", to, {3, 2}, {106, 108, 106, 107, 100, 101});
    ok(hb_scatter_rows(to, at, from, 0));
    check_tensor("scatter_rows, the last wins", to, {3, 2}, {4, 5, 6, 7, 0, 1});
    check_tensor("take_along_rows", own(hb_take_along_rows(x, own(tensor_of(HB_I64, {3}, {1, 0, 1})))), {3}, {1, 2, 5});
    hb_tensor condition = own(tensor_of(HB_U8, {2}, {0, 7}));
    check_tensor("where", own(hb_where(condition, x, own(tensor_of(HB_F32, {}, {-1})))), {3, 2}, {-1, 1, -1, 3, -1, 5});
}

void orders() {
    Handles own;
    hb_tensor x = own(tensor_of(HB_F32, {7}, {2, kNaN, 1, 2, -kInfinity, kInfinity, 1})), r[2];
    ok(hb_sort(x, 0, r));
    check_tensor("rising", own(r[0]), {7}, {-kInfinity, 1, 1, 2, 2, kInfinity, kNaN});
    check_tensor("rising, permutation", own(r[1]), {7}, {4, 2, 6, 0, 3, 5, 1});
    ok(hb_sort(x, 1, r));
    check_tensor("falling", own(r[0]), {7}, {kInfinity, 2, 2, 1, 1, -kInfinity, kNaN});
    check_tensor("falling, permutation", own(r[1]), {7}, {5, 0, 3, 2, 6, 4, 1});
    ok(hb_top_k(x, 4, r));
    check_tensor("top_k", own(r[0]), {4}, {kNaN, kInfinity, 2, 2});
    check_tensor("top_k, indices", own(r[1]), {4}, {1, 5, 0, 3});
    check_tensor("argmax with NaN", own(hb_argmax(x)), {}, {1});
    check_tensor("argmax, first of equals", own(hb_argmax(own(tensor_of(HB_F32, {2, 3}, {1, 3, 3, 5, 5, 5})))), {2},
                 {1, 0});
    int32_t one = 1;
    check_tensor("max with NaN",
                 own(hb_reduce(HB_REDUCE_MAX, own(tensor_of(HB_F32, {2, 2}, {1, kNaN, 3, 2})), 1, &one, 0)), {2},
                 {kNaN, 3});
}

void conversions() {
    Handles own;
    auto converted = [&](hb_dtype from, const Values& values, hb_dtype to) {
        hb_tensor x = own(tensor_of(from, {int64_t(values.size())}, values));
        return own(hb_cast(x, to));
    };
    auto check_cast = [&](hb_dtype from, const Values& values, hb_dtype to, const Values& expected) {
        std::string what = std::string(name_of_type(from)) + " to " + name_of_type(to);
        check_tensor(what.c_str(), converted(from, values, to), {int64_t(values.size())}, expected);
    };
    // 8 significant bits, ties to even. 1 + 2^-8 is half way between 1 and 1 + 2^-7.
    Values near = {
        1,    1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 1 + 3 * 0x1p-8, -1 - 0x1p-8, 0x1.fffffep127, 3.0e-39, kInfinity,
        kNaN, -0.0};
    Values rounded = {1, 1, 1 + 0x1p-7, 1 + 0x1p-6, -1, kInfinity, 3.0e-39, kInfinity, kNaN, -0.0};
    rounded[6] = values_of(converted(HB_BF16, {3.0e-39}, HB_F32))[0] + 0x1p-133;  // the next subnormal bf16 is nearer
    check_cast(HB_F32, near, HB_BF16, rounded);
    // Rounding a double to a float first would make the second a tie, and round it down.
    check_cast(HB_F64, {1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-8 - 0x1p-40, 1e300, kNaN}, HB_BF16,
               {1, 1 + 0x1p-7, 1, kInfinity, kNaN});
    check_cast(HB_I64, {257, 259, 0x1.01p60, 0x1.010002p60, -257}, HB_BF16, {256, 260, 0x1p60, 0x1.02p60, -256});
    check_cast(HB_BF16, {1, -2.5, kInfinity, kNaN}, HB_F64, {1, -2.5, kInfinity, kNaN});
    // Truncated and saturated.
    Values wild = {0, 1.9, -1.9, 255.5, 256, 300, -300, 3e9, -3e9, 1e30, -1e30, kInfinity, -kInfinity};
    double top = 0x1p63, low = -0x1p63;
    for (hb_dtype from : {HB_F32, HB_F64}) {
        check_cast(from, wild, HB_U8, {0, 1, 0, 255, 255, 255, 0, 255, 0, 255, 0, 255, 0});
        check_cast(from, wild, HB_I32,
                   {0, 1, -1, 255, 256, 300, -300, 2147483647, -2147483648.0, 2147483647, -2147483648.0, 2147483647,
                    -2147483648.0});
        check_cast(from, wild, HB_I64, {0, 1, -1, 255, 256, 300, -300, 3e9, -3e9, top, low, top, low});
    }
    check_cast(HB_F64, {0x1.fffffep127, 1e39, -1e39, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-50}, HB_F32,
               {0x1.fffffep127, kInfinity, -kInfinity, 1, 1 + 0x1p-23});
    check_cast(HB_I32, {16777217, -5, 2147483647}, HB_F32, {16777216, -5, 2147483648.0});
    check_cast(HB_U8, {0, 255}, HB_I64, {0, 255});
    hb_tensor to = own(tensor_of(HB_F64, {2, 2}, Values(4, 0)));
    ok(hb_copy(to, own(tensor_of(HB_I32, {2}, {3, -4}))));
    check_tensor("copy converts and broadcasts", to, {2, 2}, {3, -4, 3, -4});
}

void filling() {
    Handles own;
    check_tensor("full of bf16", own(hb_full(HB_DEVICE_CPU, HB_BF16, 1, Sizes{2}.data(), 1 + 3 * 0x1p-8)), {2},
                 {1 + 0x1p-6, 1 + 0x1p-6});
    check_tensor("full of u8", own(hb_full(HB_DEVICE_CPU, HB_U8, 1, Sizes{1}.data(), 300.7)), {1}, {255});
    // Below its end, even where rounding would reach it.
    hb_stream stream{5, 0, 0, 0, 0};
    int64_t n = 1 << 18;
    Values drawn = values_of(own(hb_random_uniform(HB_DEVICE_CPU, 1, &n, 1, 1 + 0x1p-20, &stream)));
    bool inside = true;
    for (double v : drawn) inside &= v >= 1 && v < 1 + 0x1p-20;
    check(inside, "random_uniform leaves [low, high)");
}

}  // namespace

int main() {
    try {
        views();
        joining_and_padding();
        rows();
        orders();
        conversions();
        filling();
    } catch (const CallFailed& error) {
        check(false, "%s", error.what());
    }
    return finish();
}
