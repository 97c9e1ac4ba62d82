// The runtime's API: capture of streams, and graphs.
#include <algorithm>
#include <cstring>

#include "emulation/api.h"

using namespace hb::emulation;

namespace {

template <class T>
bool known(const std::vector<T*>& all, const T* one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

template <class T>
void forget(std::vector<T*>& all, T* one) {
    all.erase(std::remove(all.begin(), all.end(), one), all.end());
}

// Its streams and events are as they were before.
void end(Runtime& all, Capture* capture) {
    for (CUstream_st* stream : capture->streams) {
        stream->capture = nullptr;
        stream->tail.clear();
    }
    for (CUevent_st* event : capture->events) {
        event->capture = nullptr;
        event->tail.clear();
    }
    forget(all.captures, capture);
    delete capture;
}

// Whether every node is an ancestor of the tail of the stream that began: what it does not wait for is not joined.
bool joined(const Capture& capture) {
    std::vector<bool> reached(capture.graph->nodes.size());
    std::vector<cudaGraphNode_t> open = capture.origin->tail;
    while (!open.empty()) {
        cudaGraphNode_t node = open.back();
        open.pop_back();
        if (reached[node->index]) continue;
        reached[node->index] = true;
        open.insert(open.end(), node->after.begin(), node->after.end());
    }
    return std::find(reached.begin(), reached.end(), false) == reached.end();
}

std::vector<size_t> indices(const std::vector<cudaGraphNode_t>& nodes) {
    std::vector<size_t> result;
    for (cudaGraphNode_t node : nodes) result.push_back(node->index);
    return result;
}

// What an update may not change.
cudaGraphExecUpdateResult difference(const Work& before, const Work& after) {
    if (before.kind != after.kind) return cudaGraphExecUpdateErrorNodeTypeChanged;
    if (before.kind == Work::Kind::kernel && before.kernel.function != after.kernel.function) {
        return cudaGraphExecUpdateErrorFunctionChanged;
    }
    return cudaGraphExecUpdateSuccess;
}

// A node goes on with the chain of one that it comes after, unless another did so already.
void assign_chains(std::vector<CUgraphExec_st::Node>& nodes) {
    std::vector<bool> continued(nodes.size());
    for (CUgraphExec_st::Node& node : nodes) {
        auto free = std::find_if(node.after.begin(), node.after.end(), [&](size_t i) { return !continued[i]; });
        if (free == node.after.end()) {
            node.chain = new_chain();
        } else {
            node.chain = nodes[*free].chain;
            continued[*free] = true;
        }
    }
}

cudaError_t instantiate(cudaGraphExec_t* handle, cudaGraph_t graph) {
    return call([&](Runtime& all) {
        if (!handle || !known(all.graphs, graph)) return cudaErrorInvalidValue;
        auto* executable = new CUgraphExec_st;
        for (const auto& node : graph->nodes) executable->nodes.push_back({node->work, indices(node->after), 0});
        assign_chains(executable->nodes);
        all.executables.push_back(executable);
        *handle = executable;
        return cudaSuccess;
    });
}

}  // namespace

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
    return call([&](Runtime& all) {
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        if (stream->is_default) return cudaErrorStreamCaptureUnsupported;
        if (stream->capture) return cudaErrorIllegalState;
        auto* capture = new Capture;
        capture->origin = stream;
        capture->mode = mode;
        capture->graph = std::make_unique<CUgraph_st>();
        capture->streams.push_back(stream);
        capture->id = ++all.captures_begun;
        stream->capture = capture;
        stream->tail.clear();
        all.captures.push_back(capture);
        return cudaSuccess;
    });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
    return call([&](Runtime& all) {
        if (!graph) return cudaErrorInvalidValue;
        *graph = nullptr;
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        Capture* capture = stream->capture;
        if (!capture) return cudaErrorIllegalState;
        if (capture->origin != stream) {
            capture->broken = true;
            return cudaErrorStreamCaptureUnmatched;
        }
        cudaError_t result = capture->broken     ? cudaErrorStreamCaptureInvalidated
                             : !joined(*capture) ? cudaErrorStreamCaptureUnjoined
                                                 : cudaSuccess;
        if (result == cudaSuccess) {
            *graph = capture->graph.release();
            all.graphs.push_back(*graph);
        }
        end(all, capture);
        return result;
    });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
    return call([&](Runtime&) {
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        *status = !stream->capture          ? cudaStreamCaptureStatusNone
                  : stream->capture->broken ? cudaStreamCaptureStatusInvalidated
                                            : cudaStreamCaptureStatusActive;
        return cudaSuccess;
    });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
    static thread_local cudaStreamCaptureMode current = cudaStreamCaptureModeGlobal;
    std::swap(*mode, current);
    return cudaSuccess;
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned flags) {
    return call([&](Runtime& all) {
        if (!graph || flags != 0) return cudaErrorInvalidValue;
        *graph = new CUgraph_st;
        all.graphs.push_back(*graph);
        return cudaSuccess;
    });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    return call([&](Runtime& all) {
        if (!known(all.graphs, graph)) return cudaErrorInvalidValue;
        forget(all.graphs, graph);
        delete graph;
        return cudaSuccess;
    });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
    return call([&](Runtime& all) {
        if (!known(all.graphs, graph) || !count) return cudaErrorInvalidValue;
        if (nodes) {
            for (size_t i = 0; i < *count; i++) nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
        }
        *count = nodes ? std::min(*count, graph->nodes.size()) : graph->nodes.size();
        return cudaSuccess;
    });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
    return instantiate(executable, graph);
}
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
    return instantiate(executable, graph);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    return call([&](Runtime& all) {
        if (!known(all.executables, executable)) return cudaErrorInvalidValue;
        forget(all.executables, executable);
        delete executable;
        return cudaSuccess;
    });
}

