// Mode threads: every op gives the same bits, whatever the number of threads, in F32 and BF16.
#include "op_table/modes.h"

namespace hb::test {
namespace {

std::vector<std::vector<unsigned char>> bits_with(int threads, const Case& test, hb_dtype type,
                                                  const std::vector<std::vector<double>>& values) {
    ok(hb_set_threads(threads));
    BuiltInputs inputs(test, values, type, Layout::Dense);
    Results results;
    test.run(inputs.tensors, results);
    std::vector<std::vector<unsigned char>> all;
    for (hb_tensor tensor : results.values) all.push_back(bytes_of(tensor));
    return all;
}

}  // namespace

void run_threads(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        std::vector<Case> cases;
        row.cases(cases);
        for (const Case& test : cases)
            for (hb_dtype type : {HB_F32, HB_BF16}) {
                if (type == HB_BF16 && !takes_bf16(test)) continue;
                try {
                    auto values = input_values(row, test, Layout::Dense, type);
                    auto one = bits_with(1, test, type, values);
                    for (int threads : {2, 3})
                        check(bits_with(threads, test, type, values) == one,
                              "%s / %s / %s: other bits with %d threads than with one", row.op, test.name.c_str(),
                              name_of_type(type), threads);
                } catch (const CallFailed& error) {
                    check(false, "%s / %s / %s: %s", row.op, test.name.c_str(), name_of_type(type), error.what());
                }
            }
    }
    ok(hb_set_threads(0));
}

}  // namespace hb::test
