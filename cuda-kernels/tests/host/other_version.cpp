// A library of another release: what the engine says of it is tested with op_table.
#include "backend/plugin.h"

extern "C" __attribute__((visibility("default"))) const hb::BackendPlugin* hornbeam_open_backend(uint32_t) {
    static hb::BackendPlugin plugin{};
    plugin.version = hb::kBackendVersion + 1;
    return &plugin;
}
