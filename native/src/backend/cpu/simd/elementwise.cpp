// Unary and binary functions. Memory decides: 8 bytes move per element and input (12 for two inputs). Only the
// functions with exponentials in them have so many operations that arithmetic decides; they go four vectors abreast.
// GB/s of two cores whose triad has 37, AVX2, one vector at a time and four abreast: gelu 20 and 25, its gradient 29
// and 35, gelu_tanh 19 and 25, its gradient 23 and 31, sigmoid 25 and 31, tanh 16 and 20. Three abreast or six: no
// better. bf16 moves half the bytes and adds some ten operations a vector; ms of [128, 32, 32, 64] on one core of a
// busy machine, in f32 and bf16: relu 1.9 and 1.5, its gradient 3.3 and 2.0, gelu 5.1 and 6.7, its gradient 5.8
// and 7.7.
#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/math.h"
#include "backend/cpu/simd/strided.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {
namespace {

const Backend* plain_ = nullptr;

constexpr float kRootTwoOverPi = 0x1.988454p-1f;  // sqrt(2 / pi)
constexpr float kGeluCubic = 0.044715f;

// No vector constants here: what fills them would run at load, on any CPU.
constexpr float kOne = 1, kHalf = 0.5f;

// gelu's form with tanh is x sigmoid(u): (1 + tanh(u / 2)) / 2 is the sigmoid of u.
template <Floats F>
[[gnu::always_inline]] inline F gelu_argument(F x) {
    return F(2 * kRootTwoOverPi) * fma(F(kGeluCubic) * x * x, x, x);
}

// Long chains of operations, which also take vectors abreast; the gradients are dy f'(x).
#define HB_FUNCTION(name, expression)                                                                                  \
    struct name {                                                                                                      \
        template <Floats F>                                                                                            \
        [[gnu::always_inline]] F operator()(F x) const {                                                               \
            return expression;                                                                                         \
        }                                                                                                              \
    };
HB_FUNCTION(Exp, exp(x))
HB_FUNCTION(Sigmoid, sigmoid(x))
HB_FUNCTION(Tanh, tanh(x))
HB_FUNCTION(Gelu, gelu(x))
HB_FUNCTION(GeluTanh, x* sigmoid(gelu_argument(x)))
#undef HB_FUNCTION

struct ExpGradient {
    template <Floats F>
    [[gnu::always_inline]] F operator()(F x, F dy) const {
        return dy * exp(x);
    }
};
struct SigmoidGradient {
    template <Floats F>
    [[gnu::always_inline]] F operator()(F x, F dy) const {
        const F s = sigmoid(x);
        return dy * (s * (F(kOne) - s));
    }
};
struct TanhGradient {
    template <Floats F>
    [[gnu::always_inline]] F operator()(F x, F dy) const {
        const F t = tanh(x);
        return dy * (F(kOne) - t * t);
    }
};
struct GeluGradient {
    template <Floats F>
    [[gnu::always_inline]] F operator()(F x, F dy) const {
        return dy * gelu_slope(x);
    }
};
struct GeluTanhGradient {
    template <Floats F>
    [[gnu::always_inline]] F operator()(F x, F dy) const {
        const F u = gelu_argument(x), slope = F(2 * kRootTwoOverPi) * fma(F(3 * kGeluCubic) * x, x, F(kOne));
        const F e = exp(-abs(u)), q = F(kOne) / (F(kOne) + e), s = select(u < F(0.0f), e * q, q);
        return dy * fma(x * slope, e * q * q, s);  // e q^2 = s (1 - s)
    }
};

// Kinds that networks put between layers. bf16 has kernels for these; others are widened first.
bool is_activation(int kind) { return kind >= HB_RELU && kind <= HB_TANH; }

// body(f) with f the function of a kind that is an activation.
template <class Body>
void with_activation(int kind, F32 alpha, Body&& body) {
    switch (kind) {
        case HB_RELU:
            return body([](F32 x) { return select(x <= zero(), zero(), x); });
        case HB_LEAKY_RELU:
            return body([=](F32 x) { return select(x < zero(), alpha * x, x); });
        case HB_GELU:
            return body(Gelu{});
        case HB_GELU_TANH:
            return body(GeluTanh{});
        case HB_SIGMOID:
            return body(Sigmoid{});
        default:  // HB_TANH
            return body(Tanh{});
    }
}

// body(f) with f the function of a kind.
template <class Body>
void with_function(int kind, F32 alpha, F32 beta, Body&& body) {
    switch (kind) {
        case HB_NEG:
            return body([](F32 x) { return -x; });
        case HB_ABS:
            return body([](F32 x) { return abs(x); });
        case HB_EXP:
            return body(Exp{});
        case HB_LOG:
            return body([](F32 x) { return log(x); });
        case HB_SQRT:
            return body([](F32 x) { return sqrt(x); });
        case HB_RSQRT:
            return body([](F32 x) { return kOne / sqrt(x); });
        case HB_SQUARE:
            return body([](F32 x) { return x * x; });
        case HB_SIGN:
            return body([](F32 x) {
                return select(x > zero(), kOne, select(x < zero(), -kOne, select(x == zero(), zero(), x)));
            });
        case HB_RECIPROCAL:
            return body([](F32 x) { return kOne / x; });
        case HB_CLAMP:
            return body([=](F32 x) { return select(x < alpha, alpha, select(x > beta, beta, x)); });
        default:
            return with_activation(kind, alpha, body);
    }
}

// body(g) with g(x, dy) = dy f'(x), of an activation.
template <class Body>
void with_activation_gradient(int kind, F32 alpha, Body&& body) {
    switch (kind) {
        case HB_RELU:
            return body([](F32 x, F32 dy) { return dy * select(x > zero(), kOne, zero()); });
        case HB_LEAKY_RELU:
            return body([=](F32 x, F32 dy) { return dy * select(x > zero(), kOne, alpha); });
        case HB_GELU:
            return body(GeluGradient{});
        case HB_GELU_TANH:
            return body(GeluTanhGradient{});
        case HB_SIGMOID:
            return body(SigmoidGradient{});
        default:  // HB_TANH
            return body(TanhGradient{});
    }
}

// body(g) with g(x, dy) = dy f'(x).
template <class Body>
void with_gradient(int kind, F32 alpha, F32 beta, Body&& body) {
    switch (kind) {
        case HB_NEG:
            return body([](F32, F32 dy) { return -dy; });
        case HB_ABS:
            return body([](F32 x, F32 dy) { return dy * select(x > zero(), kOne, select(x < zero(), -kOne, zero())); });
        case HB_EXP:
            return body(ExpGradient{});
        case HB_LOG:
            return body([](F32 x, F32 dy) { return dy / x; });
        case HB_SQRT:
            return body([](F32 x, F32 dy) { return kHalf * dy / sqrt(x); });
        case HB_RSQRT:
            return body([](F32 x, F32 dy) { return -kHalf * dy / (x * sqrt(x)); });
        case HB_SQUARE:
            return body([](F32 x, F32 dy) { return dy * (x + x); });
        case HB_SIGN:
            return body([](F32, F32 dy) { return dy * zero(); });
        case HB_RECIPROCAL:
            return body([](F32 x, F32 dy) { return -(dy / (x * x)); });
        case HB_CLAMP:
            return body([=](F32 x, F32 dy) { return dy * select((x >= alpha) & (x <= beta), kOne, zero()); });
        default:
            return with_activation_gradient(kind, alpha, body);
    }
}

// Vectors abreast.
constexpr int kWide = 4;

template <class>
using Several = F32s<kWide>;

// y = f(x ..) of n elements, float or Bf16.
template <class F, class T, class... In>
[[gnu::always_inline]] inline void apply(int64_t n, F f, T* y, const In*... x) {
    auto one = [&](int64_t i, auto m) { store(y + i, on_each(f, load(x + i, m)...), m); };
    if constexpr (std::is_invocable_v<F, Several<In>...>) {
        constexpr int64_t kStep = kWide * F32::kLanes;
        int64_t i = 0;
        for (; i + kStep <= n; i += kStep) store_row(y + i, f(load_row<kWide>(x + i)...));
        lanes(n - i, [&](int64_t j, auto m) { one(i + j, m); });
    } else {
        far_lanes_of<T>(n, one);
    }
}

void unary(int kind, const View& x, double alpha, double beta, const View& y) {
    const float a = static_cast<float>(alpha), b = static_cast<float>(beta);
    auto run_on = [&]<class T>(T) {
        return [&, in = x.as<const T>(), out = y.as<T>()](auto f) {
            parallel_ranges(x.elements(), kGrain,
                            [&](int64_t begin, int64_t end) { apply(end - begin, f, out + begin, in + begin); });
        };
    };
    if (x.type == DType::F32) return with_function(kind, a, b, run_on(float()));
    if (x.type == DType::BF16 && is_activation(kind)) return with_activation(kind, a, run_on(Bf16()));
    plain_->unary(kind, x, alpha, beta, y);
}

void unary_backward(int kind, const View& x, const View& dy, double alpha, double beta, const View& dx) {
    const float a = static_cast<float>(alpha), b = static_cast<float>(beta);
    auto run_on = [&]<class T>(T) {
        return [&, in = x.as<const T>(), gradient = dy.as<const T>(), out = dx.as<T>()](auto g) {
            parallel_ranges(x.elements(), kGrain, [&](int64_t begin, int64_t end) {
                apply(end - begin, g, out + begin, in + begin, gradient + begin);
            });
        };
    };
    if (x.type == DType::F32) return with_gradient(kind, a, b, run_on(float()));
    if (x.type == DType::BF16 && is_activation(kind)) return with_activation_gradient(kind, a, run_on(Bf16()));
    plain_->unary_backward(kind, x, dy, alpha, beta, dx);
}

// body(f) with f(a, b) a vector. Sums, differences and products are what bf16 has kernels for.
template <class Body>
void with_sum_or_product(int kind, Body&& body) {
    switch (kind) {
        case HB_ADD:
            return body([](F32 a, F32 b) { return a + b; });
        case HB_SUB:
            return body([](F32 a, F32 b) { return a - b; });
        default:  // HB_MUL
            return body([](F32 a, F32 b) { return a * b; });
    }
}

// body(f) with f(a, b) a vector, or a mask for the comparisons.
template <class Body>
void with_function_of_two(int kind, Body&& body) {
    switch (kind) {
        case HB_DIV:
            return body([](F32 a, F32 b) { return a / b; });
        case HB_MAX:
            return body([](F32 a, F32 b) { return select((a > b) | is_nan(a), a, b); });
        case HB_MIN:
            return body([](F32 a, F32 b) { return select((a < b) | is_nan(a), a, b); });
        case HB_EQ:
            return body([](F32 a, F32 b) { return a == b; });
        case HB_NE:
            return body([](F32 a, F32 b) { return ~(a == b); });
        case HB_LT:
            return body([](F32 a, F32 b) { return a < b; });
        case HB_LE:
            return body([](F32 a, F32 b) { return a <= b; });
        case HB_GT:
            return body([](F32 a, F32 b) { return a > b; });
        case HB_GE:
            return body([](F32 a, F32 b) { return a >= b; });
        default:
            return with_sum_or_product(kind, body);
    }
}

// Has this file a kernel for the kind and type?
bool takes(int kind, const View& a) { return a.type == DType::F32 || (a.type == DType::BF16 && kind <= HB_MUL); }

// body(T(), f) with T the operands' type.
template <class Body>
void with_binary(int kind, const View& a, Body&& body) {
    if (a.type == DType::F32) return with_function_of_two(kind, [&](auto f) { body(float(), f); });
    with_sum_or_product(kind, [&](auto f) { body(Bf16(), f); });
}

template <class T, class V, class M>
void put(void* y, int64_t i, const V& value, M m) {
    store(static_cast<T*>(y) + i, value, m);
}
template <class T>
void put(void* y, int64_t i, Mask value, All) {
    store_bytes(static_cast<uint8_t*>(y) + i, value);
}
template <class T>
void put(void* y, int64_t i, Mask value, Mask m) {
    uint8_t bytes[F32::kLanes], wanted[F32::kLanes];
    store_bytes(bytes, value);
    store_bytes(wanted, m);
    for (int l = 0; l < F32::kLanes; l++)
        if (wanted[l]) static_cast<uint8_t*>(y)[i + l] = bytes[l];
}

// One run: each operand is contiguous (stride 1) or one number (stride 0).
template <class T, class F>
void binary_run(F f, const T* a, int64_t a_stride, const T* b, int64_t b_stride, void* y, int64_t at, int64_t count) {
    if (a_stride == 1 && b_stride == 1) {
        far_lanes_of<T>(count,
                        [&](int64_t i, auto m) { put<T>(y, at + i, on_each(f, load(a + i, m), load(b + i, m)), m); });
    } else if (a_stride == 1) {
        const F32 right = widen(*b);
        far_lanes_of<T>(count, [&](int64_t i, auto m) {
            put<T>(y, at + i, on_each([=](F32 x) { return f(x, right); }, load(a + i, m)), m);
        });
    } else if (b_stride == 1) {
        const F32 left = widen(*a);
        far_lanes_of<T>(count, [&](int64_t i, auto m) {
            put<T>(y, at + i, on_each([=](F32 x) { return f(left, x); }, load(b + i, m)), m);
        });
    } else {
        const F32 value[2] = {widen(*a), widen(*b)};
        far_lanes(count, [&](int64_t i, auto m) { put<T>(y, at + i, f(value[0], value[1]), m); });
    }
}

// A short row vector [c] against [n, c] is repeated until it fills some vectors.
constexpr int64_t kShortRow = 64;

template <class T, class F>
void with_row_vector(F f, const T* a, const T* b, bool row_is_left, int64_t rows, int64_t c, void* y) {
    const int64_t repeat = std::min(rows, 4 * kShortRow / c), width = repeat * c;
    Scratch<T> row(width);
    for (int64_t q = 0; q < repeat; q++) std::copy_n(row_is_left ? a : b, c, row.data() + q * c);
    parallel_ranges(rows, kGrain / c / repeat * repeat, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; r += repeat) {
            const int64_t count = std::min(repeat, end - r) * c, at = r * c;
            if (row_is_left)
                binary_run<T>(f, row.data(), 1, b + at, 1, y, at, count);
            else
                binary_run<T>(f, a + at, 1, row.data(), 1, y, at, count);
        }
    });
}

