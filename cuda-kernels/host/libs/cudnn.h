// Convolutions by cuDNN 9, on NHWC activations and OHWI kernels. Of its two interfaces this uses the older one, one
// call per convolution: it has a tenth of the declarations, and the heuristics and kernels behind both are the same for
// a convolution alone. Only deterministic algorithms are taken.
#pragma once

#include <cuda_runtime_api.h>

#include "backend/backend.h"
#include "host/libs/library.h"

namespace hb::cuda {

class Cudnn : public Library {
  public:
    // What is convolved: x, y and w have `type`, f32 or bf16.
    struct Problem {
        ConvShape shape;
        DType type;
        bool tf32;  // f32 may be multiplied as tf32, whatever HORNBEAM_CUDA_F32 says
        bool by_tensor_cores() const;
    };
    // y = convolution of x with w + beta y.
    void forward(const Problem& problem, const void* x, const void* w, float beta, void* y) const;
    void backward_data(const Problem& problem, const void* dy, const void* w, void* dx) const;
    void backward_weight(const Problem& problem, const void* x, const void* dy, void* dw) const;

    // Sizes that its descriptors hold.
    static bool fits(const ConvShape& shape);

    static const Cudnn& get();

    // ---- as in cudnn_graph.h, cudnn_ops.h and cudnn_cnn.h
    struct Context;
    using Handle = Context*;
    using Status = int;  // 0: success
    struct TensorStruct;
    struct FilterStruct;
    struct ConvolutionStruct;
    using TensorDescriptor = TensorStruct*;
    using FilterDescriptor = FilterStruct*;
    using ConvolutionDescriptor = ConvolutionStruct*;
    enum DataType : int { kFloat = 0, kBFloat16 = 9 };
    enum Format : int { kNhwc = 1 };
    enum Mode : int { kCrossCorrelation = 1 };
    enum MathType : int { kDefaultMath = 0, kTensorOpMath = 1, kFmaMath = 3 };
    enum Determinism : int { kNonDeterministic = 0, kDeterministic = 1 };
    // The three structs cudnnConvolution…AlgoPerf_t differ in the type of `algorithm` only, an enum.
    struct Performance {
        int algorithm;
        Status status;
        float time;
        size_t memory;
        Determinism determinism;
        MathType math;
        int reserved[3];
    };
    static_assert(sizeof(Performance) == 48);

    // The descriptors and the algorithm of one problem and direction.
    struct Plan;
    enum class Direction { Forward, BackwardData, BackwardWeight };

  private:
    Cudnn();
    void check(Status status, const char* function) const;
    // Holds the device's handle while `use` runs.
    template <class Use>
    void with_plan(const Problem& problem, Direction direction, Use&& use) const;
    Plan make_plan(Handle handle, const Problem& problem, Direction direction) const;

    size_t (*cudnnGetVersion_)() = nullptr;
    const char* (*cudnnGetErrorString_)(Status) = nullptr;
    Status (*cudnnCreate_)(Handle*) = nullptr;
    Status (*cudnnSetStream_)(Handle, cudaStream_t) = nullptr;
    Status (*cudnnCreateTensorDescriptor_)(TensorDescriptor*) = nullptr;
    Status (*cudnnSetTensor4dDescriptor_)(TensorDescriptor, Format, DataType, int n, int c, int h, int w) = nullptr;
    Status (*cudnnCreateFilterDescriptor_)(FilterDescriptor*) = nullptr;
    Status (*cudnnSetFilter4dDescriptor_)(FilterDescriptor, DataType, Format, int k, int c, int h, int w) = nullptr;
    Status (*cudnnCreateConvolutionDescriptor_)(ConvolutionDescriptor*) = nullptr;
    Status (*cudnnSetConvolution2dDescriptor_)(ConvolutionDescriptor, int pad_h, int pad_w, int stride_h, int stride_w,
                                               int dilation_h, int dilation_w, Mode, DataType) = nullptr;
    Status (*cudnnSetConvolutionGroupCount_)(ConvolutionDescriptor, int) = nullptr;
    Status (*cudnnSetConvolutionMathType_)(ConvolutionDescriptor, MathType) = nullptr;
    Status (*cudnnGetConvolutionForwardAlgorithm_v7_)(Handle, TensorDescriptor x, FilterDescriptor w,
                                                      ConvolutionDescriptor, TensorDescriptor y, int asked, int* given,
                                                      Performance*) = nullptr;
    Status (*cudnnGetConvolutionBackwardDataAlgorithm_v7_)(Handle, FilterDescriptor w, TensorDescriptor dy,
                                                           ConvolutionDescriptor, TensorDescriptor dx, int asked,
                                                           int* given, Performance*) = nullptr;
    Status (*cudnnGetConvolutionBackwardFilterAlgorithm_v7_)(Handle, TensorDescriptor x, TensorDescriptor dy,
                                                             ConvolutionDescriptor, FilterDescriptor dw, int asked,
                                                             int* given, Performance*) = nullptr;
    Status (*cudnnConvolutionForward_)(Handle, const void* alpha, TensorDescriptor, const void* x, FilterDescriptor,
                                       const void* w, ConvolutionDescriptor, int algorithm, void* workspace,
                                       size_t workspace_bytes, const void* beta, TensorDescriptor, void* y) = nullptr;
    Status (*cudnnConvolutionBackwardData_)(Handle, const void* alpha, FilterDescriptor, const void* w,
                                            TensorDescriptor, const void* dy, ConvolutionDescriptor, int algorithm,
                                            void* workspace, size_t workspace_bytes, const void* beta, TensorDescriptor,
                                            void* dx) = nullptr;
    Status (*cudnnConvolutionBackwardFilter_)(Handle, const void* alpha, TensorDescriptor, const void* x,
                                              TensorDescriptor, const void* dy, ConvolutionDescriptor, int algorithm,
                                              void* workspace, size_t workspace_bytes, const void* beta,
                                              FilterDescriptor, void* dw) = nullptr;
};

}  // namespace hb::cuda
