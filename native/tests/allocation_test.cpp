// A warmed-up training step asks the system for no memory: malloc, mmap and their kin are counted while a small network
// is trained through the ABI, for several numbers of threads. Then 2,000 more steps must leave memory as it was.
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <string>

#include "support/check.h"

using namespace hb::test;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HB_COUNTS_CALLS 0  // the sanitizer's own allocator stands in their place
#else
#define HB_COUNTS_CALLS 1
#endif

namespace {
std::atomic<long> system_calls{0};
std::atomic<bool> counting{false};
}  // namespace

#if HB_COUNTS_CALLS
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

static void count_call() {
    if (counting.load(std::memory_order_relaxed)) system_calls.fetch_add(1, std::memory_order_relaxed);
}
void* malloc(size_t size) noexcept {
    count_call();
    return __libc_malloc(size);
}
void* calloc(size_t n, size_t size) noexcept {
    count_call();
    return __libc_calloc(n, size);
}
void* realloc(void* p, size_t size) noexcept {
    count_call();
    return __libc_realloc(p, size);
}
void* memalign(size_t alignment, size_t size) noexcept {
    count_call();
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) noexcept {
    count_call();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** p, size_t alignment, size_t size) noexcept {
    count_call();
    *p = __libc_memalign(alignment, size);
    return *p ? 0 : 12;
}
void free(void* p) noexcept { __libc_free(p); }
void* mmap(void* address, size_t length, int protection, int flags, int file, off_t offset) noexcept {
    count_call();
    return reinterpret_cast<void*>(syscall(SYS_mmap, address, length, protection, flags, file, offset));
}
int munmap(void* address, size_t length) noexcept {
    count_call();
    return static_cast<int>(syscall(SYS_munmap, address, length));
}
int brk(void* address) noexcept {
    count_call();
    return syscall(SYS_brk, address) == reinterpret_cast<long>(address) ? 0 : -1;
}
}
#endif

namespace {

// Two convolution blocks, pooling, a linear layer; DAMP's noise on every weight; SGD with momentum. Activations are of
// the given type.
class Network {
  public:
    Network(int64_t batch, int64_t size, int64_t channels, hb_dtype type)
        : batch_(batch), size_(size), channels_(channels) {
        first_ = weight({channels, 3, 3, 3});
        second_ = weight({channels, 3, 3, channels});
        head_ = weight({10, channels});
        for (hb_tensor* gamma : {&gamma1_, &gamma2_}) *gamma = own_(hb_full(HB_DEVICE_CPU, HB_F32, 1, &channels_, 1));
        for (hb_tensor* beta : {&beta1_, &beta2_}) *beta = own_(hb_full(HB_DEVICE_CPU, HB_F32, 1, &channels_, 0));
        for (hb_tensor* t : {&mean1_, &mean2_}) *t = own_(hb_full(HB_DEVICE_CPU, HB_F32, 1, &channels_, 0));
        for (hb_tensor* t : {&var1_, &var2_}) *t = own_(hb_full(HB_DEVICE_CPU, HB_F32, 1, &channels_, 1));
        parameters_[0] = first_, parameters_[1] = gamma1_, parameters_[2] = beta1_;
        parameters_[3] = second_, parameters_[4] = gamma2_, parameters_[5] = beta2_;
        parameters_[6] = head_;
        for (int i = 0; i < kParameters; i++) {
            Sizes shape = shape_of(parameters_[i]);
            momenta_[i] = own_(hb_full(HB_DEVICE_CPU, HB_F32, int32_t(shape.size()), shape.data(), 0));
        }
        images_ = own_(tensor_of(type, {batch, size, size, 3}, uniform_values(batch * size * size * 3, -1, 1, 1)));
        std::vector<double> labels(static_cast<size_t>(batch));
        for (size_t i = 0; i < labels.size(); i++) labels[i] = double(i % 10);
        labels_ = own_(tensor_of(HB_I64, {batch}, labels));
    }

