// How a stand-in gives its work to the emulated runtime, which belongs to the library that loads it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <list>
#include <mutex>
#include <vector>

namespace hb::emulation::libraries {

using LaunchHostFunction = cudaError_t (*)(cudaStream_t, cudaHostFn_t, void*);
inline LaunchHostFunction launch_host_function = nullptr;

// Runs body when the stream comes to it. Kept for good: a graph may run it again.
inline bool queue(cudaStream_t stream, std::function<void()> body) {
    static std::mutex mutex;
    static std::list<std::function<void()>> kept;
    std::function<void()>* work;
    {
        std::lock_guard<std::mutex> lock(mutex);
        work = &kept.emplace_back(std::move(body));
    }
    auto run = [](void* it) { (*static_cast<std::function<void()>*>(it))(); };
    return launch_host_function && launch_host_function(stream, run, work) == cudaSuccess;
}

// ---- elements of the types that both stand-ins know, as f32

inline float read_bf16(const void* data, int64_t i) {
    uint16_t bits;
    std::memcpy(&bits, static_cast<const char*>(data) + i * 2, 2);
    uint32_t wide = uint32_t{bits} << 16;
    float x;
    std::memcpy(&x, &wide, 4);
    return x;
}
inline void write_bf16(void* data, int64_t i, float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    uint16_t narrow = x != x ? uint16_t(bits >> 16 | 0x40) : uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    std::memcpy(static_cast<char*>(data) + i * 2, &narrow, 2);
}
inline float read(bool bf16, const void* data, int64_t i) {
    return bf16 ? read_bf16(data, i) : static_cast<const float*>(data)[i];
}
inline void write(bool bf16, void* data, int64_t i, float x) {
    if (bf16)
        write_bf16(data, i, x);
    else
        static_cast<float*>(data)[i] = x;
}
inline std::vector<float> read_all(bool bf16, const void* data, int64_t n) {
    std::vector<float> all(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) all[size_t(i)] = read(bf16, data, i);
    return all;
}

}  // namespace hb::emulation::libraries

extern "C" __attribute__((visibility("default"), used)) inline void
hornbeam_connect_emulation(hb::emulation::libraries::LaunchHostFunction function) {
    hb::emulation::libraries::launch_host_function = function;
}
