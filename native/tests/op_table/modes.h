// What can be done with the table.
#pragma once

#include "op_table/table.h"

namespace hb::test {

// The tier in use, F32, against the oracle; dense, sliced, permuted and expanded inputs.
void run_test(const std::vector<Row>& rows);
// Gradients against finite differences, F64.
void run_grad(const std::vector<Row>& rows);
// The same bits for 1, 2 and 3 threads.
void run_threads(const std::vector<Row>& rows);
// Wrong handles, types, devices: an error, never a crash or a leak.
void run_errors(const std::vector<Row>& rows);
// Op x type x device: is there a kernel?
void run_support(const std::vector<Row>& rows, bool json);
// Speed, beside the machine's measured peaks.
void run_perf(const std::vector<Row>& rows, bool json);

// Every op of the registry has a row and every row an op; gradients are declared alike.
void check_coverage(const std::vector<Row>& rows);

// ---- shared by the modes

enum class Layout { Dense, Sliced, Permuted, Expanded };
const char* name_of(Layout layout);

// The values that a case's inputs have, as doubles which a float holds.
std::vector<std::vector<double>> input_values(const Row& row, const Case& test, Layout layout);

// Those inputs as tensors: the type under test for Real ones, the layout for all but targets.
class BuiltInputs {
  public:
    BuiltInputs(const Case& test, const std::vector<std::vector<double>>& values, hb_dtype type, Layout layout,
                hb_device device = HB_DEVICE_CPU);
    Tensors tensors;

  private:
    Handles own_;
};

hb_dtype type_in(const Input& input, hb_dtype under_test);

}  // namespace hb::test
