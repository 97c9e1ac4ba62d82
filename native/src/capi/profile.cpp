// The profile of calls, and the machine's peaks.
#include "core/profile.h"

#include "capi/call.h"
#include "core/peaks.h"

using namespace hb;

extern "C" {

hb_status hb_profile_start(int64_t capacity) {
    return status_of("profile_start", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.require(capacity >= 1 && capacity <= 1 << 24, "capacity is %lld; expected 1..2^24", (long long)capacity);
        profile::start(capacity);
    });
}

hb_status hb_profile_stop(void) {
    return status_of("profile_stop", 0, nullptr, [&](Call&, hb_tensor*) { profile::stop(); });
}

int64_t hb_profile_read(hb_profile_record* records, int64_t capacity, int64_t* lost) {
    return guarded("profile_read", [&](Call& call) -> int64_t {
        call.require(capacity >= 0, "capacity is %lld; expected >= 0", (long long)capacity);
        if (capacity > 0) call.not_null("records", records);
        call.not_null("lost", lost);
        return profile::read(records, capacity, lost);
    });
}

int64_t hb_profile_clock(void) { return profile::clock(); }

int32_t hb_profile_thread(void) { return profile::thread_number(); }

hb_status hb_measure_peaks(double* gflops, double* gigabytes) {
    return status_of("measure_peaks", 0, nullptr, [&](Call& call, hb_tensor*) {
        call.not_null("gflops", gflops);
        call.not_null("gigabytes", gigabytes);
        *gflops = measured_gflops();
        *gigabytes = measured_triad();
    });
}

}  // extern "C"
