// The op table: one row for every op of the registry. A row says how to call the op, on which shapes, and how to get
// its gradient; the modes of main.cpp do the rest. Adding an op means adding a row: the coverage check asks for it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/check.h"

namespace hb::test {

// ---- inputs

// One input of a case: its shape, type and what it is filled with.
struct Input {
    enum class Kind { Real, Index, Whole, Absent };
    Kind kind = Kind::Real;
    Sizes shape;
    double low = -1, high = 1;
    double apart = 0;           // Real: no value is nearer to 0 than this
    int64_t levels = 0;         // Real: only so many different values, so that equal ones occur
    double nan_share = 0;       // Real: this part of the values is NaN
    hb_dtype type = HB_F32;     // Whole (a type of integers) and `stored`
    bool stored = false;        // Real, but always of `type`, not of the type under test
    bool is_target = false;     // written in place: must be dense
    bool is_constant = false;   // has no gradient
    bool is_free = false;       // the op takes tensors of any type here
    bool is_parameter = false;  // Real: f32 beside bf16 activations
    bool is_weight = false;     // a parameter that a tier may round to bf16 for products

    Input from(double a, double b) const {
        return with([&](Input& i) { i.low = a, i.high = b; });
    }
    Input away(double distance) const {
        return with([&](Input& i) { i.apart = distance; });
    }
    Input tied(int64_t n) const {
        return with([&](Input& i) { i.levels = n; });
    }
    Input nans(double share) const {
        return with([&](Input& i) { i.nan_share = share; });
    }
    Input as(hb_dtype t) const {
        return with([&](Input& i) { i.type = t, i.stored = true; });
    }
    Input constant() const {
        return with([](Input& i) { i.is_constant = true; });
    }
    Input target() const {
        return with([](Input& i) { i.is_target = i.is_constant = true; });
    }
    Input parameter() const {
        return with([](Input& i) { i.is_parameter = true; });
    }
    Input weight() const {
        return with([](Input& i) { i.is_parameter = i.is_weight = true; });
    }
    Input any_type() const {
        return with([](Input& i) { i.is_free = true; });
    }

  private:
    template <class Change>
    Input with(Change&& change) const {
        Input copy = *this;
        change(copy);
        return copy;
    }
};

// Of the type under test, in [-1, 1).
Input real(const Sizes& shape);
// i64 in [0, bound).
Input index(const Sizes& shape, int64_t bound);
// Whole numbers of an integer type, in [low, high].
Input whole(hb_dtype type, const Sizes& shape, int64_t low, int64_t high);
// u8, 0 or 1.
Input flags(const Sizes& shape);
// Handle 0.
Input absent();

// ---- cases

using Tensors = std::vector<hb_tensor>;

// Where a case puts its results; also what it made on the way.
class Results {
  public:
    // The next result; throws where it is an error.
    void add(hb_tensor result) { values.push_back(own_(result)); }
    // The results of an op with an array of them; 0 is left out.
    void add(hb_status status, const hb_tensor* results, int n) {
        ok(status);
        for (int i = 0; i < n; i++)
            if (results[i]) add(results[i]);
    }
    // Something that was written in place.
    void add_target(hb_tensor target) { add(hb_alias(target)); }
    // Not a result, released with them.
    hb_tensor temporary(hb_tensor tensor) { return own_(tensor); }

    Tensors values;

  private:
    Handles own_;
};

// d loss / d input i, for every input that has one; 0 for the others.
class Gradients {
  public:
    explicit Gradients(size_t inputs) : values(inputs, 0) {}
    void set(size_t input, hb_tensor gradient) { values[input] = own_(gradient); }
    hb_tensor temporary(hb_tensor tensor) { return own_(tensor); }

    Tensors values;

  private:
    Handles own_;
};

// Case::roundings of a product with noise: a tier may round the perturbed weights to bf16 before it multiplies.
constexpr double kRoundedNoise = 2;

enum class Oracle {
    F64,   // the scalar kernels in double precision
    Bits,  // the scalar tier in the same type, bit for bit: where results are defined exactly
};

using Forward = std::function<void(const Tensors& in, Results& out)>;
using Backward = std::function<void(const Tensors& in, const Tensors& out, const Tensors& dy, Gradients& gradients)>;

struct Case {
    std::string name = {};
    std::vector<Input> inputs = {};
    Forward run = nullptr;
    Backward backward = nullptr;  // where the op is differentiable
    Forward reference = nullptr;  // what finite differences are taken of, where that is not `run`
    size_t losses = SIZE_MAX;     // only so many of the results are differentiable, from the first
    double terms = 0;             // length of the longest sum behind an element of a result; 0: none, no cancellation
    double magnitude = 1;         // of what is summed, where the result may be smaller: inputs are of order 1
    double growth = 1;            // of rounding errors, by an algorithm that is faster for it
    // In bf16: the results that are f32 (statistics, losses, gradients of parameters), by number; and how many
    // roundings of values between, of the size of the largest result, may add up behind an element beside its own.
    std::vector<size_t> wide = {};
    double roundings = 0;
    Oracle oracle = Oracle::F64;
    double flops = 0, bytes = 0;  // for mode perf: work of one call; bytes in f32
    double whole_bytes = 0;       // of integers, in any type
    std::string networks = {};    // for mode perf: which of those in docs/performance.md have it
};

struct Row {
    const char* op;
    bool gradient;  // must agree with the registry
    std::function<void(std::vector<Case>& cases)> cases;
    std::function<void(std::vector<Case>& cases)> perf = nullptr;
};

// The table, by family.
std::vector<Row> creation_rows();
std::vector<Row> movement_rows();
std::vector<Row> elementwise_rows();
std::vector<Row> reduction_rows();
std::vector<Row> linear_algebra_rows();
std::vector<Row> convolution_rows();
std::vector<Row> pooling_rows();
std::vector<Row> normalisation_rows();
std::vector<Row> attention_rows();
std::vector<Row> loss_rows();
std::vector<Row> optimizer_rows();
std::vector<Row> all_rows();

// ---- words for writing rows

// printf-style text, for names of cases.
std::string text(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

// A stream for tests.
hb_stream test_stream(uint32_t tensor, uint32_t step = 3, uint32_t stream = 5);
hb_noise no_noise();
hb_noise test_noise(int32_t kind, int32_t sub_batches, int32_t gradient, float sigma = 0.25f);
// "multiplicative noise, 3 runs, chain rule"
std::string text_of(const hb_noise& noise);

// First row of noise run m of n rows.
inline int64_t run_begin(const hb_noise& noise, int64_t n, int64_t m) { return m * n / noise.sub_batches; }

// The rows [begin, end) of x's first dimension.
hb_tensor rows_of(hb_tensor x, int64_t begin, int64_t end);

// y = the results of `of_run(m, x_m)` joined again, where x_m are the rows of x that noise run m has. Runs without rows
// are left out.
hb_tensor by_runs(Results& results, const hb_noise& noise, hb_tensor x,
                  const std::function<hb_tensor(int32_t m, hb_tensor x_m)>& of_run);
// What run m sees of w, plus `offset`: the gradient "at perturbed" is the one with respect to the offset.
hb_tensor seen_weight(Results& results, hb_tensor w, const hb_noise& noise, int32_t m, hb_tensor offset);

// gradient summed over the dimensions that `shape` was broadcast along.
hb_tensor unbroadcast(Gradients& gradients, hb_tensor gradient, const Sizes& shape);

}  // namespace hb::test
