#include "backend/cpu/cpu_backend.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "backend/cpu/kernels.h"
#include "core/host_allocator.h"

namespace hb::cpu {
namespace {

enum Tier { kScalar, kAvx2, kAvx512 };
constexpr const char* kTierNames[] = {"scalar", "avx2", "avx512"};

bool cpu_has(Tier tier) {
    switch (tier) {
        case kScalar:
            return true;
        case kAvx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
                   __builtin_cpu_supports("f16c");
        case kAvx512:
#if defined(HB_AVX512_VIA_SIMDE)
            return cpu_has(kAvx2);
#else
            return cpu_has(kAvx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    }
    return false;
}

Backend scalar_table() {
    Backend t{};
    t.version = kBackendVersion;
    t.name = "cpu";
    t.allocate = [](int64_t bytes) { return HostAllocator::instance().allocate(bytes); };
    t.release = [](void* data) { HostAllocator::instance().release(data); };
    t.stats = [](hb_memory* out) { HostAllocator::instance().stats(out); };
    t.reset_peak = [] { HostAllocator::instance().reset_peak(); };
    t.limit = [](int64_t bytes) { HostAllocator::instance().limit(bytes); };
    t.trim = [] { HostAllocator::instance().trim(); };
    t.copy_in = [](void* device, const void* host, int64_t bytes) { std::memcpy(device, host, bytes); };
    t.copy_out = [](void* host, const void* device, int64_t bytes) { std::memcpy(host, device, bytes); };
    t.synchronize = [] {};
    scalar::add_elementwise(t);
    scalar::add_movement(t);
    scalar::add_reductions(t);
    scalar::add_linear_algebra(t);
    scalar::add_convolution(t);
    scalar::add_pooling(t);
    scalar::add_normalisation(t);
    scalar::add_attention(t);
    scalar::add_losses(t);
    scalar::add_optimizers(t);
    scalar::add_random(t);
    return t;
}

#define HB_FILL(tier)                                                                                                  \
    tier::add_elementwise(t, plain);                                                                                   \
    tier::add_movement(t, plain);                                                                                      \
    tier::add_reductions(t, plain);                                                                                    \
    tier::add_linear_algebra(t, plain);                                                                                \
    tier::add_convolution(t, plain);                                                                                   \
    tier::add_pooling(t, plain);                                                                                       \
    tier::add_normalisation(t, plain);                                                                                 \
    tier::add_attention(t, plain);                                                                                     \
    tier::add_losses(t, plain);                                                                                        \
    tier::add_optimizers(t, plain);                                                                                    \
    tier::add_random(t, plain);

struct State {
    Backend plain = scalar_table();
    Backend active = plain;
    Tier tier = kScalar;

    State() {
        const char* wanted = std::getenv("HORNBEAM_TIER");
        select(wanted && *wanted ? wanted : "auto");
    }

    void select(std::string_view name) {
        int chosen = -1;
        if (name == "auto") {
            chosen = cpu_has(kAvx512) ? kAvx512 : cpu_has(kAvx2) ? kAvx2 : kScalar;
        } else {
            for (int i = 0; i < 3; i++)
                if (name == kTierNames[i]) chosen = i;
            if (chosen < 0)
                fail(HB_ERROR_ARGUMENT, "set_tier: \"%.*s\" is no tier; choose auto, scalar, avx2 or avx512",
                     (int)name.size(), name.data());
            if (!cpu_has(static_cast<Tier>(chosen)))
                fail(HB_ERROR_UNSUPPORTED, "set_tier: this CPU cannot run tier \"%s\"; choose auto",
                     kTierNames[chosen]);
        }
        tier = static_cast<Tier>(chosen);
        Backend t = plain;
        if (tier == kAvx2) {
            HB_FILL(avx2)
        } else if (tier == kAvx512) {
            HB_FILL(avx512)
        }
        active = t;
    }
};

State& state() {
    static State* s = new State;
    return *s;
}

}  // namespace

const Backend& backend() { return state().active; }
void set_tier(const char* tier) { state().select(tier); }
const char* tier() { return kTierNames[state().tier]; }
bool supported(const char* tier) {
    for (int i = 0; i < 3; i++)
        if (std::strcmp(tier, kTierNames[i]) == 0) return cpu_has(static_cast<Tier>(i));
    return false;
}

}  // namespace hb::cpu
