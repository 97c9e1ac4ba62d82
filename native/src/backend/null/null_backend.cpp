#include "backend/null/null_backend.h"

#include <cstring>
#include <type_traits>

#include "backend/entries.h"
#include "core/host_allocator.h"

namespace hb::null_device {
namespace {

// A function of any type that does nothing and returns a value-initialised result (0 for numbers).
template <class Function>
struct Nothing;
template <class Result, class... Arguments>
struct Nothing<Result (*)(Arguments...)> {
    static Result call(Arguments...) { return Result(); }
};
struct IgnoreWhatIsMissing {
    Backend& table;
    template <auto Entry>
    void operator()(const char*) const {
        if (!(table.*Entry)) table.*Entry = &Nothing<std::remove_reference_t<decltype(table.*Entry)>>::call;
    }
};

Backend make() {
    Backend t{};
    t.version = kBackendVersion;
    t.name = "null";
    t.allocate = [](int64_t bytes) { return HostAllocator::instance().allocate(bytes); };
    t.release = [](void* data) { HostAllocator::instance().release(data); };
    t.stats = [](hb_memory* out) { HostAllocator::instance().stats(out); };
    t.reset_peak = [] { HostAllocator::instance().reset_peak(); };
    t.limit = [](int64_t bytes) { HostAllocator::instance().limit(bytes); };
    t.trim = [] { HostAllocator::instance().trim(); };
    t.copy_in = [](void*, const void*, int64_t) {};
    t.copy_out = [](void* host, const void*, int64_t bytes) { std::memset(host, 0, bytes); };
    t.synchronize = [] {};
    t.indices_in_range = [](const View&, int64_t) { return true; };
    for_each_entry(IgnoreWhatIsMissing{t});
    t.conv2d_before_norm = nullptr;  // without it convolution and batch norm are two calls, as they are profiled
    return t;
}

}  // namespace

const Backend& backend() {
    static const Backend table = make();
    return table;
}

}  // namespace hb::null_device
