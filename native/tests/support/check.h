// What the test programs share: counting checks, and owning handles.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "hornbeam.h"

namespace hb::test {

// An ABI call that returned an error.
class CallFailed : public std::runtime_error {
  public:
    CallFailed(hb_status status, const std::string& message) : std::runtime_error(message), status(status) {}
    const hb_status status;
};

// The result, where it is none of the errors; else throws CallFailed with the library's message.
int64_t ok(int64_t result);

// Counts; prints a check that fails.
void check(bool passed, const char* pattern, ...) __attribute__((format(printf, 2, 3)));
// The last call must have given `status`, and hb_last_error() must mention every one of `words`.
void check_error(int64_t result, hb_status status, std::initializer_list<const char*> words);
// Prints "N passed, N failed"; what main returns.
int finish();
int failures();

// Releases its handles at the end of the block.
class Handles {
  public:
    Handles() = default;
    ~Handles();
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;

    // Takes over a result; throws where it is an error. 0 is passed through.
    hb_tensor operator()(hb_tensor result);
    // The tensor is released before the others are.
    void release(hb_tensor handle);

  private:
    std::vector<hb_tensor> handles_;
};

using Sizes = std::vector<int64_t>;

int64_t count(const Sizes& shape);
int64_t bytes_of(hb_dtype type);
const char* name_of_type(hb_dtype type);
Sizes shape_of(hb_tensor tensor);
hb_dtype type_of(hb_tensor tensor);
std::string text_of(const Sizes& shape);

// The device that tests make their tensors on: the CPU, unless one says otherwise.
hb_device here();
// Makes it `device` until the end of the block.
class On {
  public:
    explicit On(hb_device device);
    ~On();
    On(const On&) = delete;
    On& operator=(const On&) = delete;

  private:
    hb_device before_;
};

// A dense tensor, here, with the given values, converted to its type (to BF16 by cutting: pass values that it holds).
hb_tensor tensor_of(hb_dtype type, const Sizes& shape, const std::vector<double>& values);
// The elements in row-major order, whatever their type.
std::vector<double> values_of(hb_tensor tensor);
// Their bytes.
std::vector<unsigned char> bytes_of(hb_tensor tensor);

// Conversion of doubles to and from the memory of a tensor.
void encode(hb_dtype type, const std::vector<double>& values, std::vector<unsigned char>& bytes);
std::vector<double> decode(hb_dtype type, const std::vector<unsigned char>& bytes);

// n reproducible numbers in [low, high), each a float.
std::vector<double> uniform_values(int64_t n, double low, double high, uint32_t stream, uint64_t seed = 7);

// Largest |a - b|; infinite where sizes differ or one is NaN alone.
double largest_difference(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace hb::test
