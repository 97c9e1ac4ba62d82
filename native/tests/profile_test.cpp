// The profile: what a record says of known calls, what leaves none, a full recording, and several threads.
#include "core/profile.h"

#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <thread>

#include "support/check.h"

using namespace hb::test;
using Records = std::vector<hb_profile_record>;

namespace {

int64_t lost = 0;

Records recorded() {
    Records records(static_cast<size_t>(ok(hb_profile_read(nullptr, 0, &lost))));
    ok(hb_profile_read(records.data(), static_cast<int64_t>(records.size()), &lost));
    return records;
}

// The records that `body` leaves.
template <class Body>
Records profile_of(Body&& body, int64_t capacity = 1000) {
    ok(hb_profile_start(capacity));
    body();
    ok(hb_profile_stop());
    return recorded();
}

std::string name_of(int32_t op) {
    if (op < 0) return "none";
    hb_op_info info;
    ok(hb_op_describe(op, &info));
    return info.name;
}

std::string algorithm(const hb_profile_record& r) { return r.algorithm ? r.algorithm : ""; }
Sizes first_shape(const hb_profile_record& r) { return Sizes(r.shape, r.shape + r.rank); }
Sizes other_shape(const hb_profile_record& r) { return Sizes(r.other_shape, r.other_shape + r.other_rank); }

struct Expected {
    const char* op;
    const char* part_of;
    int64_t read, written;
    double operations;
    Sizes shape, other;
};

void check_record(const hb_profile_record& r, const Expected& e) {
    const std::string op = name_of(r.op);
    check(op == e.op, "record of %s, expected %s", op.c_str(), e.op);
    check(name_of(r.part_of) == e.part_of, "%s is part of %s, expected %s", e.op, name_of(r.part_of).c_str(),
          e.part_of);
    check(r.bytes_read == e.read, "%s reads %lld bytes, expected %lld", e.op, (long long)r.bytes_read,
          (long long)e.read);
    check(r.bytes_written == e.written, "%s writes %lld bytes, expected %lld", e.op, (long long)r.bytes_written,
          (long long)e.written);
    check(r.operations == e.operations, "%s has %.0f operations, expected %.0f", e.op, r.operations, e.operations);
    check(first_shape(r) == e.shape, "%s has shape %s, expected %s", e.op, text_of(first_shape(r)).c_str(),
          text_of(e.shape).c_str());
    check(other_shape(r) == e.other, "%s has other shape %s, expected %s", e.op, text_of(other_shape(r)).c_str(),
          text_of(e.other).c_str());
    check(r.duration >= 0 && r.thread == hb_profile_thread(), "%s took %lld ns on thread %d", e.op,
          (long long)r.duration, r.thread);
}

void check_only(const Records& records, const Expected& e) {
    check(records.size() == 1, "%s leaves %zu records, expected one", e.op, records.size());
    if (records.size() == 1) check_record(records[0], e);
}

hb_tensor zeros(Handles& own, const Sizes& shape, hb_dtype type = HB_F32) {
    return own(hb_full(HB_DEVICE_CPU, type, static_cast<int32_t>(shape.size()), shape.data(), 0));
}

bool is_scalar() { return std::strcmp(hb_tier(), "scalar") == 0; }

void nothing_while_off() {
    Handles own;
    hb_tensor x = zeros(own, {8});
    profile_of([] {});
    own(hb_unary(HB_RELU, x, 0, 0));
    check(recorded().empty(), "a call after the end left a record");
    own(hb_unary(HB_RELU, x, 0, 0));
    Records records = profile_of([&] { own(hb_unary(HB_RELU, x, 0, 0)); });
    check_only(records, {"unary", "none", 32, 32, 0, {8}, {}});
    check(profile_of([] {}).empty(), "a new recording has what the last one had");
}

void convolutions() {
    Handles own;
    const hb_conv2d_params p = {2, 2, 1, 1, 1, 1, 1};
    hb_tensor x = zeros(own, {4, 9, 9, 6}), w = zeros(own, {10, 3, 3, 6}), bias = zeros(own, {10});
    hb_tensor dy = zeros(own, {4, 5, 5, 10});
    const int64_t bytes_x = 4 * 4 * 81 * 6, bytes_w = 4 * 10 * 9 * 6, bytes_y = 4 * 4 * 25 * 10;
    const double operations = 2.0 * 4 * 25 * 10 * 9 * 6;
    const Sizes shape = {4, 9, 9, 6}, kernel = {10, 3, 3, 6};
    Records records = profile_of([&] {
        own(hb_conv2d(x, w, bias, &p, nullptr));
        own(hb_conv2d_backward_data(dy, w, 9, 9, &p, nullptr));
        hb_tensor out[2];
        ok(hb_conv2d_backward_weight(x, dy, 3, 3, 1, &p, nullptr, out));
        own(out[0]), own(out[1]);
    });
    check(records.size() == 3, "%zu records of a convolution's three passes", records.size());
    if (records.size() != 3) return;
    check_record(records[0], {"conv2d", "none", bytes_x + bytes_w + 40, bytes_y, operations, shape, kernel});
    check_record(records[1], {"conv2d_backward_data", "none", bytes_y + bytes_w, bytes_x, operations, shape, kernel});
    check_record(records[2],
                 {"conv2d_backward_weight", "none", bytes_x + bytes_y, bytes_w + 40, operations, shape, kernel});
    for (const hb_profile_record& r : records) {
        check(algorithm(r) == "direct", "stride 2 goes by \"%s\"", algorithm(r).c_str());
        check(r.estimate == 0, "stride 2 has an estimate, %g", r.estimate);
        check(r.stride_h == 2 && r.stride_w == 2 && r.groups == 1, "stride %dx%d, %d groups", r.stride_h, r.stride_w,
              r.groups);
        check(r.dtype == HB_F32, "type %d", r.dtype);
    }
    for (size_t i = 1; i < records.size(); i++)
        check(records[i].start >= records[i - 1].start + records[i - 1].duration, "record %zu begins too early", i);
}

void algorithms() {
    Handles own;
    const hb_conv2d_params plain = {1, 1, 1, 1, 1, 1, 1}, depthwise = {1, 1, 1, 1, 1, 1, 64};
    hb_tensor x = zeros(own, {8, 16, 16, 64}), w = zeros(own, {64, 3, 3, 64}), each = zeros(own, {64, 3, 3, 1});
    auto go = [&](hb_tensor weight, const hb_conv2d_params& p) {
        return profile_of([&] {
            own(hb_conv2d(x, weight, 0, &p, nullptr));
            own(hb_conv2d_backward_data(x, weight, 16, 16, &p, nullptr));
            hb_tensor out[2];
            ok(hb_conv2d_backward_weight(x, x, 3, 3, 0, &p, nullptr, out));
            own(out[0]);
        });
    };
    for (const hb_profile_record& r : go(w, plain)) {
        check(algorithm(r) == (is_scalar() ? "direct" : "winograd f(4x4,3x3)"), "%s, 64 channels: \"%s\"",
              name_of(r.op).c_str(), algorithm(r).c_str());
        // Winograd saves at most three quarters of the products.
        check(is_scalar() ? r.estimate == 0 : r.estimate > 1 && r.estimate < 4, "%s, 64 channels: estimate %g",
              name_of(r.op).c_str(), r.estimate);
    }
    for (const hb_profile_record& r : go(each, depthwise)) {
        check(algorithm(r) == (is_scalar() ? "direct" : "depthwise"), "%s, depthwise: \"%s\"", name_of(r.op).c_str(),
              algorithm(r).c_str());
        check(r.operations == 2.0 * 8 * 256 * 64 * 9, "%s, depthwise: %.0f operations", name_of(r.op).c_str(),
              r.operations);
    }
    ok(hb_set_exact(1));
    for (const hb_profile_record& r : go(w, plain))
        check(algorithm(r) == "direct", "%s, exact: \"%s\"", name_of(r.op).c_str(), algorithm(r).c_str());
    ok(hb_set_exact(0));
    // What the last call chose is not said of the next.
    for (const hb_profile_record& r : profile_of([&] { own(hb_unary(HB_RELU, x, 0, 0)); }))
        check(!r.algorithm && r.estimate == 0, "relu goes by \"%s\"", algorithm(r).c_str());
}

void parts() {
    Handles own;
    const hb_conv2d_params conv = {1, 1, 1, 1, 1, 1, 1};
    const hb_batch_norm_params norm = {1, 1, 1, HB_ACT_RELU, 0, 0.1f, 1e-5f, 0};
    hb_tensor x = own(tensor_of(HB_F32, {2, 6, 6, 3}, uniform_values(216, -1, 1, 1)));
    hb_tensor w = own(tensor_of(HB_F32, {5, 3, 3, 3}, uniform_values(135, -1, 1, 2)));
    hb_tensor gamma = zeros(own, {5}), beta = zeros(own, {5}), mean = zeros(own, {5}), var = zeros(own, {5});
    hb_tensor residual = zeros(own, {2, 6, 6, 5});
    const int64_t bx = 4 * 216, bw = 4 * 135, by = 4 * 360, bc = 4 * 5;
    const double operations = 2.0 * 72 * 5 * 27;
    const Sizes xs = {2, 6, 6, 3}, ws = {5, 3, 3, 3}, ys = {2, 6, 6, 5};
    hb_tensor y[4];
    Records forward = profile_of([&] {
        ok(hb_conv_bn_act(x, w, gamma, beta, mean, var, residual, &conv, &norm, nullptr, nullptr, 1, y));
        for (hb_tensor t : y) own(t);
    });
    check(forward.size() == 3, "conv_bn_act leaves %zu records", forward.size());
    if (forward.size() == 3) {
        check_record(forward[0], {"conv2d", "conv_bn_act", bx + bw, by, operations, xs, ws});
        check_record(forward[1], {"batch_norm", "conv_bn_act", 2 * by + 2 * bc, by + 2 * bc, 0, ys, {5}});
        check_record(forward[2],
                     {"conv_bn_act", "none", bx + bw + 4 * bc + by, 2 * bc + 2 * by + 2 * bc, operations, xs, ws});
    }
    Records backward = profile_of([&] {
        hb_tensor out[5];
        ok(hb_conv_bn_act_backward(x, w, y[1], y[0], residual, gamma, y[2], y[3], 1, 1, &conv, &norm, nullptr, nullptr,
                                   out));
        for (hb_tensor t : out) own(t);
    });
    check(backward.size() == 4, "conv_bn_act_backward leaves %zu records", backward.size());
    if (backward.size() == 4) {
        const char* whole = "conv_bn_act_backward";
        check_record(backward[0], {"batch_norm_backward", whole, 3 * by + 3 * bc, 2 * by + 2 * bc, 0, ys, ys});
        check_record(backward[1], {"conv2d_backward_weight", whole, bx + by, bw, operations, xs, ws});
        check_record(backward[2], {"conv2d_backward_data", whole, by + bw, bx, operations, xs, ws});
        check_record(backward[3],
                     {whole, "none", bx + bw + 3 * by + 3 * bc, bw + 2 * bc + by + bx, operations, xs, ws});
    }
    for (const Records& records : {forward, backward}) {
        int64_t inside = 0;
        for (size_t i = 0; i + 1 < records.size(); i++) {
            inside += records[i].duration;
            check(records[i].start >= records.back().start &&
                      records[i].start + records[i].duration <= records.back().start + records.back().duration,
                  "part %zu is not inside the call", i);
        }
        check(inside <= records.back().duration, "parts take %lld ns of %lld", (long long)inside,
              (long long)records.back().duration);
    }
}

void products() {
    Handles own;
    hb_tensor x = zeros(own, {6, 5, 7}), w = zeros(own, {4, 7}), dy = zeros(own, {6, 5, 4}), b = zeros(own, {4});
    const Sizes rows = {30, 7}, weight = {4, 7};
    const int64_t bx = 4 * 210, bw = 4 * 28, by = 4 * 120;
    check_only(profile_of([&] { own(hb_linear(x, w, b, nullptr)); }),
               {"linear", "none", bx + bw + 16, by, 2.0 * 30 * 7 * 4, rows, weight});
    check_only(profile_of([&] { own(hb_linear_backward_data(dy, w, nullptr)); }),
               {"linear_backward_data", "none", by + bw, bx, 2.0 * 30 * 7 * 4, rows, weight});
    check_only(profile_of([&] {
                   hb_tensor out[2];
                   ok(hb_linear_backward_weight(x, dy, 1, nullptr, out));
                   own(out[0]), own(out[1]);
               }),
               {"linear_backward_weight", "none", bx + by, bw + 16, 2.0 * 30 * 7 * 4, rows, weight});
    hb_tensor m = zeros(own, {6, 7, 3});
    check_only(profile_of([&] { own(hb_matmul(x, m, 0, 0)); }),
               {"matmul", "none", bx + 4 * 126, 4 * 90, 2.0 * 6 * 5 * 7 * 3, {6, 5, 7}, {6, 7, 3}});
    hb_tensor qkv = zeros(own, {2, 5, 24}), out[2];
    check_only(profile_of([&] { ok(hb_attention(qkv, 2, 0, out)); }),
               {"attention", "none", 960, 320 + 80, 4.0 * 2 * 2 * 25 * 4, {2, 5, 24}, {}});
    own(out[0]), own(out[1]);
    check_only(profile_of([&] { own(hb_attention_backward(qkv, out[0], out[1], out[0], 2, 0)); }),
               {"attention_backward", "none", 960 + 320 + 80 + 320, 960, 10.0 * 2 * 2 * 25 * 4, {2, 5, 24}, {2, 5, 8}});
}

void movement() {
    Handles own;
    hb_tensor x = zeros(own, {10, 6}), index = own(tensor_of(HB_I64, {3}, {1, 5, 2})), column = zeros(own, {10, 1});
    const int32_t turned[2] = {1, 0};
    const int64_t wide[2] = {10, 6};
    hb_tensor expanded = own(hb_expand(column, 2, wide));
    check_only(profile_of([&] { own(hb_permute(x, 2, turned)); }), {"permute", "none", 0, 0, 0, {10, 6}, {}});
    check_only(profile_of([&] { own(hb_slice(x, 0, 2, 5, 1)); }), {"slice", "none", 0, 0, 0, {10, 6}, {}});
    // An element that is seen six times is read once.
    check_only(profile_of([&] { own(hb_binary(HB_ADD, x, expanded)); }),
               {"binary", "none", 240 + 40, 240, 0, {10, 6}, {10, 6}});
    check_only(profile_of([&] { own(hb_gather_rows(x, index)); }),
               {"gather_rows", "none", 72 + 24, 72, 0, {10, 6}, {3}});
    hb_tensor three = zeros(own, {3, 6});
    check_only(profile_of([&] { ok(hb_scatter_rows(x, index, three, 1)); }),
               {"scatter_rows", "none", 2 * 72 + 24, 72, 0, {10, 6}, {3}});
    check_only(profile_of([&] { ok(hb_copy(x, column)); }), {"copy", "none", 40, 240, 0, {10, 6}, {10, 1}});
    check_only(profile_of([&] { own(hb_cast(x, HB_BF16)); }), {"cast", "none", 240, 120, 0, {10, 6}, {}});
    check_only(profile_of([&] { ok(hb_add_scaled(x, x, 2)); }), {"add_scaled", "none", 480, 240, 0, {10, 6}, {10, 6}});
    const hb_tensor both[2] = {x, three};
    check_only(profile_of([&] { own(hb_concat(2, both, 0)); }), {"concat", "none", 312, 312, 0, {13, 6}, {}});
    const int64_t sizes[2] = {4, 5};
    check_only(profile_of([&] { own(hb_full(HB_DEVICE_CPU, HB_F64, 2, sizes, 1)); }),
               {"full", "none", 0, 160, 0, {4, 5}, {}});
    // Not in the registry.
    check(profile_of([&] {
              hb_descriptor d;
              ok(hb_describe(x, &d));
              ok(hb_release(ok(hb_alias(x))));
          }).empty(),
          "a call that computes nothing left a record");
}

void optimizers() {
    Handles own;
    hb_tensor w[3] = {zeros(own, {10}), zeros(own, {20}), zeros(own, {5})};
    hb_tensor g[3] = {zeros(own, {10}), 0, zeros(own, {5})};
    hb_tensor m[3] = {zeros(own, {10}), zeros(own, {20}), zeros(own, {5})};
    const hb_sgd_params plain{0.1, 0, 0, 0, 0, 0}, momentum{0.1, 0.9, 0, 0, 1, 0};
    check_only(profile_of([&] { ok(hb_sgd_step(3, w, g, nullptr, nullptr, &plain)); }),
               {"sgd_step", "none", 2 * 60, 60, 0, {15}, {}});
    check_only(profile_of([&] { ok(hb_sgd_step(3, w, g, m, nullptr, &momentum)); }),
               {"sgd_step", "none", 3 * 60, 2 * 60, 0, {15}, {}});
    double norm;
    check_only(profile_of([&] { ok(hb_global_norm(3, g, &norm)); }), {"global_norm", "none", 60, 0, 0, {15}, {}});
}

void failures_leave_nothing() {
    Handles own;
    hb_tensor x = zeros(own, {4}), y = zeros(own, {5});
    Records records = profile_of([&] {
        check_error(hb_binary(HB_ADD, x, y), HB_ERROR_ARGUMENT, {"binary"});
        check_error(hb_unary(HB_RELU, 77, 0, 0), HB_ERROR_HANDLE, {"unary"});
        own(hb_unary(HB_RELU, x, 0, 0));
    });
    check_only(records, {"unary", "none", 16, 16, 0, {4}, {}});
    check_error(hb_profile_start(0), HB_ERROR_ARGUMENT, {"profile_start", "capacity", "0"});
    check_error(hb_profile_start((1 << 24) + 1), HB_ERROR_ARGUMENT, {"capacity"});
    check_error(hb_profile_read(nullptr, 1, &lost), HB_ERROR_ARGUMENT, {"records"});
    check_error(hb_profile_read(nullptr, 0, nullptr), HB_ERROR_ARGUMENT, {"lost"});
    check_error(hb_profile_read(nullptr, -1, &lost), HB_ERROR_ARGUMENT, {"capacity", "-1"});
}

void a_full_recording_counts_what_is_lost() {
    Handles own;
    hb_tensor x = zeros(own, {4});
    Records records = profile_of(
        [&] {
            for (int i = 0; i < 10; i++) own(hb_unary(HB_NEG + i % 2, x, 0, 0));
        },
        3);
    check(records.size() == 3 && lost == 7, "%zu records and %lld lost of 10 calls", records.size(), (long long)lost);
    hb_profile_record two[2];
    check(ok(hb_profile_read(two, 2, &lost)) == 3 && two[1].start == records[1].start,
          "two of three are the first two");
    profile_of([&] { own(hb_unary(HB_RELU, x, 0, 0)); }, 3);
    check(lost == 0, "%lld lost of a new recording", (long long)lost);
}

void calls_belong_to_the_recording_that_they_began_in() {
    hb::ProfileSpan early, late;
    ok(hb_profile_start(10));
    early.begin("unary");
    ok(hb_profile_start(10));
    early.end();
    check(recorded().empty(), "a call of an earlier recording was kept");
    late.begin("unary");
    ok(hb_profile_stop());
    late.end();
    check(recorded().empty(), "a call that ended after the recording was kept");
    check(hb::profile::innermost() == nullptr, "a span is still open");
}

void threads() {
    constexpr int kThreads = 4, kCalls = 200;
    Records records = profile_of(
        [] {
            std::vector<std::thread> team;
            for (int t = 0; t < kThreads; t++)
                team.emplace_back([] {
                    Handles own;
                    hb_tensor x = zeros(own, {64});
                    for (int i = 1; i < kCalls; i++) own.release(own(hb_unary(HB_RELU, x, 0, 0)));
                });
            for (std::thread& t : team) t.join();
        },
        kThreads * kCalls);
    check(records.size() == kThreads * kCalls && lost == 0, "%zu records, %lld lost", records.size(), (long long)lost);
    std::map<int32_t, int64_t> calls, end;
    for (const hb_profile_record& r : records) {
        calls[r.thread]++;
        check(r.start >= end[r.thread], "calls of thread %d overlap", r.thread);
        end[r.thread] = r.start + r.duration;
        check(r.part_of == -1, "a call of thread %d is part of %s", r.thread, name_of(r.part_of).c_str());
    }
    check(calls.size() == kThreads, "%zu threads", calls.size());
    for (auto& [thread, count] : calls) check(count == kCalls, "thread %d has %lld calls", thread, (long long)count);
}

void peaks() {
    double gflops = -1, gigabytes = -1;
    ok(hb_measure_peaks(&gflops, &gigabytes));
    check(std::isfinite(gflops) && (gflops > 0) == bool(__builtin_cpu_supports("avx2")), "%g GFLOP/s", gflops);
    check(std::isfinite(gigabytes) && gigabytes > 0, "%g GB/s", gigabytes);
    check_error(hb_measure_peaks(nullptr, &gigabytes), HB_ERROR_ARGUMENT, {"gflops"});
    check_error(hb_measure_peaks(&gflops, nullptr), HB_ERROR_ARGUMENT, {"gigabytes"});
}

}  // namespace

int main() {
    try {
        nothing_while_off();
        convolutions();
        algorithms();
        parts();
        products();
        movement();
        optimizers();
        failures_leave_nothing();
        a_full_recording_counts_what_is_lost();
        calls_belong_to_the_recording_that_they_began_in();
        threads();
        peaks();
    } catch (const CallFailed& error) {
        check(false, "%s", error.what());
    }
    return finish();
}
