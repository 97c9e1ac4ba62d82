// Matrix products by cuBLAS. Its matrices are column-major; the row-major ones of the engine are their transposes.
#pragma once

#include <cuda_runtime_api.h>
#include <library_types.h>

#include "backend/backend.h"
#include "host/libs/library.h"

namespace hb::cuda {

class Cublas : public Library {
  public:
    // y [m, n] row-major, or [batch, m, n] = a b + beta y: as MatMulShape says of a and b. a and b have one type, f32
    // or bf16; y has theirs or f32. Rows that are longer than an int are not for it: see fits.
    void multiply(const MatMulShape& shape, const View& a, const View& b, float beta, const View& y) const;
    static bool fits(const MatMulShape& shape);

    static const Cublas& get();

    // ---- as in cublas_api.h
    struct Context;
    using Handle = Context*;
    using Status = int;  // 0: success
    enum Operation : int { kAsIs = 0, kTransposed = 1 };
    enum ComputeType : int { kCompute32F = 68, kCompute32FFastTf32 = 77 };
    static constexpr int kGemmDefault = -1;

  private:
    Cublas();
    void check(Status status, const char* function) const;

    Status (*cublasGetProperty_)(libraryPropertyType, int*) = nullptr;
    Status (*cublasCreate_v2_)(Handle*) = nullptr;
    Status (*cublasSetStream_v2_)(Handle, cudaStream_t) = nullptr;
    Status (*cublasSetWorkspace_v2_)(Handle, void*, size_t) = nullptr;
    const char* (*cublasGetStatusString_)(Status) = nullptr;
    Status (*cublasGemmStridedBatchedEx_)(Handle, Operation, Operation, int m, int n, int k, const void* alpha,
                                          const void* a, cudaDataType, int lda, long long stride_a, const void* b,
                                          cudaDataType, int ldb, long long stride_b, const void* beta, void* c,
                                          cudaDataType, int ldc, long long stride_c, int batch_count, ComputeType,
                                          int algorithm) = nullptr;
};

}  // namespace hb::cuda
