// Loops over strided views: dimensions that can be walked as one are merged, and the innermost run is left to the
// caller.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parallel.h"
#include "core/view.h"

namespace hb::cpu::HB_TIER {

// The common dimensions of N views of one shape; none is of size 1 unless it is the only one. rank >= 1.
template <int N>
struct Loops {
    int rank = 0;
    int64_t size[HB_MAX_RANK];
    int64_t stride[HB_MAX_RANK][N];

    Loops(const Shape& shape, const View* const (&views)[N]) {
        for (int i = 0; i < shape.rank; i++) {
            if (shape[i] == 1) continue;
            bool merges = rank > 0;
            for (int v = 0; v < N && merges; v++) merges = stride[rank - 1][v] == views[v]->stride[i] * shape[i];
            if (!merges) {
                size[rank] = 1;
                rank++;
            }
            size[rank - 1] *= shape[i];
            for (int v = 0; v < N; v++) stride[rank - 1][v] = views[v]->stride[i];
        }
        if (rank == 0) {
            rank = 1;
            size[0] = 1;
            for (int v = 0; v < N; v++) stride[0][v] = 1;
        }
    }
    int64_t inner() const { return size[rank - 1]; }
    int64_t inner_stride(int v) const { return stride[rank - 1][v]; }
    // Number of innermost runs.
    int64_t runs() const {
        int64_t n = 1;
        for (int i = 0; i + 1 < rank; i++) n *= size[i];
        return n;
    }
    // Where run r begins in every view.
    void offsets(int64_t r, int64_t (&at)[N]) const {
        for (int v = 0; v < N; v++) at[v] = 0;
        for (int i = rank - 2; i >= 0; i--) {
            for (int v = 0; v < N; v++) at[v] += r % size[i] * stride[i][v];
            r /= size[i];
        }
    }

    // body(offsets, count) for every innermost run, long ones in pieces, in parallel.
    template <class Body>
    void for_each_run(Body&& body) const {
        const int64_t length = inner();
        if (length >= kGrain) {
            const int64_t pieces = (length + kGrain - 1) / kGrain;
            parallel(runs() * pieces, [&](int64_t task) {
                int64_t at[N], begin = task % pieces * kGrain;
                offsets(task / pieces, at);
                for (int v = 0; v < N; v++) at[v] += begin * inner_stride(v);
                body(at, std::min(kGrain, length - begin));
            });
        } else if (length > 0) {
            parallel_ranges(runs(), kGrain / length, [&](int64_t begin, int64_t end) {
                for (int64_t r = begin; r < end; r++) {
                    int64_t at[N];
                    offsets(r, at);
                    body(at, length);
                }
            });
        }
    }
};

}  // namespace hb::cpu::HB_TIER
