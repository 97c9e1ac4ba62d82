// The functions of cuBLASLt that the backend calls, on the CPU: libcublaslt_emulated.so. Column-major. A product must
// be asked about before it is computed: what the answer held of shapes, types, epilogue, alignments and workspace is in
// the algorithm, and must hold when it is used. Sums of a bias's gradient are refused where they are one number alone.
#include <cuda_runtime_api.h>
#include <library_types.h>

#include "emulation/libraries/queue.h"

using namespace hb::emulation::libraries;

namespace {

enum Status {
    kSuccess = 0,
    kNotInitialized = 1,
    kInvalidValue = 7,
    kExecutionFailed = 13,
    kNotSupported = 15,
};
enum { kDefault = 1, kBias = 4, kBiasGradientOfB = 512 };
constexpr size_t kWorkspace = 1024;
constexpr uint64_t kMagic = 0x686f726e6265616d;

struct Context {};
struct Operation {
    int compute = 0;
    cudaDataType scale = CUDA_R_32F;
    int32_t transpose_a = 0, transpose_b = 0;
    uint32_t epilogue = kDefault;
    void* bias = nullptr;
};
struct Layout {
    cudaDataType type = CUDA_R_32F;
    uint64_t rows = 0, columns = 0;
    int64_t leading = 0;
    int32_t batches = 1;
    int64_t offset = 0;
    bool bf16() const { return type == CUDA_R_16BF; }
    bool operator==(const Layout& o) const {
        return type == o.type && rows == o.rows && columns == o.columns && leading == o.leading &&
               batches == o.batches && offset == o.offset;
    }
};
struct Preference {
    uint64_t workspace = 0;
    uint32_t alignment[4] = {256, 256, 256, 256};  // of A, B, C, D
};
struct Algorithm {
    uint64_t data[8];
};
struct Heuristic {
    Algorithm algorithm;
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
};

uint64_t mixed(uint64_t hash, uint64_t word) { return (hash ^ word) * 0x100000001b3u; }

// All that an algorithm is for.
uint64_t fingerprint(const Operation& o, const Layout& a, const Layout& b, const Layout& d) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t word : {uint64_t(o.compute), uint64_t(o.transpose_a), uint64_t(o.transpose_b), uint64_t{o.epilogue}})
        hash = mixed(hash, word);
    for (const Layout* l : {&a, &b, &d})
        for (uint64_t word :
             {uint64_t(l->type), l->rows, l->columns, uint64_t(l->leading), uint64_t(l->batches), uint64_t(l->offset)})
            hash = mixed(hash, word);
    return hash;
}

uint64_t alignment_of(const void* data) {
    const auto address = reinterpret_cast<uintptr_t>(data);
    const uint64_t power = address & (~address + 1);
    return power == 0 || power > 256 ? 256 : power;
}

bool known(cudaDataType type) { return type == CUDA_R_32F || type == CUDA_R_16BF; }

// What cannot be asked for.
int refused(const Operation& o, const Layout& a, const Layout& b, const Layout& c, const Layout& d) {
    if ((o.compute != 68 && o.compute != 77) || o.scale != CUDA_R_32F) return kNotSupported;
    if (!known(a.type) || a.type != b.type || (d.type != a.type && d.type != CUDA_R_32F)) return kNotSupported;
    if (!(c == d)) return kNotSupported;
    const uint64_t m = o.transpose_a ? a.columns : a.rows, k = o.transpose_a ? a.rows : a.columns;
    const uint64_t n = o.transpose_b ? b.rows : b.columns;
    if (k != (o.transpose_b ? b.columns : b.rows) || d.rows != m || d.columns != n) return kInvalidValue;
    if (a.batches != d.batches || b.batches != d.batches) return kInvalidValue;
    for (const Layout* l : {&a, &b, &d})
        if (l->leading < int64_t(l->rows)) return kInvalidValue;
    if (o.epilogue == kDefault) return kSuccess;
    if ((o.epilogue != kBias && o.epilogue != kBiasGradientOfB) || !o.bias || d.batches != 1) return kInvalidValue;
    // The bias has D's type, and ours is f32; one number alone is refused so that callers need another way.
    if (d.type != CUDA_R_32F || (o.epilogue == kBiasGradientOfB && n == 1)) return kNotSupported;
    return kSuccess;
}

struct Product {
    Operation o;
    Layout a, b, d;
    float alpha, beta;
    const char *from_a, *from_b;
    char* to;

    // As tensor cores read f32: without its 13 lowest bits.
    float factor(bool bf16, const char* data, int64_t i) const {
        float x = read(bf16, data, i);
        if (o.compute != 77) return x;
        uint32_t bits;
        std::memcpy(&bits, &x, 4);
        bits &= ~0x1fffu;
        std::memcpy(&x, &bits, 4);
        return x;
    }
    void run() const {
        const auto m = int64_t(d.rows), n = int64_t(d.columns);
        const auto k = int64_t(o.transpose_a ? a.rows : a.columns);
        std::vector<float> column(static_cast<size_t>(m));
        for (int64_t batch = 0; batch < d.batches; batch++) {
            const char* at_a = from_a + batch * a.offset * (a.bf16() ? 2 : 4);
            const char* at_b = from_b + batch * b.offset * (b.bf16() ? 2 : 4);
            char* at_d = to + batch * d.offset * (d.bf16() ? 2 : 4);
            for (int64_t j = 0; j < n; j++) {
                std::fill(column.begin(), column.end(), 0.0f);
                float of_b = 0;
                for (int64_t p = 0; p < k; p++) {
                    const int64_t place = o.transpose_b ? j + p * b.leading : p + j * b.leading;
                    const float x = factor(b.bf16(), at_b, place);
                    of_b += read(b.bf16(), at_b, place);
                    for (int64_t i = 0; i < m; i++)
                        column[size_t(i)] +=
                            x * factor(a.bf16(), at_a, o.transpose_a ? p + i * a.leading : i + p * a.leading);
                }
                for (int64_t i = 0; i < m; i++) {
                    float y = alpha * column[size_t(i)];
                    // With beta = 0, C is not read: it may hold NaNs.
                    if (beta != 0) y += beta * read(d.bf16(), at_d, i + j * d.leading);
                    if (o.epilogue == kBias) y += read(false, o.bias, i);
                    write(d.bf16(), at_d, i + j * d.leading, y);
                }
                if (o.epilogue == kBiasGradientOfB) write(false, o.bias, j, of_b);
            }
        }
    }
};

