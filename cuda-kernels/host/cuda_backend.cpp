// The library's one door: a table of functions that keep what they throw (native/src/backend/plugin.h).
#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "backend/entries.h"
#include "backend/plugin.h"
#include "core/exactness.h"
#include "host/device.h"
#include "host/launch_error.h"
#include "host/libs/variants.h"
#include "kernels/kernels.h"

namespace hb {
namespace {
std::atomic<bool> exact_setting{false};
}
bool exact() { return exact_setting.load(std::memory_order_relaxed); }
}  // namespace hb

namespace hb::cuda {
namespace {

#if defined(HB_CUDA_EMULATED)
constexpr const char* kName = "cuda-emulated";
#else
constexpr const char* kName = "cuda";
#endif

Backend throwing_table() {
    Backend t{};
    t.version = kBackendVersion;
    t.name = kName;
    t.allocate = [](int64_t bytes) { return device().memory.allocate(bytes); };
    t.release = [](void* data) { device().memory.release(data); };
    t.stats = [](hb_memory* out) { device().memory.stats(out); };
    t.reset_peak = [] { device().memory.reset_peak(); };
    t.limit = [](int64_t bytes) { device().memory.limit(bytes); };
    t.trim = [] { device().memory.trim(); };
    t.copy_in = [](void* to, const void* host, int64_t bytes) { device().copy_in(to, host, bytes); };
    t.copy_out = [](void* host, const void* from, int64_t bytes) { device().copy_out(host, from, bytes); };
    t.synchronize = [] { device().synchronize(); };
    add_random(t);
    add_movement(t);
    add_elementwise(t);
    add_reductions(t);
    add_sorting(t);
    add_linear_algebra(t);
    add_convolution(t);
    add_pooling(t);
    add_normalisation(t);
    add_attention(t);
    add_losses(t);
    add_dropout(t);
    add_optimizers(t);
    add_collectives(t);
    add_libraries(t);
    return t;
}

const Backend& table() {
    static const Backend t = throwing_table();
    return t;
}

// ---- errors, as data

struct Pending {
    hb_status status = HB_OK;
    std::string text;
};
thread_local Pending pending;

// What a message tells of an argument: shapes, where it is a tensor.
template <class Argument>
void describe(std::string& text, const Argument& argument) {
    if constexpr (std::is_same_v<Argument, View>)
        if (argument)
            text += (text.empty() ? "" : ", ") + std::string(name_of(argument.type)) + text_of(argument.shape);
    if constexpr (std::is_same_v<Argument, BatchNormArguments> || std::is_same_v<Argument, BatchNormBackwardArguments>)
        describe(text, argument.x);
}

template <auto Entry>
struct Keeping;
template <class Result, class... Arguments, Result (*Backend::*Entry)(Arguments...)>
struct Keeping<Entry> {
    static inline const char* name = "";
    static Result call(Arguments... arguments) {
        try {
            return (table().*Entry)(arguments...);
        } catch (const Error& error) {
            keep(error.status(), error.what(), arguments...);
        } catch (const std::exception& error) {
            keep(HB_ERROR_INTERNAL, error.what(), arguments...);
        }
        return Result();
    }

  private:
    static void keep(hb_status status, const char* what, const Arguments&... arguments) {
        std::string shapes;
        (describe(shapes, std::as_const(arguments)), ...);
        pending.status = status;
        pending.text = format("%s%s%s%s on %s:%d: %s", name, shapes.empty() ? "" : " of ", shapes.c_str(), "", kName,
                              device().index, what);
    }
};

struct KeepAll {
    Backend& t;
    template <auto Entry>
    void operator()(const char* name) const {
        if (!(table().*Entry)) return;
        Keeping<Entry>::name = name;
        t.*Entry = &Keeping<Entry>::call;
    }
};

Backend keeping_table() {
    Backend t{};
    t.version = kBackendVersion;
    t.name = kName;
    for_each_entry(KeepAll{t});
    return t;
}

hb_status take_error(char* text, int64_t capacity) {
    hb_status status = pending.status;
    if (status == HB_OK) [[likely]]
        return HB_OK;
    if (capacity > 0) {
        size_t n = std::min(pending.text.size(), size_t(capacity) - 1);
        std::memcpy(text, pending.text.data(), n);
        text[n] = 0;
    }
    pending = {};
    return status;
}

void select(int32_t index) {
    try {
        select_device(index);
    } catch (const Error& error) {
        pending = {error.status(), error.what()};
    }
}

// ---- what was found

struct Found {
    int devices = 0;
    std::string reason;

