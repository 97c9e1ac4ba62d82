#include "host/step_graphs.h"

#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "host/launch_error.h"

namespace hb::cuda {
namespace {

// FNV-1a over 64-bit words.
constexpr uint64_t kBasis = 0xcbf29ce484222325u;
uint64_t mixed(uint64_t hash, uint64_t word) { return (hash ^ word) * 0x100000001b3u; }

struct DestroyGraph {
    void operator()(cudaGraph_t graph) const { (void)cudaGraphDestroy(graph); }
};
using OwnedGraph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;

}  // namespace

StepGraphs::StepGraphs(cudaStream_t stream, bool enabled) : stream_(stream), enabled_(enabled) {}

bool StepGraphs::wanted() {
    const char* value = std::getenv("HORNBEAM_CUDA_GRAPHS");
    if (!value || !*value || std::string_view(value) == "0") return false;
    if (std::string_view(value) == "1") return true;
    fail(HB_ERROR_ARGUMENT, "HORNBEAM_CUDA_GRAPHS is \"%s\"; expected 0 or 1", value);
}

void StepGraphs::begin() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (capturing_ && launches_ >= kMostLaunches) end_locked();
    if (capturing_) return;
    // Relaxed: other streams and cudaMalloc go on as ever, and another thread may end what this one began.
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
    capturing_ = true;
    launches_ = 0;
    key_ = kBasis;
}

void StepGraphs::launched(const char* kernel, dim3 grid, dim3 block, size_t shared_bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!capturing_) return;
    launches_++;
    for (uint64_t word : {uint64_t(reinterpret_cast<uintptr_t>(kernel)), uint64_t{grid.x} << 32 | grid.y,
                          uint64_t{grid.z} << 32 | block.x, uint64_t{block.y} << 32 | block.z, uint64_t{shared_bytes}})
        key_ = mixed(key_, word);
}

void StepGraphs::end() {
    std::lock_guard<std::mutex> lock(mutex_);
    end_locked();
}

void StepGraphs::end_locked() {
    if (!capturing_) return;
    capturing_ = false;
    cudaGraph_t captured = nullptr;
    cudaError_t result = cudaStreamEndCapture(stream_, &captured);
    OwnedGraph owned(captured);
    check(result, "cudaStreamEndCapture");
    size_t nodes = 0;
    check(cudaGraphGetNodes(captured, nullptr, &nodes), "cudaGraphGetNodes");
    if (nodes == 0) return;
    key_ = mixed(key_, nodes);
    run(captured);
}

// The graph kept for such a piece, now with this one's addresses and numbers; null where none takes them.
cudaGraphExec_t StepGraphs::updated(uint64_t key, cudaGraph_t captured) {
    for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
        if (kept->key != key) continue;
        cudaGraphExecUpdateResultInfo info{};
        // Launches of it that are still under way keep what they were launched with.
        cudaError_t result = cudaGraphExecUpdate(kept->graph, captured, &info);
        if (result == cudaSuccess) {
            kept_.splice(kept_.begin(), kept_, kept);
            return kept->graph;
        }
        (void)cudaGetLastError();
        if (result != cudaErrorGraphExecUpdateFailure) check(result, "cudaGraphExecUpdate");
    }
    return nullptr;
}

void StepGraphs::run(cudaGraph_t captured) {
    cudaGraphExec_t graph = updated(key_, captured);
    if (!graph) {
        check(cudaGraphInstantiate(&graph, captured, 0), "cudaGraphInstantiate");
        counts_.instantiated++;
        kept_.push_front({key_, graph});
        if (kept_.size() > kMostKept) {
            // Freed by the driver once it no longer runs.
            check(cudaGraphExecDestroy(kept_.back().graph), "cudaGraphExecDestroy");
            kept_.pop_back();
        }
    }
    counts_.launched++;
    check(cudaGraphLaunch(graph, stream_), "cudaGraphLaunch");
}

StepGraphs::Counts StepGraphs::counts() {
    std::lock_guard<std::mutex> lock(mutex_);
    counts_.kept = int64_t(kept_.size());
    return counts_;
}

}  // namespace hb::cuda
