// Sums over replicas on several devices of one process (collectives.cu).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <vector>

#include "backend/backend.h"

namespace hb::cuda {

// All of a replica's tensors, one after the other and weighted, in its device's memory.
struct FlatReplica {
    int device;
    float* data;
};

// Makes every replica's `elements` numbers, a multiple of 4, the sums over all replicas, in the order of the devices'
// streams.
using Exchange = void (*)(const std::vector<FlatReplica>& replicas, int64_t elements);

// Backend::all_reduce by that exchange.
void all_reduce_by(Exchange exchange, int replicas, int count, const int32_t* devices, const View* tensors,
                   const double* weights);

}  // namespace hb::cuda
