#include "host/libs/variants.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "core/exactness.h"
#include "host/device.h"
#include "host/libs/cublas.h"
#include "host/libs/cublaslt.h"
#include "host/libs/cudnn.h"
#include "host/libs/nccl.h"
#include "kernels/collectives.h"

namespace hb::cuda {
namespace {

// Cublas and CublasLt are Library, with all products by that one.
enum class Variant { Hand, Library, Auto, Cublas, CublasLt };

constexpr std::array<const char*, 5> kVariants = {"hand", "library", "auto", "cublas", "cublaslt"};
constexpr std::array<const char*, 5> kOps = {"matmul", "conv2d", "conv2d_backward_data", "conv2d_backward_weight",
                                             "all_reduce"};

struct Choice {
    std::array<Variant, kOps.size()> of{};

    static const Choice& get() {
        static const Choice choice(std::getenv("HORNBEAM_CUDA_VARIANT"));
        return choice;
    }
    Variant operator()(std::string_view op) const {
        for (size_t i = 0; i < kOps.size(); i++)
            if (op == kOps[i]) return of[i];
        return Variant::Hand;
    }

  private:
    explicit Choice(const char* text) {
        if (!text) return;
        std::string_view rest = text;
        while (!rest.empty()) {
            size_t comma = rest.find(',');
            apply(rest.substr(0, comma), text);
            rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
        }
    }
    void apply(std::string_view part, const char* text) {
        size_t equals = part.find('=');
        std::string_view op = equals == part.npos ? std::string_view() : part.substr(0, equals);
        std::string_view name = equals == part.npos ? part : part.substr(equals + 1);
        size_t which = 0;
        while (which < kVariants.size() && name != kVariants[which]) which++;
        if (which == kVariants.size()) wrong(text);
        const auto variant = Variant(which);
        bool known = op.empty();
        for (size_t i = 0; i < kOps.size(); i++)
            if (op.empty() || op == kOps[i]) {
                of[i] = variant;
                known = true;
            }
        if (!known) wrong(text);
    }
    [[noreturn]] static void wrong(const char* text) {
        fail(HB_ERROR_ARGUMENT,
             "HORNBEAM_CUDA_VARIANT is \"%s\"; expected hand, library or auto (or cublas or cublaslt, library with all "
             "products by that one), and for one op matmul=, conv2d=, conv2d_backward_data=, conv2d_backward_weight= "
             "or all_reduce= one of these, apart by commas",
             text);
    }
};

// Whether a library was chosen for the op: `library` even where it is missing, so that its use says what is wrong.
bool by_library(std::string_view op) {
    Variant variant = Choice::get()(op);
    // Only here must they be loaded at once.
    if (variant == Variant::Auto && op == "all_reduce") return Nccl::get().found();
    if (variant == Variant::Auto) return Cublas::get().found() && (op == "matmul" || Cudnn::get().found());
    return variant != Variant::Hand;
}

// The functions that were in the table before.
Backend hand;

View dense(void* data, DType type, const Shape& shape) {
    View view;
    view.data = data;
    view.type = type;
    view.shape = shape;
    view.make_dense_strides();
    return view;
}

char* at(const View& view, int64_t element) { return static_cast<char*>(view.data) + element * size_of(view.type); }

bool computes(DType type) { return type == DType::F32 || type == DType::BF16; }

// Of a product with a bias or its gradient: whether cuBLASLt did both. It is the library for them, and where it has no
// algorithm, or was not chosen, others do first the one and then the other.
bool with_epilogue(std::string_view op, const MatMulShape& shape, const View& a, const View& b, const View& y,
                   const CublasLt::Epilogue& epilogue) {
    const Variant variant = Choice::get()(op);
    if (variant == Variant::Cublas || (variant == Variant::Auto && !CublasLt::get().found())) return false;
    return CublasLt::get().multiply(shape, a, b, 0, y, epilogue);
}

// y = a b + beta y.
void multiply(std::string_view op, const MatMulShape& shape, const View& a, const View& b, float beta, const View& y) {
    if (Choice::get()(op) == Variant::CublasLt && CublasLt::get().multiply(shape, a, b, beta, y, {})) return;
    Cublas::get().multiply(shape, a, b, beta, y);
}

void matmul(const MatMulShape& shape, const View& a, const View& b, const View& y) {
    if (!computes(a.type) || a.type != b.type || !Cublas::fits(shape)) return hand.matmul(shape, a, b, y);
    multiply("matmul", shape, a, b, 0, y);
}

// ---- convolutions

// Pixels, each for itself: a product of matrices [pixels, c] and [o, c].
bool is_product(const ConvShape& s) {
    return s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h == 0 && s.pad_w == 0 &&
           s.groups == 1;
}
int64_t pixels(const ConvShape& s) { return s.n * s.oh * s.ow; }

MatMulShape product(int64_t m, int64_t n, int64_t k, bool transpose_a, bool transpose_b) {
    MatMulShape shape{};
    shape.batch = 1;
    shape.m = m;
    shape.n = n;
    shape.k = k;
    shape.transpose_a = transpose_a;
    shape.transpose_b = transpose_b;
    return shape;
}

bool fits(const ConvShape& s, DType type) {
    return computes(type) &&
           (is_product(s) ? Cublas::fits(product(pixels(s), s.o, s.c, false, false)) : Cudnn::fits(s));
}

bool needs_chain_rule(const Noise& noise) {
    return has_noise(noise) && noise.kind == HB_NOISE_MULTIPLICATIVE && noise.gradient == HB_GRADIENT_CHAIN_RULE;
}

// body(samples of the run from .. to, weights seen in `type`) for every noise run that has samples.
template <class Body>
void for_each_run(const ConvShape& s, const View& w, const Noise& noise, DType type, Body&& body) {
    int runs = has_noise(noise) ? noise.sub_batches : 1;
    int64_t elements = w.elements();
    DeviceScratch<float> perturbed(has_noise(noise) ? elements : 0);
    DeviceScratch<uint16_t> narrow(type == DType::BF16 ? elements : 0);
    for (int m = 0; m < runs; m++) {
        // Rows of a sample follow one another; runs split samples.
        int64_t rows = s.runs_of > 0 ? s.n / s.runs_of : 1;
        int64_t begin = has_noise(noise) ? run_begin(noise, s.runs_of, m) * rows : 0;
        int64_t end = has_noise(noise) ? run_begin(noise, s.runs_of, m + 1) * rows : s.n;
        if (begin == end) continue;
        View seen = dense(w.data, w.type, w.shape);
        if (has_noise(noise)) {
            seen.data = perturbed.data();
            hand.perturb_weight(w, noise, m, seen);
        }
        if (seen.type != type) {
            View converted = dense(narrow.data(), type, w.shape);
            hand.copy(seen, converted);
            seen = converted;
        }
        body(begin, end, seen);
    }
}

ConvShape of_samples(ConvShape s, int64_t n) {
    s.n = n;
    return s;
}

void conv2d(const ConvShape& s, const View& x, const View& w, const View& bias, const Noise& noise, const View& y) {
    // A bias must be added before results are rounded to bf16, and cuDNN's older interface cannot write f32 from bf16.
    bool widens = bias && y.type == DType::BF16;
    if (!fits(s, x.type) || (widens && !is_product(s))) return hand.conv2d(s, x, w, bias, noise, y);
    DeviceScratch<float> wide(widens ? pixels(s) * s.o : 0);
    View sums = widens ? dense(wide.data(), DType::F32, shape_of(pixels(s), s.o))
                       : dense(y.data, y.type, shape_of(pixels(s), s.o));
    for_each_run(s, w, noise, x.type, [&](int64_t begin, int64_t end, const View& seen) {
        ConvShape part = of_samples(s, end - begin);
        const View from = dense(at(x, begin * s.h * s.w * s.c), x.type, shape_of(pixels(part), s.c));
        const View to = dense(at(sums, begin * s.oh * s.ow * s.o), sums.type, shape_of(pixels(part), s.o));
        const MatMulShape shape = product(pixels(part), s.o, s.c, false, true);
        if (bias && is_product(s) && with_epilogue("conv2d", shape, from, seen, to, {.bias = bias.f32()})) return;
        // The product is added to the bias.
        if (bias) {
            View rows = dense(bias.data, bias.type, to.shape);
            rows.stride[0] = 0;
            hand.copy(rows, to);
        }
        const float beta = bias ? 1 : 0;
        if (is_product(s))
            multiply("conv2d", shape, from, seen, beta, to);
        else
            Cudnn::get().forward({part, x.type, false}, from.data, seen.data, beta, to.data);
    });
    if (widens) hand.copy(sums, dense(y.data, y.type, sums.shape));
}

void conv2d_backward_data(const ConvShape& s, const View& dy, const View& w, const Noise& noise, const View& dx) {
    if (!fits(s, dy.type)) return hand.conv2d_backward_data(s, dy, w, noise, dx);
    for_each_run(s, w, noise, dy.type, [&](int64_t begin, int64_t end, const View& seen) {
        ConvShape part = of_samples(s, end - begin);
        char* from = at(dy, begin * s.oh * s.ow * s.o);
        char* to = at(dx, begin * s.h * s.w * s.c);
        if (is_product(s))
            multiply("conv2d_backward_data", product(pixels(part), s.c, s.o, false, false),
                     dense(from, dy.type, shape_of(pixels(part), s.o)), seen, 0,
                     dense(to, dx.type, shape_of(pixels(part), s.c)));
        else
            Cudnn::get().backward_data({part, dy.type, false}, from, seen.data, to);
    });
}

void conv2d_backward_weight(const ConvShape& s, const View& x, const View& dy, const Noise& noise, const View& dw,
                            const View& dbias) {
    if (!fits(s, x.type) || needs_chain_rule(noise)) return hand.conv2d_backward_weight(s, x, dy, noise, dw, dbias);
    if (is_product(s)) {
        const MatMulShape shape = product(s.o, s.c, pixels(s), true, false);
        if (dbias && with_epilogue("conv2d_backward_weight", shape, dy, x, dw, {.bias_gradient = dbias.f32()})) return;
        multiply("conv2d_backward_weight", shape, dy, x, 0, dw);
    } else if (x.type == DType::F32) {
        Cudnn::get().backward_weight({s, x.type, false}, x.data, dy.data, dw.data);
    } else {
        // From bf16 cuDNN makes bf16 only, too coarse for a gradient of f32 weights. Numbers of bf16 are numbers of
        // tf32: widened, they give the same products, summed and stored in f32.
        DeviceScratch<float> wide_x(x.elements()), wide_dy(dy.elements());
        hand.copy(x, dense(wide_x.data(), DType::F32, x.shape));
        hand.copy(dy, dense(wide_dy.data(), DType::F32, dy.shape));
        Cudnn::get().backward_weight({s, DType::F32, true}, wide_x.data(), wide_dy.data(), dw.data);
    }
    if (dbias) hand.reduce(HB_REDUCE_SUM, dy, 1, pixels(s), s.o, dbias);
}

// ---- several devices

void all_reduce(int replicas, int count, const int32_t* devices, const View* tensors, const double* weights) {
    // NCCL takes each device once.
    for (int r = 0; r < replicas; r++)
        for (int q = 0; q < r; q++)
            if (devices[q] == devices[r]) return hand.all_reduce(replicas, count, devices, tensors, weights);
    auto exchange = [](const std::vector<FlatReplica>& all, int64_t elements) { Nccl::get().sum(all, elements); };
    all_reduce_by(exchange, replicas, count, devices, tensors, weights);
}

std::string member(const char* name, const std::string& value) { return quoted(name) + ": " + value; }

}  // namespace

void add_libraries(Backend& table) {
    hand = table;
    if (by_library("matmul")) table.matmul = matmul;
    if (by_library("conv2d")) {
        table.conv2d = conv2d;
        table.conv2d_before_norm = nullptr;  // it would bypass the choice
    }
    if (by_library("conv2d_backward_data")) table.conv2d_backward_data = conv2d_backward_data;
    if (by_library("conv2d_backward_weight")) table.conv2d_backward_weight = conv2d_backward_weight;
    if (by_library("all_reduce")) table.all_reduce = all_reduce;
}

std::string library_facts() {
    std::string variants;
    for (const char* op : kOps) {
        const Variant chosen = Choice::get()(op);
        const char* told = chosen == Variant::Auto ? "library" : kVariants[size_t(chosen)];
        variants += (variants.empty() ? "" : ", ") + member(op, quoted(by_library(op) ? told : "hand"));
    }
    return "\"libraries\": {" + member("cublas", Cublas::get().facts()) + ", " +
           member("cublaslt", CublasLt::get().facts()) + ", " + member("cudnn", Cudnn::get().facts()) + ", " +
           member("nccl", Nccl::get().facts()) + "}, \"variants\": {" + variants + "}";
}

bool f32_by_tf32() {
    static const bool chosen = [] {
        const char* value = std::getenv("HORNBEAM_CUDA_F32");
        return value && std::string_view(value) == "tf32";
    }();
    return chosen && !exact();
}

}  // namespace hb::cuda
