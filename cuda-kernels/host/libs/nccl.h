// Sums over several devices by NCCL. One process has all of them: its communicators are made together, and kept.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <vector>

#include "host/libs/library.h"
#include "kernels/collectives.h"

namespace hb::cuda {

class Nccl : public Library {
  public:
    // As an Exchange (collectives.h); the devices are different ones. The order of the sum is NCCL's.
    void sum(const std::vector<FlatReplica>& replicas, int64_t elements) const;

    static const Nccl& get();

    // ---- as in nccl.h
    struct CommunicatorStruct;
    using Communicator = CommunicatorStruct*;
    using Result = int;  // 0: success
    enum DataType : int { kFloat32 = 7 };
    enum Operation : int { kSum = 0 };

  private:
    Nccl();
    void check(Result result, const char* function) const;
    const std::vector<Communicator>& communicators(const std::vector<int>& devices) const;

    Result (*ncclGetVersion_)(int*) = nullptr;
    const char* (*ncclGetErrorString_)(Result) = nullptr;
    Result (*ncclCommInitAll_)(Communicator*, int count, const int* devices) = nullptr;
    Result (*ncclGroupStart_)() = nullptr;
    Result (*ncclGroupEnd_)() = nullptr;
    Result (*ncclAllReduce_)(const void* from, void* to, size_t count, DataType, Operation, Communicator,
                             cudaStream_t) = nullptr;
};

}  // namespace hb::cuda
