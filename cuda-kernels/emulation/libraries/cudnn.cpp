// The functions of cuDNN 9 that the backend calls, on the CPU: libcudnn_emulated.so. It takes NHWC only, and offers
// each convolution by two algorithms: a faster one that is not deterministic, and one that is and wants a workspace.
#include <cuda_runtime_api.h>

#include <algorithm>

#include "emulation/libraries/queue.h"

using namespace hb::emulation::libraries;

namespace {

enum Status {
    kSuccess = 0,
    kNotInitialized = 1001,
    kBadParam = 2000,
    kShapeMismatch = 2008,
    kNotSupported = 3000,
    kExecutionFailed = 5000
};
enum { kNhwc = 1, kFloat = 0, kBFloat16 = 9, kCrossCorrelation = 1, kFmaMath = 3 };
constexpr int kDeterministicAlgorithm = 1;
constexpr size_t kWorkspace = 4096;

struct Context {
    cudaStream_t stream = nullptr;
};
struct Tensor {
    int type = -1, n = 0, c = 0, h = 0, w = 0;
    bool bf16() const { return type == kBFloat16; }
    int64_t elements() const { return int64_t{n} * c * h * w; }
};
struct Filter {
    int type = -1, k = 0, c = 0, h = 0, w = 0;
    bool bf16() const { return type == kBFloat16; }
    int64_t elements() const { return int64_t{k} * c * h * w; }
};
struct Convolution {
    int pad_h = 0, pad_w = 0, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, groups = 1, math = 0;
};
struct Performance {
    int algorithm, status;
    float time;
    size_t memory;
    int determinism, math, reserved[3];
};

// A convolution with everything that its three directions need.
struct Problem {
    Tensor x, y;
    Filter w;
    Convolution how;

    int status() const {
        auto out = [](int size, int kernel, int pad, int stride, int dilation) {
            return (size + 2 * pad - ((kernel - 1) * dilation + 1)) / stride + 1;
        };
        if (x.type != y.type || x.type != w.type) return kBadParam;
        if (x.n != y.n || y.c != w.k || x.c != w.c * how.groups || w.k % how.groups != 0) return kShapeMismatch;
        if (y.h != out(x.h, w.h, how.pad_h, how.stride_h, how.dilation_h) ||
            y.w != out(x.w, w.w, how.pad_w, how.stride_w, how.dilation_w))
            return kShapeMismatch;
        return kSuccess;
    }

