#include "host/libs/library.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <cstdlib>
#include <utility>

#include "core/error.h"
#if defined(HB_CUDA_EMULATED)
#include "emulation/libraries/events.h"
#endif

namespace hb::cuda {
namespace {

// Folders beside those of the loader: of the toolkit, as its variables name it or where it usually lies.
std::vector<std::string> folders() {
    std::vector<std::string> all;
    for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
        if (const char* root = std::getenv(variable); root && *root) all.push_back(std::string(root) + "/lib64/");
    all.push_back("/usr/local/cuda/lib64/");
    return all;
}

}  // namespace

Library::Library(Sought sought) : sought_(std::move(sought)) { load(); }

bool Library::load(const std::string& file) {
    // Never closed: its threads and the driver's callbacks may outlive every caller.
    handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle_) file_ = file;
    return handle_ != nullptr;
}

void Library::load() {
    const char* given = std::getenv(sought_.environment);
    if (given && *given) {
        if (!load(given)) reason_ = format("%s (of %s) could not be loaded: %s", given, sought_.environment, dlerror());
        return;
    }
    std::string names, places;
    for (const char* file : sought_.files) {
        if (load(file)) return;
        for (const std::string& folder : folders())
            if (load(folder + file)) return;
        names += (names.empty() ? "" : " or ") + std::string(file);
    }
    for (const std::string& folder : folders()) places += ", " + folder;
    reason_ = names + " was found neither on the loader's paths (LD_LIBRARY_PATH) nor in" + places.substr(1);
}

void* Library::address(const char* symbol) {
    if (!handle_) return nullptr;
    void* at = dlsym(handle_, symbol);
    if (!at && reason_.empty()) reason_ = file_ + " has no " + symbol;
    Dl_info where;
    if (at && dladdr(at, &where) && where.dli_fname) file_ = where.dli_fname;
    return at;
}

void Library::accept(bool accepted, int major, int minor, int patch) {
    if (!handle_) return;
    version_ = format("%d.%d.%d", major, minor, patch);
    if (!accepted && reason_.empty()) reason_ = file_ + " is version " + version_;
#if defined(HB_CUDA_EMULATED)
    // A stand-in queues its work as the emulated runtime does, which only this library has.
    using Connect = void(cudaError_t(*)(cudaStream_t, cudaHostFn_t, void*));
    if (auto connect = reinterpret_cast<Connect*>(dlsym(handle_, "hornbeam_connect_emulation")))
        connect(&cudaLaunchHostFunc);
    using ConnectEvents = void(const emulation::libraries::EventFunctions*);
    static const emulation::libraries::EventFunctions events{
        &cudaGetDevice,   &cudaSetDevice,       &cudaEventCreateWithFlags,
        &cudaEventRecord, &cudaStreamWaitEvent, &cudaEventDestroy};
    if (auto connect = reinterpret_cast<ConnectEvents*>(dlsym(handle_, "hornbeam_connect_events"))) connect(&events);
#endif
}

void Library::require() const {
    if (found()) return;
    fail(HB_ERROR_DEVICE,
         "%s %s is needed and cannot be used: %s. Install it, name its file in %s, or use the kernels written by hand "
         "(HORNBEAM_CUDA_VARIANT=hand)",
         sought_.name, sought_.versions, reason_.c_str(), sought_.environment);
}

std::string Library::facts() const {
    if (!found()) return "{\"reason\": " + quoted(reason_) + "}";
    return "{\"file\": " + quoted(file_) + ", \"version\": " + quoted(version_) + "}";
}

}  // namespace hb::cuda
