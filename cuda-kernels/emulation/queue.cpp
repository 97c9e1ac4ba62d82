#include "emulation/queue.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "emulation/checker.h"
#include "emulation/launches.h"
#include "emulation/report.h"
#include "emulation/schedule.h"
#include "emulation/scheduler.h"

namespace hb::emulation {

namespace {

// Work that a GPU's queues would not hold either; the host then waits for some of it.
constexpr size_t kMostPending = 1024;

int devices_of_environment() {
    const char* text = std::getenv("HORNBEAM_EMULATED_DEVICES");
    if (!text || !*text) return 2;
    char* end;
    long count = std::strtol(text, &end, 10);
    if (*end || count < 0 || count > kMostDevices) {
        exit_with("HORNBEAM_EMULATED_DEVICES is '%s'; expected a number from 0 to %d", text, kMostDevices);
    }
    return static_cast<int>(count);
}

bool overlap(const char* a, size_t a_bytes, const char* b, size_t b_bytes) {
    return a < b + b_bytes && b < a + a_bytes;
}

}  // namespace

void Work::run() const {
    switch (kind) {
        case Kind::nothing:
            return;
        case Kind::kernel: {
            Launch launch{kernel.name,
                          grid,
                          block,
                          static_cast<uint32_t>(dynamic_shared_bytes),
                          kernel.body,
                          kernel.arguments.get(),
                          kernel.argument_bytes,
                          device};
            int before = current_device();
            current_device() = device;
            if (!emulation::run(launch)) runtime().failure = cudaErrorLaunchFailure;
            current_device() = before;
            print_findings();
            return;
        }
        case Kind::copy: {
            const char* source = staged ? staged.get() : from;
            for (size_t row = 0; row < rows; row++) {
                checker::copied(to + row * to_pitch, source + row * from_pitch, bytes);
                std::memmove(to + row * to_pitch, source + row * from_pitch, bytes);
            }
            return;
        }
        case Kind::fill:
            for (size_t row = 0; row < rows; row++) {
                checker::written(to + row * to_pitch, bytes);
                std::memset(to + row * to_pitch, value, bytes);
            }
            return;
        case Kind::host_call:
            function(argument);
            checker::host_function_ran();
            return;
        case Kind::release:
            checker::released_in_order(to, bytes);
            release(to);
            return;
    }
}

bool Work::uses(const char* start, size_t size) const {
    switch (kind) {
        case Kind::kernel: {
            const char* arguments = static_cast<const char*>(kernel.arguments.get());
            for (size_t i = 0; i + sizeof(void*) <= kernel.argument_bytes; i += sizeof(void*)) {
                const char* pointer;
                std::memcpy(&pointer, arguments + i, sizeof pointer);
                if (static_cast<size_t>(pointer - start) < size) return true;
            }
            return false;
        }
        case Kind::copy:
            if (!staged && overlap(start, size, from, (rows - 1) * from_pitch + bytes)) return true;
            return overlap(start, size, to, (rows - 1) * to_pitch + bytes);
        case Kind::fill:
            return overlap(start, size, to, (rows - 1) * to_pitch + bytes);
        default:
            return false;
    }
}

uint32_t new_chain() {
    static uint32_t chains = 0;
    return chains++;
}

OperationPointer Queue::add(Work work, const std::vector<OperationPointer>& after, uint32_t chain) {
    auto operation = std::make_shared<Operation>();
    operation->number = calls_++;
    operation->work = std::move(work);
    operation->order.chain = chain;
    checker::operation_added(*operation, after);
    for (const OperationPointer& before : after) {
        if (!before || before->done) continue;
        before->next.push_back(operation);
        operation->waits_for++;
    }
    all_[operation->number] = operation.get();
    pending_++;
    if (operation->waits_for == 0) ready_.push_back(operation);
    while (pending_ > kMostPending) run(choose());
    return operation;
}

OperationPointer Queue::add(Work work, CUstream_st& stream, std::vector<OperationPointer> after) {
    Runtime& all = runtime();
    after.push_back(stream.last);
    if (stream.is_default) {
        after.push_back(all.per_thread[stream.device].last);
        for (CUstream_st* other : all.streams) {
            if (other->device == stream.device && other->blocking) after.push_back(other->last);
        }
    } else if (stream.blocking) {
        after.push_back(all.defaults[stream.device].last);
    }
    stream.last = add(std::move(work), after, stream.chain);
    return stream.last;
}

size_t Queue::choose() const {
    size_t best = 0;
    switch (schedule().kind()) {
        case Schedule::Kind::seeded:
            return schedule().draw(static_cast<uint32_t>(ready_.size()));
        case Schedule::Kind::forward:
            for (size_t i = 1; i < ready_.size(); i++) {
                if (ready_[i]->number < ready_[best]->number) best = i;
            }
            return best;
        case Schedule::Kind::reversed:
            for (size_t i = 1; i < ready_.size(); i++) {
                if (ready_[i]->number > ready_[best]->number) best = i;
            }
            return best;
    }
    return best;
}

void Queue::run(size_t index) {
    OperationPointer operation = std::move(ready_[index]);
    ready_.erase(ready_.begin() + static_cast<ptrdiff_t>(index));
    // After a failure nothing runs any more, and nothing waits for it.
    checker::start_operation(*operation);
    if (runtime().failure == cudaSuccess) operation->work.run();
    operation->done = true;
    operation->finished = std::chrono::steady_clock::now();
    for (OperationPointer& next : operation->next) {
        if (--next->waits_for == 0) ready_.push_back(std::move(next));
    }
    operation->next.clear();
    operation->work = {};
    all_.erase(operation->number);
    pending_--;
}

void Queue::run_until(const OperationPointer& target) {
    if (!target) return;
    OperationPointer kept = target;
    while (!kept->done) run(choose());
    checker::host_waited(*kept);
}

void Queue::run_all() {
    while (!ready_.empty()) run(choose());
    checker::host_waited_for_all();
}

void Queue::run_one() {
    if (!ready_.empty()) run(choose());
}

const char* Queue::user_of(const char* start, size_t bytes) const {
    for (const auto& [number, operation] : all_) {
        const Work& work = operation->work;
        if (work.uses(start, bytes)) return work.kind == Work::Kind::kernel ? work.kernel.name : work.call;
    }
    return nullptr;
}

void Queue::drop_all() {
    for (const auto& [number, operation] : all_) operation->done = true;
    all_.clear();
    ready_.clear();
    pending_ = 0;
    checker::host_waited_for_all();
}

cudaGraphNode_t Capture::add(Work work, std::vector<cudaGraphNode_t> after) {
    auto node = std::make_unique<CUgraphNode_st>();
    node->work = std::move(work);
    node->after = std::move(after);
    node->index = graph->nodes.size();
    graph->nodes.push_back(std::move(node));
    return graph->nodes.back().get();
}

Runtime::Runtime() : devices(devices_of_environment()) {
    for (int d = 0; d < kMostDevices; d++) {
        defaults[d].device = per_thread[d].device = d;
        defaults[d].is_default = true;
    }
}

// Never destroyed: other objects of the process may call until its very end.
Runtime& runtime() {
    static Runtime* all = new Runtime;
    return *all;
}

int& current_device() {
    static thread_local int device = 0;
    return device;
}

cudaError_t& last_error() {
    static thread_local cudaError_t error = cudaSuccess;
    return error;
}

CUstream_st* stream_of(cudaStream_t handle) {
    Runtime& all = runtime();
    if (!handle || handle == cudaStreamLegacy) return &all.defaults[current_device()];
    if (handle == cudaStreamPerThread) return &all.per_thread[current_device()];
    auto found = std::find(all.streams.begin(), all.streams.end(), handle);
    return found == all.streams.end() ? nullptr : handle;
}

cudaError_t submit(Work work, cudaStream_t handle) {
    CUstream_st* stream = stream_of(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (work.kind == Work::Kind::kernel && stream->device != current_device()) return cudaErrorInvalidResourceHandle;
    work.device = stream->device;
    if (stream->capture) {
        if (stream->capture->broken) return cudaErrorStreamCaptureInvalidated;
        stream->tail = {stream->capture->add(std::move(work), stream->tail)};
        return cudaSuccess;
    }
    if (stream->is_default) {
        // The default stream would wait for streams whose work is only recorded.
        for (Capture* capture : runtime().captures) {
            if (capture->mode == cudaStreamCaptureModeRelaxed || !capture->origin->blocking) continue;
            capture->broken = true;
            return cudaErrorStreamCaptureImplicit;
        }
    }
    runtime().queue.add(std::move(work), *stream);
    return cudaSuccess;
}

cudaError_t check_no_capture() {
    for (Capture* capture : runtime().captures) {
        if (capture->mode == cudaStreamCaptureModeRelaxed) continue;
        capture->broken = true;
        return cudaErrorStreamCaptureUnsupported;
    }
    return cudaSuccess;
}

// The launch itself is checked as the driver does: what it refuses is an error of the call.
cudaError_t launch(BoundKernel kernel, dim3 grid, dim3 block, size_t dynamic_shared_bytes, cudaStream_t stream) {
    Runtime& all = runtime();
    std::lock_guard guard(all.lock);
    auto refuse = [](cudaError_t error) { return last_error() = error; };
    if (all.failure != cudaSuccess) return refuse(all.failure);
    if (current_device() >= all.devices) return refuse(cudaErrorNoDevice);
    uint64_t threads = uint64_t(block.x) * block.y * block.z;
    bool block_fits = threads >= 1 && block.x <= 1024 && block.y <= 1024 && block.z <= 64 && threads <= 1024;
    bool grid_fits =
        grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535;
    if (!block_fits || !grid_fits) return refuse(cudaErrorInvalidConfiguration);
    if (uint64_t(grid.x) * grid.y * grid.z > 0xffffffffu) {
        exit_with("kernel %s: a grid of more than 2^32 - 1 blocks is too much for the emulation", kernel.name);
    }
    auto raised = all.dynamic_shared_limits.find(kernel.function);
    size_t limit = static_cast<size_t>(raised == all.dynamic_shared_limits.end() ? kSharedBytes : raised->second);
    if (dynamic_shared_bytes > limit) return refuse(cudaErrorInvalidValue);
    record_launch(kernel.function, threads, dynamic_shared_bytes);

    Work work;
    work.kind = Work::Kind::kernel;
    work.call = "a launch";
    work.kernel = std::move(kernel);
    work.grid = grid;
    work.block = block;
    work.dynamic_shared_bytes = dynamic_shared_bytes;
    cudaError_t result = submit(std::move(work), stream);
    return result == cudaSuccess ? result : refuse(result);
}

}  // namespace hb::emulation
