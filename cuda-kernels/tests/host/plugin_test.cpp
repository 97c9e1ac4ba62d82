// The library as the engine meets it: through its one door, by dlopen. argv[1]: libhornbeam_cuda_emulated.so.
#include <dlfcn.h>

#include <cstring>
#include <string>
#include <vector>

#include "backend/plugin.h"
#include "tests/host/check.h"

using namespace hb;
using namespace hb::cuda::test;

namespace {

std::string facts_of(const BackendPlugin& plugin) {
    std::string text(size_t(plugin.facts(nullptr, 0)), '\0');
    plugin.facts(text.data(), int64_t(text.size()));
    text.pop_back();
    return text;
}

// Status and message of the calling thread's last failure.
std::string taken(const BackendPlugin& plugin, hb_status& status) {
    char text[2048] = "";
    status = plugin.take_error(text, sizeof text);
    return text;
}

View view(void* data, DType type, Shape shape) {
    View v;
    v.data = data;
    v.type = type;
    v.shape = shape;
    v.make_dense_strides();
    return v;
}

void another_version(OpenBackendPlugin open) {
    const BackendPlugin* plugin = open(kBackendVersion + 1);
    check(plugin && plugin->version == kBackendVersion && !plugin->backend,
          "another version gets the version, and no functions");
}

void no_device(const BackendPlugin& plugin) {
    check(plugin.devices == 0, "there is no device");
    check(plugin.reason && *plugin.reason, "and a reason");
    check_words("facts", facts_of(plugin), {"\"devices\": []", "\"reason\": \""});
}

void errors_cross_as_data(const BackendPlugin& plugin) {
    const Backend& table = *plugin.backend;
    hb_status status;
    plugin.select(0);
    check(taken(plugin, status).empty() && status == HB_OK, "selecting a device works");
    void* data = table.allocate(int64_t(1) << 50);
    std::string text = taken(plugin, status);
    check(data == nullptr && status == HB_ERROR_MEMORY, "too large: %d", int(status));
    check_words("too large", text, {"allocate on cuda-emulated:0", "out of memory", "1125899906842624"});
    taken(plugin, status);
    check(status == HB_OK, "an error is told once");

    table.release(&status);
    text = taken(plugin, status);
    check(status == HB_ERROR_INTERNAL, "a stranger's memory: %s", text.c_str());
}

void unsupported_types_are_told(const BackendPlugin& plugin) {
    const Backend& table = *plugin.backend;
    hb_status status;
    std::string text;
    void* data = table.allocate(6 * 8);
    View f64 = view(data, DType::F64, shape_of(2, 3));
    table.dropout(f64, 0.5, false, Stream{}, f64);
    text = taken(plugin, status);
    check(status == HB_ERROR_UNSUPPORTED, "f64: %d %s", int(status), text.c_str());
    check_words("f64", text, {"dropout of f64[2, 3], f64[2, 3] on cuda-emulated:0", "not in f64"});
    char shorter[8];
    table.dropout(f64, 0.5, false, Stream{}, f64);
    plugin.take_error(shorter, sizeof shorter);
    check(std::strcmp(shorter, "dropout") == 0, "a message is cut to its buffer");
    table.release(data);
}

void devices_are_apart(const BackendPlugin& plugin) {
    const Backend& table = *plugin.backend;
    check(plugin.devices == 2, "two devices are emulated, not %d", plugin.devices);
    hb_memory first{}, second{};
    plugin.select(0);
    table.stats(&first);
    plugin.select(1);
    void* data = table.allocate(4096);
    table.stats(&second);
    check(second.in_use >= 4096, "the second device's memory is in use");
    plugin.select(0);
    hb_memory again{};
    table.stats(&again);
    check(again.in_use == first.in_use, "and the first one's is not");
    plugin.select(1);
    table.release(data);
    plugin.select(0);
}

void tells_facts(const BackendPlugin& plugin) {
    check_words("facts", facts_of(plugin),
                {"\"backend\": \"cuda-emulated\"", "\"device\": \"cuda:0\"", "\"device\": \"cuda:1\"",
                 "\"name\": ", "\"compute_capability\": ", "\"memory_bytes\": ", "\"runtime\": ", "\"driver\": "});
    char start[10];
    int64_t wanted = plugin.facts(start, sizeof start);
    check(std::strlen(start) == 9 && wanted > 10, "facts are cut to their buffer");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        std::printf("%s\n", dlerror());
        return 2;
    }
    auto open = reinterpret_cast<OpenBackendPlugin>(dlsym(library, kOpenBackendPlugin));
    check(open != nullptr, "it has its door");
    another_version(open);
    const BackendPlugin* plugin = open(kBackendVersion);
    check(plugin && plugin->version == kBackendVersion && plugin->backend, "this version gets a table");
    if (argc > 2 && std::string(argv[2]) == "none") {
        no_device(*plugin);
    } else {
        errors_cross_as_data(*plugin);
        unsupported_types_are_told(*plugin);
        devices_are_apart(*plugin);
        tells_facts(*plugin);
    }
    return finish();
}
