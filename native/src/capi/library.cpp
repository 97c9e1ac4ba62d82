// Library facts, settings, the registry and memory statistics.
#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "backend/cpu/cpu_backend.h"
#include "backend/loaded/loaded_backend.h"
#include "capi/call.h"
#include "core/exactness.h"
#include "core/op_registry.h"
#include "core/parallel.h"

namespace hb {
namespace {

int available_cpus() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
}

int thread_setting = 0;
bool exact_setting = false;

std::string cpu_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.rfind("model name", 0) == 0) {
            size_t colon = line.find(": ");
            if (colon != std::string::npos) return line.substr(colon + 2);
        }
    return "unknown";
}

// "cpu", "cuda:0", …
std::string devices() {
    std::string names = quoted("cpu");
    for (int i = 0; i < loaded::cuda_devices(); i++) names += ", " + quoted(format("cuda:%d", i));
    return names;
}

}  // namespace

int threads() {
    if (thread_setting == 0) thread_setting = available_cpus();
    return thread_setting;
}

bool exact() { return exact_setting; }

}  // namespace hb

using namespace hb;

extern "C" {

int32_t hb_abi_version(void) { return HB_ABI_VERSION; }

int64_t hb_info(char* buffer, int64_t capacity) {
    return guarded("info", [&](Call& call) -> int64_t {
        std::string tiers;
        for (const char* name : {"scalar", "avx2", "avx512", "amx"})
            if (cpu::supported(name)) tiers += (tiers.empty() ? "" : ", ") + quoted(name);
        std::string text =
            format("{\"abi\": %d, \"tier\": \"%s\", \"tiers\": [%s], \"bf16\": \"%s\", \"threads\": %d, \"cpus\": %d, "
                   "\"cpu\": %s, "
                   "\"l1d_bytes\": %ld, \"l2_bytes\": %ld, \"l3_bytes\": %ld, \"compiler\": %s, \"openmp\": %d, "
                   "\"devices\": [%s], \"cuda\": %s}",
                   HB_ABI_VERSION, cpu::tier(), tiers.c_str(), cpu::bf16_products(), threads(), available_cpus(),
                   quoted(cpu_name()).c_str(), sysconf(_SC_LEVEL1_DCACHE_SIZE), sysconf(_SC_LEVEL2_CACHE_SIZE),
                   sysconf(_SC_LEVEL3_CACHE_SIZE), quoted("g++ " __VERSION__).c_str(), _OPENMP, devices().c_str(),
                   loaded::cuda_facts().c_str());
        if (capacity > 0) {
            call.not_null("buffer", buffer);
            size_t n = std::min<size_t>(text.size(), static_cast<size_t>(capacity) - 1);
            std::memcpy(buffer, text.data(), n);
            buffer[n] = 0;
        }
        return static_cast<int64_t>(text.size()) + 1;
    });
}

hb_status hb_set_tier(const char* tier) {
    return status_of("set_tier", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.not_null("tier", tier);
        cpu::set_tier(tier);
    });
}

const char* hb_tier(void) { return cpu::tier(); }

hb_status hb_set_threads(int32_t n) {
    return status_of("set_threads", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.require(n >= 0 && n <= 1024, "threads is %d; expected 1..1024, or 0 for the default", n);
        thread_setting = n == 0 ? available_cpus() : n;
    });
}

int32_t hb_threads(void) { return threads(); }

hb_status hb_set_exact(int32_t value) {
    return status_of("set_exact", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.require(value == 0 || value == 1, "exact is %d; expected 0 or 1", value);
        exact_setting = value == 1;
        loaded::set_exact(exact_setting);
    });
}

int32_t hb_exact(void) { return exact(); }

int32_t hb_device_available(hb_device device) {
    return status_of("device_available", 0, nullptr, [&](Call&, hb_tensor*) { backend_of(device); }) == HB_OK;
}

int32_t hb_op_count(void) { return op_count(); }

hb_status hb_op_describe(int32_t index, hb_op_info* info) {
    return status_of("op_describe", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.not_null("info", info);
        call.require(index >= 0 && index < op_count(), "index is %d; expected 0..%d", index, op_count() - 1);
        *info = op_info(index);
    });
}

hb_status hb_memory_stats(hb_device device, hb_memory* stats) {
    return status_of("memory_stats", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.not_null("stats", stats);
        std::memset(stats, 0, sizeof *stats);
        backend_of(device).stats(stats);
        stats->live_tensors = live_tensors();
        stats->live_storages = live_storages();
    });
}

hb_status hb_memory_reset_peak(hb_device device) {
    return status_of("memory_reset_peak", 0, nullptr, [&](Call&, hb_tensor*) { backend_of(device).reset_peak(); });
}

hb_status hb_memory_limit(hb_device device, int64_t bytes) {
    return status_of("memory_limit", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.require(bytes >= 0, "bytes is %lld; expected >= 0 (0: no limit)", (long long)bytes);
        backend_of(device).limit(bytes);
    });
}

hb_status hb_memory_trim(hb_device device) {
    return status_of("memory_trim", 0, nullptr, [&](Call&, hb_tensor*) { backend_of(device).trim(); });
}

}  // extern "C"