    // body(first element of x's pixel, of y's pixel, kernel position) for all that meet.
    template <class Body>
    void for_each_tap(Body&& body) const {
        for (int n = 0; n < x.n; n++)
            for (int oh = 0; oh < y.h; oh++)
                for (int ow = 0; ow < y.w; ow++)
                    for (int kh = 0; kh < w.h; kh++) {
                        int ih = oh * how.stride_h - how.pad_h + kh * how.dilation_h;
                        if (ih < 0 || ih >= x.h) continue;
                        for (int kw = 0; kw < w.w; kw++) {
                            int iw = ow * how.stride_w - how.pad_w + kw * how.dilation_w;
                            if (iw < 0 || iw >= x.w) continue;
                            body(((int64_t{n} * x.h + ih) * x.w + iw) * x.c, ((int64_t{n} * y.h + oh) * y.w + ow) * y.c,
                                 int64_t{kh} * w.w + kw);
                        }
                    }
    }
    int64_t weight_at(int64_t k, int64_t position) const { return (k * w.h * w.w + position) * w.c; }
    int first_channel(int k) const { return k / (w.k / how.groups) * w.c; }
};

void store(bool bf16, const std::vector<double>& sums, float alpha, float beta, void* to) {
    for (int64_t i = 0; i < int64_t(sums.size()); i++) {
        float value = alpha * float(sums[size_t(i)]);
        write(bf16, to, i, beta == 0 ? value : value + beta * read(bf16, to, i));
    }
}

void forward(const Problem& p, const void* from_x, const void* from_w, float alpha, float beta, void* to) {
    auto x = read_all(p.x.bf16(), from_x, p.x.elements()), w = read_all(p.w.bf16(), from_w, p.w.elements());
    std::vector<double> sums(size_t(p.y.elements()));
    p.for_each_tap([&](int64_t in, int64_t out, int64_t position) {
        for (int k = 0; k < p.w.k; k++) {
            const float* left = x.data() + in + p.first_channel(k);
            const float* right = w.data() + p.weight_at(k, position);
            double sum = 0;
            for (int c = 0; c < p.w.c; c++) sum += double(left[c]) * double(right[c]);
            sums[size_t(out + k)] += sum;
        }
    });
    store(p.y.bf16(), sums, alpha, beta, to);
}

void backward_data(const Problem& p, const void* from_w, const void* from_dy, float alpha, float beta, void* to) {
    auto w = read_all(p.w.bf16(), from_w, p.w.elements()), dy = read_all(p.y.bf16(), from_dy, p.y.elements());
    std::vector<double> sums(size_t(p.x.elements()));
    p.for_each_tap([&](int64_t in, int64_t out, int64_t position) {
        for (int k = 0; k < p.w.k; k++) {
            double gradient = dy[size_t(out + k)];
            const float* weight = w.data() + p.weight_at(k, position);
            double* sum = sums.data() + in + p.first_channel(k);
            for (int c = 0; c < p.w.c; c++) sum[c] += gradient * double(weight[c]);
        }
    });
    store(p.x.bf16(), sums, alpha, beta, to);
}

void backward_filter(const Problem& p, const void* from_x, const void* from_dy, float alpha, float beta, void* to) {
    auto x = read_all(p.x.bf16(), from_x, p.x.elements()), dy = read_all(p.y.bf16(), from_dy, p.y.elements());
    std::vector<double> sums(size_t(p.w.elements()));
    p.for_each_tap([&](int64_t in, int64_t out, int64_t position) {
        for (int k = 0; k < p.w.k; k++) {
            double gradient = dy[size_t(out + k)];
            const float* value = x.data() + in + p.first_channel(k);
            double* sum = sums.data() + p.weight_at(k, position);
            for (int c = 0; c < p.w.c; c++) sum[c] += gradient * double(value[c]);
        }
    });
    store(p.w.bf16(), sums, alpha, beta, to);
}

int choose(const Problem& p, int asked, int* given, Performance* choices) {
    if (int status = p.status()) return status;
    *given = 0;
    if (asked > 0) choices[(*given)++] = {0, kSuccess, 1.0f, 0, 0, p.how.math, {}};
    if (asked > 1) choices[(*given)++] = {kDeterministicAlgorithm, kSuccess, 2.0f, kWorkspace, 1, p.how.math, {}};
    return kSuccess;
}

// What each call must have been given: the algorithm and the workspace that choose() told of.
int run(Context* handle, const Problem& p, int algorithm, const void* workspace, size_t workspace_bytes,
        std::function<void()> body) {
    if (!handle) return kNotInitialized;
    if (int status = p.status()) return status;
    if (algorithm != kDeterministicAlgorithm || !workspace || workspace_bytes < kWorkspace) return kBadParam;
    return queue(handle->stream, std::move(body)) ? kSuccess : kExecutionFailed;
}

float number(const void* x) { return *static_cast<const float*>(x); }

}  // namespace

