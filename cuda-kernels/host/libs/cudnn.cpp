#include "host/libs/cudnn.h"

#include <array>
#include <climits>
#include <map>
#include <mutex>

#include "core/error.h"
#include "host/device.h"
#include "host/libs/variants.h"

namespace hb::cuda {

struct Cudnn::Plan {
    TensorDescriptor x, y;
    FilterDescriptor w;
    ConvolutionDescriptor convolution;
    int algorithm;
    size_t workspace;
};

namespace {

// Algorithms of more workspace are passed over.
constexpr size_t kMostWorkspace = size_t(1) << 30;

using Key = std::array<int64_t, 20>;
Key key_of(const Cudnn::Problem& p, Cudnn::Direction direction) {
    const ConvShape& s = p.shape;
    return {s.n,
            s.h,
            s.w,
            s.c,
            s.o,
            s.kh,
            s.kw,
            s.oh,
            s.ow,
            s.stride_h,
            s.stride_w,
            s.pad_h,
            s.pad_w,
            s.dilation_h,
            s.dilation_w,
            s.groups,
            int64_t(p.type),
            int64_t(direction),
            int64_t(p.by_tensor_cores())};
}

struct PerDevice {
    std::mutex mutex;  // a handle is one thread's at a time
    Cudnn::Handle handle = nullptr;
    std::map<Key, Cudnn::Plan> plans;
};
PerDevice& per_device() {
    static auto* all = new std::array<PerDevice, 16>;
    return (*all)[size_t(device().index)];
}

const char* name_of(Cudnn::Direction direction) {
    switch (direction) {
        case Cudnn::Direction::Forward:
            return "forward";
        case Cudnn::Direction::BackwardData:
            return "data gradient";
        case Cudnn::Direction::BackwardWeight:
            return "weight gradient";
    }
    return "";
}

}  // namespace

bool Cudnn::Problem::by_tensor_cores() const { return type == DType::BF16 || tf32 || f32_by_tf32(); }

Cudnn::Cudnn() : Library({"cuDNN", "HORNBEAM_CUDNN_LIBRARY", {"libcudnn.so.9"}, "9"}) {
    bind(cudnnGetVersion_, "cudnnGetVersion");
    bind(cudnnGetErrorString_, "cudnnGetErrorString");
    bind(cudnnCreate_, "cudnnCreate");
    bind(cudnnSetStream_, "cudnnSetStream");
    bind(cudnnCreateTensorDescriptor_, "cudnnCreateTensorDescriptor");
    bind(cudnnSetTensor4dDescriptor_, "cudnnSetTensor4dDescriptor");
    bind(cudnnCreateFilterDescriptor_, "cudnnCreateFilterDescriptor");
    bind(cudnnSetFilter4dDescriptor_, "cudnnSetFilter4dDescriptor");
    bind(cudnnCreateConvolutionDescriptor_, "cudnnCreateConvolutionDescriptor");
    bind(cudnnSetConvolution2dDescriptor_, "cudnnSetConvolution2dDescriptor");
    bind(cudnnSetConvolutionGroupCount_, "cudnnSetConvolutionGroupCount");
    bind(cudnnSetConvolutionMathType_, "cudnnSetConvolutionMathType");
    bind(cudnnGetConvolutionForwardAlgorithm_v7_, "cudnnGetConvolutionForwardAlgorithm_v7");
    bind(cudnnGetConvolutionBackwardDataAlgorithm_v7_, "cudnnGetConvolutionBackwardDataAlgorithm_v7");
    bind(cudnnGetConvolutionBackwardFilterAlgorithm_v7_, "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
    bind(cudnnConvolutionForward_, "cudnnConvolutionForward");
    bind(cudnnConvolutionBackwardData_, "cudnnConvolutionBackwardData");
    bind(cudnnConvolutionBackwardFilter_, "cudnnConvolutionBackwardFilter");
    if (!cudnnGetVersion_) return;
    // 90600 is 9.6.0; version 8 wrote 8906.
    int version = int(cudnnGetVersion_());
    int major = version >= 90000 ? version / 10000 : version / 1000;
    int minor = version >= 90000 ? version % 10000 / 100 : version % 1000 / 100;
    accept(major == 9, major, minor, version % 100);
}

const Cudnn& Cudnn::get() {
    static const Cudnn* library = new Cudnn;
    return *library;
}

void Cudnn::check(Status status, const char* function) const {
    if (status == 0) [[likely]]
        return;
    fail(HB_ERROR_DEVICE, "%s of cuDNN %s failed: %s (%d)", function, version().c_str(), cudnnGetErrorString_(status),
         status);
}

bool Cudnn::fits(const ConvShape& s) {
    for (int64_t size : {s.n, s.h, s.w, s.c, s.o, s.kh, s.kw, s.oh, s.ow})
        if (size <= 0 || size > INT_MAX) return false;
    // It counts elements in 32 bits in places.
    return s.n * s.h * s.w * s.c <= INT_MAX && s.n * s.oh * s.ow * s.o <= INT_MAX;
}

Cudnn::Plan Cudnn::make_plan(Handle handle, const Problem& p, Direction direction) const {
    const ConvShape& s = p.shape;
    DataType type = p.type == DType::BF16 ? kBFloat16 : kFloat;
    // The default would allow tf32 for f32.
    MathType math = p.by_tensor_cores() ? kTensorOpMath : kFmaMath;
    Plan plan{};
    check(cudnnCreateTensorDescriptor_(&plan.x), "cudnnCreateTensorDescriptor");
    check(cudnnSetTensor4dDescriptor_(plan.x, kNhwc, type, int(s.n), int(s.c), int(s.h), int(s.w)),
          "cudnnSetTensor4dDescriptor");
    check(cudnnCreateTensorDescriptor_(&plan.y), "cudnnCreateTensorDescriptor");
    check(cudnnSetTensor4dDescriptor_(plan.y, kNhwc, type, int(s.n), int(s.o), int(s.oh), int(s.ow)),
          "cudnnSetTensor4dDescriptor");
    check(cudnnCreateFilterDescriptor_(&plan.w), "cudnnCreateFilterDescriptor");
    check(cudnnSetFilter4dDescriptor_(plan.w, type, kNhwc, int(s.o), int(s.c / s.groups), int(s.kh), int(s.kw)),
          "cudnnSetFilter4dDescriptor");
    check(cudnnCreateConvolutionDescriptor_(&plan.convolution), "cudnnCreateConvolutionDescriptor");
    check(cudnnSetConvolution2dDescriptor_(plan.convolution, int(s.pad_h), int(s.pad_w), int(s.stride_h),
                                           int(s.stride_w), int(s.dilation_h), int(s.dilation_w), kCrossCorrelation,
                                           kFloat),
          "cudnnSetConvolution2dDescriptor");
    check(cudnnSetConvolutionGroupCount_(plan.convolution, int(s.groups)), "cudnnSetConvolutionGroupCount");
    check(cudnnSetConvolutionMathType_(plan.convolution, math), "cudnnSetConvolutionMathType");

    // Fastest first, as its heuristics believe.
    std::array<Performance, 16> choices{};
    int given = 0, asked = int(choices.size());
    switch (direction) {
        case Direction::Forward:
            check(cudnnGetConvolutionForwardAlgorithm_v7_(handle, plan.x, plan.w, plan.convolution, plan.y, asked,
                                                          &given, choices.data()),
                  "cudnnGetConvolutionForwardAlgorithm_v7");
            break;
        case Direction::BackwardData:
            check(cudnnGetConvolutionBackwardDataAlgorithm_v7_(handle, plan.w, plan.y, plan.convolution, plan.x, asked,
                                                               &given, choices.data()),
                  "cudnnGetConvolutionBackwardDataAlgorithm_v7");
            break;
        case Direction::BackwardWeight:
            check(cudnnGetConvolutionBackwardFilterAlgorithm_v7_(handle, plan.x, plan.y, plan.convolution, plan.w,
                                                                 asked, &given, choices.data()),
                  "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
            break;
    }
    for (int i = 0; i < given; i++) {
        const Performance& choice = choices[size_t(i)];
        if (choice.status != 0 || choice.determinism != kDeterministic || choice.memory > kMostWorkspace) continue;
        // f32 stays f32 where it was asked for, whatever the heuristics would trade it for.
        if (math == kFmaMath && choice.math != kFmaMath && choice.math != kDefaultMath) continue;
        check(cudnnSetConvolutionMathType_(plan.convolution, math == kFmaMath ? kFmaMath : choice.math),
              "cudnnSetConvolutionMathType");
        plan.algorithm = choice.algorithm;
        plan.workspace = choice.memory;
        return plan;
    }
    fail(HB_ERROR_UNSUPPORTED,
         "cuDNN %s has no deterministic algorithm for the %s of a convolution of %lld images of %lldx%lldx%lld by %lld "
         "kernels of %lldx%lld, groups %lld, in %s; use HORNBEAM_CUDA_VARIANT=hand",
         version().c_str(), name_of(direction), (long long)s.n, (long long)s.h, (long long)s.w, (long long)s.c,
         (long long)s.o, (long long)s.kh, (long long)s.kw, (long long)s.groups, hb::name_of(p.type));
}

template <class Use>
void Cudnn::with_plan(const Problem& problem, Direction direction, Use&& use) const {
    require();
    PerDevice& own = per_device();
    std::lock_guard<std::mutex> lock(own.mutex);
    if (!own.handle) {
        device().synchronize();  // a capture must not see how it allocates and loads
        check(cudnnCreate_(&own.handle), "cudnnCreate");
    }
    check(cudnnSetStream_(own.handle, stream()), "cudnnSetStream");
    Key key = key_of(problem, direction);
    auto known = own.plans.find(key);
    // Shapes of a network are few and repeat; plans are kept for good.
    if (known == own.plans.end()) known = own.plans.insert({key, make_plan(own.handle, problem, direction)}).first;
    const Plan& plan = known->second;
    DeviceScratch<char> workspace{int64_t(plan.workspace)};
    use(own.handle, plan, workspace.data());
}

void Cudnn::forward(const Problem& problem, const void* x, const void* w, float beta, void* y) const {
    with_plan(problem, Direction::Forward, [&](Handle handle, const Plan& plan, void* workspace) {
        const float one = 1;
        check(cudnnConvolutionForward_(handle, &one, plan.x, x, plan.w, w, plan.convolution, plan.algorithm, workspace,
                                       plan.workspace, &beta, plan.y, y),
              "cudnnConvolutionForward");
    });
}

void Cudnn::backward_data(const Problem& problem, const void* dy, const void* w, void* dx) const {
    with_plan(problem, Direction::BackwardData, [&](Handle handle, const Plan& plan, void* workspace) {
        const float one = 1, zero = 0;
        check(cudnnConvolutionBackwardData_(handle, &one, plan.w, w, plan.y, dy, plan.convolution, plan.algorithm,
                                            workspace, plan.workspace, &zero, plan.x, dx),
              "cudnnConvolutionBackwardData");
    });
}

void Cudnn::backward_weight(const Problem& problem, const void* x, const void* dy, void* dw) const {
    with_plan(problem, Direction::BackwardWeight, [&](Handle handle, const Plan& plan, void* workspace) {
        const float one = 1, zero = 0;
        check(cudnnConvolutionBackwardFilter_(handle, &one, plan.x, x, plan.y, dy, plan.convolution, plan.algorithm,
                                              workspace, plan.workspace, &zero, plan.w, dw),
              "cudnnConvolutionBackwardFilter");
    });
}

}  // namespace hb::cuda
