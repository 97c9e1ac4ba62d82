// Sums, extremes, arg-max, top-k and sort.
#include <algorithm>
#include <numeric>

#include "backend/cpu/kernels.h"
#include "backend/cpu/scalar/scalar.h"

namespace hb::cpu::scalar {
namespace {

void reduce(int kind, const View& x, int64_t outer, int64_t reduced, int64_t inner, const View& y) {
    with_floating(x.type, [&]<class T>(T) {
        for_each_task(outer * inner, reduced, [&](int64_t i) {
            const T* p = x.as<T>() + i / inner * reduced * inner + i % inner;
            double value = 0;
            if (kind == HB_REDUCE_SUM || kind == HB_REDUCE_MEAN) {
                for (int64_t r = 0; r < reduced; r++) value += p[r * inner];
                if (kind == HB_REDUCE_MEAN) value /= double(reduced);
            } else {
                value = p[0];
                // A NaN, once met, stays.
                for (int64_t r = 1; r < reduced && value == value; r++) {
                    double v = p[r * inner];
                    if (v != v || (kind == HB_REDUCE_MAX ? v > value : v < value)) value = v;
                }
            }
            y.as<T>()[i] = T(value);
        });
    });
}

// v with x's shape; its dimensions of size 1 repeat.
View broadcast(View v, const View& x) {
    for (int i = 0; i < x.rank(); i++)
        if (v[i] == 1) v.stride[i] = 0;
    v.shape = x.shape;
    return v;
}

void reduce_extreme_backward(const View& x, const View& y_given, const View& dy_given, const View& dx) {
    View y = broadcast(y_given, x), dy = broadcast(dy_given, x);
    with_floating(x.type, [&]<class T>(T) {
        // How many elements equal each y: strides of a dense array with y's repeats.
        View count = y;
        int64_t size = 1;
        for (int i = x.rank() - 1; i >= 0; i--) {
            if (y.stride[i] == 0) continue;
            count.stride[i] = size;
            size *= x[i];
        }
        Scratch<int64_t> equals(size);
        std::fill_n(equals.data(), size, 0);
        int64_t n = x.elements();
        Walk<2> first(x.shape, {&y, &count}, 0);
        for (int64_t i = 0; i < n; i++, first.next())
            if (x.as<T>()[i] == y.as<T>()[first.offset[0]]) equals[first.offset[1]]++;
        Walk<3> second(x.shape, {&y, &count, &dy}, 0);
        for (int64_t i = 0; i < n; i++, second.next()) {
            bool equal = x.as<T>()[i] == y.as<T>()[second.offset[0]];
            dx.as<T>()[i] = equal ? T(double(dy.as<T>()[second.offset[2]]) / double(equals[second.offset[1]])) : T(0);
        }
    });
}

// Is a before b in falling order, a NaN before everything?
template <class T>
bool above(T a, T b) {
    return a > b || (a != a && b == b);
}

void argmax(const View& x, const View& y) {
    with_floating(x.type, [&]<class T>(T) {
        for_each(x.rows(), [&](int64_t i) {
            const T* row = x.as<T>() + i * x.columns();
            int64_t best = 0;
            for (int64_t j = 1; j < x.columns(); j++)
                if (above(row[j], row[best])) best = j;
            y.as<int64_t>()[i] = best;
        });
    });
}

void top_k(const View& x, int64_t k, const View& values, const View& indices) {
    with_floating(x.type, [&]<class T>(T) {
        for_each_task(x.rows(), 8 * x.columns(), [&](int64_t i) {
            const T* row = x.as<T>() + i * x.columns();
            Scratch<int64_t> order(x.columns());
            std::iota(order.data(), order.data() + x.columns(), 0);
            std::partial_sort(order.data(), order.data() + k, order.data() + x.columns(), [&](int64_t a, int64_t b) {
                return above(row[a], row[b]) || (!above(row[b], row[a]) && a < b);
            });
            for (int64_t j = 0; j < k; j++) {
                values.as<T>()[i * k + j] = row[order[j]];
                indices.as<int64_t>()[i * k + j] = order[j];
            }
        });
    });
}

void sort(const View& x, bool descending, const View& values, const View& permutation) {
    with_floating(x.type, [&]<class T>(T) {
        const T* v = x.as<T>();
        int64_t n = x.elements();
        int64_t* order = permutation.as<int64_t>();
        std::iota(order, order + n, 0);
        // Equal values keep their order: the index decides. NaN is last both ways.
        std::sort(order, order + n, [&](int64_t a, int64_t b) {
            bool a_nan = v[a] != v[a], b_nan = v[b] != v[b];
            if (a_nan || b_nan) return a_nan == b_nan ? a < b : b_nan;
            if (v[a] != v[b]) return descending ? v[a] > v[b] : v[a] < v[b];
            return a < b;
        });
        for (int64_t i = 0; i < n; i++) values.as<T>()[i] = v[order[i]];
    });
}

}  // namespace

void add_reductions(Backend& table) {
    table.reduce = reduce;
    table.reduce_extreme_backward = reduce_extreme_backward;
    table.argmax = argmax;
    table.top_k = top_k;
    table.sort = sort;
}

}  // namespace hb::cpu::scalar