template <class T>
int put(T& field, const void* value, size_t bytes) {
    if (bytes != sizeof(T)) return kInvalidValue;
    std::memcpy(&field, value, bytes);
    return kSuccess;
}

}  // namespace

extern "C" {
#define HB_EXPORT __attribute__((visibility("default")))

HB_EXPORT int cublasLtGetProperty(libraryPropertyType part, int* value) {
    *value = part == MAJOR_VERSION ? 13 : part == MINOR_VERSION ? 1 : 2;
    return kSuccess;
}
HB_EXPORT const char* cublasLtGetStatusString(int status) {
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
HB_EXPORT int cublasLtCreate(Context** handle) {
    *handle = new Context;
    return kSuccess;
}
HB_EXPORT int cublasLtMatmulDescCreate(Operation** operation, int compute, cudaDataType scale) {
    *operation = new Operation;
    (*operation)->compute = compute;
    (*operation)->scale = scale;
    return kSuccess;
}
HB_EXPORT int cublasLtMatmulDescSetAttribute(Operation* operation, int attribute, const void* value, size_t bytes) {
    switch (attribute) {
        case 3:
            return put(operation->transpose_a, value, bytes);
        case 4:
            return put(operation->transpose_b, value, bytes);
        case 7:
            return put(operation->epilogue, value, bytes);
        case 8:
            return put(operation->bias, value, bytes);
        default:
            return kInvalidValue;
    }
}
HB_EXPORT int cublasLtMatrixLayoutCreate(Layout** layout, cudaDataType type, uint64_t rows, uint64_t columns,
                                         int64_t leading) {
    *layout = new Layout{type, rows, columns, leading, 1, 0};
    return kSuccess;
}
HB_EXPORT int cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value, size_t bytes) {
    if (attribute == 5) return put(layout->batches, value, bytes);
    return attribute == 6 ? put(layout->offset, value, bytes) : kInvalidValue;
}
HB_EXPORT int cublasLtMatmulPreferenceCreate(Preference** preference) {
    *preference = new Preference;
    return kSuccess;
}
HB_EXPORT int cublasLtMatmulPreferenceDestroy(Preference* preference) {
    delete preference;
    return kSuccess;
}
HB_EXPORT int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value,
                                                   size_t bytes) {
    if (attribute == 1) return put(preference->workspace, value, bytes);
    if (attribute >= 5 && attribute <= 8) return put(preference->alignment[attribute - 5], value, bytes);
    return kInvalidValue;
}
HB_EXPORT int cublasLtMatmulAlgoGetHeuristic(Context* handle, Operation* operation, Layout* a, Layout* b, Layout* c,
                                             Layout* d, Preference* preference, int asked, Heuristic* results,
                                             int* given) {
    *given = 0;
    if (!handle) return kNotInitialized;
    if (asked < 1) return kInvalidValue;
    if (int status = refused(*operation, *a, *b, *c, *d)) return status;
    if (preference->workspace < kWorkspace) return kNotSupported;
    *results = {};
    results->workspace = kWorkspace;
    const uint32_t* alignment = preference->alignment;
    results->algorithm = {{kMagic, fingerprint(*operation, *a, *b, *d), alignment[0], alignment[1], alignment[2],
                           alignment[3], alignment_of(operation->bias), 0}};
    *given = 1;
    return kSuccess;
}
HB_EXPORT int cublasLtMatmul(Context* handle, Operation* operation, const void* alpha, const void* a, Layout* a_layout,
                             const void* b, Layout* b_layout, const void* beta, const void* c, Layout* c_layout,
                             void* d, Layout* d_layout, const Algorithm* algorithm, void* workspace,
                             size_t workspace_bytes, cudaStream_t stream) {
    if (!handle) return kNotInitialized;
    if (int status = refused(*operation, *a_layout, *b_layout, *c_layout, *d_layout)) return status;
    if (!algorithm || algorithm->data[0] != kMagic ||
        algorithm->data[1] != fingerprint(*operation, *a_layout, *b_layout, *d_layout))
        return kInvalidValue;
    if (!workspace || workspace_bytes < kWorkspace || reinterpret_cast<uintptr_t>(workspace) % 256 != 0)
        return kInvalidValue;
    const void* pointers[] = {a, b, c, d, operation->bias};
    for (size_t i = 0; i < 5; i++)
        if (alignment_of(pointers[i]) < algorithm->data[2 + i]) return kInvalidValue;
    Product product{*operation,
                    *a_layout,
                    *b_layout,
                    *d_layout,
                    *static_cast<const float*>(alpha),
                    *static_cast<const float*>(beta),
                    static_cast<const char*>(a),
                    static_cast<const char*>(b),
                    static_cast<char*>(d)};
    if (product.beta != 0 && c != d) return kNotSupported;
    return queue(stream, [product] { product.run(); }) ? kSuccess : kExecutionFailed;
}
}
