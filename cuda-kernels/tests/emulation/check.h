// What the tests of the emulation share: counting checks, and memory of the device with values.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace hb::test {

inline int passed = 0, failed = 0;

[[gnu::format(printf, 2, 3)]] inline void check(bool holds, const char* pattern, ...) {
    if (holds) {
        passed++;
        return;
    }
    failed++;
    va_list values;
    va_start(values, pattern);
    std::printf("FAILED ");
    std::vprintf(pattern, values);
    std::printf("\n");
    va_end(values);
}

inline int finish(const char* name) {
    std::printf("%s: %d passed, %d failed\n", name, passed, failed);
    std::fflush(stdout);
    return failed ? 1 : 0;
}

inline void must(cudaError_t result, const char* what) {
    if (result == cudaSuccess) return;
    std::printf("FAILED %s: %s\n", what, cudaGetErrorString(result));
    std::exit(1);
}

// Memory of the device; freed at the end of the block.
template <class T>
class DeviceArray {
  public:
    explicit DeviceArray(size_t count) : count_(count) {
        must(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)), "cudaMalloc");
    }
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
        must(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
    }
    ~DeviceArray() { (void)cudaFree(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    operator T*() const { return data_; }
    std::vector<T> values() const {
        std::vector<T> result(count_);
        must(cudaMemcpy(result.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
        return result;
    }

  private:
    T* data_ = nullptr;
    size_t count_;
};

constexpr const char* kSchedules[] = {"forward", "reversed", "1", "2", "3", "4", "5", "6"};

}  // namespace hb::test
