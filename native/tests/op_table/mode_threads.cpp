// Mode threads: every op gives the same bits, whatever the number of threads.
#include "op_table/modes.h"

namespace hb::test {
namespace {

std::vector<std::vector<unsigned char>> bits_with(int threads, const Case& test,
                                                  const std::vector<std::vector<double>>& values) {
    ok(hb_set_threads(threads));
    BuiltInputs inputs(test, values, HB_F32, Layout::Dense);
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
        for (const Case& test : cases) {
            try {
                auto values = input_values(row, test, Layout::Dense);
                auto one = bits_with(1, test, values);
                for (int threads : {2, 3})
                    check(bits_with(threads, test, values) == one, "%s / %s: other bits with %d threads than with one",
                          row.op, test.name.c_str(), threads);
            } catch (const CallFailed& error) {
                check(false, "%s / %s: %s", row.op, test.name.c_str(), error.what());
            }
        }
    }
    ok(hb_set_threads(0));
}

}  // namespace hb::test
