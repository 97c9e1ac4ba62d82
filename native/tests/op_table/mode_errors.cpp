// Mode errors: what an op does with arguments that are wrong. An error with a message, and nothing left behind.
#include <cstring>
#include <memory>

#include "op_table/modes.h"

namespace hb::test {
namespace {

// The status that the case ends with, input i being replaced.
hb_status status_with(const Case& test, Tensors inputs, size_t i, hb_tensor instead) {
    inputs[i] = instead;
    try {
        Results results;
        test.run(inputs, results);
        return HB_OK;
    } catch (const CallFailed& error) {
        return std::strlen(error.what()) > 0 ? error.status : HB_ERROR_INTERNAL;
    }
}

void errors_of(const Row& row, const Case& test) {
    auto values = input_values(row, test, Layout::Dense);
    for (size_t i = 0; i < test.inputs.size(); i++) {
        const Input& input = test.inputs[i];
        if (input.kind == Input::Kind::Absent) continue;
        std::string name = text("%s / %s / input %zu", row.op, test.name.c_str(), i);
        Handles own;
        auto fresh = [&] { return std::make_unique<BuiltInputs>(test, values, HB_F32, Layout::Dense); };
        auto rank = int32_t(input.shape.size());

        hb_tensor released = own(hb_empty(HB_DEVICE_CPU, HB_F32, 0, nullptr));
        own.release(released);
        check(status_with(test, fresh()->tensors, i, released) == HB_ERROR_HANDLE, "%s: a released handle is taken",
              name.c_str());
        for (hb_tensor garbage : {hb_tensor(0x7ffffffffffffff), hb_tensor(1), hb_tensor(-5), INT64_MIN})
            check(status_with(test, fresh()->tensors, i, garbage) == HB_ERROR_HANDLE, "%s: %lld is taken for a handle",
                  name.c_str(), static_cast<long long>(garbage));
        {
            auto inputs = fresh();
            hb_tensor elsewhere = own(hb_empty(HB_DEVICE_NULL, type_in(input, HB_F32), rank, input.shape.data()));
            hb_status status = status_with(test, inputs->tensors, i, elsewhere);
            bool alone = true;
            for (size_t j = 0; j < inputs->tensors.size(); j++) alone &= j == i || inputs->tensors[j] == 0;
            check(alone || status == HB_ERROR_ARGUMENT, "%s: a tensor of another device gives status %d", name.c_str(),
                  status);
        }
        if (!input.is_free) {
            auto inputs = fresh();
            hb_dtype wrong = input.kind == Input::Kind::Real ? HB_U8 : HB_BF16;
            hb_tensor other = own(hb_full(HB_DEVICE_CPU, wrong, rank, input.shape.data(), 0));
            check(status_with(test, inputs->tensors, i, other) == HB_ERROR_ARGUMENT, "%s: type %s is taken",
                  name.c_str(), name_of_type(wrong));
        }
        // Another shape may happen to be right; it must not be a defect.
        for (Sizes shape : {Sizes{}, Sizes{2}, Sizes{0, 3}, Sizes{5, 1, 1, 1, 1}, Sizes{1, 1, 1, 1, 1, 1, 1, 1}}) {
            auto inputs = fresh();
            hb_tensor other =
                own(hb_full(HB_DEVICE_CPU, type_in(input, HB_F32), int32_t(shape.size()), shape.data(), 0));
            hb_status status = status_with(test, inputs->tensors, i, other);
            check(status == HB_OK || status == HB_ERROR_ARGUMENT, "%s: shape %s gives status %d: %s", name.c_str(),
                  text_of(shape).c_str(), status, hb_last_error());
        }
    }
}

// f32 among bf16 activations or bf16 among f32 ones, and a parameter of another type than f32: refused, with a message
// that names the type.
void mixtures_of(const Row& row, const Case& test, hb_dtype type) {
    auto values = input_values(row, test, Layout::Dense, type);
    size_t activations = 0;
    for (const Input& input : test.inputs) activations += is_activation(input) && !input.is_free;
    for (size_t i = 0; i < test.inputs.size(); i++) {
        const Input& input = test.inputs[i];
        if (input.kind != Input::Kind::Real || input.stored || input.is_free) continue;
        std::vector<hb_dtype> wrong = {HB_BF16};
        if (input.is_parameter && activations > 0) wrong.push_back(HB_F64);
        if (!input.is_parameter) wrong = {type == HB_BF16 ? HB_F32 : HB_BF16};
        if (!input.is_parameter && activations < 2) continue;
        for (hb_dtype other : wrong) {
            BuiltInputs inputs(test, values, type, Layout::Dense);
            Handles own;
            hb_tensor instead =
                own(hb_full(HB_DEVICE_CPU, other, int32_t(input.shape.size()), input.shape.data(), 0.5));
            hb_status status = status_with(test, inputs.tensors, i, instead);
            check(status == HB_ERROR_ARGUMENT && std::strstr(hb_last_error(), name_of_type(other)),
                  "%s / %s / %s: input %zu of type %s gives status %d: %s", row.op, test.name.c_str(),
                  name_of_type(type), i, name_of_type(other), status, hb_last_error());
        }
    }
}

}  // namespace

void run_errors(const std::vector<Row>& rows) {
    constexpr size_t kCases = 3;
    for (const Row& row : rows) {
        std::vector<Case> cases;
        row.cases(cases);
        hb_memory before, after;
        ok(hb_memory_stats(HB_DEVICE_CPU, &before));
        for (size_t i = 0; i < cases.size() && i < kCases; i++) {
            errors_of(row, cases[i]);
            mixtures_of(row, cases[i], HB_F32);
            if (takes_bf16(cases[i])) mixtures_of(row, cases[i], HB_BF16);
        }
        ok(hb_memory_stats(HB_DEVICE_CPU, &after));
        check(after.live_tensors == before.live_tensors && after.live_storages == before.live_storages &&
                  after.in_use == before.in_use,
              "%s: errors leave %lld tensors behind", row.op,
              static_cast<long long>(after.live_tensors - before.live_tensors));
    }
}

}  // namespace hb::test
