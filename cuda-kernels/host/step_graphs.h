// CUDA graphs of whatever is called, without the caller's knowing: HORNBEAM_CUDA_GRAPHS=1.
//
// Work for the compute stream is captured instead of run. Whenever somebody must see a result (a copy to the host, a
// wait), before every upload, and after kMostLaunches kernels, the captured piece is ended and launched as one graph.
// A training step repeats the pieces of the step before with other addresses and numbers, so its pieces are found again
// by their launches (kernels, grids and blocks) and the instantiated graphs are updated, which takes a fraction of the
// time of instantiating them. What does not fit (cudaGraphExecUpdate refuses) is instantiated anew.
//
// Worth it where kernels are so short that starting them takes longer than running them: small networks, small batches.
//
// The order of work is that of the calls in both cases. Captured work has not run: memory that it uses must not go back
// to the driver, nor be read by the host, before flush().
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <list>
#include <mutex>

namespace hb::cuda {

class StepGraphs {
  public:
    StepGraphs(cudaStream_t stream, bool enabled);
    StepGraphs(const StepGraphs&) = delete;
    StepGraphs& operator=(const StepGraphs&) = delete;

    // From $HORNBEAM_CUDA_GRAPHS.
    static bool wanted();

    bool enabled() const { return enabled_; }
    // Before work is given to the stream: captures from here on.
    void prepare() {
        if (enabled_) [[unlikely]]
            begin();
    }
    // After a kernel was given to the stream.
    void launched(const char* kernel, dim3 grid, dim3 block, size_t shared_bytes);
    // What was captured is on the stream afterwards.
    void flush() {
        if (enabled_) [[unlikely]]
            end();
    }

    struct Counts {
        int64_t launched = 0;      // graphs
        int64_t instantiated = 0;  // among them, anew
        int64_t kept = 0;
    };
    Counts counts();

    static constexpr int kMostLaunches = 1024;
    static constexpr size_t kMostKept = 64;

  private:
    struct Kept {
        uint64_t key;
        cudaGraphExec_t graph;
    };

    void begin();
    void end();
    void end_locked();
    void run(cudaGraph_t captured);
    cudaGraphExec_t updated(uint64_t key, cudaGraph_t captured);

    const cudaStream_t stream_;
    const bool enabled_;
    std::mutex mutex_;
    bool capturing_ = false;
    int launches_ = 0;
    uint64_t key_ = 0;
    std::list<Kept> kept_;  // used last first
    Counts counts_;
};

}  // namespace hb::cuda
