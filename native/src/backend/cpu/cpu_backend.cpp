#include "backend/cpu/cpu_backend.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "backend/cpu/cpu_features.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/widened.h"
#include "core/host_allocator.h"

namespace hb::cpu {
namespace {

enum Tier { kScalar, kAvx2, kAvx512, kAmx, kTiers };
constexpr const char* kTierNames[kTiers] = {"scalar", "avx2", "avx512", "amx"};

bool cpu_has(Tier tier) {
    switch (tier) {
        case kScalar:
            return true;
        case kAvx2:
            return has_avx2();
        case kAvx512:
            return has_avx512();
        case kAmx:
            return has_amx();
        case kTiers:
            break;
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
    scalar::add_collectives(t);
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
    const Backend scalar = scalar_table();
    const Backend plain = with_bf16(scalar, active);  // what a tier leaves to others
    Backend active = plain;
    Tier tier = kScalar;

    State() {
        const char* wanted = std::getenv("HORNBEAM_TIER");
        select(wanted && *wanted ? wanted : "auto");
    }

    void select(std::string_view name) {
        int chosen = -1;
        if (name == "auto") {
            chosen = kTiers - 1;
            while (!cpu_has(static_cast<Tier>(chosen))) chosen--;
        } else {
            for (int i = 0; i < kTiers; i++)
                if (name == kTierNames[i]) chosen = i;
            if (chosen < 0)
                fail(HB_ERROR_ARGUMENT, "set_tier: \"%.*s\" is no tier; choose auto, scalar, avx2, avx512 or amx",
                     (int)name.size(), name.data());
            if (!cpu_has(static_cast<Tier>(chosen)))
                fail(HB_ERROR_UNSUPPORTED, "set_tier: this CPU cannot run tier \"%s\"; choose auto",
                     kTierNames[chosen]);
        }
        tier = static_cast<Tier>(chosen);
        Backend t = plain;
        if (tier == kAvx2) {
            HB_FILL(avx2)
        } else if (tier != kScalar) {
            HB_FILL(avx512)
            const Backend filled = t;
            if (tier == kAmx)
                amx::add_products(t, filled);
            else if (has_avx512_bf16())
                avx512_bf16::add_products(t, filled);
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
const char* bf16_products() {
    switch (state().tier) {
        case kAmx:
            return "amx";
        case kAvx512:
            return has_avx512_bf16() ? "avx512_bf16" : "widened";
        default:
            return "widened";
    }
}
bool supported(const char* tier) {
    for (int i = 0; i < kTiers; i++)
        if (std::strcmp(tier, kTierNames[i]) == 0) return cpu_has(static_cast<Tier>(i));
    return false;
}

}  // namespace hb::cpu
