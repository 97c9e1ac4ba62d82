// Matrix product on the tile engine (gemm_tile.cuh, which has the bounds), any transposition, batched; and the
// perturbed weights of a noise run: reads and writes 8 bytes an element and makes a normal for each, like
// random_normal bound by memory on an H100, 0.42 T elements a second.
#include "core/philox.h"
#include "core/weight_noise.h"
#include "host/device.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "kernels/weights.h"

namespace hb::cuda {
namespace {

int sized(int64_t n, const char* what) {
    if (n >= int64_t{1} << 31)
        fail(HB_ERROR_UNSUPPORTED, "the matrix product has %lld %s; expected less than 2^31", (long long)n, what);
    return int(n);
}

void matmul(const MatMulShape& s, const View& a, const View& b, const View& y) {
    GemmArguments g;
    g.m = sized(s.m, "rows"), g.n = sized(s.n, "columns"), g.k = sized(s.k, "terms");
    g.a_k_major = !s.transpose_a, g.b_k_major = s.transpose_b;
    const int64_t a_columns = s.transpose_a ? s.m : s.k, b_columns = s.transpose_b ? s.k : s.n;
    g.a = Window::matrix(a.data, a_columns, a_columns);
    g.b = Window::matrix(b.data, b_columns, b_columns);
    g.batches = s.batch;
    g.a_batch = s.a_batch_stride, g.b_batch = s.b_batch_stride, g.to_batch = s.m * s.n;
    g.to = Destination::matrix(y.data, s.n);
    g.rows_per_sample = g.m;
    gemm(g, y.type);
}

void perturb_weight(const View& w, const Noise& noise, int32_t sub_batch, const View& y) {
    if (w.type != DType::F32) fail(HB_ERROR_UNSUPPORTED, "weights on CUDA are f32, not %s", name_of(w.type));
    seen_weights(w.f32(), w.elements(), noise, sub_batch, 1, y.f32());
}

}  // namespace

void add_linear_algebra(Backend& table) {
    table.matmul = matmul;
    table.perturb_weight = perturb_weight;
}

}  // namespace hb::cuda
