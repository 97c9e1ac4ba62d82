// Matrix products by cuBLASLt, with what belongs to a linear layer done while the result is still in registers: its
// bias added, or the gradient of its bias summed. A product's algorithm is asked for once and kept.
//
// Its epilogues that apply ReLU or GELU are not used: in the engine an activation is an op of its own, whose input the
// gradient needs, and GELU is the exact one here.
#pragma once

#include <cuda_runtime_api.h>
#include <library_types.h>

#include <cstdint>

#include "backend/backend.h"
#include "host/libs/library.h"

namespace hb::cuda {

class CublasLt : public Library {
  public:
    // Beside the product; for products of one batch only.
    struct Epilogue {
        const float* bias = nullptr;     // [n], added to every row of y
        float* bias_gradient = nullptr;  // [m], becomes the sums of a over k
    };
    // y = a b + beta y as Cublas::multiply has it; with an epilogue beta is 0 and y is f32. Returns false, and does
    // nothing, where cuBLASLt has no algorithm for it.
    bool multiply(const MatMulShape& shape, const View& a, const View& b, float beta, const View& y,
                  const Epilogue& epilogue) const;

    static const CublasLt& get();

    // ---- as in cublasLt.h
    struct Context;
    using Handle = Context*;
    using Status = int;  // 0: success
    static constexpr Status kNotSupported = 15;
    struct OperationStruct;
    struct LayoutStruct;
    struct PreferenceStruct;
    using Operation = OperationStruct*;
    using Layout = LayoutStruct*;
    using Preference = PreferenceStruct*;
    enum OperationAttribute : int { kTransposeA = 3, kTransposeB = 4, kEpilogue = 7, kBiasPointer = 8 };
    enum LayoutAttribute : int { kBatchCount = 5, kBatchOffset = 6 };
    enum PreferenceAttribute : int {
        kMostWorkspace = 1,
        kAlignmentA = 5,
        kAlignmentB = 6,
        kAlignmentC = 7,
        kAlignmentD = 8
    };
    enum EpilogueKind : uint32_t { kDefault = 1, kBias = 4, kBiasGradientOfB = 512 };
    enum ComputeType : int { kCompute32F = 68, kCompute32FFastTf32 = 77 };
    struct Algorithm {
        uint64_t data[8];
    };
    struct Heuristic {
        Algorithm algorithm;
        size_t workspace;
        Status status;
        float waves;
        int reserved[4];
    };
    static_assert(sizeof(Heuristic) == 96);

    // The descriptors and the algorithm of one product.
    struct Plan;

  private:
    CublasLt();
    void check(Status status, const char* function) const;
    Plan make_plan(Handle handle, const MatMulShape& shape, const View& a, const View& b, const View& y,
                   const Epilogue& epilogue) const;

    Status (*cublasLtGetProperty_)(libraryPropertyType, int*) = nullptr;
    const char* (*cublasLtGetStatusString_)(Status) = nullptr;
    Status (*cublasLtCreate_)(Handle*) = nullptr;
    Status (*cublasLtMatmulDescCreate_)(Operation*, ComputeType, cudaDataType scale) = nullptr;
    Status (*cublasLtMatmulDescSetAttribute_)(Operation, OperationAttribute, const void*, size_t) = nullptr;
    Status (*cublasLtMatrixLayoutCreate_)(Layout*, cudaDataType, uint64_t rows, uint64_t columns,
                                          int64_t leading) = nullptr;
    Status (*cublasLtMatrixLayoutSetAttribute_)(Layout, LayoutAttribute, const void*, size_t) = nullptr;
    Status (*cublasLtMatmulPreferenceCreate_)(Preference*) = nullptr;
    Status (*cublasLtMatmulPreferenceDestroy_)(Preference) = nullptr;
    Status (*cublasLtMatmulPreferenceSetAttribute_)(Preference, PreferenceAttribute, const void*, size_t) = nullptr;
    Status (*cublasLtMatmulAlgoGetHeuristic_)(Handle, Operation, Layout a, Layout b, Layout c, Layout d, Preference,
                                              int asked, Heuristic*, int* given) = nullptr;
    Status (*cublasLtMatmul_)(Handle, Operation, const void* alpha, const void* a, Layout, const void* b, Layout,
                              const void* beta, const void* c, Layout, void* d, Layout, const Algorithm*,
                              void* workspace, size_t workspace_bytes, cudaStream_t) = nullptr;
};

}  // namespace hb::cuda
