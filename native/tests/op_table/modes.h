// What can be done with the table.
#pragma once

#include "op_table/table.h"

namespace hb::test {

// The device, on the CPU its tier in use, F32 and BF16, against the oracle; dense, sliced, permuted and expanded
// inputs.
void run_test(const std::vector<Row>& rows, hb_device device);
// On the CPU: gradients against finite differences, F64. On another device: F32 gradients against the CPU's F64 ones.
void run_grad(const std::vector<Row>& rows, hb_device device);
// The same bits for 1, 2 and 3 threads.
void run_threads(const std::vector<Row>& rows);
// Wrong handles, types, mixtures of types, devices: an error, never a crash or a leak.
void run_errors(const std::vector<Row>& rows);
// Op x type x device: is there a kernel?
void run_support(const std::vector<Row>& rows, bool json);
// Speed, with activations of the given type, beside the machine's measured peaks; of the cases that a network has, or
// of all where the name is empty.
void run_perf(const std::vector<Row>& rows, const std::string& network, hb_dtype type, bool json);

// Every op of the registry has a row and every row an op; gradients are declared alike.
void check_coverage(const std::vector<Row>& rows);

// ---- shared by the modes

enum class Layout { Dense, Sliced, Permuted, Expanded };
const char* name_of(Layout layout);

// The values that a case's inputs have, as doubles which a float holds; a bf16 does where activations have that type.
std::vector<std::vector<double>> input_values(const Row& row, const Case& test, Layout layout, hb_dtype type = HB_F32);

// Those inputs as tensors, here: the type under test for Real ones, the layout for all but targets.
class BuiltInputs {
  public:
    BuiltInputs(const Case& test, const std::vector<std::vector<double>>& values, hb_dtype type, Layout layout);
    Tensors tensors;

  private:
    Handles own_;
};

hb_dtype type_in(const Input& input, hb_dtype under_test);
// Does the input have the type under test, whatever it is?
bool is_activation(const Input& input);
// Is there an input that may be bf16? Of other cases, bf16 shows nothing new.
bool takes_bf16(const Case& test);

}  // namespace hb::test