    void step(uint32_t number) {
        hb_conv2d_params conv{1, 1, 1, 1, 1, 1, 1};
        hb_batch_norm_params norm{1, 1, 1, HB_ACT_RELU, 0, 0.1f, 1e-5f, 0};
        hb_noise noise{HB_NOISE_MULTIPLICATIVE, HB_GRADIENT_AT_PERTURBED, 4, 0.1f, 7, 0, number, 0, 0};
        hb_noise noises[5];
        for (uint32_t i = 0; i < 5; i++) {
            noises[i] = noise;
            noises[i].tensor = i;
        }
        hb_tensor a[4], b[4], pooled[2], da[5], db[5], dh[2];
        ok(hb_conv_bn_act(images_, first_, gamma1_, beta1_, mean1_, var1_, 0, &conv, &norm, &noises[0], &noises[1], 1,
                          a));
        ok(hb_conv_bn_act(a[0], second_, gamma2_, beta2_, mean2_, var2_, a[0], &conv, &norm, &noises[2], &noises[3], 1,
                          b));
        hb_pool2d_params pool{2, 2, 2, 2, 0, 0, 0};
        ok(hb_max_pool2d(b[0], &pool, pooled));
        hb_tensor features = ok(hb_global_avg_pool(pooled[0]));
        hb_tensor logits = ok(hb_linear(features, head_, 0, &noises[4]));
        hb_tensor loss = ok(hb_cross_entropy(logits, labels_, 0.1));
        hb_tensor dloss = ok(hb_full(HB_DEVICE_CPU, HB_F32, 1, &batch_, 1 / double(batch_)));
        hb_tensor dlogits = ok(hb_cross_entropy_backward(logits, labels_, dloss, 0.1));
        hb_tensor dfeatures = ok(hb_linear_backward_data(dlogits, head_, &noises[4]));
        ok(hb_linear_backward_weight(features, dlogits, 0, &noises[4], dh));
        hb_tensor dpooled = ok(hb_global_avg_pool_backward(dfeatures, size_ / 2, size_ / 2));
        hb_tensor dy = ok(hb_max_pool2d_backward(dpooled, pooled[1], size_, size_));
        ok(hb_conv_bn_act_backward(a[0], second_, b[1], b[0], dy, gamma2_, b[2], b[3], 1, 1, &conv, &norm, &noises[2],
                                   &noises[3], db));
        hb_tensor total = ok(hb_binary(HB_ADD, db[0], db[4]));
        ok(hb_conv_bn_act_backward(images_, first_, a[1], a[0], total, gamma1_, a[2], a[3], 0, 0, &conv, &norm,
                                   &noises[0], &noises[1], da));
        hb_tensor gradients[kParameters] = {da[1], da[2], da[3], db[1], db[2], db[3], dh[0]};
        double length = 0;
        ok(hb_global_norm(kParameters, gradients, &length));
        if (length > 10) ok(hb_scale_all(kParameters, gradients, 10 / length));
        hb_sgd_params sgd{0.05, 0.9, 0, 1e-4, 1, 0};
        ok(hb_sgd_step(kParameters, parameters_, gradients, momenta_, nullptr, &sgd));
        for (hb_tensor t : {a[0],     a[1],   a[2],  a[3],  b[0],    b[1],      b[2],  b[3],    pooled[0], pooled[1],
                            features, logits, loss,  dloss, dlogits, dfeatures, dh[0], dpooled, dy,        db[0],
                            db[1],    db[2],  db[3], db[4], total,   da[1],     da[2], da[3]})
            ok(hb_release(t));
    }

  private:
    static constexpr int kParameters = 7;

    hb_tensor weight(const Sizes& shape) {
        double reach = 2 / std::sqrt(double(count(shape) / shape[0]));
        return own_(tensor_of(HB_F32, shape, uniform_values(count(shape), -reach, reach, uint32_t(count(shape)))));
    }

    Handles own_;
    int64_t batch_, size_, channels_;
    hb_tensor first_, second_, head_, gamma1_, gamma2_, beta1_, beta2_, mean1_, mean2_, var1_, var2_, images_, labels_;
    hb_tensor parameters_[kParameters], momenta_[kParameters];
};

long resident_pages() {
    long total = 0, resident = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld", &total, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return resident;
}

hb_memory memory() {
    hb_memory m;
    ok(hb_memory_stats(HB_DEVICE_CPU, &m));
    return m;
}

void steps_ask_for_no_memory(int threads, hb_dtype type) {
    ok(hb_set_threads(threads));
    // Sizes of several digits: a shape as text, should a check make one, is then too long for a string's own buffer.
    Network network(16, 12, 16, type);
    uint32_t number = 0;
    for (int i = 0; i < 10; i++) network.step(number++);
    hb_memory before = memory();
    system_calls = 0;
    counting = true;
    for (int i = 0; i < 30; i++) network.step(number++);
    counting = false;
    hb_memory after = memory();
    std::string name = std::to_string(threads) + " threads, " + name_of_type(type);
    check(system_calls == 0, "%s: 30 steps called malloc, mmap and the like %ld times", name.c_str(),
          system_calls.load());
    check(after.system_calls == before.system_calls, "%s: the allocator went to the system %lld times", name.c_str(),
          static_cast<long long>(after.system_calls - before.system_calls));
    check(after.allocations > before.allocations, "%s: nothing was allocated", name.c_str());
}

void memory_is_flat() {
    ok(hb_set_threads(1));
    Network network(6, 8, 8, HB_F32);
    uint32_t number = 0;
    for (int i = 0; i < 100; i++) network.step(number++);
    hb_memory before = memory();
    long resident = resident_pages();
    for (int i = 0; i < 2000; i++) network.step(number++);
    hb_memory after = memory();
    check(after.in_use == before.in_use, "in use: %lld bytes after 100 steps, %lld after 2,100",
          static_cast<long long>(before.in_use), static_cast<long long>(after.in_use));
    check(after.reserved == before.reserved, "reserved: %lld bytes after 100 steps, %lld after 2,100",
          static_cast<long long>(before.reserved), static_cast<long long>(after.reserved));
    check(after.peak == before.peak, "peak: %lld bytes after 100 steps, %lld after 2,100",
          static_cast<long long>(before.peak), static_cast<long long>(after.peak));
    check(after.live_tensors == before.live_tensors && after.live_storages == before.live_storages,
          "handles: %lld after 100 steps, %lld after 2,100", static_cast<long long>(before.live_tensors),
          static_cast<long long>(after.live_tensors));
    // A megabyte for what the C library and OpenMP may still touch for the first time.
    check((resident_pages() - resident) * sysconf(_SC_PAGESIZE) < 1 << 20,
          "%ld pages resident after 100 steps, %ld after 2,100", resident, resident_pages());
}

}  // namespace

int main() {
    try {
        if (!HB_COUNTS_CALLS) std::printf("a sanitizer owns malloc: its calls are not counted\n");
        for (int threads : {1, 2, 3, 5})
            for (hb_dtype type : {HB_F32, HB_BF16}) steps_ask_for_no_memory(threads, type);
        // Nor does a profile of them, even where it is too small.
        ok(hb_profile_start(1000));
        steps_ask_for_no_memory(2, HB_BF16);
        ok(hb_profile_stop());
        memory_is_flat();
    } catch (const CallFailed& error) {
        check(false, "%s", error.what());
    }
    return finish();
}
