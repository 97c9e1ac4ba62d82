// Convolutions and matrix products in bf16 by tiles and by pairs (src/backend/cpu/paired), called directly, against
// sums in double precision of the operands as they are rounded to bf16. paired_product_test runs what the CPU has;
// paired_product_test_simde runs both on any CPU, with instructions that are emulated to the bit and refuse what the
// hardware would refuse. Every tensor ends where a page begins that may not be touched.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <memory>

#include "backend/backend.h"
#include "backend/cpu/cpu_features.h"
#include "core/bf16.h"
#include "core/weight_noise.h"
#include "support/check.h"
#if defined(HB_AVX512_VIA_SIMDE)
#include "backend/cpu/paired/emulated.h"
#endif

// The two builds of src/backend/cpu/paired/paired.h.
#define DECLARE(tier)                                                                                                  \
    namespace hb::cpu::tier {                                                                                          \
    void paired_conv2d(const ConvShape&, const View& x, const View& w, const View& bias, const Noise&, const View& y); \
    bool paired_conv2d_before_norm(const ConvShape&, const View& x, const View& w, const Noise&,                       \
                                   const BatchNormArguments&, ColumnMoments&);                                         \
    void paired_backward_data(const ConvShape&, const View& dy, const View& w, const Noise&, const View& dx);          \
    void paired_backward_weight(const ConvShape&, const View& x, const View& dy, const Noise&, const View& dw,         \
                                const View& dbias);                                                                    \
    void paired_matmul(const MatMulShape&, const View& a, const View& b, const View& y);                               \
    }
DECLARE(amx)
DECLARE(avx512_bf16)

using namespace hb;
using namespace hb::test;

