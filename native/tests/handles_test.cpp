// Handles, storages and errors: nothing that a caller does with a handle can crash, and every error says what was
// wrong.
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "support/check.h"

using namespace hb::test;

namespace {

hb_memory memory() {
    hb_memory m;
    ok(hb_memory_stats(HB_DEVICE_CPU, &m));
    return m;
}

hb_tensor full(const Sizes& shape, double value, hb_dtype type = HB_F32) {
    return ok(hb_full(HB_DEVICE_CPU, type, int32_t(shape.size()), shape.data(), value));
}

void released_handles() {
    hb_tensor x = full({2, 3}, 1);
    check(hb_release(x) == HB_OK, "a tensor cannot be released");
    check_error(hb_release(x), HB_ERROR_HANDLE, {"release", "released before"});
    check_error(hb_unary(HB_NEG, x, 0, 0), HB_ERROR_HANDLE, {"unary", "x", "released"});
    hb_descriptor d;
    check_error(hb_describe(x, &d), HB_ERROR_HANDLE, {"describe", "released"});
    // The slot is used again: the old handle stays dead.
    hb_tensor y = full({2, 3}, 2);
    check(y != x, "a handle is given out twice");
    check_error(hb_release(x), HB_ERROR_HANDLE, {"release"});
    check(values_of(y) == std::vector<double>(6, 2), "releasing a dead handle touched a living tensor");
    ok(hb_release(y));
}

void many_generations_of_one_slot() {
    std::vector<hb_tensor> dead;
    for (int i = 0; i < 1000; i++) {
        hb_tensor x = full({1}, i);
        ok(hb_release(x));
        dead.push_back(x);
    }
    hb_tensor alive = full({1}, 7);
    int taken = 0;
    for (hb_tensor x : dead) taken += hb_alias(x) != HB_ERROR_HANDLE;
    check(taken == 0, "%d of 1000 dead handles are taken", taken);
    check(values_of(alive)[0] == 7, "the living tensor changed");
    ok(hb_release(alive));
}

void garbage_handles() {
    hb_tensor x = full({4}, 1);
    std::vector<hb_tensor> garbage = {0,
                                      -1,
                                      1,
                                      2,
                                      1 << 20,
                                      x + 1,
                                      x - 1,
                                      x + (hb_tensor(1) << 32),
                                      x ^ (hb_tensor(1) << 40),
                                      INT64_MAX,
                                      INT64_MIN,
                                      hb_tensor(0xffffffff),
                                      hb_tensor(0x7fffffff00000001)};
    for (int i = 0; i < 63; i++) garbage.push_back(hb_tensor(1) << i);
    for (hb_tensor g : garbage) {
        if (g == x) continue;
        check(hb_alias(g) == HB_ERROR_HANDLE, "%lld is taken for a handle by alias", static_cast<long long>(g));
        check(hb_release(g) == HB_ERROR_HANDLE, "%lld is taken for a handle by release", static_cast<long long>(g));
        check(hb_binary(HB_ADD, x, g) == HB_ERROR_HANDLE, "%lld is taken for a handle by binary",
              static_cast<long long>(g));
        hb_tensor list[2] = {x, g};
        check(hb_concat(2, list, 0) == HB_ERROR_HANDLE, "%lld is taken for a handle by concat",
              static_cast<long long>(g));
        double norm;
        check(g == 0 || hb_global_norm(2, list, &norm) == HB_ERROR_HANDLE, "%lld is taken for a handle by global_norm",
              static_cast<long long>(g));
    }
    ok(hb_release(x));
}

void aliases_and_views_keep_storage() {
    Handles own;
    hb_tensor x = own(tensor_of(HB_F32, {3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
    hb_tensor alias = own(hb_alias(x));
    hb_tensor row = own(hb_slice(x, 0, 1, 2, 1));
    int32_t order[] = {1, 0};
    hb_tensor turned = own(hb_permute(x, 2, order));
    hb_descriptor a, b, c;
    ok(hb_describe(x, &a));
    ok(hb_describe(alias, &b));
    ok(hb_describe(turned, &c));
    check(alias != x && a.storage == b.storage && a.storage == c.storage, "views have storages of their own");
    check(c.dense == 0 && a.dense == 1, "dense flags are %d and %d", c.dense, a.dense);
    int64_t storages = memory().live_storages, in_use = memory().in_use;
    own.release(x);
    own.release(alias);
    check(memory().live_storages == storages && memory().in_use == in_use, "the storage went before its views");
    check(values_of(row) == std::vector<double>({4, 5, 6, 7}), "a view lost its values with the tensor it was made of");
    own.release(row);
    check(values_of(turned) == std::vector<double>({0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}),
          "the last view lost its values");
    own.release(turned);
    check(memory().live_storages == storages - 1 && memory().in_use < in_use, "the storage outlives its last view");
}

void writing_through_a_view() {
    Handles own;
    hb_tensor x = own(full({2, 3}, 0)), row = own(hb_slice(x, 0, 1, 2, 1));
    float values[] = {1, 2, 3};
    ok(hb_write(row, values, sizeof values));
    check(values_of(x) == std::vector<double>({0, 0, 0, 1, 2, 3}), "a write through a view is not seen");
    int32_t order[] = {1, 0};
    hb_tensor turned = own(hb_permute(x, 2, order));
    float all[6] = {};
    check_error(hb_write(turned, all, sizeof all), HB_ERROR_ARGUMENT, {"write", "dense"});
    check_error(hb_write(x, all, 20), HB_ERROR_ARGUMENT, {"write", "bytes", "20", "24"});
    check_error(hb_read(x, all, 25), HB_ERROR_ARGUMENT, {"read", "bytes"});
    check_error(hb_read(x, nullptr, 24), HB_ERROR_ARGUMENT, {"read", "null"});
    hb_tensor wide = own(hb_expand(row, 2, Sizes{4, 3}.data()));
    check_error(hb_copy(wide, x), HB_ERROR_ARGUMENT, {"copy"});
    hb_tensor four = own(full({4, 3}, 1));
    check_error(hb_copy(wide, four), HB_ERROR_ARGUMENT, {"copy", "expanded"});
    check_error(hb_add_scaled(turned, turned, 1), HB_ERROR_ARGUMENT, {"add_scaled", "dense"});
    void* address = nullptr;
    check_error(hb_data(turned, &address), HB_ERROR_ARGUMENT, {"data", "dense"});
    ok(hb_data(x, &address));
    check(address != nullptr && static_cast<float*>(address)[5] == 3, "hb_data gives another memory");
}

void wrong_arguments() {
    Handles own;
    hb_tensor f = own(full({2, 3}, 1)), d = own(full({2, 3}, 1, HB_F64)), i = own(full({2, 3}, 1, HB_I64));
    hb_tensor half = own(full({2, 3}, 1, HB_BF16)), other = own(full({3, 2}, 1));
    check_error(hb_unary(99, f, 0, 0), HB_ERROR_ARGUMENT, {"unary", "kind", "99"});
    check_error(hb_unary(HB_EXP, i, 0, 0), HB_ERROR_ARGUMENT, {"unary", "x", "i64", "f32"});
    check_error(hb_binary(HB_ADD, half, f), HB_ERROR_ARGUMENT, {"binary", "bf16", "f32"});
    check_error(hb_binary(HB_ADD, f, d), HB_ERROR_ARGUMENT, {"binary", "f32", "f64"});
    check_error(hb_binary(HB_ADD, f, other), HB_ERROR_ARGUMENT, {"binary", "[2, 3]", "[3, 2]"});
    check_error(hb_matmul(f, f, 0, 0), HB_ERROR_ARGUMENT, {"matmul", "[2, 3]"});
    check_error(hb_gather_rows(f, i), HB_ERROR_ARGUMENT, {"gather_rows", "index"});
    check_error(hb_slice(f, 2, 0, 1, 1), HB_ERROR_ARGUMENT, {"slice", "dimension"});
    check_error(hb_slice(f, 0, 1, 3, 1), HB_ERROR_ARGUMENT, {"slice", "stop"});
    check_error(hb_slice(f, 0, 0, 1, 0), HB_ERROR_ARGUMENT, {"slice", "step"});
    check_error(hb_reshape(f, 1, Sizes{5}.data()), HB_ERROR_ARGUMENT, {"reshape", "[2, 3]", "[5]"});
    check_error(hb_reshape(f, 2, Sizes{-1, -1}.data()), HB_ERROR_ARGUMENT, {"reshape", "-1"});
    check_error(hb_empty(HB_DEVICE_CPU, 17, 0, nullptr), HB_ERROR_ARGUMENT, {"empty", "dtype", "17"});
    check_error(hb_empty(HB_DEVICE_CPU, HB_F32, 9, Sizes(9, 1).data()), HB_ERROR_ARGUMENT, {"empty", "rank", "9"});
    check_error(hb_empty(HB_DEVICE_CPU, HB_F32, 1, Sizes{-1}.data()), HB_ERROR_ARGUMENT, {"empty", "-1"});
    check_error(hb_empty(HB_DEVICE_CPU, HB_F32, 1, nullptr), HB_ERROR_ARGUMENT, {"empty", "shape"});
    check_error(hb_empty(12345, HB_F32, 0, nullptr), HB_ERROR_DEVICE, {"12345"});
    check_error(hb_empty(HB_DEVICE_CUDA + 250, HB_F32, 0, nullptr), HB_ERROR_DEVICE, {"cuda"});
    check(hb_device_available(HB_DEVICE_CPU) == 1, "the CPU is not available");
    check(hb_device_available(-7) == 0 && std::strlen(hb_last_error()) > 0, "device -7 is available");
    int32_t twice[] = {0, 0};
    check_error(hb_permute(f, 2, twice), HB_ERROR_ARGUMENT, {"permute", "order"});
    check_error(hb_reduce(HB_REDUCE_SUM, f, 2, twice, 0), HB_ERROR_ARGUMENT, {"reduce", "dimensions"});
    check_error(hb_concat(0, nullptr, 0), HB_ERROR_ARGUMENT, {"concat", "count"});
    check_error(hb_sort(f, 0, nullptr), HB_ERROR_ARGUMENT, {"sort", "out"});
    hb_tensor classes = own(tensor_of(HB_I64, {2}, {0, 3}));
    check_error(hb_cross_entropy(f, classes, 0), HB_ERROR_ARGUMENT, {"cross_entropy", "targets", "0..2"});
    check_error(hb_cross_entropy(f, own(tensor_of(HB_I64, {2}, {0, -1})), 0), HB_ERROR_ARGUMENT, {"targets"});
    check_error(hb_cross_entropy(f, own(tensor_of(HB_I64, {2}, {0, 1})), 1), HB_ERROR_ARGUMENT, {"smoothing"});
    hb_stream stream{1, 300, 0, 0, 0};
    check_error(hb_dropout(f, 0.5, 0, &stream), HB_ERROR_ARGUMENT, {"purpose", "300"});
    stream = {1, 3, 0, 0, 1u << 24};
    check_error(hb_dropout(f, 0.5, 0, &stream), HB_ERROR_ARGUMENT, {"stream"});
    stream.stream = 0;
    check_error(hb_dropout(f, 1, 0, &stream), HB_ERROR_ARGUMENT, {"dropout", "p"});
    check_error(hb_dropout(f, std::nan(""), 0, &stream), HB_ERROR_ARGUMENT, {"dropout", "p"});
    check_error(hb_dropout(f, 0.5, 0, nullptr), HB_ERROR_ARGUMENT, {"dropout", "stream"});
    check_error(hb_set_tier("sse"), HB_ERROR_ARGUMENT, {"sse", "avx2"});
    check(hb_set_threads(-1) == HB_ERROR_ARGUMENT && hb_set_threads(5000) == HB_ERROR_ARGUMENT,
          "any number of threads is taken");
}

// Pooling and convolution of images without pixels.
void empty_images() {
    Handles own;
    hb_tensor x = own(hb_empty(HB_DEVICE_CPU, HB_F32, 4, Sizes{1, 0, 2, 3}.data()));
    hb_pool2d_params pool{2, 2, 1, 1, 1, 1, 0};
    hb_tensor r[2] = {};
    check_error(hb_max_pool2d(x, &pool, r), HB_ERROR_ARGUMENT, {"max_pool2d"});
    check_error(hb_avg_pool2d(x, &pool), HB_ERROR_ARGUMENT, {"avg_pool2d"});
    check_error(hb_global_avg_pool(x), HB_ERROR_ARGUMENT, {"global_avg_pool"});
    // A convolution sees the padding alone.
    hb_conv2d_params conv{1, 1, 1, 1, 1, 1, 1};
    hb_tensor w = own(full({4, 2, 2, 3}, 1)), bias = own(full({4}, 5));
    check(values_of(own(hb_conv2d(x, w, bias, &conv, nullptr))) == std::vector<double>(12, 5),
          "padding alone is not the bias");
}

void sizes_that_overflow() {
    int64_t before = memory().live_tensors;
    for (const Sizes& shape : {Sizes{INT64_MAX}, Sizes{INT64_MAX, INT64_MAX}, Sizes{int64_t(1) << 40, int64_t(1) << 40},
                               Sizes{int64_t(1) << 62, 4}, Sizes{3, int64_t(1) << 50}})
        check(hb_empty(HB_DEVICE_CPU, HB_F32, int32_t(shape.size()), shape.data()) == HB_ERROR_MEMORY,
              "%s is allocated", text_of(shape).c_str());
    // Nothing is stored, so nothing overflows.
    hb_tensor none = ok(hb_empty(HB_DEVICE_CPU, HB_F32, 2, Sizes{0, int64_t(1) << 40}.data()));
    ok(hb_release(none));
    Handles own;
    hb_tensor one = own(full({1}, 1));
    hb_tensor wide = own(hb_expand(one, 2, Sizes{int64_t(1) << 40, 1}.data()));
    check(hb_dense(wide) == HB_ERROR_MEMORY, "an expanded view of 2^40 elements is made dense");
    check(hb_unary(HB_NEG, wide, 0, 0) == HB_ERROR_MEMORY, "2^40 elements are computed");
    check(memory().live_tensors == before + 2, "failed allocations leave handles behind");
}

void memory_limit() {
    ok(hb_memory_trim(HB_DEVICE_CPU));
    hb_memory before = memory();
    ok(hb_memory_limit(HB_DEVICE_CPU, before.reserved + (64 << 20)));
    {
        Handles own;
        int64_t n = 4 << 20;  // 16 MiB
        hb_tensor last = 0;
        int made = 0;
        for (; made < 100; made++) {
            last = hb_full(HB_DEVICE_CPU, HB_F32, 1, &n, 1);
            if (last < 0) break;
            own(last);
        }
        check_error(last, HB_ERROR_MEMORY, {"memory", "limit"});
        int64_t room = before.reserved + (64 << 20) - before.in_use;
        check(made >= 1 && made * 4 * n <= room, "%d tensors of 16 MiB fit into %lld bytes", made,
              static_cast<long long>(room));
        check(memory().reserved <= before.reserved + (64 << 20), "more is held than the limit allows");
        check(memory().limit == before.reserved + (64 << 20), "the limit is not told");
        check(hb_full(HB_DEVICE_CPU, HB_F32, 1, &n, 1) == HB_ERROR_MEMORY, "the limit does not last");
    }
    int64_t n = 4 << 20;
    hb_tensor again = hb_full(HB_DEVICE_CPU, HB_F32, 1, &n, 1);
    check(again > 0, "nothing can be allocated after tensors were released: %s", hb_last_error());
    if (again > 0) ok(hb_release(again));
    ok(hb_memory_limit(HB_DEVICE_CPU, 0));
    check(hb_memory_limit(HB_DEVICE_CPU, -1) == HB_ERROR_ARGUMENT, "a limit below 0 is taken");
    check(memory().live_tensors == before.live_tensors && memory().in_use == before.in_use,
          "the test leaves memory in use");
    ok(hb_memory_trim(HB_DEVICE_CPU));
    check(memory().reserved <= before.reserved + (64 << 20), "trimming gives nothing back");
}

void statistics_add_up() {
    hb_memory before = memory();
    int64_t n = 1000000;
    hb_tensor x = ok(hb_empty(HB_DEVICE_CPU, HB_F32, 1, &n));
    hb_memory with = memory();
    check(with.in_use >= before.in_use + 4 * n, "in_use grew by %lld for %lld bytes",
          static_cast<long long>(with.in_use - before.in_use), static_cast<long long>(4 * n));
    check(with.peak >= with.in_use && with.reserved >= with.in_use, "peak or reserved is below in_use");
    check(with.live_tensors == before.live_tensors + 1 && with.live_storages == before.live_storages + 1,
          "live counts are wrong");
    check(with.allocations == before.allocations + 1, "allocations grew by %lld",
          static_cast<long long>(with.allocations - before.allocations));
    ok(hb_release(x));
    check(memory().in_use == before.in_use, "in_use does not come back");
    ok(hb_memory_reset_peak(HB_DEVICE_CPU));
    check(memory().peak == memory().in_use, "the peak is not reset");
}

void errors_belong_to_threads() {
    check_error(hb_release(-9), HB_ERROR_HANDLE, {"-9"});
    std::string elsewhere = "not run";
    std::thread([&] { elsewhere = hb_last_error(); }).join();
    check(elsewhere.empty(), "another thread sees this one's error: %s", elsewhere.c_str());
    check(std::strstr(hb_last_error(), "-9") != nullptr, "the error is gone: %s", hb_last_error());
    hb_tensor x = full({1}, 1);
    ok(hb_release(x));
    check(std::strstr(hb_last_error(), "-9") != nullptr, "a call that succeeds clears the error");
}

// Several threads create, compute and release at once; the counts come back, and no value is another thread's.
void many_threads() {
    hb_memory before = memory();
    std::atomic<int> wrong{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < 4; t++)
        workers.emplace_back([t, &wrong] {
            for (int i = 0; i < 300; i++) {
                try {
                    Handles own;
                    int64_t n = 1 + (i * 37 + t * 101) % 5000;
                    hb_tensor a = own(hb_full(HB_DEVICE_CPU, HB_F32, 1, &n, t));
                    hb_tensor b = own(hb_full(HB_DEVICE_CPU, HB_F32, 1, &n, i));
                    hb_tensor c = own(hb_binary(HB_ADD, a, b));
                    own.release(a);
                    hb_tensor sum = own(hb_reduce(HB_REDUCE_SUM, c, 0, nullptr, 0));
                    if (values_of(sum)[0] != double(n) * (t + i)) wrong++;
                    if (hb_release(a) != HB_ERROR_HANDLE) wrong++;
                } catch (const CallFailed&) {
                    wrong++;
                }
            }
        });
    for (std::thread& worker : workers) worker.join();
    hb_memory after = memory();
    check(wrong == 0, "%d wrong results with four threads", wrong.load());
    check(after.live_tensors == before.live_tensors && after.in_use == before.in_use,
          "four threads leave tensors behind");
}

// Several threads release the same handle: one of them succeeds.
void one_of_many_releases() {
    for (int i = 0; i < 200; i++) {
        hb_tensor x = full({8}, 1);
        std::atomic<int> succeeded{0};
        std::vector<std::thread> workers;
        for (int t = 0; t < 3; t++) workers.emplace_back([&] { succeeded += hb_release(x) == HB_OK; });
        for (std::thread& worker : workers) worker.join();
        if (succeeded != 1) check(false, "%d of 3 releases of one handle succeeded", succeeded.load());
    }
}

void information() {
    check(hb_abi_version() == HB_ABI_VERSION, "the library has version %d, the header %d", hb_abi_version(),
          HB_ABI_VERSION);
    int64_t size = hb_info(nullptr, 0);
    check(size > 2, "hb_info needs %lld bytes", static_cast<long long>(size));
    std::string text(static_cast<size_t>(size), 'x');
    check(hb_info(text.data(), size) == size && text.back() == '\0', "hb_info's text does not end");
    check(text.front() == '{' && text[text.size() - 2] == '}', "hb_info gives no object: %s", text.c_str());
    char little[8];
    std::memset(little, 'x', sizeof little);
    hb_info(little, 4);
    check(little[3] == '\0' && little[4] == 'x', "hb_info writes past the end it was given");
}

}  // namespace

int main() {
    int64_t at_start = memory().live_tensors;
    try {
        released_handles();
        many_generations_of_one_slot();
        garbage_handles();
        aliases_and_views_keep_storage();
        writing_through_a_view();
        wrong_arguments();
        empty_images();
        sizes_that_overflow();
        statistics_add_up();
        memory_limit();
        errors_belong_to_threads();
        many_threads();
        one_of_many_releases();
        information();
    } catch (const CallFailed& error) {
        check(false, "%s", error.what());
    }
    check(memory().live_tensors == at_start, "%lld tensors are left",
          static_cast<long long>(memory().live_tensors - at_start));
    return finish();
}
