// Mode support: which op has a kernel for which type, on which device and tier.
#include <algorithm>
#include <cstdio>

#include "op_table/modes.h"

namespace hb::test {
namespace {

const char* support(const Row& row, hb_dtype type, hb_device device) {
    std::vector<Case> cases;
    row.cases(cases);
    if (cases.empty()) return "?";
    const Case& test = cases.front();
    bool of_parameters =
        std::any_of(test.inputs.begin(), test.inputs.end(), [](const Input& i) { return i.is_parameter; });
    if (type == HB_BF16 && of_parameters && !takes_bf16(test)) return "-";  // nothing in it may be bf16
    try {
        On on(device);
        BuiltInputs inputs(test, input_values(row, test, Layout::Dense), type, Layout::Dense);
        Results results;
        test.run(inputs.tensors, results);
        return "yes";
    } catch (const CallFailed&) {
        return "no";
    }
}

}  // namespace

void run_support(const std::vector<Row>& rows, bool json) {
    struct Column {
        const char* name;
        hb_device device;
        const char* tier;
        hb_dtype type;
    };
    std::vector<Column> columns;
    std::string chosen = hb_tier();
    for (const char* tier : {"scalar", "avx2", "avx512", "amx"}) {
        if (hb_set_tier(tier) != HB_OK) continue;
        for (hb_dtype type : {HB_F32, HB_F64, HB_BF16}) columns.push_back({"cpu", HB_DEVICE_CPU, tier, type});
    }
    for (hb_dtype type : {HB_F32, HB_BF16}) columns.push_back({"null", HB_DEVICE_NULL, "", type});
    if (hb_device_available(HB_DEVICE_CUDA))
        for (hb_dtype type : {HB_F32, HB_BF16}) columns.push_back({"cuda", HB_DEVICE_CUDA, "", type});
    auto title = [](const Column& c) {
        return text("%s%s%s/%s", c.name, *c.tier ? "/" : "", c.tier, name_of_type(c.type));
    };
    if (json) {
        std::printf("[\n");
    } else {
        std::printf("%-26s", "op");
        for (const Column& c : columns) std::printf(" %16s", title(c).c_str());
        std::printf("\n");
    }
    for (size_t r = 0; r < rows.size(); r++) {
        std::printf(json ? "  {\"op\": \"%s\"" : "%-26s", rows[r].op);
        for (const Column& c : columns) {
            if (*c.tier) ok(hb_set_tier(c.tier));
            const char* answer = support(rows[r], c.type, c.device);
            if (json)
                std::printf(", \"%s\": \"%s\"", title(c).c_str(), answer);
            else
                std::printf(" %16s", answer);
        }
        std::printf(json ? (r + 1 < rows.size() ? "},\n" : "}\n") : "\n");
    }
    if (json) std::printf("]\n");
    ok(hb_set_tier(chosen.c_str()));
}

}  // namespace hb::test