namespace {

struct Products {
    const char* name;
    decltype(&cpu::amx::paired_conv2d) conv2d;
    decltype(&cpu::amx::paired_conv2d_before_norm) conv2d_before_norm;
    decltype(&cpu::amx::paired_backward_data) backward_data;
    decltype(&cpu::amx::paired_backward_weight) backward_weight;
    decltype(&cpu::amx::paired_matmul) matmul;
};
#define PRODUCTS(tier)                                                                                                 \
    {                                                                                                                  \
#tier, cpu::tier::paired_conv2d, cpu::tier::paired_conv2d_before_norm, cpu::tier::paired_backward_data,        \
            cpu::tier::paired_backward_weight, cpu::tier::paired_matmul                                                \
    }
constexpr Products kAmx = PRODUCTS(amx), kAvx512Bf16 = PRODUCTS(avx512_bf16);

// Memory that ends with a page that may not be touched, and begins after one.
class Guarded {
  public:
    Guarded(DType type, int64_t elements) : type_(type), bytes_(elements * size_of(type)) {
        const int64_t page = sysconf(_SC_PAGESIZE);
        inner_ = (std::max<int64_t>(bytes_, 1) + page - 1) / page * page;
        base_ = static_cast<char*>(
            mmap(nullptr, static_cast<size_t>(inner_ + 2 * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        size_ = inner_ + 2 * page;
        mprotect(base_ + page, static_cast<size_t>(inner_), PROT_READ | PROT_WRITE);
        data_ = base_ + page + inner_ - bytes_;
        std::memset(base_ + page, 0xff, static_cast<size_t>(inner_));  // NaN of either type
    }
    ~Guarded() { munmap(base_, static_cast<size_t>(size_)); }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    Bf16* bf16() const { return reinterpret_cast<Bf16*>(data_); }
    float* f32() const { return reinterpret_cast<float*>(data_); }
    View view() const {
        View v;
        v.data = data_;
        v.type = type_;
        v.shape = hb::shape_of(bytes_ / size_of(type_));
        v.make_dense_strides();
        return v;
    }
    std::vector<unsigned char> bytes() const { return {data_, data_ + bytes_}; }

  private:
    DType type_;
    int64_t bytes_, inner_, size_;
    char *base_, *data_;
};

struct Layer {
    int64_t n, h, w, c, o, kh, kw;
    int64_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1;
    bool bias = false;
    hb_noise noise = {};

    ConvShape shape() const {
        ConvShape s{n, h, w, c, o, kh, kw, 0, 0, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, 1, 0};
        s.oh = (h + 2 * pad_h - dilation_h * (kh - 1) - 1) / stride_h + 1;
        s.ow = (w + 2 * pad_w - dilation_w * (kw - 1) - 1) / stride_w + 1;
        s.runs_of = noise.kind == HB_NOISE_NONE ? 0 : n;
        return s;
    }
    std::string name() const {
        char text[200];
        std::snprintf(text, sizeof(text),
                      "[%d, %d, %d, %d] by [%d, %d, %d], stride %dx%d, pad %dx%d, dilation %dx%d, noise %d in %d runs",
                      int(n), int(h), int(w), int(c), int(o), int(kh), int(kw), int(stride_h), int(stride_w),
                      int(pad_h), int(pad_w), int(dilation_h), int(dilation_w), int(noise.kind),
                      int(noise.sub_batches));
        return text;
    }
};

Layer square(int64_t n, int64_t size, int64_t c, int64_t o, int64_t kernel, int64_t stride = 1, int64_t pad = 0,
             int64_t dilation = 1) {
    return {n, size, size, c, o, kernel, kernel, stride, stride, pad, pad, dilation, dilation};
}
Layer with_noise(Layer layer, int32_t kind, int32_t runs, int32_t gradient) {
    layer.noise.kind = kind;
    layer.noise.sigma = 0.1f;
    layer.noise.sub_batches = runs;
    layer.noise.gradient = gradient;
    layer.noise.seed = 11;
    layer.noise.tensor = 3;
    layer.noise.step = 5;
    layer.noise.first_stream = 2;
    return layer;
}

// Standard normals, as float and as the bf16 that kernels see.
std::vector<float> normals(int64_t n, uint32_t tensor) {
    std::vector<float> x(static_cast<size_t>(n));
    const PhiloxKey key{7, tensor, 0, kPurposeTest, 0};
    for (int64_t i = 0; i < n; i++) x[i] = key.normal(static_cast<uint64_t>(i));
    return x;
}
std::vector<float> fill_bf16(const Guarded& to, int64_t n, uint32_t tensor) {
    std::vector<float> x = normals(n, tensor);
    for (int64_t i = 0; i < n; i++) {
        to.bf16()[i] = round_to_bf16(x[i]);
        x[i] = widen(to.bf16()[i]);
    }
    return x;
}

// A sum of products in double precision, and that of their absolute values.
struct Sum {
    double value = 0, magnitude = 0;
    int64_t terms = 0;
    void add(double a, double b) {
        value += a * b;
        magnitude += std::abs(a * b);
        terms++;
    }
};

// Sums of f32, sixteen in a row at least for one operand and in steps of 32 then: at most so many roundings of at most
// the sum of magnitudes.
double allowed(const Sum& sum) {
    return std::ldexp(20 + static_cast<double>(sum.terms) / 16, -24) * sum.magnitude + 1e-30;
}
double half_ulp_of_bf16(double x) { return std::ldexp(std::abs(x), -8) + 1e-30; }

// Calls body(i) for all of 0 .. n-1, or for some, where there are many.
template <class Body>
void sample(int64_t n, double cost, Body&& body) {
    const int64_t most = std::max<int64_t>(200, static_cast<int64_t>(2e7 / cost));
    if (n <= most)
        for (int64_t i = 0; i < n; i++) body(i);
    else
        for (int64_t i = 0; i < most; i++)
            body(static_cast<int64_t>(static_cast<__int128>(i) * n / most) + (i * 7919) % (n / most));
}

// The call must have run by the instructions meant, and have released what it took.
void check_machine(const Products& by, const std::string& name) {
#if defined(HB_AVX512_VIA_SIMDE)
    check(cpu::emulated::tile_faults == 0, "%s: %s: %d faults of tiles", by.name, name.c_str(),
          int(cpu::emulated::tile_faults));
    check(cpu::emulated::tiles_in_use == 0, "%s: %s: %d threads kept their tiles", by.name, name.c_str(),
          int(cpu::emulated::tiles_in_use));
    const bool tiles = std::strcmp(by.name, "amx") == 0;
    check(cpu::emulated::tile_products == tiles && cpu::emulated::vector_products != tiles,
          "%s: %s: other instructions than meant", by.name, name.c_str());
    cpu::emulated::tile_faults = 0;
    cpu::emulated::tile_products = cpu::emulated::vector_products = false;
#else
    static_cast<void>(by);
    static_cast<void>(name);
#endif
}

// Calls it with 1, 2 and 5 threads; the bits of `results` must stay the same.
template <class Call>
void with_threads(const Products& by, const std::string& name, std::initializer_list<const Guarded*> results,
                  Call&& call) {
    std::vector<std::vector<unsigned char>> bits;
    for (int32_t threads : {1, 2, 5}) {
        ok(hb_set_threads(threads));
        call();
        size_t i = 0;
        for (const Guarded* result : results) {
            if (threads == 1)
                bits.push_back(result->bytes());
            else
                check(bits[i] == result->bytes(), "%s: %s: result %d differs with %d threads", by.name, name.c_str(),
                      int(i), int(threads));
            i++;
        }
    }
    check_machine(by, name);
}

// Means and variances of y's columns, which were taken with it, for one statistics group or one a noise run.
void check_moments(const Products& by, const Layer& layer, const Guarded& x, const Guarded& w, const Guarded& y,
                   int64_t groups) {
    const ConvShape s = layer.shape();
    const int64_t ys = s.n * s.oh * s.ow * s.o, per_image = s.oh * s.ow;
    const Guarded again(DType::BF16, ys);
    ColumnMoments moments;
    BatchNormArguments norm{};
    norm.x = again.view();
    norm.mean.shape = hb::shape_of(groups, s.o);
    norm.params.training = 1;
    int64_t wrong = by.conv2d_before_norm(s, x.view(), w.view(), layer.noise, norm, moments);
    wrong += again.bytes() != y.bytes();
    int64_t last_group = 0;
    std::vector<double> rows(groups), mean(groups * s.o), squares(groups * s.o);
    for (int64_t i = 0; i < moments.count(); i++) {
        const auto [more, group] = moments[i];
        wrong += group < last_group || group >= groups || more <= 0;
        last_group = group;
        const double n = rows[group] + static_cast<double>(more), share = static_cast<double>(more) / n;
        for (int64_t o = 0; o < s.o; o++) {
            const double d = moments.mean(i)[o] - mean[group * s.o + o];
            squares[group * s.o + o] += moments.squares(i)[o] + d * d * rows[group] * share;
            mean[group * s.o + o] += d * share;
        }
        rows[group] = n;
    }
    for (int64_t g = 0; g < groups; g++) {
        const int64_t begin = g * s.n / groups * per_image, end = (g + 1) * s.n / groups * per_image;
        const double n = static_cast<double>(end - begin);
        wrong += rows[g] != n;
        for (int64_t o = 0; n > 0 && o < s.o; o++) {
            double sum = 0, all = 0, largest = 0;
            for (int64_t r = begin; r < end; r++) sum += widen(y.bf16()[r * s.o + o]);
            for (int64_t r = begin; r < end; r++) {
                const double d = widen(y.bf16()[r * s.o + o]) - sum / n;
                all += d * d;
                largest = std::max(largest, std::abs(d));
            }
            // Sums of 64 differences in f32, of twice the largest deviation at most.
            wrong += !(std::abs(mean[g * s.o + o] - sum / n) <= 0x1p-17 * largest + 1e-30);
            wrong += !(std::abs(squares[g * s.o + o] - all) <= 0x1p-15 * largest * largest * n + 1e-30);
        }
    }
    check(wrong == 0, "%s: %s: %d moments are wrong", by.name, layer.name().c_str(), int(wrong));
}

// Results that were normalised, with a residual and ReLU, before they were stored: to the bit what becomes of y.
void check_normalised(const Products& by, const Layer& layer, const Guarded& x, const Guarded& w, const Guarded& y) {
    const ConvShape s = layer.shape();
    const int64_t ys = s.n * s.oh * s.ow * s.o;
    const Guarded again(DType::BF16, ys), residual(DType::BF16, ys);
    const Guarded gamma(DType::F32, s.o), beta(DType::F32, s.o), mean(DType::F32, s.o), variance(DType::F32, s.o);
    fill_bf16(residual, ys, 5);
    uint32_t tensor = 6;
    for (const Guarded* vector : {&gamma, &beta, &mean, &variance}) {
        const std::vector<float> values = normals(s.o, tensor++);
        std::copy(values.begin(), values.end(), vector->f32());
    }
    for (int64_t o = 0; o < s.o; o++) variance.f32()[o] = 0.5f + std::abs(variance.f32()[o]);
    BatchNormArguments norm{};
    norm.x = norm.y = again.view();
    norm.gamma = gamma.view();
    norm.beta = beta.view();
    norm.running_mean = mean.view();
    norm.running_var = variance.view();
    norm.residual = residual.view();
    norm.params.activation = HB_ACT_RELU;
    norm.params.epsilon = 1e-5f;
    ColumnMoments moments;
    int64_t wrong = !by.conv2d_before_norm(s, x.view(), w.view(), layer.noise, norm, moments);
    for (int64_t i = 0; i < ys; i++) {
        const int64_t o = i % s.o;
        const double deviation = std::sqrt(static_cast<double>(variance.f32()[o]) + static_cast<double>(1e-5f));
        const float scale = static_cast<float>(static_cast<double>(gamma.f32()[o]) * (1 / deviation));
        const float z = std::fma(widen(y.bf16()[i]) - mean.f32()[o], scale, beta.f32()[o]) + widen(residual.bf16()[i]);
        wrong += widen(again.bf16()[i]) != widen(round_to_bf16(z > 0 ? z : 0));
    }
    check(wrong == 0, "%s: %s: %d normalised results are wrong", by.name, layer.name().c_str(), int(wrong));
}

void run(const Products& by, const Layer& layer) {
    const ConvShape s = layer.shape();
    const Noise& noise = layer.noise;
    const bool noisy = has_noise(noise), chain = noisy && needs_chain_rule(noise);
    const int64_t runs = noisy ? noise.sub_batches : 1, taps = s.kh * s.kw, weights = s.o * taps * s.c;
    const int64_t xs = s.n * s.h * s.w * s.c, ys = s.n * s.oh * s.ow * s.o;
    const Guarded x(DType::BF16, xs), y(DType::BF16, ys), dy(DType::BF16, ys), dx(DType::BF16, xs);
    const Guarded w(DType::F32, weights), bias(DType::F32, s.o), dw(DType::F32, weights), dbias(DType::F32, s.o);
    const std::vector<float> xv = fill_bf16(x, xs, 1), dyv = fill_bf16(dy, ys, 2), biases = normals(s.o, 4);
    const std::vector<float> wv = normals(weights, 3);
    std::copy(wv.begin(), wv.end(), w.f32());
    std::copy(biases.begin(), biases.end(), bias.f32());
    // Per run: the weights as kernels see them, and the slope of the gradient.
    std::vector<float> seen(static_cast<size_t>(runs * weights)), slope(chain ? seen.size() : 0);
    for (int64_t m = 0; m < runs; m++)
        for (int64_t i = 0; i < weights; i++) {
            const float z = noisy ? noise_key(noise, m).normal(static_cast<uint64_t>(i)) : 0;
            const float v = noisy ? perturbed<float>(noise.kind, wv[i], noise.sigma, z) : wv[i];
            seen[m * weights + i] = widen(round_to_bf16(v));
            if (chain) slope[m * weights + i] = perturbation_slope<float>(noise.sigma, z);
        }
    auto run_of = [&](int64_t n) {
        int64_t m = 0;
        while (noisy && run_begin(noise, s.n, m + 1) <= n) m++;
        return m;
    };
    const std::string name = layer.name();
    const View no_bias;

    with_threads(by, name + ", forward", {&y},
                 [&] { by.conv2d(s, x.view(), w.view(), layer.bias ? bias.view() : no_bias, noise, y.view()); });
    int64_t wrong = 0;
    sample(ys, static_cast<double>(taps * s.c), [&](int64_t i) {
        const int64_t o = i % s.o, q = i / s.o % s.ow, p = i / s.o / s.ow % s.oh, n = i / s.o / s.ow / s.oh;
        const float* k = seen.data() + run_of(n) * weights + o * taps * s.c;
        Sum sum;
        for (int64_t a = 0; a < s.kh; a++)
            for (int64_t b = 0; b < s.kw; b++) {
                const int64_t r = p * s.stride_h + a * s.dilation_h - s.pad_h;
                const int64_t t = q * s.stride_w + b * s.dilation_w - s.pad_w;
                if (r < 0 || r >= s.h || t < 0 || t >= s.w) continue;
                for (int64_t c = 0; c < s.c; c++)
                    sum.add(xv[((n * s.h + r) * s.w + t) * s.c + c], k[(a * s.kw + b) * s.c + c]);
            }
        const double expected = sum.value + (layer.bias ? biases[o] : 0), got = widen(y.bf16()[i]);
        wrong += !(std::abs(got - expected) <= allowed(sum) + half_ulp_of_bf16(expected));
    });
    check(wrong == 0, "%s: %s: forward: %d results are wrong", by.name, name.c_str(), int(wrong));

    if (!layer.bias) {
        check_normalised(by, layer, x, w, y);
        check_moments(by, layer, x, w, y, 1);
        if (noisy) check_moments(by, layer, x, w, y, runs);
    }

    with_threads(by, name + ", data gradient", {&dx},
                 [&] { by.backward_data(s, dy.view(), w.view(), noise, dx.view()); });
    wrong = 0;
    sample(xs, static_cast<double>(taps * s.o), [&](int64_t i) {
        const int64_t c = i % s.c, t = i / s.c % s.w, r = i / s.c / s.w % s.h, n = i / s.c / s.w / s.h;
        const float* k = seen.data() + run_of(n) * weights;
        Sum sum;
        for (int64_t a = 0; a < s.kh; a++)
            for (int64_t b = 0; b < s.kw; b++) {
                const int64_t p = r + s.pad_h - a * s.dilation_h, q = t + s.pad_w - b * s.dilation_w;
                if (p < 0 || q < 0 || p % s.stride_h || q % s.stride_w || p / s.stride_h >= s.oh ||
                    q / s.stride_w >= s.ow)
                    continue;
                for (int64_t o = 0; o < s.o; o++)
                    sum.add(dyv[((n * s.oh + p / s.stride_h) * s.ow + q / s.stride_w) * s.o + o],
                            k[(o * taps + a * s.kw + b) * s.c + c]);
            }
        const double got = widen(dx.bf16()[i]);
        wrong += !(std::abs(got - sum.value) <= allowed(sum) + half_ulp_of_bf16(sum.value));
    });
    check(wrong == 0, "%s: %s: data gradient: %d results are wrong", by.name, name.c_str(), int(wrong));

    with_threads(by, name + ", weight gradient", {&dw, &dbias},
                 [&] { by.backward_weight(s, x.view(), dy.view(), noise, dw.view(), dbias.view()); });
    wrong = 0;
    sample(weights, static_cast<double>(s.n * s.oh * s.ow), [&](int64_t i) {
        const int64_t c = i % s.c, b = i / s.c % s.kw, a = i / s.c / s.kw % s.kh, o = i / s.c / taps;
        Sum sum;
        for (int64_t n = 0; n < s.n; n++) {
            const double factor = chain ? slope[run_of(n) * weights + i] : 1;
            for (int64_t p = 0; p < s.oh; p++)
                for (int64_t q = 0; q < s.ow; q++) {
                    const int64_t r = p * s.stride_h + a * s.dilation_h - s.pad_h;
                    const int64_t t = q * s.stride_w + b * s.dilation_w - s.pad_w;
                    if (r < 0 || r >= s.h || t < 0 || t >= s.w) continue;
                    sum.add(factor * xv[((n * s.h + r) * s.w + t) * s.c + c],
                            dyv[((n * s.oh + p) * s.ow + q) * s.o + o]);
                }
        }
        wrong += !(std::abs(dw.f32()[i] - sum.value) <= allowed(sum));
    });
    for (int64_t o = 0; o < s.o; o++) {
        Sum sum;
        for (int64_t i = o; i < ys; i += s.o) sum.add(dyv[i], 1);
        wrong += !(std::abs(dbias.f32()[o] - sum.value) <= allowed(sum));
    }
    check(wrong == 0, "%s: %s: weight gradient: %d results are wrong", by.name, name.c_str(), int(wrong));
}

void run(const Products& by, int64_t batch, int64_t m, int64_t n, int64_t k, bool ta, bool tb, bool one_b) {
    const MatMulShape s{batch, m, n, k, m * k, one_b ? 0 : k * n, ta, tb};
    const int64_t bs = (one_b ? 1 : batch) * k * n;
    const Guarded a(DType::BF16, batch * m * k), b(DType::BF16, bs), y(DType::BF16, batch * m * n);
    const std::vector<float> av = fill_bf16(a, batch * m * k, 1), bv = fill_bf16(b, bs, 2);
    char name[100];
    std::snprintf(name, sizeof(name), "%d times %d x %d x %d%s%s%s", int(batch), int(m), int(n), int(k),
                  ta ? ", a^T" : "", tb ? ", b^T" : "", one_b ? ", one b" : "");
    with_threads(by, name, {&y}, [&] { by.matmul(s, a.view(), b.view(), y.view()); });
    int64_t wrong = 0;
    sample(batch * m * n, static_cast<double>(k), [&](int64_t i) {
        const int64_t column = i % n, row = i / n % m, matrix = i / n / m;
        const float *p = av.data() + matrix * m * k, *q = bv.data() + (one_b ? 0 : matrix * k * n);
        Sum sum;
        for (int64_t j = 0; j < k; j++)
            sum.add(p[ta ? j * m + row : row * k + j], q[tb ? column * k + j : j * n + column]);
        wrong += !(std::abs(widen(y.bf16()[i]) - sum.value) <= allowed(sum) + half_ulp_of_bf16(sum.value));
    });
    check(wrong == 0, "%s: %s: %d results are wrong", by.name, name, int(wrong));
}

std::vector<Layer> layers() {
    // The shapes of the op table, without groups and without empty ones.
    std::vector<Layer> all = {
        square(1, 1, 1, 1, 1),
        square(2, 5, 3, 7, 3, 1, 1),
        square(3, 7, 5, 3, 3, 2, 1),
        square(2, 5, 4, 8, 1),
        square(2, 7, 3, 5, 1, 2),
        square(1, 9, 3, 5, 7, 2, 3),
        square(2, 6, 4, 4, 3, 1, 2, 2),
        square(2, 2, 3, 4, 5, 1, 2),
        square(2, 1, 3, 4, 3, 1, 1),
        square(2, 9, 4, 4, 2, 3),
        square(2, 8, 3, 4, 1, 3, 1),
        {2, 7, 9, 3, 5, 1, 3, 1, 2, 0, 1, 1, 2},
        {2, 9, 5, 2, 3, 3, 2, 2, 1, 2, 0, 2, 1},
        square(3, 8, 16, 16, 3, 1, 1),
        square(2, 4, 8, 33, 3, 1, 1),
        square(2, 12, 32, 65, 3, 2, 1),
        square(2, 17, 3, 64, 3, 1, 1),
        square(2, 16, 3, 16, 7, 2, 3),
        square(5, 8, 33, 31, 1),
        square(2, 8, 64, 128, 1, 2),
        square(1, 4, 260, 300, 1),
        square(9, 4, 24, 24, 5, 1, 2),
        square(2, 8, 64, 64, 3, 1, 1),
        square(3, 16, 16, 16, 3, 1, 1),
        square(1, 10, 130, 70, 3, 1, 1),
        square(9, 4, 512, 40, 3, 1, 1),
        square(5, 7, 24, 20, 3, 1, 1),
        square(4, 10, 33, 40, 3, 1),
        square(4, 6, 40, 33, 3, 1, 2),
        square(20, 16, 96, 80, 3, 1, 1),
        square(40, 16, 16, 24, 3, 1, 1),
        square(6, 4, 800, 32, 3, 1, 1),
        {3, 12, 19, 48, 64, 3, 3, 1, 1, 0, 2, 1, 1},
        // ResNets on small images, small batches.
        square(2, 32, 3, 64, 3, 1, 1),
        square(2, 32, 64, 64, 3, 1, 1),
        square(2, 32, 64, 128, 3, 2, 1),
        square(2, 32, 64, 128, 1, 2),
        square(3, 16, 128, 128, 3, 1, 1),
        square(3, 16, 128, 256, 3, 2, 1),
        square(5, 8, 256, 256, 3, 1, 1),
        square(5, 8, 256, 512, 3, 2, 1),
        square(9, 4, 512, 512, 3, 1, 1),
        square(4, 32, 16, 16, 3, 1, 1),
        square(4, 32, 16, 32, 3, 2, 1),
        square(5, 16, 32, 32, 3, 1, 1),
        square(9, 8, 64, 64, 3, 1, 1),
        // The stem and the later stages of ImageNet's ResNets, the patches of vision transformers.
        square(1, 64, 3, 64, 7, 2, 3),
        square(3, 14, 64, 64, 3, 1, 1),
        square(20, 7, 64, 64, 3, 1, 1),
        square(1, 56, 64, 64, 3, 1, 1),
        square(2, 32, 3, 96, 16, 16),
        square(2, 32, 3, 48, 4, 4),
        // Wide strides and gaps of images with channels enough to be interleaved; kernels larger than their stride.
        square(6, 9, 40, 36, 3, 3, 1),
        square(6, 9, 40, 36, 2, 3),
        square(6, 11, 36, 40, 4, 3, 2),
        square(6, 9, 40, 36, 3, 1, 2, 2),
        square(4, 9, 34, 36, 3, 2, 3, 3),
        {5, 7, 12, 33, 37, 2, 5, 2, 3, 1, 2, 2, 1},
        {2, 3, 70, 18, 20, 3, 3, 1, 1, 1, 1, 1, 1},
        {2, 3, 70, 18, 20, 3, 3, 1, 2, 1, 1, 1, 1},
        // Linear layers.
        square(1, 1, 64, 10, 1),
        square(37, 1, 384, 100, 1),
        square(197, 1, 384, 1152, 1),
        square(600, 1, 20, 130, 1),
        square(1100, 1, 96, 33, 1),
    };
    Layer biased = square(2, 5, 3, 7, 3, 1, 1);
    biased.bias = true;
    all.push_back(biased);
    biased = square(7, 8, 40, 56, 3, 1, 1);
    biased.bias = true;
    all.push_back(biased);
    biased = square(37, 1, 384, 100, 1);
    biased.bias = true;
    all.push_back(biased);
    for (int32_t kind : {HB_NOISE_MULTIPLICATIVE, HB_NOISE_ADDITIVE})
        for (int32_t gradient : {HB_GRADIENT_AT_PERTURBED, HB_GRADIENT_CHAIN_RULE}) {
            // Batches that the runs divide, that they do not, fewer images than runs.
            for (auto [n, runs] : {std::pair<int64_t, int32_t>{4, 2}, {7, 3}, {3, 8}, {2, 1}})
                for (Layer l : {square(n, 4, 5, 6, 3, 1, 1), square(n, 5, 40, 34, 3, 2, 1), square(n, 3, 3, 4, 1)}) {
                    l.bias = kind == HB_NOISE_MULTIPLICATIVE;
                    all.push_back(with_noise(l, kind, runs, gradient));
                }
            all.push_back(with_noise(square(6, 8, 32, 48, 3, 2, 1), kind, 4, gradient));
            all.push_back(with_noise(square(13, 8, 80, 96, 3, 1, 1), kind, 3, gradient));
            all.push_back(with_noise(square(50, 1, 70, 40, 1), kind, 4, gradient));
            all.push_back(with_noise(square(8, 32, 16, 16, 3, 1, 1), kind, 8, gradient));
        }
    return all;
}

#if defined(HB_AVX512_VIA_SIMDE)

struct Shapes {
    uint8_t palette = 1, first_row = 0, reserved[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
};
Shapes whole_tiles() {
    Shapes s;
    for (int i = 0; i < 8; i++) {
        s.bytes[i] = 64;
        s.rows[i] = 16;
    }
    return s;
}

// What the emulation must refuse, and a product of which every digit is known.
void test_emulation() {
    using namespace cpu::emulated;
    alignas(64) float memory[256] = {};
    auto refused = [&](const char* what, auto&& use) {
        tile_faults = 0;
        use();
        check(tile_faults > 0, "emulation: %s passed", what);
        if (tile_state.configured) tile_release();
        tile_faults = 0;
    };
    auto configured = [&](Shapes s) { tile_loadconfig(&s); };
    std::printf("refusals that are expected:\n");
    refused("a load without a configuration", [&] { tile_loadd(0, memory, 64); });
    refused("a store without a configuration", [&] { tile_stored(0, memory, 64); });
    refused("zeros without a configuration", [&] { tile_zero(0); });
    refused("a product without a configuration", [&] { tile_dpbf16ps(0, 1, 2); });
    refused("a release without a configuration", [&] { tile_release(); });
    refused("two configurations", [&] {
        configured(whole_tiles());
        configured(whole_tiles());
    });
    refused("palette 2", [&] {
        Shapes s = whole_tiles();
        s.palette = 2;
        configured(s);
    });
    refused("17 rows", [&] {
        Shapes s = whole_tiles();
        s.rows[3] = 17;
        configured(s);
    });
    refused("68 bytes a row", [&] {
        Shapes s = whole_tiles();
        s.bytes[3] = 68;
        configured(s);
    });
    refused("a ninth tile", [&] {
        Shapes s = whole_tiles();
        s.bytes[8] = 64;
        s.rows[8] = 16;
        configured(s);
    });
    refused("reserved bytes", [&] {
        Shapes s = whole_tiles();
        s.reserved[5] = 1;
        configured(s);
    });
    refused("a tile without a size", [&] {
        Shapes s = whole_tiles();
        s.bytes[2] = 0;
        s.rows[2] = 0;
        configured(s);
        tile_loadd(2, memory, 64);
    });
    refused("a product in place", [&] {
        configured(whole_tiles());
        tile_dpbf16ps(0, 0, 1);
    });
    refused("a depth that does not fit", [&] {
        Shapes s = whole_tiles();
        s.bytes[1] = 32;
        configured(s);
        tile_dpbf16ps(0, 1, 2);
    });
    check(tiles_in_use == 0, "emulation: %d threads kept their tiles", int(tiles_in_use));

    // Row m of A is (m + 1, 1/2) in its first pair, column n of B (n + 1, 4); C was 100. A denormal product is zero.
    Bf16 a[16][32] = {}, b[16][32] = {};
    float c[16][16];
    for (int i = 0; i < 16; i++) {
        a[i][0] = round_to_bf16(static_cast<float>(i + 1));
        a[i][1] = round_to_bf16(0.5f);
        a[i][2] = round_to_bf16(0x1p-100f);
        b[0][2 * i] = round_to_bf16(static_cast<float>(i + 1));
        b[0][2 * i + 1] = round_to_bf16(4.0f);
        b[1][2 * i] = round_to_bf16(0x1p-40f);
        for (int j = 0; j < 16; j++) c[i][j] = i == j ? 0.0f : 100.0f;
    }
    configured(whole_tiles());
    tile_loadd(0, c, 64);
    tile_loadd(1, a, 64);
    tile_loadd(2, b, 64);
    tile_dpbf16ps(0, 1, 2);
    tile_stored(0, c, 64);
    tile_release();
    bool right = true;
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++)
            right &= c[i][j] == (i == j ? 0.0f : 100.0f) + static_cast<float>((i + 1) * (j + 1)) + 2.0f;
    check(right && tile_faults == 0, "emulation: a known product is wrong");
    // The even elements and the odd ones have sums of their own: 2^24 + 1 - 2^24 is 1 here and 0 one after the other.
    a[0][0] = a[0][2] = a[0][1] = round_to_bf16(1.0f);
    b[0][0] = round_to_bf16(0x1p24f);
    b[0][1] = round_to_bf16(1.0f);
    b[1][0] = round_to_bf16(-0x1p24f);
    c[0][0] = 0;
    configured(whole_tiles());
    tile_loadd(0, c, 64);
    tile_loadd(1, a, 64);
    tile_loadd(2, b, 64);
    tile_dpbf16ps(0, 1, 2);
    tile_stored(0, c, 64);
    tile_release();
    check(c[0][0] == 1.0f, "emulation: the order of a sum is wrong: %g", static_cast<double>(c[0][0]));
    tile_products = vector_products = false;
}

#endif

void run_all(const Products& by) {
    for (const Layer& layer : layers()) run(by, layer);
    for (bool ta : {false, true})
        for (bool tb : {false, true}) {
            run(by, 1, 1, 1, 1, ta, tb, false);
            run(by, 1, 33, 17, 31, ta, tb, false);
            run(by, 3, 64, 48, 32, ta, tb, false);
            run(by, 3, 20, 70, 45, ta, tb, true);
            run(by, 1, 100, 130, 700, ta, tb, false);
            run(by, 1, 1100, 65, 96, ta, tb, false);
            run(by, 70, 9, 9, 9, ta, tb, false);
        }
}

}  // namespace

int main() {
#if defined(HB_AVX512_VIA_SIMDE)
    test_emulation();
    run_all(kAmx);
    run_all(kAvx512Bf16);
#else
    for (const Products* by : {&kAmx, &kAvx512Bf16}) {
        if (by == &kAmx ? cpu::has_amx() : cpu::has_avx512_bf16())
            run_all(*by);
        else
            std::printf("this CPU cannot run %s\n", by->name);
    }
#endif
    return finish();
}
