// The tile engine: every tile, transposition and product, since small shapes of the op table never take the large tile;
// parts of k; and the moments of columns.
#include "kernels/gemm.h"

#include "tests/host/check.h"
#include "tests/kernels/arrays.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

constexpr int kM = 152, kN = 136, kK = 104;  // a tile and a part of one; a whole number of 16 bytes

// a [m, k] or [k, m], b [n, k] or [k, n]; the product, and its columns' moments by tiles of so many rows.
struct Problem {
    Array a, b, y;
    GemmArguments g;

    Problem(DType type, bool a_k_major, bool b_k_major)
        : a(type, shape_of(kM * kK), uniforms(kM * kK, -1, 1, 1)),
          b(type, shape_of(kN * kK), uniforms(kN * kK, -1, 1, 2)), y(type, shape_of(kM * kN), Values(kM * kN, NAN)) {
        g.m = g.rows_per_sample = kM, g.n = kN, g.k = kK;
        g.a_k_major = a_k_major, g.b_k_major = b_k_major;
        g.a = Window::matrix(a.view().data, a_k_major ? kK : kM, a_k_major ? kK : kM);
        g.b = Window::matrix(b.view().data, b_k_major ? kK : kN, b_k_major ? kK : kN);
        g.to = Destination::matrix(y.view().data, kN);
        g.to.pairs = true;
        g.part_k = 128;
        g.vectors = true;
    }
    Values expected() const {
        Values values;
        for (int i = 0; i < kM; i++)
            for (int j = 0; j < kN; j++) {
                double sum = 0;
                for (int k = 0; k < kK; k++)
                    sum += a.before()[size_t(g.a_k_major ? i * kK + k : k * kM + i)] *
                           b.before()[size_t(g.b_k_major ? j * kK + k : k * kN + j)];
                values.push_back(sum);
            }
        return values;
    }
};

void run(const GemmArguments& g, DType type, bool exact, TileShape shape) {
    if (type == DType::BF16)
        gemm_bf16(g, shape);
    else
        exact ? gemm_fma(g, shape) : gemm_tf32(g, shape);
}

void tile(DType type, bool exact, bool a_k_major, bool b_k_major, TileShape shape) {
    Problem p(type, a_k_major, b_k_major);
    const int rows = shape == TileShape::Small ? 64 : 128, tiles = (kM + rows - 1) / rows;
    Array moments(DType::F32, shape_of(tiles * 2 * kN), Values(size_t(tiles * 2 * kN), NAN));
    p.g.moments = moments.view().f32();
    run(p.g, type, exact, shape);
    const double step = type == DType::BF16 ? 0x1p-8 : 5e-6;
    const Values expected = p.expected(), got = p.y.now();
    const double difference = largest_difference(got, expected);
    check(difference < step, "%s%s, tile %d, a %s, b %s: off by %g", name_of(type), exact ? " exact" : "", int(shape),
          a_k_major ? "[m, k]" : "[k, m]", b_k_major ? "[n, k]" : "[k, n]", difference);

    Values wanted;
    for (int t = 0; t < tiles; t++) {
        const int end = std::min(kM, (t + 1) * rows), count = end - t * rows;
        Values mean(kN, 0.0), squares(kN, 0.0);
        for (int i = t * rows; i < end; i++)
            for (int j = 0; j < kN; j++) mean[size_t(j)] += got[size_t(i * kN + j)] / count;
        for (int i = t * rows; i < end; i++)
            for (int j = 0; j < kN; j++) squares[size_t(j)] += std::pow(got[size_t(i * kN + j)] - mean[size_t(j)], 2);
        wanted.insert(wanted.end(), mean.begin(), mean.end());
        wanted.insert(wanted.end(), squares.begin(), squares.end());
    }
    check(largest_difference(moments.now(), wanted) < 1e-5, "%s, tile %d: moments", name_of(type), int(shape));
}

// k in parts of 32, in f32, one after the other.
void parts(DType type) {
    Problem p(type, false, false);
    p.g.part_k = 32, p.g.parts = (kK + 31) / 32;
    Array sums(DType::F32, shape_of(p.g.parts * kM * kN), Values(size_t(p.g.parts * kM * kN), NAN));
    p.g.partial = sums.view().f32();
    run(p.g, type, false, TileShape::Large);
    Values total(kM * kN, 0.0);
    const Values all = sums.now();
    for (size_t i = 0; i < all.size(); i++) total[i % total.size()] += all[i];
    check(largest_difference(total, p.expected()) < 5e-6, "%s: parts of k", name_of(type));
}

}  // namespace

int main() {
    for (DType type : {DType::F32, DType::BF16})
        for (bool a : {true, false})
            for (bool b : {true, false}) {
                tile(type, false, a, b, TileShape::Small);
                tile(type, false, a, b, TileShape::Large);
                if (a) tile(type, false, a, b, TileShape::Tall);
                if (type == DType::F32) tile(type, true, a, b, TileShape::Small);
            }
    parts(DType::F32);
    parts(DType::BF16);
    return finish();
}
