// Mode perf: speed of the ops on the shapes of the networks, beside what this machine can do at most,
// measured in the same run (core/peaks.h).
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/peaks.h"
#include "op_table/modes.h"

namespace hb::test {
namespace {

double now() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
    return values[values.size() / 2];
}

Tensors inputs_of(const Row& row, const Case& test, hb_dtype type, Handles& own) {
    Tensors tensors;
    std::vector<std::vector<double>> values;
    uint32_t number = 0;
    for (size_t i = 0; i < test.inputs.size(); i++) {
        const Input& input = test.inputs[i];
        auto rank = int32_t(input.shape.size());
        if (input.kind == Input::Kind::Absent) {
            tensors.push_back(0);
        } else if (input.kind == Input::Kind::Real && !input.stored) {
            hb_stream stream = test_stream(++number);
            hb_tensor values = own(hb_random_uniform(here(), rank, input.shape.data(), input.low, input.high, &stream));
            hb_dtype own_type = type_in(input, type);
            if (own_type == HB_F32) {
                tensors.push_back(values);
            } else {
                tensors.push_back(own(hb_cast(values, own_type)));
                own.release(values);
            }
        } else {
            if (values.empty()) values = input_values(row, test, Layout::Dense);
            tensors.push_back(own(tensor_of(type_in(input, HB_F32), input.shape, values[i])));
        }
    }
    return tensors;
}

// Until all work given so far is done: another device works on while calls return.
void wait_for_device() {
    if (here() == HB_DEVICE_CPU) return;
    Handles own;
    Sizes shape = {1};
    float value;
    ok(hb_read(own(hb_full(here(), HB_F32, 1, shape.data(), 0)), &value, sizeof value));
}

// GB/s of a += s b on 200 MB, on a device that is not the CPU.
double device_triad() {
    Handles own;
    Sizes shape = {25'000'000};
    hb_tensor a = own(hb_full(here(), HB_F32, 1, shape.data(), 1));
    hb_tensor b = own(hb_full(here(), HB_F32, 1, shape.data(), 1));
    std::vector<double> times;
    for (int i = 0; i < 5; i++) {
        wait_for_device();
        double start = now();
        for (int j = 0; j < 10; j++) ok(hb_add_scaled(a, b, 1e-3));
        wait_for_device();
        times.push_back((now() - start) / 10);
    }
    return 12e-9 * double(shape[0]) / median(times);
}

struct Timing {
    double median, least, most;
};

Timing time_of(const Case& test, const Tensors& inputs) {
    std::vector<double> times;
    double begin = 0;
    // On a device, as many calls in a row as hide the wait at their end.
    const int calls = here() == HB_DEVICE_CPU ? 1 : 20;
    for (int i = -2;; i++) {
        wait_for_device();
        double start = now();
        for (int call = 0; call < calls; call++) {
            Results results;
            test.run(inputs, results);
        }
        wait_for_device();
        double end = now();
        if (i < 0) {  // warms caches and the allocator
            begin = end;
            continue;
        }
        times.push_back((end - start) / calls);
        double spent = end - begin;
        if ((times.size() >= 7 && spent > 0.3) || spent > 3) break;
    }
    return {median(times), *std::min_element(times.begin(), times.end()),
            *std::max_element(times.begin(), times.end())};
}

bool has_word(const std::string& words, const std::string& word) {
    return word.empty() || (" " + words + " ").find(" " + word + " ") != std::string::npos;
}

}  // namespace

void run_perf(const std::vector<Row>& rows, const std::string& network, hb_dtype type, bool json) {
    const bool cpu = here() == HB_DEVICE_CPU;
    double gflops = cpu ? measured_gflops() : 0, triad = cpu ? measured_triad() : device_triad();
    const char* place = cpu ? hb_tier() : "cuda";
    if (json)
        std::printf("{\"tier\": \"%s\", \"type\": \"%s\", \"threads\": %d, \"fma_gflops\": %.1f, "
                    "\"triad_gbs\": %.2f, \"results\": [",
                    place, name_of_type(type), hb_threads(), gflops, triad);
    else
        std::printf("tier %s, %s, %d threads; peak measured now: %.1f GFLOP/s of f32 FMA, %.2f GB/s of triad\n\n",
                    place, name_of_type(type), hb_threads(), gflops, triad);
    bool first = true;
    for (const Row& row : rows) {
        if (!row.perf) continue;
        std::vector<Case> cases;
        row.perf(cases);
        for (const Case& test : cases) {
            if (!has_word(test.networks, network) || (type == HB_BF16 && !takes_bf16(test))) continue;
            Handles own;
            Timing t = time_of(test, inputs_of(row, test, type, own));
            double bytes = test.bytes * double(bytes_of(type)) / 4 + test.whole_bytes;
            double rate = (test.flops > 0 ? test.flops : bytes) / t.median * 1e-9;
            double peak = test.flops > 0 ? gflops : triad;
            const char* unit = test.flops > 0 ? "GFLOP/s" : "GB/s";
            if (json)
                std::printf("%s\n  {\"op\": \"%s\", \"case\": \"%s\", \"networks\": \"%s\", \"median_ms\": %.4f, "
                            "\"min_ms\": %.4f, \"max_ms\": %.4f, "
                            "\"rate\": %.2f, \"unit\": \"%s\", \"percent_of_peak\": %.1f}",
                            first ? "" : ",", row.op, test.name.c_str(), test.networks.c_str(), t.median * 1e3,
                            t.least * 1e3, t.most * 1e3, rate, unit, peak > 0 ? 100 * rate / peak : 0);
            else
                std::printf("%-26s %10.3f ms (%.3f..%.3f) %9.2f %-7s %5.1f %%  %s%s%s\n", row.op, t.median * 1e3,
                            t.least * 1e3, t.most * 1e3, rate, unit, peak > 0 ? 100 * rate / peak : 0,
                            test.name.c_str(), test.networks.empty() ? "" : "  ", test.networks.c_str());
            std::fflush(stdout);
            first = false;
        }
    }
    if (json) std::printf("\n]}\n");
}

}  // namespace hb::test
