// Weight noise: the draws are those of the documentation, and an op with noise is the same op, run by run, on weights
// that were perturbed beforehand.
#include <cmath>
#include <functional>

#include "core/philox.h"
#include "core/weight_noise.h"
#include "support/check.h"

using namespace hb::test;

namespace {

hb_noise make_noise(int32_t kind, int32_t gradient, int32_t sub_batches, float sigma = 0.3f) {
    hb_noise noise{};
    noise.kind = kind;
    noise.gradient = gradient;
    noise.sub_batches = sub_batches;
    noise.sigma = sigma;
    noise.seed = 0xfeedfacecafebeefu;
    noise.tensor = 17;
    noise.step = 123456;
    noise.first_stream = 40;
    return noise;
}

hb_tensor random_tensor(Handles& own, hb_dtype type, const Sizes& shape, uint32_t stream) {
    return own(tensor_of(type, shape, uniform_values(count(shape), -1, 1, stream)));
}

double largest(const std::vector<double>& values) {
    double most = 0;
    for (double v : values) most = std::max(most, std::fabs(v));
    return most;
}

// Equal but for the order of sums: `terms` products each.
void check_close(hb_tensor got, hb_tensor expected, double terms, const char* what) {
    std::vector<double> g = values_of(got), e = values_of(expected);
    double unit = type_of(got) == HB_F64 ? 0x1p-53 : 0x1p-24;
    double allowed = unit * (16 + 4 * std::sqrt(terms)) * largest(e);
    check(shape_of(got) == shape_of(expected), "%s: shape %s, expected %s", what, text_of(shape_of(got)).c_str(),
          text_of(shape_of(expected)).c_str());
    double difference = largest_difference(g, e);
    check(difference <= allowed, "%s: differs by %g, allowed %g", what, difference, allowed);
}

void check_bits(hb_tensor got, hb_tensor expected, const char* what) {
    check(bytes_of(got) == bytes_of(expected), "%s: not the same bits", what);
}

// ---- draws

void draws_are_those_of_philox() {
    for (int32_t kind : {HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
        for (int64_t n : {1, 5, 64, 70001}) {
            Handles own;
            hb_noise noise = make_noise(kind, HB_GRADIENT_AT_PERTURBED, 3);
            std::vector<double> w = uniform_values(n, -2, 2, 1);
            hb_tensor w32 = own(tensor_of(HB_F32, {n}, w)), w64 = own(tensor_of(HB_F64, {n}, w));
            for (int32_t m = 0; m < 3; m++) {
                // docs/randomness.md: purpose 2, stream = first_stream + m, element = flat index.
                hb::PhiloxKey key{noise.seed, noise.tensor, noise.step, 2, noise.first_stream + uint32_t(m)};
                std::vector<double> s32 = values_of(own(hb_perturb_weight(w32, &noise, m)));
                std::vector<double> s64 = values_of(own(hb_perturb_weight(w64, &noise, m)));
                int64_t wrong = 0;
                for (int64_t i = 0; i < n; i++) {
                    float z = key.normal(uint64_t(i)), v = float(w[size_t(i)]);
                    float e32 =
                        kind == HB_NOISE_MULTIPLICATIVE ? std::fma(v, noise.sigma * z, v) : std::fma(noise.sigma, z, v);
                    double e64 = kind == HB_NOISE_MULTIPLICATIVE
                                     ? std::fma(double(v), double(noise.sigma) * double(z), double(v))
                                     : std::fma(double(noise.sigma), double(z), double(v));
                    wrong += s32[size_t(i)] != double(e32) || s64[size_t(i)] != e64;
                }
                check(wrong == 0, "kind %d, %lld weights, run %d: %lld draws differ", kind, static_cast<long long>(n),
                      m, static_cast<long long>(wrong));
            }
        }
}

// Every field of the key matters, and nothing else does.
void draws_depend_on_the_key() {
    Handles own;
    hb_tensor w = random_tensor(own, HB_F32, {256}, 2);
    hb_noise noise = make_noise(HB_NOISE_ADDITIVE, HB_GRADIENT_AT_PERTURBED, 4);
    hb_tensor first = own(hb_perturb_weight(w, &noise, 1));
    auto changed = [&](auto change) {
        hb_noise other = noise;
        change(other);
        return bytes_of(own(hb_perturb_weight(w, &other, 1))) != bytes_of(first);
    };
    check(changed([](hb_noise& n) { n.seed++; }), "the seed's low word changes nothing");
    check(changed([](hb_noise& n) { n.seed += 1ull << 32; }), "the seed's high word changes nothing");
    check(changed([](hb_noise& n) { n.tensor++; }), "the tensor's number changes nothing");
    check(changed([](hb_noise& n) { n.step++; }), "the step changes nothing");
    check(changed([](hb_noise& n) { n.first_stream++; }), "the stream changes nothing");
    check(!changed([](hb_noise& n) { n.sub_batches = 2; }), "the number of runs changes the draws");
    check(!changed([](hb_noise& n) { n.gradient = HB_GRADIENT_CHAIN_RULE; }), "the gradient's kind changes the draws");
    hb_noise later = noise;
    later.first_stream += 1;
    check_bits(own(hb_perturb_weight(w, &later, 0)), first, "run 0 of the next stream");
}

// ---- ops with noise, taken apart

// An op that reads one weight, as functions of (rows of the batch, weight).
struct Layer {
    const char* name;
    Sizes x, y, w;
    std::function<hb_tensor(Handles&, hb_tensor x, hb_tensor w, const hb_noise*)> forward;
    std::function<hb_tensor(Handles&, hb_tensor dy, hb_tensor w, const hb_noise*)> data;
    std::function<hb_tensor(Handles&, hb_tensor x, hb_tensor dy, hb_tensor w, const hb_noise*)> weight;
};

Layer convolution(int64_t n, int64_t size, int64_t c, int64_t o, int64_t kernel, int32_t stride, int32_t pad,
                  int32_t groups) {
    hb_conv2d_params p{stride, stride, pad, pad, 1, 1, groups};
    int64_t out = (size + 2 * pad - kernel) / stride + 1;
    return {"conv2d",
            {n, size, size, c},
            {n, out, out, o},
            {o, kernel, kernel, c / groups},
            [=](Handles& own, hb_tensor x, hb_tensor w, const hb_noise* noise) {
                return own(hb_conv2d(x, w, 0, &p, noise));
            },
            [=](Handles& own, hb_tensor dy, hb_tensor w, const hb_noise* noise) {
                return own(hb_conv2d_backward_data(dy, w, size, size, &p, noise));
            },
            [=](Handles& own, hb_tensor x, hb_tensor dy, hb_tensor, const hb_noise* noise) {
                hb_tensor r[2] = {};
                ok(hb_conv2d_backward_weight(x, dy, kernel, kernel, 0, &p, noise, r));
                return own(r[0]);
            }};
}

Layer linear(int64_t n, int64_t in, int64_t out) {
    return {
        "linear",
        {n, in},
        {n, out},
        {out, in},
        [](Handles& own, hb_tensor x, hb_tensor w, const hb_noise* noise) { return own(hb_linear(x, w, 0, noise)); },
        [](Handles& own, hb_tensor dy, hb_tensor w, const hb_noise* noise) {
            return own(hb_linear_backward_data(dy, w, noise));
        },
        [](Handles& own, hb_tensor x, hb_tensor dy, hb_tensor, const hb_noise* noise) {
            hb_tensor r[2] = {};
            ok(hb_linear_backward_weight(x, dy, 0, noise, r));
            return own(r[0]);
        }};
}

// gamma of a group norm; statistics are of single samples, so runs may be taken apart.
Layer group_norm(int64_t n, int64_t c, int32_t groups) {
    auto forward = [=](Handles& own, hb_tensor x, hb_tensor gamma, const hb_noise* noise, hb_tensor r[3]) {
        hb_tensor zero = own(hb_full(HB_DEVICE_CPU, type_of(x), 1, &c, 0));
        ok(hb_group_norm(x, gamma, zero, groups, 1e-4, noise, r));
        for (int i = 0; i < 3; i++) own(r[i]);
    };
    return {"group_norm",
            {n, 5, c},
            {n, 5, c},
            {c},
            [=](Handles& own, hb_tensor x, hb_tensor gamma, const hb_noise* noise) {
                hb_tensor r[3];
                forward(own, x, gamma, noise, r);
                return r[0];
            },
            nullptr,
            [=](Handles& own, hb_tensor x, hb_tensor dy, hb_tensor gamma, const hb_noise* noise) {
                hb_tensor y[3], r[3];
                forward(own, x, gamma, noise, y);
                ok(hb_group_norm_backward(x, dy, gamma, y[1], y[2], groups, noise, r));
                for (hb_tensor t : r) own(t);
                return r[1];
            }};
}

// gamma of a batch norm in which each run has its own statistics.
Layer batch_norm(int64_t n, int64_t c) {
    auto params = [](const hb_noise* noise) {
        hb_batch_norm_params p{};
        p.training = 1;
        p.statistics_groups = noise ? noise->sub_batches : 1;
        p.epsilon = 1e-4f;
        return p;
    };
    auto forward = [=](Handles& own, hb_tensor x, hb_tensor gamma, const hb_noise* noise, hb_tensor r[3]) {
        hb_batch_norm_params p = params(noise);
        hb_tensor zero = own(hb_full(HB_DEVICE_CPU, type_of(x), 1, &c, 0));
        ok(hb_batch_norm(x, gamma, zero, 0, 0, 0, &p, noise, r));
        for (int i = 0; i < 3; i++) own(r[i]);
    };
    return {"batch_norm",
            {n, 3, 4, c},
            {n, 3, 4, c},
            {c},
            [=](Handles& own, hb_tensor x, hb_tensor gamma, const hb_noise* noise) {
                hb_tensor r[3];
                forward(own, x, gamma, noise, r);
                return r[0];
            },
            nullptr,
            [=](Handles& own, hb_tensor x, hb_tensor dy, hb_tensor gamma, const hb_noise* noise) {
                hb_tensor y[3], r[4] = {};
                forward(own, x, gamma, noise, y);
                hb_batch_norm_params p = params(noise);
                ok(hb_batch_norm_backward(x, y[0], dy, gamma, y[1], y[2], 0, &p, noise, r));
                for (hb_tensor t : r) own(t);
                return r[1];
            }};
}

struct Run {
    int64_t begin, end;
    int32_t m;
};

std::vector<Run> runs_of(const hb_noise& noise, int64_t n) {
    std::vector<Run> runs;
    for (int32_t m = 0; m < noise.sub_batches; m++)
        if (int64_t begin = m * n / noise.sub_batches, end = (m + 1) * n / noise.sub_batches; begin < end)
            runs.push_back({begin, end, m});
    return runs;
}

hb_tensor joined(Handles& own, const std::vector<hb_tensor>& parts) {
    return own(hb_concat(int32_t(parts.size()), parts.data(), 0));
}

// What run m's weight gradient counts with: 1 + sigma z under the chain rule.
hb_tensor slope(Handles& own, hb_dtype type, const Sizes& shape, const hb_noise& noise, int32_t m) {
    hb_noise additive = noise;
    additive.kind = HB_NOISE_ADDITIVE;
    hb_tensor one = own(hb_full(HB_DEVICE_CPU, type, int32_t(shape.size()), shape.data(), 1));
    bool counts = noise.kind == HB_NOISE_MULTIPLICATIVE && noise.gradient == HB_GRADIENT_CHAIN_RULE;
    return counts ? own(hb_perturb_weight(one, &additive, m)) : one;
}

void equals_perturbed_runs(const Layer& layer, hb_dtype type, const hb_noise& noise) {
    Handles own;
    std::string name = std::string(layer.name) + " " + text_of(layer.x) + " " + name_of_type(type) + " kind " +
                       std::to_string(noise.kind) + " gradient " + std::to_string(noise.gradient) + " runs " +
                       std::to_string(noise.sub_batches);
    int64_t n = layer.x[0];
    hb_tensor x = random_tensor(own, type, layer.x, 11), dy = random_tensor(own, type, layer.y, 12);
    hb_tensor w = random_tensor(own, type, layer.w, 13);
    double forward_terms = double(count(layer.x)) / double(n), rows = double(count(layer.y)) / double(layer.y.back());

    std::vector<hb_tensor> y_parts, dx_parts, y_single;
    hb_tensor dw_sum = own(hb_full(HB_DEVICE_CPU, type, int32_t(layer.w.size()), layer.w.data(), 0));
    hb_tensor dw_single = own(hb_full(HB_DEVICE_CPU, type, int32_t(layer.w.size()), layer.w.data(), 0));
    for (const Run& run : runs_of(noise, n)) {
        hb_tensor x_m = own(hb_slice(x, 0, run.begin, run.end, 1)), dy_m = own(hb_slice(dy, 0, run.begin, run.end, 1));
        hb_tensor w_m = own(hb_perturb_weight(w, &noise, run.m));
        y_parts.push_back(layer.forward(own, x_m, w_m, nullptr));
        if (layer.data) dx_parts.push_back(layer.data(own, dy_m, w_m, nullptr));
        hb_tensor dw_m = layer.weight(own, x_m, dy_m, w_m, nullptr);
        hb_tensor counted = own(hb_binary(HB_MUL, dw_m, slope(own, type, layer.w, noise, run.m)));
        ok(hb_add_scaled(dw_sum, counted, 1));
        // A process that has only this run: the same stream, one sub-batch.
        hb_noise alone = noise;
        alone.sub_batches = 1;
        alone.first_stream = noise.first_stream + uint32_t(run.m);
        y_single.push_back(layer.forward(own, x_m, w, &alone));
        ok(hb_add_scaled(dw_single, layer.weight(own, x_m, dy_m, w, &alone), 1));
    }
    hb_tensor y = layer.forward(own, x, w, &noise), dw = layer.weight(own, x, dy, w, &noise);
    check_close(y, joined(own, y_parts), forward_terms, (name + ": forward, perturbed beforehand").c_str());
    check_close(y, joined(own, y_single), forward_terms, (name + ": forward, a process for every run").c_str());
    check_close(dw, dw_sum, rows, (name + ": dw, perturbed beforehand").c_str());
    check_close(dw, dw_single, rows, (name + ": dw, a process for every run").c_str());
    if (layer.data)
        check_close(layer.data(own, dy, w, &noise), joined(own, dx_parts), forward_terms,
                    (name + ": dx, perturbed beforehand").c_str());
}

void silent_noise_is_none(const Layer& layer, hb_dtype type) {
    Handles own;
    hb_tensor x = random_tensor(own, type, layer.x, 11), w = random_tensor(own, type, layer.w, 13);
    hb_tensor plain = layer.forward(own, x, w, nullptr);
    for (int32_t kind : {HB_NOISE_NONE, HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE}) {
        hb_noise noise = make_noise(kind, HB_GRADIENT_CHAIN_RULE, 1, kind == HB_NOISE_NONE ? 0.5f : 0.0f);
        check_bits(layer.forward(own, x, w, &noise), plain, layer.name);
    }
}

void every_layer() {
    for (hb_dtype type : {HB_F32, HB_F64})
        for (int64_t n : {8, 11, 3}) {
            if (type == HB_F64 && n == 8) continue;
            std::vector<Layer> layers = {convolution(n, 6, 5, 7, 3, 1, 1, 1),
                                         convolution(n, 7, 8, 12, 3, 2, 1, 4),
                                         convolution(n, 4, 16, 33, 1, 1, 0, 1),
                                         convolution(n, 6, 16, 24, 3, 1, 1, 1),
                                         convolution(n, 5, 6, 6, 3, 1, 1, 6),
                                         linear(n, 17, 9),
                                         linear(n, 64, 40),
                                         group_norm(n, 12, 3)};
            if (n >= 8) layers.push_back(batch_norm(n, 9));
            for (const Layer& layer : layers) {
                silent_noise_is_none(layer, type);
                for (int32_t kind : {HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
                    for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE})
                        for (int32_t runs : {1, 2, 8}) {
                            if (std::string(layer.name) == "batch_norm" && runs > n) continue;
                            equals_perturbed_runs(layer, type, make_noise(kind, gradient, runs));
                        }
            }
        }
}

// The rows of a sample share its run.
void rows_of_a_sample_share_a_run() {
    Handles own;
    hb_noise noise = make_noise(HB_NOISE_MULTIPLICATIVE, HB_GRADIENT_AT_PERTURBED, 3);
    hb_tensor x = random_tensor(own, HB_F32, {7, 4, 6}, 1), w = random_tensor(own, HB_F32, {5, 6}, 2);
    std::vector<hb_tensor> parts;
    for (const Run& run : runs_of(noise, 7))
        parts.push_back(own(hb_linear(own(hb_slice(x, 0, run.begin, run.end, 1)),
                                      own(hb_perturb_weight(w, &noise, run.m)), 0, nullptr)));
    check_close(own(hb_linear(x, w, 0, &noise)), joined(own, parts), 6, "linear of rank 3");
}

// A bias is never perturbed, and its gradient never scaled.
void biases_are_left_alone() {
    Handles own;
    hb_noise noise = make_noise(HB_NOISE_MULTIPLICATIVE, HB_GRADIENT_CHAIN_RULE, 4);
    hb_tensor x = own(hb_full(HB_DEVICE_CPU, HB_F32, 2, Sizes{8, 3}.data(), 0));
    hb_tensor w = random_tensor(own, HB_F32, {5, 3}, 2), bias = random_tensor(own, HB_F32, {5}, 3);
    hb_tensor expected = own(hb_expand(bias, 2, Sizes{8, 5}.data()));
    check_bits(own(hb_linear(x, w, bias, &noise)), expected, "the bias under noise");
    hb_tensor dy = random_tensor(own, HB_F32, {8, 5}, 4), with[2], without[2];
    ok(hb_linear_backward_weight(x, dy, 1, &noise, with));
    ok(hb_linear_backward_weight(x, dy, 1, nullptr, without));
    for (hb_tensor t : {with[0], with[1], without[0], without[1]}) own(t);
    check_close(with[1], without[1], 8, "the bias gradient under noise");
}

void wrong_noise_is_refused() {
    Handles own;
    hb_tensor x = random_tensor(own, HB_F32, {4, 3}, 1), w = random_tensor(own, HB_F32, {2, 3}, 2);
    auto refused = [&](const char* word, auto change) {
        hb_noise noise = make_noise(HB_NOISE_MULTIPLICATIVE, HB_GRADIENT_AT_PERTURBED, 2);
        change(noise);
        check_error(hb_linear(x, w, 0, &noise), HB_ERROR_ARGUMENT, {"linear", word});
    };
    refused("kind", [](hb_noise& n) { n.kind = 3; });
    refused("gradient", [](hb_noise& n) { n.gradient = -1; });
    refused("sub_batches", [](hb_noise& n) { n.sub_batches = 0; });
    refused("sigma", [](hb_noise& n) { n.sigma = -0.1f; });
    refused("sigma", [](hb_noise& n) { n.sigma = NAN; });
    refused("first_stream", [](hb_noise& n) { n.first_stream = (1u << 24) - 1; });
    hb_noise noise = make_noise(HB_NOISE_MULTIPLICATIVE, HB_GRADIENT_AT_PERTURBED, 2);
    check_error(hb_perturb_weight(w, &noise, 2), HB_ERROR_ARGUMENT, {"sub_batch"});
    check_error(hb_perturb_weight(w, &noise, -1), HB_ERROR_ARGUMENT, {"sub_batch"});
}

}  // namespace

int main() {
    try {
        ok(hb_set_threads(1));  // op_table threads shows that their number changes nothing
        draws_are_those_of_philox();
        draws_depend_on_the_key();
        every_layer();
        rows_of_a_sample_share_a_run();
        biases_are_left_alone();
        wrong_noise_is_refused();
    } catch (const CallFailed& error) {
        check(false, "%s", error.what());
    }
    return finish();
}
