// Mode grad: directional derivatives, in F64, against central differences.
//
// For the loss L = sum over results of <dy, y> with random dy, and a random direction v of one input:
//   <d L / d input, v>  against  (L(input + h v) - L(input - h v)) / 2h.
#include <algorithm>
#include <cmath>

#include "core/philox.h"
#include "op_table/modes.h"

namespace hb::test {
namespace {

// A kink between two evaluations spoils a difference: a smaller step passes it by.
constexpr double kSteps[] = {2e-5, 1.5e-6};
constexpr double kRelative = 1e-6;  // of the gradient's norm
constexpr double kAbsolute = 1e-9;  // of the loss: rounding, divided by the step
constexpr int kDirections = 2;

using Values = std::vector<double>;

Values normals(int64_t n, uint32_t stream) {
    PhiloxKey key;
    key.seed = 99;
    key.purpose = kPurposeTest;
    key.stream = stream;
    Values values(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) values[size_t(i)] = key.normal(uint64_t(i));
    return values;
}

double dot(const Values& a, const Values& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); i++) sum += a[i] * b[i];
    return sum;
}

struct Loss {
    const Case& test;
    const std::vector<Values>& dy;  // empty: the result is not differentiable

    double operator()(const std::vector<Values>& values) const {
        BuiltInputs inputs(test, values, HB_F64, Layout::Dense);
        Results results;
        (test.reference ? test.reference : test.run)(inputs.tensors, results);
        double sum = 0;
        for (size_t i = 0; i < results.values.size() && i < dy.size(); i++)
            if (!dy[i].empty()) sum += dot(values_of(results.values[i]), dy[i]);
        return sum;
    }
};

void grad_of(const Row& row, const Case& test) {
    std::string name = text("%s / %s", row.op, test.name.c_str());
    auto values = input_values(row, test, Layout::Dense);
    std::vector<Values> dy;
    std::vector<Values> gradients(test.inputs.size());
    std::vector<bool> has_gradient(test.inputs.size());
    {
        BuiltInputs inputs(test, values, HB_F64, Layout::Dense);
        Results results;
        test.run(inputs.tensors, results);
        Handles own;
        Tensors dy_tensors;
        for (hb_tensor y : results.values) {
            dy.emplace_back();
            if (type_of(y) != HB_F64 || dy.size() > test.losses) {
                dy_tensors.push_back(0);
                continue;
            }
            dy.back() = normals(count(shape_of(y)), uint32_t(dy.size()));
            dy_tensors.push_back(own(tensor_of(HB_F64, shape_of(y), dy.back())));
        }
        // What was written in place has changed: the gradient sees the inputs of before.
        BuiltInputs again(test, values, HB_F64, Layout::Dense);
        Gradients found(test.inputs.size());
        test.backward(again.tensors, results.values, dy_tensors, found);
        for (size_t i = 0; i < test.inputs.size(); i++) {
            has_gradient[i] = found.values[i] != 0;
            if (!has_gradient[i]) continue;
            check(shape_of(found.values[i]) == test.inputs[i].shape, "%s: gradient of input %zu has shape %s, not %s",
                  name.c_str(), i, text_of(shape_of(found.values[i])).c_str(), text_of(test.inputs[i].shape).c_str());
            gradients[i] = values_of(found.values[i]);
        }
    }
    Loss loss{test, dy};
    double here = std::fabs(loss(values));
    for (size_t i = 0; i < test.inputs.size(); i++) {
        const Input& input = test.inputs[i];
        bool expected = input.kind == Input::Kind::Real && !input.is_constant;
        check(has_gradient[i] == expected, "%s: input %zu %s", name.c_str(), i,
              expected ? "has no gradient" : "has a gradient, and is declared constant");
        if (!has_gradient[i] || gradients[i].size() != values[i].size() || values[i].empty()) continue;
        double norm = std::sqrt(dot(gradients[i], gradients[i]));
        for (int direction = 0; direction < kDirections; direction++) {
            Values v = normals(int64_t(values[i].size()), uint32_t(100 + 10 * i) + uint32_t(direction));
            double given = dot(gradients[i], v), numeric = 0;
            double allowed = kRelative * norm + kAbsolute * (1 + here);
            for (double step : kSteps) {
                auto moved = values;
                for (size_t j = 0; j < v.size(); j++) moved[i][j] = values[i][j] + step * v[j];
                double above = loss(moved);
                for (size_t j = 0; j < v.size(); j++) moved[i][j] = values[i][j] - step * v[j];
                numeric = (above - loss(moved)) / (2 * step);
                if (std::fabs(given - numeric) <= allowed) break;
            }
            check(std::fabs(given - numeric) <= allowed,
                  "%s: input %zu: derivative %.12g, by differences %.12g; %.3g times the tolerance", name.c_str(), i,
                  given, numeric, std::fabs(given - numeric) / allowed);
        }
    }
}

