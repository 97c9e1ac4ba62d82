// The functions of NCCL that the backend calls, on the CPU: libnccl_emulated.so. A group must have one call for each of
// its communicators, alike but for their memory and streams; it is computed on the first one's stream, after what is on
// all of them and before what follows. It adds in the order of the ranks.
#include <cuda_runtime_api.h>

#include <memory>

#include "emulation/libraries/events.h"
#include "emulation/libraries/queue.h"

using namespace hb::emulation::libraries;

namespace {

enum Result { kSuccess = 0, kUnhandledCudaError = 1, kInvalidArgument = 4, kInvalidUsage = 5 };

struct Clique {
    std::vector<int> devices;
};
struct Communicator {
    std::shared_ptr<Clique> clique;
    int rank;
};
struct Call {
    const float* from;
    float* to;
    size_t count;
    Communicator* communicator;
    cudaStream_t stream;
};

thread_local int depth = 0;
thread_local std::vector<Call> calls;

// What the emulated runtime has of events, which belongs to the library that loads this one.
const EventFunctions* events = nullptr;

bool between(const std::vector<Call>& group, bool before) {
    // One event for each stream whose work must be done; the first stream waits for the others, or they for it.
    int selected = 0;
    if (!events || events->get_device(&selected) != cudaSuccess) return false;
    bool right = true;
    for (size_t i = 1; i < group.size(); i++) {
        const Call& from = before ? group[i] : group[0];
        const Call& to = before ? group[0] : group[i];
        cudaEvent_t event = nullptr;
        right =
            right &&
            events->set_device(from.communicator->clique->devices[size_t(from.communicator->rank)]) == cudaSuccess &&
            events->create(&event, cudaEventDisableTiming) == cudaSuccess &&
            events->record(event, from.stream) == cudaSuccess && events->wait(to.stream, event, 0) == cudaSuccess &&
            events->destroy(event) == cudaSuccess;
    }
    return events->set_device(selected) == cudaSuccess && right;
}

int run(std::vector<Call> group) {
    if (group.empty()) return kSuccess;
    const Clique* clique = group[0].communicator->clique.get();
    if (group.size() != clique->devices.size()) return kInvalidUsage;
    for (size_t r = 0; r < group.size(); r++)
        if (group[r].communicator->clique.get() != clique || group[r].communicator->rank != int(r) ||
            group[r].count != group[0].count)
            return kInvalidUsage;
    if (!between(group, true)) return kUnhandledCudaError;
    auto body = [group] {
        for (size_t i = 0; i < group[0].count; i++) {
            float sum = group[0].from[i];
            for (size_t r = 1; r < group.size(); r++) sum += group[r].from[i];
            for (const Call& call : group) call.to[i] = sum;
        }
    };
    if (!queue(group[0].stream, body)) return kUnhandledCudaError;
    return between(group, false) ? kSuccess : kUnhandledCudaError;
}

}  // namespace

extern "C" {
#define HB_EXPORT __attribute__((visibility("default")))

HB_EXPORT void hornbeam_connect_events(const EventFunctions* functions) { events = functions; }

HB_EXPORT int ncclGetVersion(int* version) {
    *version = 22703;
    return kSuccess;
}
HB_EXPORT const char* ncclGetErrorString(int result) {
    switch (result) {
        case kSuccess:
            return "no error";
        case kUnhandledCudaError:
            return "unhandled cuda error";
        case kInvalidArgument:
            return "invalid argument";
        default:
            return "invalid usage";
    }
}
HB_EXPORT int ncclCommInitAll(Communicator** communicators, int count, const int* devices) {
    if (count < 1) return kInvalidArgument;
    auto clique = std::make_shared<Clique>();
    for (int r = 0; r < count; r++) {
        for (int device : clique->devices)
            if (device == devices[r]) return kInvalidUsage;  // each device once
        clique->devices.push_back(devices[r]);
        communicators[r] = new Communicator{clique, r};
    }
    return kSuccess;
}
HB_EXPORT int ncclGroupStart() {
    depth++;
    return kSuccess;
}
HB_EXPORT int ncclGroupEnd() {
    if (depth == 0) return kInvalidUsage;
    if (--depth > 0) return kSuccess;
    std::vector<Call> group;
    group.swap(calls);
    return run(std::move(group));
}
HB_EXPORT int ncclAllReduce(const void* from, void* to, size_t count, int type, int operation,
                            Communicator* communicator, cudaStream_t stream) {
    if (!communicator || !from || !to || type != 7 || operation != 0) return kInvalidArgument;
    // Outside of a group it would wait for the others' calls, which one thread cannot make.
    if (depth == 0) return kInvalidUsage;
    calls.push_back({static_cast<const float*>(from), static_cast<float*>(to), count, communicator, stream});
    return kSuccess;
}
}
