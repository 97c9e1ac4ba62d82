#include "op_table/table.h"

#include <cstdarg>
#include <cstdio>

namespace hb::test {

Input real(const Sizes& shape) {
    Input input;
    input.shape = shape;
    return input;
}

Input whole(hb_dtype type, const Sizes& shape, int64_t low, int64_t high) {
    Input input;
    input.kind = Input::Kind::Whole;
    input.shape = shape;
    input.type = type;
    input.low = double(low);
    input.high = double(high);
    input.is_constant = true;
    return input;
}

Input index(const Sizes& shape, int64_t bound) {
    Input input = whole(HB_I64, shape, 0, bound - 1);
    input.kind = Input::Kind::Index;
    return input;
}

Input flags(const Sizes& shape) { return whole(HB_U8, shape, 0, 1); }

Input absent() {
    Input input;
    input.kind = Input::Kind::Absent;
    input.is_constant = true;
    return input;
}

std::string text(const char* pattern, ...) {
    char buffer[256];
    std::va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(buffer, sizeof buffer, pattern, arguments);
    va_end(arguments);
    return buffer;
}

hb_stream test_stream(uint32_t tensor, uint32_t step, uint32_t stream) {
    return {0x123456789abcdef0u, 0, tensor, step, stream};
}

hb_noise no_noise() {
    hb_noise noise{};
    noise.sub_batches = 1;
    return noise;
}

hb_noise test_noise(int32_t kind, int32_t sub_batches, int32_t gradient, float sigma) {
    hb_noise noise{};
    noise.kind = kind;
    noise.gradient = gradient;
    noise.sub_batches = sub_batches;
    noise.sigma = sigma;
    noise.seed = 0x0fedcba987654321u;
    noise.tensor = 4;
    noise.step = 11;
    noise.first_stream = 16;
    return noise;
}

std::string text_of(const hb_noise& noise) {
    if (noise.kind == HB_NOISE_NONE) return "no noise";
    return text("%s noise, %d runs, %s", noise.kind == HB_NOISE_ADDITIVE ? "additive" : "multiplicative",
                noise.sub_batches, noise.gradient == HB_GRADIENT_CHAIN_RULE ? "chain rule" : "at perturbed");
}

hb_tensor rows_of(hb_tensor x, int64_t begin, int64_t end) { return hb_slice(x, 0, begin, end, 1); }

hb_tensor by_runs(Results& results, const hb_noise& noise, hb_tensor x,
                  const std::function<hb_tensor(int32_t m, hb_tensor x_m)>& of_run) {
    int64_t n = shape_of(x)[0];
    Tensors parts;
    for (int32_t m = 0; m < noise.sub_batches; m++) {
        int64_t begin = run_begin(noise, n, m), end = run_begin(noise, n, m + 1);
        if (begin == end) continue;
        hb_tensor x_m = results.temporary(rows_of(x, begin, end));
        parts.push_back(results.temporary(of_run(m, x_m)));
    }
    return hb_concat(int32_t(parts.size()), parts.data(), 0);
}

hb_tensor seen_weight(Results& results, hb_tensor w, const hb_noise& noise, int32_t m, hb_tensor offset) {
    hb_tensor seen = results.temporary(hb_perturb_weight(w, &noise, m));
    return results.temporary(hb_binary(HB_ADD, seen, offset));
}

hb_tensor unbroadcast(Gradients& gradients, hb_tensor gradient, const Sizes& shape) {
    Sizes have = shape_of(gradient);
    size_t missing = have.size() - shape.size();
    std::vector<int32_t> summed;
    for (size_t i = 0; i < have.size(); i++)
        if (i < missing || (shape[i - missing] == 1 && have[i] != 1)) summed.push_back(int32_t(i));
    if (!summed.empty())
        gradient = gradients.temporary(hb_reduce(HB_REDUCE_SUM, gradient, int32_t(summed.size()), summed.data(), 1));
    return hb_reshape(gradient, int32_t(shape.size()), shape.data());
}

std::vector<Row> all_rows() {
    std::vector<Row> all;
    for (auto family : {creation_rows, movement_rows, elementwise_rows, reduction_rows, linear_algebra_rows,
                        convolution_rows, pooling_rows, normalisation_rows, attention_rows, loss_rows, optimizer_rows})
        for (Row& row : family()) all.push_back(std::move(row));
    return all;
}

}  // namespace hb::test
