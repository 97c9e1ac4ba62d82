// op_table MODE [--op NAME[,NAME]] [--shapes all|few] [--device cpu|cuda] [--network NAME] [--type f32|bf16] [--json]:
// see modes.h for the modes.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>

#include "op_table/modes.h"

namespace hb::test {

void check_coverage(const std::vector<Row>& rows) {
    std::set<std::string> registered, tested;
    for (int32_t i = 0; i < hb_op_count(); i++) {
        hb_op_info info;
        ok(hb_op_describe(i, &info));
        check(registered.insert(info.name).second, "the registry has %s twice", info.name);
        for (const Row& row : rows)
            if (std::strcmp(row.op, info.name) == 0)
                check(row.gradient == (std::strcmp(info.gradient, "none") != 0),
                      "%s: the row says gradient %s, the registry \"%s\"", row.op, row.gradient ? "yes" : "no",
                      info.gradient);
    }
    for (int32_t i = 0; i < hb_op_count(); i++) {
        hb_op_info info;
        ok(hb_op_describe(i, &info));
        std::istringstream words(info.gradient);
        for (std::string word; words >> word;)
            check(word == "none" || word == "composed" || registered.count(word),
                  "%s: the registry names the gradient %s, which is no op", info.name, word.c_str());
    }
    for (const Row& row : rows) {
        check(tested.insert(row.op).second, "%s has two rows", row.op);
        check(registered.count(row.op) == 1, "the row %s names no op of the registry", row.op);
    }
    for (const std::string& op : registered)
        check(tested.count(op) == 1, "op %s has no row in the op table: add one in native/tests/op_table", op.c_str());
    hb_op_info info;
    check(hb_op_describe(-1, &info) == HB_ERROR_ARGUMENT, "op -1 is described");
    check(hb_op_describe(hb_op_count(), &info) == HB_ERROR_ARGUMENT, "an op past the last is described");
}

namespace {

// Multiplications of a case that --shapes few keeps, at most. Ops of other kinds are quick at any size in the table.
constexpr double kFewProducts = 1e7;

void keep_few_cases(std::vector<Row>& rows) {
    for (Row& row : rows)
        row.cases = [all = row.cases](std::vector<Case>& cases) {
            all(cases);
            std::erase_if(cases, [](const Case& test) { return test.flops > 2 * kFewProducts; });
        };
}

}  // namespace

static int usage() {
    std::fprintf(stderr, "usage: op_table test|grad|threads|errors|support|perf [--op NAME[,NAME]] [--shapes all|few] "
                         "[--device cpu|cuda] [--network NAME] [--type f32|bf16] [--json]\n"
                         "--device: of modes test, grad, perf; --shapes few: of modes test, grad, without the products "
                         "that take longest; --network, --type: of mode perf\n");
    return 2;
}

static int run(int argc, char** argv) {
    std::string mode, op, network, type = "f32", device = "cpu", shapes = "all";
    bool json = false;
    for (int i = 1; i < argc; i++) {
        std::string word = argv[i];
        if (word == "--json")
            json = true;
        else if (word == "--op" && i + 1 < argc)
            op = argv[++i];
        else if (word == "--shapes" && i + 1 < argc)
            shapes = argv[++i];
        else if (word == "--network" && i + 1 < argc)
            network = argv[++i];
        else if (word == "--device" && i + 1 < argc)
            device = argv[++i];
        else if (word == "--type" && i + 1 < argc)
            type = argv[++i];
        else if (mode.empty() && word[0] != '-')
            mode = word;
        else
            return usage();
    }
    if ((type != "f32" && type != "bf16") || (device != "cpu" && device != "cuda")) return usage();
    if ((shapes != "all" && shapes != "few") || (shapes == "few" && mode != "test" && mode != "grad")) return usage();
    hb_device number = device == "cpu" ? HB_DEVICE_CPU : HB_DEVICE_CUDA;
    if (const char* tier = std::getenv("HORNBEAM_TIER"); tier && hb_set_tier(tier) == HB_ERROR_UNSUPPORTED) {
        std::printf("tier %s is not supported by this CPU\n", tier);
        return 0;
    }
    if (!hb_device_available(number)) {
        std::fprintf(stderr, "op_table: %s\n", hb_last_error());
        return 1;
    }
    std::vector<Row> rows = all_rows();
    if (op.empty()) {
        if (mode != "perf" && mode != "support") check_coverage(rows);
    } else {
        std::set<std::string> wanted;
        std::istringstream names(op);
        for (std::string name; std::getline(names, name, ',');) wanted.insert(name);
        std::erase_if(rows, [&](const Row& row) { return !wanted.count(row.op); });
        for (const Row& row : rows) wanted.erase(row.op);
        if (rows.empty() || !wanted.empty()) {
            std::fprintf(stderr, "op_table: no op is called %s\n", wanted.empty() ? "" : wanted.begin()->c_str());
            return 2;
        }
    }
    if (shapes == "few") keep_few_cases(rows);
    if (mode == "support") return run_support(rows, json), 0;
    On on(mode == "perf" ? number : HB_DEVICE_CPU);
    if (mode == "perf") return run_perf(rows, network, type == "bf16" ? HB_BF16 : HB_F32, json), 0;
    // Mode threads shows that their number changes nothing; without them a busy machine stays quick.
    ok(hb_set_threads(1));
    if (mode == "test")
        run_test(rows, number);
    else if (mode == "grad")
        run_grad(rows, number);
    else if (mode == "threads")
        run_threads(rows);
    else if (mode == "errors")
        run_errors(rows);
    else
        return usage();
    std::printf("op_table %s, %s %s: ", mode.c_str(), number == HB_DEVICE_CPU ? "tier" : "device",
                number == HB_DEVICE_CPU ? hb_tier() : device.c_str());
    return finish();
}

}  // namespace hb::test

int main(int argc, char** argv) {
    try {
        return hb::test::run(argc, argv);
    } catch (const std::exception& error) {
        std::printf("FAILED %s\n", error.what());
        return 1;
    }
}
