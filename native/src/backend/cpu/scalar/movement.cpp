// Filling, copying with conversion, and moving rows.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

// The float next to x towards zero, with its last bit set where x is not a float: rounding that to nearest gives what
// rounding x at once would have given. long double holds every value of every type.
float round_to_odd(long double x) {
    float f = static_cast<float>(x);
    if (x != x || static_cast<long double>(f) == x) return f;
    uint32_t u = std::bit_cast<uint32_t>(f);
    if (std::fabs(static_cast<long double>(f)) > std::fabs(x)) u--;
    return std::bit_cast<float>(u | 1);
}

template <class To, class From>
To convert(From x) {
    if constexpr (std::is_same_v<To, From>) {
        return x;
    } else if constexpr (std::is_same_v<From, Bf16>) {
        return convert<To>(widen(x));
    } else if constexpr (std::is_same_v<To, Bf16>) {
        if constexpr (std::is_same_v<From, float>) return round_to_bf16(x);
        return round_to_bf16(round_to_odd(x));
    } else if constexpr (std::is_integral_v<To>) {
        // Truncates, saturates; NaN gives 0.
        long double v = x;
        if (v != v) return 0;
        if (v <= static_cast<long double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
        if (v >= static_cast<long double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
        return static_cast<To>(v);
    } else {
        return static_cast<To>(x);
    }
}

void fill(const View& y, double value) {
    with_any(y.type, [&]<class T>(T) {
        T v = convert<T>(value);
        for_each<1>(y.shape, {&y}, [&](int64_t, const int64_t* at) { y.as<T>()[at[0]] = v; });
    });
}

void copy(const View& x, const View& y) {
    with_any(x.type, [&]<class From>(From) {
        with_any(y.type, [&]<class To>(To) {
            for_each<2>(y.shape, {&x, &y},
                        [&](int64_t, const int64_t* at) { y.as<To>()[at[1]] = convert<To>(x.as<From>()[at[0]]); });
        });
    });
}

// Bytes of one row x[i, …].
int64_t row_bytes(const View& x) {
    int64_t n = size_of(x.type);
    for (int i = 1; i < x.rank(); i++) n *= x[i];
    return n;
}

void gather_rows(const View& x, const View& index, const View& y) {
    int64_t bytes = row_bytes(x);
    if (bytes == 0) return;
    for_each(index.elements(), [&](int64_t j) {
        std::memcpy(y.as<char>() + j * bytes, x.as<char>() + index.as<int64_t>()[j] * bytes, bytes);
    });
}

// In order of j: indices may repeat.
void scatter_rows(const View& destination, const View& index, const View& source, bool add) {
    int64_t bytes = row_bytes(destination);
    if (bytes == 0) return;
    if (!add) {
        for (int64_t j = 0; j < index.elements(); j++)
            std::memcpy(destination.as<char>() + index.as<int64_t>()[j] * bytes, source.as<char>() + j * bytes, bytes);
        return;
    }
    with_floating(destination.type, [&]<class T>(T) {
        int64_t n = bytes / int64_t{sizeof(T)};
        for (int64_t j = 0; j < index.elements(); j++) {
            T* to = destination.as<T>() + index.as<int64_t>()[j] * n;
            for (int64_t i = 0; i < n; i++) to[i] += source.as<T>()[j * n + i];
        }
    });
}

void take_along_rows(const View& x, const View& index, const View& y) {
    with_bytes(x.type, [&]<class T>(T) {
        for_each(y.elements(), [&](int64_t i) { y.as<T>()[i] = x.as<T>()[i * x.columns() + index.as<int64_t>()[i]]; });
    });
}

void where(const View& condition, const View& a, const View& b, const View& y) {
    with_bytes(y.type, [&]<class T>(T) {
        for_each<3>(y.shape, {&condition, &a, &b}, [&](int64_t i, const int64_t* at) {
            y.as<T>()[i] = condition.as<uint8_t>()[at[0]] ? a.as<T>()[at[1]] : b.as<T>()[at[2]];
        });
    });
}

bool indices_in_range(const View& index, int64_t bound) {
    for (int64_t i = 0; i < index.elements(); i++)
        if (index.as<int64_t>()[i] < 0 || index.as<int64_t>()[i] >= bound) return false;
    return true;
}

}  // namespace

void add_movement(Backend& table) {
    table.fill = fill;
    table.copy = copy;
    table.gather_rows = gather_rows;
    table.scatter_rows = scatter_rows;
    table.take_along_rows = take_along_rows;
    table.where = where;
    table.indices_in_range = indices_in_range;
}

}  // namespace hb::cpu::scalar
