#include "host/staging.h"

#include <algorithm>
#include <cstring>

#include "host/launch_error.h"

namespace hb::cuda {
namespace {

cudaEvent_t make_event() {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    return event;
}

void record(cudaEvent_t event, cudaStream_t stream) { check(cudaEventRecord(event, stream), "cudaEventRecord"); }

void wait(cudaStream_t stream, cudaEvent_t event) {
    check(cudaStreamWaitEvent(stream, event, 0), "cudaStreamWaitEvent");
}

void queue_copy(void* to, const void* from, int64_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    check(cudaMemcpyAsync(to, from, size_t(bytes), kind, stream), "cudaMemcpyAsync");
}

// Sizes that areas grow to: few different ones.
int64_t power_of_two(int64_t bytes) {
    int64_t size = int64_t(1) << 20;
    while (size < bytes) size *= 2;
    return size;
}

}  // namespace

template <int Count>
Staging::Ring<Count>::Piece& Staging::Ring<Count>::next() {
    if (!memory_) {
        void* data = nullptr;
        check(cudaHostAlloc(&data, size_t(bytes * Count), cudaHostAllocDefault), "cudaHostAlloc");
        memory_ = static_cast<char*>(data);
    }
    Piece& piece = pieces_[size_t(at_)];
    at_ = (at_ + 1) % Count;
    if (!piece.done) {
        piece.data = memory_ + (&piece - pieces_.data()) * bytes;
        piece.done = make_event();
    } else {
        check_wait(cudaEventSynchronize(piece.done), "cudaEventSynchronize");
    }
    return piece;
}

Staging::Staging(cudaStream_t compute) : compute_(compute) {
    check(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
}

Staging::Landing* Staging::landing(int64_t bytes) {
    Landing& area = landings_[size_t(next_landing_)];
    if (area.bytes < bytes) {
        // cudaFree waits until the device has read the old area.
        if (area.data) check_wait(cudaFree(area.data), "cudaFree");
        area.data = nullptr;
        area.bytes = 0;
        void* data = nullptr;
        int64_t wanted = power_of_two(bytes);
        cudaError_t result = cudaMalloc(&data, size_t(wanted));
        if (result == cudaErrorMemoryAllocation) {
            (void)cudaGetLastError();
            return nullptr;
        }
        check(result, "cudaMalloc");
        area.data = static_cast<char*>(data);
        area.bytes = wanted;
    }
    if (!area.filled) {
        area.filled = make_event();
        area.emptied = make_event();
    }
    next_landing_ = (next_landing_ + 1) % int(landings_.size());
    return &area;
}

void Staging::upload_beside(Landing& area, void* to, const char* host, int64_t bytes) {
    // An event that was never recorded is waited for in no time.
    wait(copies_, area.emptied);
    for (int64_t at = 0; at < bytes; at += kChunk) {
        auto& piece = large_.next();
        int64_t n = std::min(kChunk, bytes - at);
        std::memcpy(piece.data, host + at, size_t(n));
        queue_copy(area.data + at, piece.data, n, cudaMemcpyHostToDevice, copies_);
        record(piece.done, copies_);
    }
    record(area.filled, copies_);
    wait(compute_, area.filled);
    queue_copy(to, area.data, bytes, cudaMemcpyDeviceToDevice, compute_);
    record(area.emptied, compute_);
}

void Staging::upload_in_order(void* to, const char* host, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += kSmall) {
        auto& piece = small_.next();
        int64_t n = std::min(kSmall, bytes - at);
        std::memcpy(piece.data, host + at, size_t(n));
        queue_copy(static_cast<char*>(to) + at, piece.data, n, cudaMemcpyHostToDevice, compute_);
        record(piece.done, compute_);
    }
}

void Staging::upload(void* to, const void* host, int64_t bytes) {
    std::lock_guard<std::mutex> lock(uploading_);
    auto* from = static_cast<const char*>(host);
    if (bytes <= kSmall) return upload_in_order(to, from, bytes);
    for (int64_t at = 0; at < bytes; at += kLanding) {
        int64_t n = std::min(kLanding, bytes - at);
        char* destination = static_cast<char*>(to) + at;
        if (Landing* area = landing(n))
            upload_beside(*area, destination, from + at, n);
        else
            upload_in_order(destination, from + at, n);
    }
}

void Staging::download(void* host, const void* from, int64_t bytes) {
    std::lock_guard<std::mutex> lock(downloading_);
    struct Transfer {
        const char* data;
        cudaEvent_t done;
        int64_t at, bytes;
    };
    std::array<Transfer, 2> queued{};
    int64_t chunks = (bytes + kChunk - 1) / kChunk;
    auto read = [&](int64_t chunk) {
        const Transfer& transfer = queued[size_t(chunk % 2)];
        check_wait(cudaEventSynchronize(transfer.done), "cudaEventSynchronize");
        std::memcpy(static_cast<char*>(host) + transfer.at, transfer.data, size_t(transfer.bytes));
    };
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        // The ring gives this piece again: what it holds must have been read.
        if (chunk >= 2) read(chunk - 2);
        auto& piece = back_.next();
        int64_t at = chunk * kChunk, n = std::min(kChunk, bytes - at);
        queue_copy(piece.data, static_cast<const char*>(from) + at, n, cudaMemcpyDeviceToHost, compute_);
        record(piece.done, compute_);
        queued[size_t(chunk % 2)] = {piece.data, piece.done, at, n};
    }
    for (int64_t chunk = std::max<int64_t>(chunks - 2, 0); chunk < chunks; chunk++) read(chunk);
}

}  // namespace hb::cuda