void binary(int kind, const View& a, const View& b, const View& y) {
    if (!takes(kind, a) || y.elements() == 0) return plain_->binary(kind, a, b, y);
    View result = y;
    result.make_dense_strides();
    Loops<3> loops(y.shape, {&a, &b, &result});
    const int64_t a_stride = loops.inner_stride(0), b_stride = loops.inner_stride(1);
    if ((a_stride != 0 && a_stride != 1) || (b_stride != 0 && b_stride != 1)) return plain_->binary(kind, a, b, y);
    with_binary(kind, a, [&]<class T>(T, auto f) {
        const T *left = a.as<T>(), *right = b.as<T>();
        if (loops.rank == 2 && loops.inner() < kShortRow && a_stride == 1 && b_stride == 1) {
            const int64_t rows = loops.size[0], c = loops.inner();
            const int64_t a_rows = loops.stride[0][0], b_rows = loops.stride[0][1];
            if ((a_rows == c && b_rows == 0) || (a_rows == 0 && b_rows == c))
                return with_row_vector(f, left, right, a_rows == 0, rows, c, y.data);
        }
        loops.for_each_run([&](const int64_t(&at)[3], int64_t count) {
            binary_run(f, left + at[0], a_stride, right + at[1], b_stride, y.data, at[2], count);
        });
    });
}

