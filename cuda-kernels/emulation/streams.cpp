// The runtime's API: streams and events.
#include <algorithm>

#include "emulation/api.h"

using namespace hb::emulation;

namespace {

template <class T>
bool known(const std::vector<T*>& all, const T* one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

cudaError_t create_stream(cudaStream_t* handle, unsigned flags, int priority) {
    return call([&](Runtime& all) {
        if (!handle || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
        if (current_device() >= all.devices) return cudaErrorNoDevice;
        auto* stream = new CUstream_st;
        stream->device = current_device();
        stream->blocking = flags != cudaStreamNonBlocking;
        stream->flags = flags;
        stream->priority = priority;
        all.streams.push_back(stream);
        *handle = stream;
        return cudaSuccess;
    });
}

cudaError_t create_event(cudaEvent_t* handle, unsigned flags) {
    return call([&](Runtime& all) {
        if (!handle) return cudaErrorInvalidValue;
        auto* event = new CUevent_st;
        event->device = current_device();
        event->flags = flags;
        all.events.push_back(event);
        *handle = event;
        return cudaSuccess;
    });
}

// A captured stream's work does not run, so nobody can wait for it.
cudaError_t check_not_captured(Capture* capture) {
    if (!capture) return cudaSuccess;
    capture->broken = true;
    return cudaErrorStreamCaptureUnsupported;
}

Work nothing(const char* name) {
    Work work;
    work.call = name;
    return work;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return create_stream(stream, 0, 0); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) { return create_stream(stream, flags, 0); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
    return create_stream(stream, flags, priority);
}

// Work on it is still done.
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    return call([&](Runtime& all) {
        if (!known(all.streams, stream)) return cudaErrorInvalidResourceHandle;
        if (cudaError_t forbidden = check_not_captured(stream->capture)) return forbidden;
        all.streams.erase(std::find(all.streams.begin(), all.streams.end(), stream));
        delete stream;
        return cudaSuccess;
    });
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
    return call([&](Runtime&) {
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        *flags = stream->flags;
        return cudaSuccess;
    });
}
cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
    return call([&](Runtime&) {
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        *priority = stream->priority;
        return cudaSuccess;
    });
}
cudaError_t cudaStreamGetDevice(cudaStream_t handle, int* device) {
    return call([&](Runtime&) {
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        *device = stream->device;
        return cudaSuccess;
    });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
    return call([&](Runtime& all) {
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        if (cudaError_t forbidden = check_not_captured(stream->capture)) return forbidden;
        if (stream->is_default) {
            // In step with the blocking streams: waits for what is on them.
            all.queue.run_until(all.queue.add(nothing("cudaStreamSynchronize"), *stream));
        } else {
            all.queue.run_until(stream->last);
        }
        return cudaSuccess;
    });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
    return call([&](Runtime& all) {
        CUstream_st* stream = stream_of(handle);
        if (!stream) return cudaErrorInvalidResourceHandle;
        if (cudaError_t forbidden = check_not_captured(stream->capture)) return forbidden;
        all.queue.run_one();
        if (stream->last && !stream->last->done) return cudaErrorNotReady;
        all.queue.run_until(stream->last);
        return cudaSuccess;
    });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
    return call([&](Runtime& all) {
        CUstream_st* stream = stream_of(handle);
        if (!stream || !known(all.events, event)) return cudaErrorInvalidResourceHandle;
        if (event->capture) {
            if (stream->capture && stream->capture != event->capture) {
                stream->capture->broken = event->capture->broken = true;
                return cudaErrorStreamCaptureMerge;
            }
            if (!stream->capture) {
                if (stream->is_default) {
                    event->capture->broken = true;
                    return cudaErrorStreamCaptureImplicit;
                }
                stream->capture = event->capture;
                event->capture->streams.push_back(stream);
                stream->tail.clear();
            }
            for (cudaGraphNode_t node : event->tail) {
                if (!known(stream->tail, node)) stream->tail.push_back(node);
            }
            return cudaSuccess;
        }
        if (stream->capture) {
            if (!event->recorded) return cudaSuccess;
            stream->capture->broken = true;  // the graph cannot wait for work outside of it
            return cudaErrorStreamCaptureIsolation;
        }
        // An event that was never recorded is complete.
        if (event->recorded) all.queue.add(nothing("cudaStreamWaitEvent"), *stream, {event->recorded});
        return cudaSuccess;
    });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
    return call([&](Runtime&) {
        if (!function) return cudaErrorInvalidValue;
        Work work = nothing("cudaLaunchHostFunc");
        work.kind = Work::Kind::host_call;
        work.function = function;
        work.argument = argument;
        return submit(std::move(work), stream);
    });
}

// ---- events

cudaError_t cudaEventCreate(cudaEvent_t* event) { return create_event(event, cudaEventDefault); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) { return create_event(event, flags); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    return call([&](Runtime& all) {
        if (!known(all.events, event)) return cudaErrorInvalidResourceHandle;
        if (event->capture) {
            auto& of_capture = event->capture->events;
            of_capture.erase(std::remove(of_capture.begin(), of_capture.end(), event), of_capture.end());
        }
        all.events.erase(std::find(all.events.begin(), all.events.end(), event));
        delete event;
        return cudaSuccess;
    });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
    return call([&](Runtime& all) {
        CUstream_st* stream = stream_of(handle);
        if (!stream || !known(all.events, event)) return cudaErrorInvalidResourceHandle;
        if (stream->device != event->device) return cudaErrorInvalidResourceHandle;
        if (stream->capture) {
            if (!event->capture) stream->capture->events.push_back(event);
            event->capture = stream->capture;
            event->tail = stream->tail;
            return cudaSuccess;
        }
        event->capture = nullptr;
        event->recorded = all.queue.add(nothing("cudaEventRecord"), *stream);
        return cudaSuccess;
    });
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
    return cudaEventRecord(event, stream);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    return call([&](Runtime& all) {
        if (!known(all.events, event)) return cudaErrorInvalidResourceHandle;
        if (cudaError_t forbidden = check_not_captured(event->capture)) return forbidden;
        all.queue.run_one();
        if (event->recorded && !event->recorded->done) return cudaErrorNotReady;
        all.queue.run_until(event->recorded);
        return cudaSuccess;
    });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    return call([&](Runtime& all) {
        if (!known(all.events, event)) return cudaErrorInvalidResourceHandle;
        if (cudaError_t forbidden = check_not_captured(event->capture)) return forbidden;
        all.queue.run_until(event->recorded);
        return cudaSuccess;
    });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    return call([&](Runtime& all) {
        if (!known(all.events, start) || !known(all.events, end)) return cudaErrorInvalidResourceHandle;
        if ((start->flags | end->flags) & cudaEventDisableTiming) return cudaErrorInvalidResourceHandle;
        if (!start->recorded || !end->recorded) return cudaErrorInvalidResourceHandle;
        if (!start->recorded->done || !end->recorded->done) return cudaErrorNotReady;
        std::chrono::duration<float, std::milli> time = end->recorded->finished - start->recorded->finished;
        *milliseconds = time.count();
        return cudaSuccess;
    });
}

}  // extern "C"
