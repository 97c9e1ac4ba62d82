#include "host/libs/nccl.h"

#include <map>
#include <mutex>

#include "core/error.h"
#include "host/device.h"

namespace hb::cuda {
namespace {

struct Communicators {
    std::mutex mutex;  // also of the groups, which are one thread's at a time
    std::map<std::vector<int>, std::vector<Nccl::Communicator>> of;
};
Communicators& known() {
    static auto* all = new Communicators;
    return *all;
}

}  // namespace

Nccl::Nccl() : Library({"NCCL", "HORNBEAM_NCCL_LIBRARY", {"libnccl.so.2"}, "2"}) {
    bind(ncclGetVersion_, "ncclGetVersion");
    bind(ncclGetErrorString_, "ncclGetErrorString");
    bind(ncclCommInitAll_, "ncclCommInitAll");
    bind(ncclGroupStart_, "ncclGroupStart");
    bind(ncclGroupEnd_, "ncclGroupEnd");
    bind(ncclAllReduce_, "ncclAllReduce");
    if (!found()) return;
    // 22703 is 2.27.3; until 2.8 it was written 2804.
    int version = 0;
    (void)ncclGetVersion_(&version);
    const bool longer = version >= 10000;
    const int major = longer ? version / 10000 : version / 1000;
    accept(major == 2, major, longer ? version % 10000 / 100 : version % 1000 / 100, version % 100);
}

const Nccl& Nccl::get() {
    static const Nccl* library = new Nccl;
    return *library;
}

void Nccl::check(Result result, const char* function) const {
    if (result == 0) [[likely]]
        return;
    fail(HB_ERROR_DEVICE, "%s of NCCL %s failed: %s (%d); NCCL_DEBUG=INFO makes it tell more", function,
         version().c_str(), ncclGetErrorString_(result), result);
}

const std::vector<Nccl::Communicator>& Nccl::communicators(const std::vector<int>& devices) const {
    std::vector<Communicator>& made = known().of[devices];
    if (made.empty()) {
        std::vector<Communicator> fresh(devices.size());
        check(ncclCommInitAll_(fresh.data(), int(devices.size()), devices.data()), "ncclCommInitAll");
        made = std::move(fresh);
    }
    return made;
}

void Nccl::sum(const std::vector<FlatReplica>& replicas, int64_t elements) const {
    require();
    std::vector<int> devices;
    std::vector<cudaStream_t> streams;
    for (const FlatReplica& replica : replicas) {
        select_device(replica.device);
        devices.push_back(replica.device);
        streams.push_back(device().flushed_stream());
    }
    std::lock_guard<std::mutex> lock(known().mutex);
    const std::vector<Communicator>& all = communicators(devices);
    check(ncclGroupStart_(), "ncclGroupStart");
    Result first = 0;
    for (size_t r = 0; r < replicas.size() && first == 0; r++)
        first =
            ncclAllReduce_(replicas[r].data, replicas[r].data, size_t(elements), kFloat32, kSum, all[r], streams[r]);
    const Result end = ncclGroupEnd_();
    check(first, "ncclAllReduce");
    check(end, "ncclGroupEnd");
}

}  // namespace hb::cuda