void binary_scalar(int kind, const View& a, double b, const View& y) {
    if (!takes(kind, a)) return plain_->binary_scalar(kind, a, b, y);
    const F32 number = static_cast<float>(b);
    with_binary(kind, a, [&]<class T>(T, auto f) {
        parallel_ranges(a.elements(), kGrain, [&](int64_t begin, int64_t end) {
            const T* from = a.as<T>() + begin;
            far_lanes_of<T>(end - begin, [&](int64_t i, auto m) {
                put<T>(y.data, begin + i, on_each([=](F32 x) { return f(x, number); }, load(from + i, m)), m);
            });
        });
    });
}

// In double, as the scalar tier: a moving average over many steps would show a rounded 1 - beta.
void blend(const View& destination, const View& source, double beta, double alpha) {
    if (!is_stored_f32_or_bf16(destination)) return plain_->blend(destination, source, beta, alpha);
    with_storage(destination, [&]<class T>(T) {
        T* d = destination.as<T>();
        const T* s = source.as<T>();
        parallel_ranges(destination.elements(), kGrain, [&](int64_t begin, int64_t end) {
            far_lanes(end - begin, [&](int64_t i, auto m) {
                i += begin;
                store(d + i, narrow(Wide(beta) * Wide(load(d + i, m)) + Wide(alpha) * Wide(load(s + i, m))), m);
            });
        });
    });
}

void add_scaled(const View& destination, const View& source, double alpha) { blend(destination, source, 1, alpha); }

}  // namespace

void add_elementwise(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.unary = unary;
    table.unary_backward = unary_backward;
    table.binary = binary;
    table.binary_scalar = binary_scalar;
    table.add_scaled = add_scaled;
    table.blend = blend;
}

}  // namespace hb::cpu::HB_TIER