cudaError_t cudaGraphExecUpdate(cudaGraphExec_t executable, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* info) {
    return call([&](Runtime& all) {
        if (!known(all.executables, executable) || !known(all.graphs, graph) || !info) return cudaErrorInvalidValue;
        *info = {cudaGraphExecUpdateSuccess, nullptr, nullptr};
        if (graph->nodes.size() != executable->nodes.size()) {
            info->result = cudaGraphExecUpdateErrorTopologyChanged;
            return cudaErrorGraphExecUpdateFailure;
        }
        for (size_t i = 0; i < graph->nodes.size(); i++) {
            CUgraphNode_st& node = *graph->nodes[i];
            info->result = difference(executable->nodes[i].work, node.work);
            if (indices(node.after) != executable->nodes[i].after) {
                info->result = cudaGraphExecUpdateErrorTopologyChanged;
            }
            if (info->result == cudaGraphExecUpdateSuccess) continue;
            info->errorNode = &node;
            return cudaErrorGraphExecUpdateFailure;
        }
        for (size_t i = 0; i < graph->nodes.size(); i++) executable->nodes[i].work = graph->nodes[i]->work;
        return cudaSuccess;
    });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
    return call([&](Runtime& all) {
        if (!known(all.executables, executable)) return cudaErrorInvalidValue;
        return stream_of(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle;
    });
}

// The nodes are queued with the order that the graph gives and no other, between a start and an end that are on the
// stream.
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
    return call([&](Runtime& all) {
        if (!known(all.executables, executable)) return cudaErrorInvalidValue;
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        if (stream->capture) {
            stream->capture->broken = true;  // graphs within graphs are not emulated
            return cudaErrorNotSupported;
        }
        Work mark;
        mark.call = "cudaGraphLaunch";
        OperationPointer start = all.queue.add(mark, *stream);
        std::vector<OperationPointer> queued;
        for (const CUgraphExec_st::Node& node : executable->nodes) {
            std::vector<OperationPointer> after{start};
            for (size_t before : node.after) after.push_back(queued[before]);
            queued.push_back(all.queue.add(node.work, after, node.chain));
        }
        all.queue.add(mark, *stream, queued);
        return cudaSuccess;
    });
}

}  // extern "C"
