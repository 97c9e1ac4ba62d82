// What the scheduler and the runtime tell the checker. Nothing, and at no cost, in builds without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "emulation/scheduler.h"

namespace hb::emulation {
struct Operation;
}

namespace hb::emulation::checker {

#ifdef HB_EMULATION_CHECKED
void start_launch();
void end_launch();
void start_block();
void thread_ends();  // the running thread returns, and is still counted as alive
// All threads of the block have met: what each did is known to all.
void block_barrier();
void arrive_at_barrier(const void* site);
// These lanes have met in a __syncwarp.
void warp_barrier(Warp& warp, uint32_t participants);
void fence();
// An mma or ldmatrix is called; lanes must not have returned.
void whole_warp(const void* site);
// The lane's row of an ldmatrix is read.
void matrix_row_read(const Warp& warp, uint32_t lane, const void* row, const void* site);
void async_copy_asked(const void* to, const void* from, uint32_t bytes, uint32_t source_bytes, const void* site);
void async_copy_made(const void* to, const void* from, uint32_t bytes, uint32_t source_bytes, const void* site);
// Of a device's memory.
void allocated(const void* start, size_t bytes);
void released(const void* start, size_t bytes);
// By a copy or a fill.
void written(const void* start, size_t bytes);
void copied(void* to, const void* from, size_t bytes);
// By a free in the order of a stream.
void released_in_order(const void* start, size_t bytes);
// It may have written anywhere.
void host_function_ran();
// Work is queued after other work; it starts; the host has waited for it, or for all.
void operation_added(Operation& operation, const std::vector<std::shared_ptr<Operation>>& after);
void start_operation(const Operation& operation);
void host_waited(const Operation& operation);
void host_waited_for_all();
#else
inline void start_launch() {}
inline void end_launch() {}
inline void start_block() {}
inline void thread_ends() {}
inline void block_barrier() {}
inline void arrive_at_barrier(const void*) {}
inline void warp_barrier(Warp&, uint32_t) {}
inline void fence() {}
inline void whole_warp(const void*) {}
inline void matrix_row_read(const Warp&, uint32_t, const void*, const void*) {}
inline void async_copy_asked(const void*, const void*, uint32_t, uint32_t, const void*) {}
inline void async_copy_made(const void*, const void*, uint32_t, uint32_t, const void*) {}
inline void allocated(const void*, size_t) {}
inline void released(const void*, size_t) {}
inline void written(const void*, size_t) {}
inline void copied(void*, const void*, size_t) {}
inline void released_in_order(const void*, size_t) {}
inline void host_function_ran() {}
inline void operation_added(Operation&, const std::vector<std::shared_ptr<Operation>>&) {}
inline void start_operation(const Operation&) {}
inline void host_waited(const Operation&) {}
inline void host_waited_for_all() {}
#endif

}  // namespace hb::emulation::checker
