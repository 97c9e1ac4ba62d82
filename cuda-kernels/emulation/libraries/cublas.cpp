// The functions of cuBLAS that the backend calls, on the CPU: libcublas_emulated.so. Column-major, as its manual says.
#include <cuda_runtime_api.h>
#include <library_types.h>

#include "emulation/libraries/queue.h"

using namespace hb::emulation::libraries;

namespace {

enum Status { kSuccess = 0, kNotInitialized = 1, kInvalidValue = 7, kExecutionFailed = 13, kNotSupported = 15 };

struct Context {
    cudaStream_t stream = nullptr;
    void* workspace = nullptr;
    size_t workspace_bytes = 0;
};

struct Product {
    bool transpose_a, transpose_b;
    int m, n, k;
    float alpha, beta;
    const char *a, *b;
    char* c;
    bool a_bf16, b_bf16, c_bf16, tf32;
    int lda, ldb, ldc;
    long long stride_a, stride_b, stride_c;
    int batch;

    // As tensor cores read f32: without its 13 lowest bits.
    float read_factor(bool bf16, const char* data, int64_t i) const {
        float x = read(bf16, data, i);
        if (!tf32) return x;
        uint32_t bits;
        std::memcpy(&bits, &x, 4);
        bits &= ~0x1fffu;
        std::memcpy(&x, &bits, 4);
        return x;
    }

    void run() const {
        std::vector<float> factor(static_cast<size_t>(m)), sums(static_cast<size_t>(m) * size_t(n));
        for (int i = 0; i < batch; i++) {
            const char* from_a = a + i * stride_a * (a_bf16 ? 2 : 4);
            const char* from_b = b + i * stride_b * (b_bf16 ? 2 : 4);
            char* to = c + i * stride_c * (c_bf16 ? 2 : 4);
            std::fill(sums.begin(), sums.end(), 0.0f);
            for (int p = 0; p < k; p++) {
                for (int row = 0; row < m; row++)
                    factor[size_t(row)] =
                        read_factor(a_bf16, from_a, transpose_a ? p + int64_t{row} * lda : row + int64_t{p} * lda);
                for (int column = 0; column < n; column++) {
                    float x = read_factor(b_bf16, from_b,
                                          transpose_b ? column + int64_t{p} * ldb : p + int64_t{column} * ldb);
                    float* sum = sums.data() + int64_t{column} * m;
                    for (int row = 0; row < m; row++) sum[row] += factor[size_t(row)] * x;
                }
            }
            for (int column = 0; column < n; column++)
                for (int row = 0; row < m; row++) {
                    int64_t at = row + int64_t{column} * ldc;
                    float y = alpha * sums[size_t(int64_t{column} * m + row)];
                    // With beta = 0, c is not read: it may hold NaNs.
                    write(c_bf16, to, at, beta == 0 ? y : y + beta * read(c_bf16, to, at));
                }
        }
    }
};

bool known(cudaDataType type) { return type == CUDA_R_32F || type == CUDA_R_16BF; }

}  // namespace

extern "C" {
#define HB_EXPORT __attribute__((visibility("default")))

HB_EXPORT int cublasGetProperty(libraryPropertyType part, int* value) {
    *value = part == MAJOR_VERSION ? 13 : part == MINOR_VERSION ? 1 : 2;
    return kSuccess;
}
HB_EXPORT int cublasCreate_v2(Context** handle) {
    *handle = new Context;
    return kSuccess;
}
HB_EXPORT int cublasSetStream_v2(Context* handle, cudaStream_t stream) {
    if (!handle) return kNotInitialized;
    *handle = Context();  // the workspace goes back to cuBLAS's own, as it does there
    handle->stream = stream;
    return kSuccess;
}
HB_EXPORT int cublasSetWorkspace_v2(Context* handle, void* workspace, size_t bytes) {
    if (!handle) return kNotInitialized;
    if (!workspace || reinterpret_cast<uintptr_t>(workspace) % 256 != 0) return kInvalidValue;
    handle->workspace = workspace;
    handle->workspace_bytes = bytes;
    return kSuccess;
}
HB_EXPORT const char* cublasGetStatusString(int status) {
    switch (status) {
        case kSuccess:
            return "CUBLAS_STATUS_SUCCESS";
        case kNotInitialized:
            return "CUBLAS_STATUS_NOT_INITIALIZED";
        case kInvalidValue:
            return "CUBLAS_STATUS_INVALID_VALUE";
        case kExecutionFailed:
            return "CUBLAS_STATUS_EXECUTION_FAILED";
        default:
            return "CUBLAS_STATUS_NOT_SUPPORTED";
    }
}
HB_EXPORT int cublasGemmStridedBatchedEx(Context* handle, int transpose_a, int transpose_b, int m, int n, int k,
                                         const void* alpha, const void* a, cudaDataType a_type, int lda,
                                         long long stride_a, const void* b, cudaDataType b_type, int ldb,
                                         long long stride_b, const void* beta, void* c, cudaDataType c_type, int ldc,
                                         long long stride_c, int batch, int compute, int algorithm) {
    if (!handle || !handle->workspace) return kNotInitialized;
    if (transpose_a < 0 || transpose_a > 1 || transpose_b < 0 || transpose_b > 1) return kInvalidValue;
    if (m < 0 || n < 0 || k < 0 || batch < 0 || lda < (transpose_a ? k : m) || ldb < (transpose_b ? n : k) || ldc < m)
        return kInvalidValue;
    // Of its table of types: f32 all, bf16 all, bf16 in and f32 out.
    if (!known(a_type) || a_type != b_type || (c_type != a_type && c_type != CUDA_R_32F)) return kNotSupported;
    if ((compute != 68 && compute != 77) || algorithm != -1) return kNotSupported;
    Product product{transpose_a != 0,
                    transpose_b != 0,
                    m,
                    n,
                    k,
                    *static_cast<const float*>(alpha),
                    *static_cast<const float*>(beta),
                    static_cast<const char*>(a),
                    static_cast<const char*>(b),
                    static_cast<char*>(c),
                    a_type == CUDA_R_16BF,
                    b_type == CUDA_R_16BF,
                    c_type == CUDA_R_16BF,
                    compute == 77,
                    lda,
                    ldb,
                    ldc,
                    stride_a,
                    stride_b,
                    stride_c,
                    batch};
    return queue(handle->stream, [product] { product.run(); }) ? kSuccess : kExecutionFailed;
}
}