// The gradients of all inputs, for the gradient `dy` of the results (drawn where it is empty), which F64 results have.
std::vector<Values> gradients_of(const Case& test, const std::vector<Values>& values, hb_dtype type) {
    BuiltInputs inputs(test, values, type, Layout::Dense);
    Results results;
    test.run(inputs.tensors, results);
    Handles own;
    Tensors dy;
    for (hb_tensor y : results.values) {
        bool real = type_of(y) == type && dy.size() < test.losses;
        uint32_t stream = uint32_t(dy.size()) + 1;
        dy.push_back(real ? own(tensor_of(type, shape_of(y), normals(count(shape_of(y)), stream))) : 0);
    }
    // What was written in place has changed: the gradient sees the inputs of before.
    BuiltInputs again(test, values, type, Layout::Dense);
    Gradients found(test.inputs.size());
    test.backward(again.tensors, results.values, dy, found);
    std::vector<Values> gradients(test.inputs.size());
    for (size_t i = 0; i < gradients.size(); i++)
        if (found.values[i]) gradients[i] = values_of(found.values[i]);
    return gradients;
}

// Relative to the gradient's norm: some hundred roundings of F32.
constexpr double kRelativeF32 = 1e-5;

void compare_gradients(const Row& row, const Case& test, hb_device device) {
    std::string name = row.op + std::string(" / ") + test.name;
    std::vector<Values> values = input_values(row, test, Layout::Dense);
    std::vector<Values> expected = gradients_of(test, values, HB_F64);
    On on(device);
    std::vector<Values> got = gradients_of(test, values, HB_F32);
    for (size_t i = 0; i < expected.size(); i++) {
        check(got[i].size() == expected[i].size(), "%s: input %zu has %zu gradients, expected %zu", name.c_str(), i,
              got[i].size(), expected[i].size());
        if (got[i].size() != expected[i].size() || got[i].empty()) continue;
        double difference = 0, norm = std::sqrt(dot(expected[i], expected[i]));
        for (size_t j = 0; j < got[i].size(); j++)
            difference += (got[i][j] - expected[i][j]) * (got[i][j] - expected[i][j]);
        difference = std::sqrt(difference);
        check(difference <= kRelativeF32 * test.growth * (norm + 1),
              "%s: gradient of input %zu differs by %.3g of %.3g", name.c_str(), i, difference, norm);
    }
}

}  // namespace

void run_grad(const std::vector<Row>& rows, hb_device device) {
    for (const Row& row : rows) {
        std::vector<Case> cases;
        row.cases(cases);
        int differentiable = 0;
        for (const Case& test : cases) {
            if (!test.backward) continue;
            differentiable++;
            try {
                if (device == HB_DEVICE_CPU)
                    grad_of(row, test);
                else
                    compare_gradients(row, test, device);
            } catch (const CallFailed& error) {
                check(false, "%s / %s: %s", row.op, test.name.c_str(), error.what());
            }
        }
        check((differentiable > 0) == row.gradient, "%s: gradient is declared %s, but %d cases have one", row.op,
              row.gradient ? "yes" : "no", differentiable);
    }
}

}  // namespace hb::test
