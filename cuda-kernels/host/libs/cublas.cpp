#include "host/libs/cublas.h"

#include <array>
#include <climits>
#include <mutex>

#include "core/error.h"
#include "host/device.h"
#include "host/libs/variants.h"

namespace hb::cuda {
namespace {

// What cuBLAS recommends for Hopper; enough for all others. With memory of ours its calls may be captured in graphs.
constexpr int64_t kWorkspace = int64_t(32) << 20;

struct PerDevice {
    std::mutex mutex;  // a handle with its workspace is one thread's at a time
    Cublas::Handle handle = nullptr;
};
PerDevice& per_device() {
    static auto* all = new std::array<PerDevice, 16>;
    return (*all)[size_t(device().index)];
}

cudaDataType type_of(DType type) { return type == DType::BF16 ? CUDA_R_16BF : CUDA_R_32F; }

}  // namespace

Cublas::Cublas() : Library({"cuBLAS", "HORNBEAM_CUBLAS_LIBRARY", {"libcublas.so.13", "libcublas.so.12"}, "12 or 13"}) {
    bind(cublasGetProperty_, "cublasGetProperty");
    bind(cublasCreate_v2_, "cublasCreate_v2");
    bind(cublasSetStream_v2_, "cublasSetStream_v2");
    bind(cublasSetWorkspace_v2_, "cublasSetWorkspace_v2");
    bind(cublasGetStatusString_, "cublasGetStatusString");
    bind(cublasGemmStridedBatchedEx_, "cublasGemmStridedBatchedEx");
    if (!found()) return;
    int part[3] = {};
    for (int i = 0; i < 3; i++) (void)cublasGetProperty_(libraryPropertyType(i), &part[i]);
    accept(part[0] == 12 || part[0] == 13, part[0], part[1], part[2]);
}

const Cublas& Cublas::get() {
    static const Cublas* library = new Cublas;
    return *library;
}

void Cublas::check(Status status, const char* function) const {
    if (status == 0) [[likely]]
        return;
    fail(HB_ERROR_DEVICE, "%s of cuBLAS %s failed: %s (%d)", function, version().c_str(),
         cublasGetStatusString_(status), status);
}

bool Cublas::fits(const MatMulShape& s) {
    return s.batch > 0 && s.m > 0 && s.n > 0 && s.k > 0 && s.batch <= INT_MAX && s.m <= INT_MAX && s.n <= INT_MAX &&
           s.k <= INT_MAX;
}

void Cublas::multiply(const MatMulShape& s, const View& a, const View& b, float beta, const View& y) const {
    require();
    PerDevice& own = per_device();
    std::lock_guard<std::mutex> lock(own.mutex);
    if (!own.handle) {
        device().synchronize();  // a capture must not see how it allocates and loads
        check(cublasCreate_v2_(&own.handle), "cublasCreate");
    }
    check(cublasSetStream_v2_(own.handle, stream()), "cublasSetStream");
    DeviceScratch<char> workspace(kWorkspace);
    check(cublasSetWorkspace_v2_(own.handle, workspace.data(), size_t(kWorkspace)), "cublasSetWorkspace");
    // y = a b row-major is y' = b' a' column-major, where a row-major matrix is read as its own transpose.
    const float one = 1;
    ComputeType compute = a.type == DType::F32 && f32_by_tf32() ? kCompute32FFastTf32 : kCompute32F;
    check(cublasGemmStridedBatchedEx_(own.handle, s.transpose_b ? kTransposed : kAsIs,
                                      s.transpose_a ? kTransposed : kAsIs, int(s.n), int(s.m), int(s.k), &one, b.data,
                                      type_of(b.type), int(s.transpose_b ? s.k : s.n), s.b_batch_stride, a.data,
                                      type_of(a.type), int(s.transpose_a ? s.m : s.k), s.a_batch_stride, &beta, y.data,
                                      type_of(y.type), int(s.n), s.m * s.n, int(s.batch), compute, kGemmDefault),
          "cublasGemmStridedBatchedEx");
}

}  // namespace hb::cuda
