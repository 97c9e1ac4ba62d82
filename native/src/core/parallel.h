// Deterministic parallel loops. How work is cut into tasks may depend on shapes only, never on the number of threads;
// each task writes its own memory, so it does not matter who runs it.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <exception>

namespace hb {

int threads();  // set by hb_set_threads

// Calls body(task) for task = 0 .. tasks-1, on up to threads() threads.
template <class Body>
void parallel(int64_t tasks, Body&& body) {
    // Always the whole team: libgomp ends the threads that a smaller one leaves over, and starts new ones later.
    const int team = threads();
    if (team <= 1 || tasks <= 1 || omp_in_parallel()) {
        for (int64_t i = 0; i < tasks; i++) body(i);
        return;
    }
    std::exception_ptr thrown;
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
    for (int64_t i = 0; i < tasks; i++) {
        try {
            body(i);
        } catch (...) {
#pragma omp critical(hb_parallel_error)
            thrown = std::current_exception();
        }
    }
    if (thrown) std::rethrow_exception(thrown);
}

// Splits 0..n into tasks of `grain` elements (the last may be shorter) and calls body(begin, end) for each.
template <class Body>
void parallel_ranges(int64_t n, int64_t grain, Body&& body) {
    grain = std::max<int64_t>(grain, 1);
    parallel((n + grain - 1) / grain, [&](int64_t i) { body(i * grain, std::min(n, (i + 1) * grain)); });
}

// Elements per task for passes that are limited by memory: 64 Ki floats are 256 KiB.
inline constexpr int64_t kGrain = 1 << 16;

}  // namespace hb
