#include "backend/loaded/loaded_backend.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "backend/entries.h"
#include "backend/plugin.h"
#include "core/exactness.h"

namespace hb::loaded {
namespace {

constexpr int kMostDevices = 16;
constexpr const char* kLibrary = "libhornbeam_cuda.so";

const BackendPlugin* plugin = nullptr;

void throw_pending() {
    char text[2048];
    hb_status status = plugin->take_error(text, sizeof text);
    if (status != HB_OK) throw Error(status, text);
}

// A function of the plugin, for one device.
template <auto Entry, int Device>
struct Bound;
template <class Result, class... Arguments, Result (*Backend::*Entry)(Arguments...), int Device>
struct Bound<Entry, Device> {
    static Result call(Arguments... arguments) {
        plugin->select(Device);
        if constexpr (std::is_void_v<Result>) {
            (plugin->backend->*Entry)(arguments...);
            throw_pending();
        } else {
            Result result = (plugin->backend->*Entry)(arguments...);
            throw_pending();
            return result;
        }
    }
};

template <int Device>
struct BindAll {
    Backend& table;
    template <auto Entry>
    void operator()(const char*) const {
        if (plugin->backend->*Entry) table.*Entry = &Bound<Entry, Device>::call;
    }
};

template <int Device>
void bind(Backend& table) {
    table.version = kBackendVersion;
    table.name = plugin->backend->name;
    for_each_entry(BindAll<Device>{table});
}

struct Loaded {
    std::string library;  // where it was looked for, or found
    std::string reason;   // why no device can be used; empty where one can
    int devices = 0;
    std::array<Backend, kMostDevices> tables{};

    Loaded() {
        library = place();
        load();
        if (devices == 0) return;
        [&]<int... Device>(std::integer_sequence<int, Device...>) {
            ((Device < devices ? bind<Device>(tables[Device]) : void()), ...);
        }
        (std::make_integer_sequence<int, kMostDevices>());
    }

  private:
    // $HORNBEAM_CUDA_LIBRARY, or beside this library.
    static std::string place() {
        const char* given = std::getenv("HORNBEAM_CUDA_LIBRARY");
        if (given && *given) return given;
        Dl_info self;
        if (!dladdr(reinterpret_cast<void*>(&hb_abi_version), &self) || !self.dli_fname) return kLibrary;
        std::string path = self.dli_fname;
        size_t slash = path.rfind('/');
        return slash == std::string::npos ? kLibrary : path.substr(0, slash + 1) + kLibrary;
    }

    void load() {
        void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (!handle) {
            reason = format("%s could not be loaded (%s); it comes with the linux-x86_64-cuda13 jar, or is named by "
                            "HORNBEAM_CUDA_LIBRARY",
                            kLibrary, dlerror());
            return;
        }
        auto open = reinterpret_cast<OpenBackendPlugin>(dlsym(handle, kOpenBackendPlugin));
        if (!open) {
            reason = library + " is no backend of Hornbeam: it lacks " + kOpenBackendPlugin;
            return;
        }
        const BackendPlugin* opened = open(kBackendVersion);
        if (!opened || opened->version != kBackendVersion) {
            reason = format("%s has backend version %u and the engine has %u: take both from one release",
                            library.c_str(), opened ? opened->version : 0, kBackendVersion);
            return;
        }
        plugin = opened;
        devices = opened->devices < kMostDevices ? opened->devices : kMostDevices;
        reason = opened->reason;
        opened->set_exact(exact());
    }
};

// Loaded once and never unloaded: tensors may live until the process ends.
const Loaded& loaded() {
    static const Loaded* state = new Loaded;
    return *state;
}

}  // namespace

const Backend& cuda_backend(int index) {
    const Loaded& state = loaded();
    if (state.devices == 0)
        fail(HB_ERROR_DEVICE, "device cuda:%d is not available: %s; use device cpu", index, state.reason.c_str());
    if (index < 0 || index >= state.devices)
        fail(HB_ERROR_DEVICE, "device cuda:%d is not there: this machine has cuda:0%s", index,
             state.devices == 1 ? " only" : format(" to cuda:%d", state.devices - 1).c_str());
    return state.tables[index];
}

std::string cuda_facts() {
    const Loaded& state = loaded();
    if (plugin) {
        std::string text(plugin->facts(nullptr, 0), '\0');
        plugin->facts(text.data(), static_cast<int64_t>(text.size()));
        text.pop_back();  // the final 0
        return text;
    }
    return "{\"library\": " + quoted(state.library) + ", \"devices\": [], \"reason\": " + quoted(state.reason) + "}";
}

int cuda_devices() { return loaded().devices; }

void set_exact(bool exact) {
    // A plugin that is not there yet is told when it is opened.
    if (plugin) plugin->set_exact(exact);
}

}  // namespace hb::loaded
