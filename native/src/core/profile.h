// The profile: a record of every call of an op while one is being taken. The C ABI layer opens a span around a call and
// tells it what the call reads, writes and computes; kernels add which algorithm they chose. Off, a call costs one
// branch more, and nothing here is reached.
//
// Records go to memory that hb_profile_start takes; when it is full, the rest is counted and dropped.
#pragma once

#include <atomic>
#include <cstdint>

#include "backend/backend.h"

namespace hb {

namespace profile {
inline std::atomic<bool> on{false};  // set by start and stop alone
}
inline bool profiling() { return profile::on.load(std::memory_order_relaxed); }

// A record in the making: opened by begin, kept by end. Spans of one thread nest; one that is destroyed without end, as
// when the call fails, leaves no record.
class ProfileSpan {
  public:
    ProfileSpan() {}
    ~ProfileSpan() {
        if (open_) [[unlikely]]
            leave();
    }
    ProfileSpan(const ProfileSpan&) = delete;
    ProfileSpan& operator=(const ProfileSpan&) = delete;

    // Stays closed where `op` is not in the registry: calls that compute nothing leave no record.
    void begin(const char* op);
    void end();
    bool open() const { return open_; }

    // Bytes are those of distinct elements. The first two tensors read give the record its shapes, unless it has them.
    void read(const View& view);
    void written(const View& view);
    void only_written(const View& view);  // seen as read before
    // A view of its argument: nothing was moved.
    void moved_nothing();
    // In place of what was counted.
    void bytes(int64_t read, int64_t written);
    void elements(int64_t count);  // a shape for calls that take many tensors

    // Multiplications and additions, as the definition has them.
    void work(const ConvShape& shape);
    void work(const MatMulShape& shape);
    // `products` of t x t by d each.
    void work(const AttentionShape& shape, int products);
    // A linear layer.
    void work(int64_t rows, int64_t in, int64_t out);

    void algorithm(const char* name) { record_.algorithm = name; }
    void estimate(double gain) { record_.estimate = gain; }

  private:
    void leave();
    void shapes(const Shape& first, const Shape& second);

    bool open_ = false;
    bool shaped_;  // the shapes are those of the work
    int seen_;     // tensors read or made
    ProfileSpan* outer_;
    int64_t recording_;
    hb_profile_record record_;
};

int64_t bytes_of(const View& view);

namespace profile {

ProfileSpan* innermost();  // of this thread; null where none is open

// Later calls begin anew. Throws Error(HB_ERROR_ARGUMENT, HB_ERROR_MEMORY).
void start(int64_t capacity);
void stop();
// Copies at most `capacity` records, in the order of their ends; returns how many there are.
int64_t read(hb_profile_record* records, int64_t capacity, int64_t* lost);
int64_t clock();          // nanoseconds, steady
int32_t thread_number();  // this thread's, from 1 in the order of asking

}  // namespace profile

// For kernels: the algorithm that this call goes by, where there is a choice. The text must live forever.
inline void profile_algorithm(const char* name) {
    if (profiling()) [[unlikely]]
        if (ProfileSpan* span = profile::innermost()) span->algorithm(name);
}
// The cost model's opinion: how many times faster than the direct way it takes the other one to be.
inline void profile_estimate(double gain) {
    if (profiling()) [[unlikely]]
        if (ProfileSpan* span = profile::innermost()) span->estimate(gain);
}

}  // namespace hb
