// Unary and binary functions, element by element.
#include <cmath>
#include <numbers>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

const double kRootHalf = 1 / std::numbers::sqrt2;
const double kRootTwoOverPi = std::sqrt(2 / std::numbers::pi);
constexpr double kGeluCubic = 0.044715;

double value(int kind, double x, double alpha, double beta) {
    switch (kind) {
        case HB_NEG:
            return -x;
        case HB_ABS:
            return std::fabs(x);
        case HB_EXP:
            return std::exp(x);
        case HB_LOG:
            return std::log(x);
        case HB_SQRT:
            return std::sqrt(x);
        case HB_RSQRT:
            return 1 / std::sqrt(x);
        case HB_SQUARE:
            return x * x;
        case HB_SIGN:
            return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x;
        case HB_RECIPROCAL:
            return 1 / x;
        case HB_RELU:
            return x <= 0 ? 0 : x;  // NaN stays
        case HB_LEAKY_RELU:
            return x < 0 ? alpha * x : x;
        case HB_GELU:
            return 0.5 * x * (1 + std::erf(x * kRootHalf));
        case HB_GELU_TANH:
            return 0.5 * x * (1 + std::tanh(kRootTwoOverPi * (x + kGeluCubic * x * x * x)));
        case HB_SIGMOID:
            return 1 / (1 + std::exp(-x));
        case HB_TANH:
            return std::tanh(x);
        default:
            return x < alpha ? alpha : x > beta ? beta : x;  // HB_CLAMP
    }
}

double derivative(int kind, double x, double alpha, double beta) {
    switch (kind) {
        case HB_NEG:
            return -1;
        case HB_ABS:
            return x > 0 ? 1 : x < 0 ? -1 : 0;
        case HB_EXP:
            return std::exp(x);
        case HB_LOG:
            return 1 / x;
        case HB_SQRT:
            return 0.5 / std::sqrt(x);
        case HB_RSQRT:
            return -0.5 / (x * std::sqrt(x));
        case HB_SQUARE:
            return 2 * x;
        case HB_SIGN:
            return 0;
        case HB_RECIPROCAL:
            return -1 / (x * x);
        case HB_RELU:
            return x > 0 ? 1 : 0;
        case HB_LEAKY_RELU:
            return x > 0 ? 1 : alpha;
        case HB_GELU: {
            double density = std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
            return 0.5 * (1 + std::erf(x * kRootHalf)) + x * density;
        }
        case HB_GELU_TANH: {
            double t = std::tanh(kRootTwoOverPi * (x + kGeluCubic * x * x * x));
            return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * kRootTwoOverPi * (1 + 3 * kGeluCubic * x * x);
        }
        case HB_SIGMOID: {
            double s = 1 / (1 + std::exp(-x));
            return s * (1 - s);
        }
        case HB_TANH: {
            double t = std::tanh(x);
            return 1 - t * t;
        }
        default:
            return x >= alpha && x <= beta ? 1 : 0;  // HB_CLAMP
    }
}

void unary(int kind, const View& x, double alpha, double beta, const View& y) {
    with_floating(x.type, [&]<class T>(T) {
        for_each(x.elements(), [&](int64_t i) { y.as<T>()[i] = T(value(kind, x.as<T>()[i], T(alpha), T(beta))); });
    });
}

void unary_backward(int kind, const View& x, const View& dy, double alpha, double beta, const View& dx) {
    with_floating(x.type, [&]<class T>(T) {
        for_each(x.elements(), [&](int64_t i) {
            dx.as<T>()[i] = T(dy.as<T>()[i] * derivative(kind, x.as<T>()[i], T(alpha), T(beta)));
        });
    });
}

template <class T>
T arithmetic(int kind, T a, T b) {
    switch (kind) {
        case HB_ADD:
            return a + b;
        case HB_SUB:
            return a - b;
        case HB_MUL:
            return a * b;
        case HB_DIV:
            return a / b;
        case HB_MAX:
            return a > b || a != a ? a : b;  // NaN if either is
        default:
            return a < b || a != a ? a : b;  // HB_MIN
    }
}

template <class T>
bool compare(int kind, T a, T b) {
    switch (kind) {
        case HB_EQ:
            return a == b;
        case HB_NE:
            return a != b;
        case HB_LT:
            return a < b;
        case HB_LE:
            return a <= b;
        case HB_GT:
            return a > b;
        default:
            return a >= b;  // HB_GE
    }
}

bool is_comparison(int kind) { return kind >= HB_EQ; }

// The comparisons take integers too.
template <class Body>
void with_comparable(DType type, Body&& body) {
    if (type == DType::I64) return body(int64_t());
    if (type == DType::I32) return body(int32_t());
    if (type == DType::U8) return body(uint8_t());
    with_floating(type, body);
}

void binary(int kind, const View& a, const View& b, const View& y) {
    if (is_comparison(kind)) {
        with_comparable(a.type, [&]<class T>(T) {
            for_each<2>(y.shape, {&a, &b}, [&](int64_t i, const int64_t* at) {
                y.as<uint8_t>()[i] = compare(kind, a.as<T>()[at[0]], b.as<T>()[at[1]]);
            });
        });
    } else {
        with_floating(a.type, [&]<class T>(T) {
            for_each<2>(y.shape, {&a, &b}, [&](int64_t i, const int64_t* at) {
                y.as<T>()[i] = arithmetic(kind, a.as<T>()[at[0]], b.as<T>()[at[1]]);
            });
        });
    }
}

void binary_scalar(int kind, const View& a, double b, const View& y) {
    if (is_comparison(kind)) {
        with_comparable(a.type, [&]<class T>(T) {
            // long double holds every i64 and every double; a float is compared with the number as a float.
            using Wide = std::conditional_t<std::is_integral_v<T>, long double, T>;
            for_each(y.elements(),
                     [&](int64_t i) { y.as<uint8_t>()[i] = compare<Wide>(kind, Wide(a.as<T>()[i]), Wide(b)); });
        });
    } else {
        with_floating(a.type, [&]<class T>(T) {
            for_each(y.elements(), [&](int64_t i) { y.as<T>()[i] = arithmetic<T>(kind, a.as<T>()[i], T(b)); });
        });
    }
}

void blend(const View& destination, const View& source, double beta, double alpha) {
    with_floating(destination.type, [&]<class T>(T) {
        T* d = destination.as<T>();
        for_each(destination.elements(),
                 [&](int64_t i) { d[i] = T(beta * double(d[i]) + alpha * double(source.as<T>()[i])); });
    });
}

void add_scaled(const View& destination, const View& source, double alpha) { blend(destination, source, 1, alpha); }

}  // namespace

void add_elementwise(Backend& table) {
    table.unary = unary;
    table.unary_backward = unary_backward;
    table.binary = binary;
    table.binary_scalar = binary_scalar;
    table.add_scaled = add_scaled;
    table.blend = blend;
}

}  // namespace hb::cpu::scalar
