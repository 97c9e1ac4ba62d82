// Scratch memory for each thread of a parallel loop, taken once before the loop: how much a loop takes must not depend
// on how many of its tasks happen to run at the same time.
#pragma once

#include "core/parallel.h"
#include "core/scratch.h"

namespace hb {

template <class T>
class WorkerScratch {
  public:
    explicit WorkerScratch(int64_t count)
        : each_((count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64 / static_cast<int64_t>(sizeof(T))),
          nested_(omp_in_parallel()), memory_((nested_ ? 1 : threads()) * each_) {}
    // The calling thread's.
    T* data() const { return memory_.data() + (nested_ ? 0 : omp_get_thread_num()) * each_; }

  private:
    const int64_t each_;
    const bool nested_;  // loops inside loops are run by one thread
    const Scratch<T> memory_;
};

}  // namespace hb
