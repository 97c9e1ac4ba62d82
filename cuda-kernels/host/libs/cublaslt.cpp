#include "host/libs/cublaslt.h"

#include <array>
#include <map>
#include <mutex>

#include "core/error.h"
#include "host/device.h"
#include "host/libs/variants.h"

namespace hb::cuda {

struct CublasLt::Plan {
    bool offered;
    Operation operation;
    Layout a, b, y;
    Algorithm algorithm;
    size_t workspace;
};

namespace {

// Algorithms of more are passed over; what cuBLAS recommends for Hopper.
constexpr uint64_t kMostWorkspaceBytes = uint64_t{32} << 20;
// The largest alignment that algorithms ask for, and what cuBLASLt takes for granted unless it is told.
constexpr uint32_t kAligned = 256;

uint32_t alignment_of(const void* data) {
    const auto address = reinterpret_cast<uintptr_t>(data);
    const uintptr_t power = address & (~address + 1);
    return power == 0 || power > kAligned ? kAligned : uint32_t(power);
}

cudaDataType type_of(DType type) { return type == DType::BF16 ? CUDA_R_16BF : CUDA_R_32F; }

const void* bias_of(const CublasLt::Epilogue& e) { return e.bias ? e.bias : e.bias_gradient; }
CublasLt::EpilogueKind kind_of(const CublasLt::Epilogue& e) {
    if (e.bias) return CublasLt::kBias;
    return e.bias_gradient ? CublasLt::kBiasGradientOfB : CublasLt::kDefault;
}

CublasLt::ComputeType compute_type(DType type) {
    return type == DType::F32 && f32_by_tf32() ? CublasLt::kCompute32FFastTf32 : CublasLt::kCompute32F;
}

using Key = std::array<int64_t, 16>;
Key key_of(const MatMulShape& s, const View& a, const View& b, const View& y, const CublasLt::Epilogue& e) {
    return {s.batch,
            s.m,
            s.n,
            s.k,
            s.a_batch_stride,
            s.b_batch_stride,
            s.transpose_a,
            s.transpose_b,
            int64_t(a.type),
            int64_t(y.type),
            int64_t(kind_of(e)),
            int64_t(compute_type(a.type)),
            alignment_of(a.data),
            alignment_of(b.data),
            alignment_of(y.data),
            alignment_of(bias_of(e))};
}

struct PerDevice {
    std::mutex mutex;  // a plan's operation holds the bias of one call at a time
    CublasLt::Handle handle = nullptr;
    std::map<Key, CublasLt::Plan> plans;
};
PerDevice& per_device() {
    static auto* all = new std::array<PerDevice, 16>;
    return (*all)[size_t(device().index)];
}

}  // namespace

CublasLt::CublasLt()
    : Library({"cuBLASLt", "HORNBEAM_CUBLASLT_LIBRARY", {"libcublasLt.so.13", "libcublasLt.so.12"}, "12 or 13"}) {
    bind(cublasLtGetProperty_, "cublasLtGetProperty");
    bind(cublasLtGetStatusString_, "cublasLtGetStatusString");
    bind(cublasLtCreate_, "cublasLtCreate");
    bind(cublasLtMatmulDescCreate_, "cublasLtMatmulDescCreate");
    bind(cublasLtMatmulDescSetAttribute_, "cublasLtMatmulDescSetAttribute");
    bind(cublasLtMatrixLayoutCreate_, "cublasLtMatrixLayoutCreate");
    bind(cublasLtMatrixLayoutSetAttribute_, "cublasLtMatrixLayoutSetAttribute");
    bind(cublasLtMatmulPreferenceCreate_, "cublasLtMatmulPreferenceCreate");
    bind(cublasLtMatmulPreferenceDestroy_, "cublasLtMatmulPreferenceDestroy");
    bind(cublasLtMatmulPreferenceSetAttribute_, "cublasLtMatmulPreferenceSetAttribute");
    bind(cublasLtMatmulAlgoGetHeuristic_, "cublasLtMatmulAlgoGetHeuristic");
    bind(cublasLtMatmul_, "cublasLtMatmul");
    if (!found()) return;
    int part[3] = {};
    for (int i = 0; i < 3; i++) (void)cublasLtGetProperty_(libraryPropertyType(i), &part[i]);
    accept(part[0] == 12 || part[0] == 13, part[0], part[1], part[2]);
}

const CublasLt& CublasLt::get() {
    static const CublasLt* library = new CublasLt;
    return *library;
}

void CublasLt::check(Status status, const char* function) const {
    if (status == 0) [[likely]]
        return;
    fail(HB_ERROR_DEVICE, "%s of cuBLASLt %s failed: %s (%d)", function, version().c_str(),
         cublasLtGetStatusString_(status), status);
}

// y = a b row-major is y' = b' a' column-major, where a row-major matrix is read as its own transpose: cuBLASLt's A is
// our b.
CublasLt::Plan CublasLt::make_plan(Handle handle, const MatMulShape& s, const View& a, const View& b, const View& y,
                                   const Epilogue& epilogue) const {
    Plan plan{};
    auto set = [&](OperationAttribute attribute, const auto& value) {
        check(cublasLtMatmulDescSetAttribute_(plan.operation, attribute, &value, sizeof value),
              "cublasLtMatmulDescSetAttribute");
    };
    check(cublasLtMatmulDescCreate_(&plan.operation, compute_type(a.type), CUDA_R_32F), "cublasLtMatmulDescCreate");
    set(kTransposeA, int32_t{s.transpose_b});
    set(kTransposeB, int32_t{s.transpose_a});
    set(kEpilogue, uint32_t{kind_of(epilogue)});
    // Its value alone counts here: for the alignment.
    if (const void* bias = bias_of(epilogue)) set(kBiasPointer, bias);

    auto layout = [&](Layout& made, const View& view, int64_t rows, int64_t columns, int64_t offset) {
        check(cublasLtMatrixLayoutCreate_(&made, type_of(view.type), uint64_t(rows), uint64_t(columns), rows),
              "cublasLtMatrixLayoutCreate");
        if (s.batch == 1) return;
        const auto batches = int32_t(s.batch);
        check(cublasLtMatrixLayoutSetAttribute_(made, kBatchCount, &batches, sizeof batches),
              "cublasLtMatrixLayoutSetAttribute");
        check(cublasLtMatrixLayoutSetAttribute_(made, kBatchOffset, &offset, sizeof offset),
              "cublasLtMatrixLayoutSetAttribute");
    };
    layout(plan.a, b, s.transpose_b ? s.k : s.n, s.transpose_b ? s.n : s.k, s.b_batch_stride);
    layout(plan.b, a, s.transpose_a ? s.m : s.k, s.transpose_a ? s.k : s.m, s.a_batch_stride);
    layout(plan.y, y, s.n, s.m, s.m * s.n);

    Preference preference = nullptr;
    check(cublasLtMatmulPreferenceCreate_(&preference), "cublasLtMatmulPreferenceCreate");
    auto prefer = [&](PreferenceAttribute attribute, const auto& value) {
        check(cublasLtMatmulPreferenceSetAttribute_(preference, attribute, &value, sizeof value),
              "cublasLtMatmulPreferenceSetAttribute");
    };
    prefer(kMostWorkspace, kMostWorkspaceBytes);
    prefer(kAlignmentA, alignment_of(b.data));
    prefer(kAlignmentB, alignment_of(a.data));
    prefer(kAlignmentC, alignment_of(y.data));
    prefer(kAlignmentD, alignment_of(y.data));
    Heuristic best{};
    int given = 0;
    Status status = cublasLtMatmulAlgoGetHeuristic_(handle, plan.operation, plan.a, plan.b, plan.y, plan.y, preference,
                                                    1, &best, &given);
    check(cublasLtMatmulPreferenceDestroy_(preference), "cublasLtMatmulPreferenceDestroy");
    if (status != kNotSupported) check(status, "cublasLtMatmulAlgoGetHeuristic");
    plan.offered = status == 0 && given > 0 && best.status == 0;
    plan.algorithm = best.algorithm;
    plan.workspace = best.workspace;
    return plan;
}

bool CublasLt::multiply(const MatMulShape& s, const View& a, const View& b, float beta, const View& y,
                        const Epilogue& epilogue) const {
    require();
    PerDevice& own = per_device();
    std::lock_guard<std::mutex> lock(own.mutex);
    if (!own.handle) {
        device().synchronize();  // a capture must not see how it allocates and loads
        check(cublasLtCreate_(&own.handle), "cublasLtCreate");
    }
    const Key key = key_of(s, a, b, y, epilogue);
    auto known = own.plans.find(key);
    // Shapes of a network are few and repeat; plans are kept for good.
    if (known == own.plans.end()) known = own.plans.insert({key, make_plan(own.handle, s, a, b, y, epilogue)}).first;
    const Plan& plan = known->second;
    if (!plan.offered) return false;
    if (const void* bias = bias_of(epilogue))
        check(cublasLtMatmulDescSetAttribute_(plan.operation, kBiasPointer, &bias, sizeof bias),
              "cublasLtMatmulDescSetAttribute");
    DeviceScratch<char> workspace{int64_t(plan.workspace)};
    const float one = 1;
    check(cublasLtMatmul_(own.handle, plan.operation, &one, b.data, plan.a, a.data, plan.b, &beta, y.data, plan.y,
                          y.data, plan.y, &plan.algorithm, workspace.data(), plan.workspace, stream()),
          "cublasLtMatmul");
    return true;
}

}  // namespace hb::cuda
