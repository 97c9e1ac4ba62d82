// Mode test: the tier in use, in F32 and BF16, against the oracle: the scalar kernels in F64, on the same values.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/bf16.h"
#include "op_table/modes.h"

namespace hb::test {
namespace {

// How far a tier may be from the oracle, for all ops: a few roundings of the element itself, and what `terms` roundings
// of a running sum of random signs may add up to, against the largest of the result and of what was summed.
constexpr double kRounding = 0x1p-24;
double tolerance(double expected, double largest, double terms) {
    return kRounding * (16 * std::fabs(expected) + 4 * std::sqrt(terms) * largest) +
           double(std::numeric_limits<float>::min());
}

// Half the distance between neighbouring bf16 at x: what rounding to one may cost, 2^-9 to 2^-8 of x.
double half_step_of_bf16(double x) {
    int exponent;
    std::frexp(x, &exponent);
    return std::ldexp(1.0, std::max(exponent - 9, -134));
}
constexpr double kRoundingOfBf16 = 0x1p-9;  // on average over the values between two powers of 2, about

struct Output {
    hb_dtype type;
    Sizes shape;
    std::vector<unsigned char> bytes;
    std::vector<double> values;
};

std::vector<Output> run(const Case& test, const Tensors& inputs) {
    Results results;
    test.run(inputs, results);
    std::vector<Output> outputs;
    for (hb_tensor tensor : results.values) {
        Output output{type_of(tensor), shape_of(tensor), bytes_of(tensor), {}};
        output.values = decode(output.type, output.bytes);
        outputs.push_back(std::move(output));
    }
    return outputs;
}

bool is_real(hb_dtype type) { return type == HB_F32 || type == HB_F64 || type == HB_BF16; }

double largest_finite(const std::vector<double>& values) {
    double largest = 0;
    for (double v : values)
        if (std::isfinite(v)) largest = std::max(largest, std::fabs(v));
    return largest;
}

bool equal(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// Empty where the output is right, else what is wrong. wanted: its type.
std::string difference(const Output& got, const Output& expected, hb_dtype wanted, const Case& test, hb_dtype type) {
    if (got.shape != expected.shape)
        return text("shape %s, expected %s", text_of(got.shape).c_str(), text_of(expected.shape).c_str());
    if (test.oracle == Oracle::Bits) {
        if (got.type != expected.type) return "another type";
        for (size_t i = 0; i < got.values.size(); i++) {
            size_t size = got.bytes.size() / got.values.size();
            if (!std::equal(&got.bytes[i * size], &got.bytes[i * size] + size, &expected.bytes[i * size]))
                return text("element %zu is %.9g, the scalar tier has %.9g: not the same bits", i, got.values[i],
                            expected.values[i]);
        }
        return "";
    }
    if (got.type != wanted) return text("type %s, expected %s", name_of_type(got.type), name_of_type(wanted));
    double largest = largest_finite(expected.values), worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < got.values.size(); i++) {
        double e = expected.values[i], g = got.values[i];
        if (equal(g, e) || equal(g, float(e))) continue;  // also where a double is beyond F32
        if (wanted == HB_BF16 && equal(g, widen(round_to_bf16(float(e))))) continue;
        double size = std::max(largest, test.magnitude), allowed = 0;
        if (is_real(got.type)) allowed = test.growth * tolerance(e, size, test.terms);
        if (is_real(got.type) && type == HB_BF16) allowed += kRoundingOfBf16 * test.roundings * size;
        if (wanted == HB_BF16) allowed += half_step_of_bf16(std::fabs(e) + allowed);
        double error = std::fabs(g - e);
        double excess = std::isnan(error) || allowed == 0 ? std::numeric_limits<double>::infinity() : error / allowed;
        if (excess > worst) {
            worst = excess;
            at = i;
        }
    }
    if (worst <= 1) return "";
    return text("element %zu of %s is %.9g, expected %.9g: %.3g times the tolerance", at, text_of(got.shape).c_str(),
                got.values[at], expected.values[at], worst);
}

int64_t elements(const Case& test) {
    int64_t n = 0;
    for (const Input& input : test.inputs) n += count(input.shape);
    return n;
}

// Views are read through one copy kernel, whatever the op: small cases are enough for them.
constexpr int64_t kLargestVaried = 20000;

void test_layout(const Row& row, const Case& test, hb_dtype type, Layout layout, const std::string& tier,
                 hb_device device) {
    std::string name =
        text("%s / %s / %s%s", row.op, test.name.c_str(), type == HB_BF16 ? "bf16, " : "", name_of(layout));
    try {
        auto values = input_values(row, test, layout, type);
        std::vector<Output> expected, got;
        if (test.oracle == Oracle::Bits) {
            ok(hb_set_tier("scalar"));
            BuiltInputs inputs(test, values, type, Layout::Dense);
            expected = run(test, inputs.tensors);
            ok(hb_set_tier(tier.c_str()));
        } else {
            BuiltInputs inputs(test, values, HB_F64, Layout::Dense);
            expected = run(test, inputs.tensors);
        }
        {
            On on(device);
            BuiltInputs inputs(test, values, type, layout);
            got = run(test, inputs.tensors);
        }
        std::string wrong = got.size() == expected.size() ? "" : "another number of results";
        for (size_t i = 0; i < got.size() && wrong.empty(); i++) {
            bool wide = std::find(test.wide.begin(), test.wide.end(), i) != test.wide.end();
            hb_dtype wanted = expected[i].type != HB_F64 ? expected[i].type : wide ? HB_F32 : type;
            wrong = difference(got[i], expected[i], wanted, test, type);
            if (!wrong.empty()) wrong = text("result %zu: ", i) + wrong;
        }
        check(wrong.empty(), "%s: %s", name.c_str(), wrong.c_str());
    } catch (const CallFailed& error) {
        check(false, "%s: %s", name.c_str(), error.what());
        hb_set_tier(tier.c_str());
    }
}

}  // namespace

void run_test(const std::vector<Row>& rows, hb_device device) {
    std::string tier = hb_tier();
    for (const Row& row : rows) {
        std::vector<Case> cases;
        row.cases(cases);
        check(!cases.empty(), "%s has no cases", row.op);
        hb_memory before, after;
        ok(hb_memory_stats(device, &before));
        for (const Case& test : cases) {
            bool varied = elements(test) <= kLargestVaried;
            for (Layout layout : {Layout::Dense, Layout::Sliced, Layout::Permuted, Layout::Expanded})
                if (layout == Layout::Dense || varied) test_layout(row, test, HB_F32, layout, tier, device);
            if (!takes_bf16(test)) continue;
            for (Layout layout : {Layout::Dense, Layout::Sliced})
                if (layout == Layout::Dense || varied) test_layout(row, test, HB_BF16, layout, tier, device);
        }
        ok(hb_memory_stats(device, &after));
        check(after.live_tensors == before.live_tensors && after.in_use == before.in_use,
              "%s leaves %lld tensors and %lld bytes behind", row.op,
              static_cast<long long>(after.live_tensors - before.live_tensors),
              static_cast<long long>(after.in_use - before.in_use));
    }
}

}  // namespace hb::test