extern "C" {
#define HB_EXPORT __attribute__((visibility("default")))

HB_EXPORT size_t cudnnGetVersion() { return 91002; }
HB_EXPORT const char* cudnnGetErrorString(int status) {
    switch (status) {
        case kSuccess:
            return "CUDNN_STATUS_SUCCESS";
        case kNotInitialized:
            return "CUDNN_STATUS_NOT_INITIALIZED";
        case kBadParam:
            return "CUDNN_STATUS_BAD_PARAM";
        case kShapeMismatch:
            return "CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH";
        case kNotSupported:
            return "CUDNN_STATUS_NOT_SUPPORTED";
        default:
            return "CUDNN_STATUS_EXECUTION_FAILED";
    }
}
HB_EXPORT int cudnnCreate(Context** handle) {
    *handle = new Context;
    return kSuccess;
}
HB_EXPORT int cudnnSetStream(Context* handle, cudaStream_t stream) {
    if (!handle) return kNotInitialized;
    handle->stream = stream;
    return kSuccess;
}
HB_EXPORT int cudnnCreateTensorDescriptor(Tensor** tensor) {
    *tensor = new Tensor;
    return kSuccess;
}
HB_EXPORT int cudnnSetTensor4dDescriptor(Tensor* tensor, int format, int type, int n, int c, int h, int w) {
    if (format != kNhwc || (type != kFloat && type != kBFloat16)) return kNotSupported;
    if (n <= 0 || c <= 0 || h <= 0 || w <= 0) return kBadParam;
    *tensor = {type, n, c, h, w};
    return kSuccess;
}
HB_EXPORT int cudnnCreateFilterDescriptor(Filter** filter) {
    *filter = new Filter;
    return kSuccess;
}
// The type comes before the format here.
HB_EXPORT int cudnnSetFilter4dDescriptor(Filter* filter, int type, int format, int k, int c, int h, int w) {
    if (format != kNhwc || (type != kFloat && type != kBFloat16)) return kNotSupported;
    if (k <= 0 || c <= 0 || h <= 0 || w <= 0) return kBadParam;
    *filter = {type, k, c, h, w};
    return kSuccess;
}
HB_EXPORT int cudnnCreateConvolutionDescriptor(Convolution** convolution) {
    *convolution = new Convolution;
    return kSuccess;
}
HB_EXPORT int cudnnSetConvolution2dDescriptor(Convolution* convolution, int pad_h, int pad_w, int stride_h,
                                              int stride_w, int dilation_h, int dilation_w, int mode, int compute) {
    if (mode != kCrossCorrelation || compute != kFloat) return kNotSupported;
    *convolution = {pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, 1, 0};
    return kSuccess;
}
HB_EXPORT int cudnnSetConvolutionGroupCount(Convolution* convolution, int groups) {
    convolution->groups = groups;
    return groups > 0 ? kSuccess : kBadParam;
}
HB_EXPORT int cudnnSetConvolutionMathType(Convolution* convolution, int math) {
    convolution->math = math;
    return math >= 0 && math <= kFmaMath ? kSuccess : kBadParam;
}
HB_EXPORT int cudnnGetConvolutionForwardAlgorithm_v7(Context*, Tensor* x, Filter* w, Convolution* how, Tensor* y,
                                                     int asked, int* given, Performance* choices) {
    return choose({*x, *y, *w, *how}, asked, given, choices);
}
HB_EXPORT int cudnnGetConvolutionBackwardDataAlgorithm_v7(Context*, Filter* w, Tensor* dy, Convolution* how, Tensor* dx,
                                                          int asked, int* given, Performance* choices) {
    return choose({*dx, *dy, *w, *how}, asked, given, choices);
}
HB_EXPORT int cudnnGetConvolutionBackwardFilterAlgorithm_v7(Context*, Tensor* x, Tensor* dy, Convolution* how,
                                                            Filter* dw, int asked, int* given, Performance* choices) {
    return choose({*x, *dy, *dw, *how}, asked, given, choices);
}
HB_EXPORT int cudnnConvolutionForward(Context* handle, const void* alpha, Tensor* x, const void* x_data, Filter* w,
                                      const void* w_data, Convolution* how, int algorithm, void* workspace,
                                      size_t workspace_bytes, const void* beta, Tensor* y, void* y_data) {
    Problem p{*x, *y, *w, *how};
    return run(handle, p, algorithm, workspace, workspace_bytes,
               [=, a = number(alpha), b = number(beta)] { forward(p, x_data, w_data, a, b, y_data); });
}
HB_EXPORT int cudnnConvolutionBackwardData(Context* handle, const void* alpha, Filter* w, const void* w_data,
                                           Tensor* dy, const void* dy_data, Convolution* how, int algorithm,
                                           void* workspace, size_t workspace_bytes, const void* beta, Tensor* dx,
                                           void* dx_data) {
    Problem p{*dx, *dy, *w, *how};
    return run(handle, p, algorithm, workspace, workspace_bytes,
               [=, a = number(alpha), b = number(beta)] { backward_data(p, w_data, dy_data, a, b, dx_data); });
}
HB_EXPORT int cudnnConvolutionBackwardFilter(Context* handle, const void* alpha, Tensor* x, const void* x_data,
                                             Tensor* dy, const void* dy_data, Convolution* how, int algorithm,
                                             void* workspace, size_t workspace_bytes, const void* beta, Filter* dw,
                                             void* dw_data) {
    Problem p{*x, *dy, *dw, *how};
    return run(handle, p, algorithm, workspace, workspace_bytes,
               [=, a = number(alpha), b = number(beta)] { backward_filter(p, x_data, dy_data, a, b, dw_data); });
}
}
