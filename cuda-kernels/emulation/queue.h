// Streams, events and the work queued on them.
//
// Nothing runs when it is queued. Work runs when the host waits for something, in an order that the schedule draws from
// those that streams and events permit, and no further than the host needs. So what lacks an event, or what uses memory
// before its copy is done, sees the wrong data.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

#include "emulation/launch.h"
#include "emulation/memory.h"

namespace hb::emulation {

// What one queued operation, or one node of a graph, does.
struct Work {
    enum class Kind : uint8_t { nothing, kernel, copy, fill, host_call, release };
    Kind kind = Kind::nothing;
    int device = 0;
    const char* call = "";  // the function of the API, for reports

    BoundKernel kernel{};
    dim3 grid{}, block{};
    size_t dynamic_shared_bytes = 0;

    // Copies and fills move rows of `bytes`; a plain one has one row.
    char* to = nullptr;
    const char* from = nullptr;
    size_t bytes = 0, rows = 1, to_pitch = 0, from_pitch = 0;
    std::shared_ptr<char[]>
        staged;  // what the host's memory held at the call, where the call may return before the copy
    int value = 0;

    cudaHostFn_t function = nullptr;
    void* argument = nullptr;

    void run() const;
    // Whether it reads, writes or was given an address of these bytes.
    bool uses(const char* start, size_t size) const;
};

// The checker's: which operations one comes after, as the last of each chain.
struct Order {
    uint32_t chain = 0, tick = 0;
#ifdef HB_EMULATION_CHECKED
    std::vector<uint32_t> seen;  // by chain; what is beyond its end is 0
#endif
};

struct Operation;
using OperationPointer = std::shared_ptr<Operation>;

struct Operation {
    uint64_t number;  // in the order of the host's calls
    Work work;
    int waits_for = 0;  // operations that must be done before
    std::vector<OperationPointer> next;
    bool done = false;
    std::chrono::steady_clock::time_point finished;
    Order order;
};

// A chain of operations, each after the one before: a stream, or one place in a graph.
uint32_t new_chain();

struct Capture;

}  // namespace hb::emulation

// The runtime's opaque types are defined here, in the global namespace where its header declares them.
struct CUstream_st {
    int device = 0;
    bool blocking = true;  // in step with the default stream
    bool is_default = false;
    unsigned flags = 0;
    int priority = 0;
    uint32_t chain = hb::emulation::new_chain();
    hb::emulation::OperationPointer last;
    // While it is captured: what the next node comes after.
    hb::emulation::Capture* capture = nullptr;
    std::vector<cudaGraphNode_t> tail;
};

struct CUevent_st {
    int device = 0;
    unsigned flags = 0;
    hb::emulation::OperationPointer recorded;  // null: never
    hb::emulation::Capture* capture = nullptr;
    std::vector<cudaGraphNode_t> tail;
};

struct CUgraphNode_st {
    hb::emulation::Work work;
    std::vector<cudaGraphNode_t> after;
    size_t index = 0;
};

struct CUgraph_st {
    std::vector<std::unique_ptr<CUgraphNode_st>> nodes;  // each after those that it comes after
};

struct CUgraphExec_st {
    struct Node {
        hb::emulation::Work work;
        std::vector<size_t> after;
        uint32_t chain;
    };
    std::vector<Node> nodes;
};

namespace hb::emulation {

struct Capture {
    CUstream_st* origin;
    cudaStreamCaptureMode mode;
    std::unique_ptr<CUgraph_st> graph;
    std::vector<CUstream_st*> streams;
    std::vector<CUevent_st*> events;
    bool broken = false;
    uint64_t id = 0;

    cudaGraphNode_t add(Work work, std::vector<cudaGraphNode_t> after);
};

// Queued and not done.
class Queue {
  public:
    // After the work that `after` lists, of which null pointers and finished ones do not count.
    OperationPointer add(Work work, const std::vector<OperationPointer>& after, uint32_t chain);
    // On a stream: after what is on it, and in step with the default stream.
    OperationPointer add(Work work, CUstream_st& stream, std::vector<OperationPointer> after = {});
    void run_until(const OperationPointer& target);
    void run_all();
    // One that is ready, where there is one: what a GPU may have done by the time of a query.
    void run_one();
    // The name of the call that queued work that uses these bytes, or null.
    const char* user_of(const char* start, size_t bytes) const;
    void drop_all();

  private:
    void run(size_t index_of_ready);
    size_t choose() const;

    uint64_t calls_ = 0;
    size_t pending_ = 0;
    std::vector<OperationPointer> ready_;
    std::map<uint64_t, Operation*> all_;
};

// Everything that the API's functions share. They hold the lock while they run, and kernels run inside them.
struct Runtime {
    std::recursive_mutex lock;
    Queue queue;
    int devices;
    CUstream_st defaults[kMostDevices];    // the legacy default stream of each device
    CUstream_st per_thread[kMostDevices];  // one for all host threads, which are one at a time here
    OperationPointer last_default[kMostDevices];
    std::vector<CUstream_st*> streams;
    std::vector<CUevent_st*> events;
    std::vector<Capture*> captures;
    std::vector<CUgraph_st*> graphs;
    std::vector<CUgraphExec_st*> executables;
    std::map<const void*, int> dynamic_shared_limits;  // by kernel, where cudaFuncSetAttribute raised them
    bool peers[kMostDevices][kMostDevices] = {};
    // A kernel that failed leaves its device useless until the reset.
    cudaError_t failure = cudaSuccess;
    uint64_t captures_begun = 0;

    Runtime();
};
Runtime& runtime();

int& current_device();      // of the calling host thread
cudaError_t& last_error();  // of the calling host thread

// The stream of a handle, or null where there is none: 0 and the two special handles are the current device's.
CUstream_st* stream_of(cudaStream_t handle);
// Queues the work, or adds it to the graph where the stream is captured.
cudaError_t submit(Work work, cudaStream_t handle);
// An error where a capture forbids what the calling function does, which breaks the capture.
cudaError_t check_no_capture();

// The largest that a block may have: at first, and after cudaFuncSetAttribute.
constexpr int kSharedBytes = 48 << 10;
constexpr int kSharedBytesOptIn = 163 << 10;

}  // namespace hb::emulation