    Found() {
        try {
            settings();
        } catch (const Error& error) {
            reason = error.what();
            return;
        }
        try {
            devices = device_count();
            if (devices == 0) reason = "this machine has no CUDA device";
        } catch (const Error& error) {
            reason = error.what();
            reason += "; is the NVIDIA driver installed, and not older than CUDA " + version(CUDART_VERSION) + "?";
        }
    }
    // What is set wrongly in the environment is told before anything is computed.
    static void settings() {
        // Kernels must not be loaded while they are captured, as they would be where they are first used.
        if (StepGraphs::wanted()) setenv("CUDA_MODULE_LOADING", "EAGER", 0);
        DeviceMemory unused(0);
        (void)table();
    }
    static std::string version(int number) { return format("%d.%d", number / 1000, number % 1000 / 10); }
};

const Found& found() {
    static const Found* all = new Found;
    return *all;
}

// Where this library was loaded from.
std::string own_file() {
    Dl_info self;
    return dladdr(reinterpret_cast<void*>(&found), &self) && self.dli_fname ? self.dli_fname : "";
}

std::string facts() {
    int driver = 0;
    (void)cudaDriverGetVersion(&driver);
    std::string list;
    for (int i = 0; i < found().devices; i++) {
        // Without opening it: that takes memory of each device, and time.
        cudaDeviceProp d;
        check(cudaGetDeviceProperties(&d, i), "cudaGetDeviceProperties");
        list += format("%s{\"device\": \"cuda:%d\", \"name\": %s, \"compute_capability\": \"%d.%d\", "
                       "\"multiprocessors\": %d, \"memory_bytes\": %lld}",
                       i ? ", " : "", i, quoted(d.name).c_str(), d.major, d.minor, d.multiProcessorCount,
                       (long long)d.totalGlobalMem);
    }
    // Where there is no device, nobody needs the libraries, which are large.
    std::string libraries = found().devices > 0 ? ", " + library_facts() : "";
    return format("{\"backend\": \"%s\", \"library\": %s, \"devices\": [%s], \"reason\": %s, \"runtime\": \"%s\", "
                  "\"driver\": %s%s}",
                  kName, quoted(own_file()).c_str(), list.c_str(), quoted(found().reason).c_str(),
                  Found::version(CUDART_VERSION).c_str(), driver ? quoted(Found::version(driver)).c_str() : "null",
                  libraries.c_str());
}

int64_t write_facts(char* text, int64_t capacity) {
    std::string all;
    try {
        all = facts();
    } catch (const Error& error) {
        all = "{\"devices\": [], \"reason\": " + quoted(error.what()) + "}";
    }
    if (capacity > 0) {
        size_t n = std::min(all.size(), size_t(capacity) - 1);
        std::memcpy(text, all.data(), n);
        text[n] = 0;
    }
    return int64_t(all.size()) + 1;
}

}  // namespace
}  // namespace hb::cuda

extern "C" __attribute__((visibility("default"))) const hb::BackendPlugin* hornbeam_open_backend(uint32_t version) {
    using namespace hb::cuda;
    static hb::BackendPlugin plugin{};
    plugin.version = hb::kBackendVersion;
    if (version != hb::kBackendVersion) return &plugin;
    plugin.devices = found().devices;
    plugin.reason = found().reason.c_str();
    static const hb::Backend functions = plugin.devices > 0 ? keeping_table() : hb::Backend{};
    plugin.backend = &functions;
    plugin.select = select;
    plugin.set_exact = [](int32_t exact) { hb::exact_setting = exact != 0; };
    plugin.take_error = take_error;
    plugin.facts = write_facts;
    return &plugin;
}
