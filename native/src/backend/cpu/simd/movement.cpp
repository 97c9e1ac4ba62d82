// Filling, copying with conversion, and moving rows. Bytes per element: those read and those written, nothing else.
// Transposes go tile by tile, so that both sides move whole cache lines.
#include <cstring>

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/abreast.h"
#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/strided.h"

namespace hb::cpu::HB_TIER {
namespace {

const Backend* plain_ = nullptr;

constexpr int64_t kBytes = kGrain * 4;  // of a task

// body(begin, end) over n elements of `size` bytes.
template <class Body>
void by_bytes(int64_t n, int64_t size, Body&& body) {
    parallel_ranges(n, std::max<int64_t>(1, kBytes / size), body);
}

// body(T()) with an unsigned integer of the element's size.
template <class Body>
void with_bytes(DType type, Body&& body) {
    switch (size_of(type)) {
        case 8:
            return body(uint64_t());
        case 4:
            return body(uint32_t());
        case 2:
            return body(uint16_t());
        default:
            return body(uint8_t());
    }
}

void fill(const View& y, double value) {
    if (!y.dense() || y.elements() == 0) return plain_->fill(y, value);
    // The scalar tier converts the value.
    uint64_t room = 0;
    View one;
    one.data = &room;
    one.type = y.type;
    one.shape = shape_of(int64_t{1});
    one.make_dense_strides();
    plain_->fill(one, value);
    with_bytes(y.type, [&]<class T>(T) {
        T v;
        std::memcpy(&v, &room, sizeof(T));
        by_bytes(y.elements(), sizeof(T),
                 [&](int64_t begin, int64_t end) { std::fill(y.as<T>() + begin, y.as<T>() + end, v); });
    });
}

void to_bf16(const float* x, Bf16* y, int64_t n) {
    lanes_of<Bf16>(n, [&](int64_t i, auto m) { store(y + i, load(x + i, m), m); });
}
void from_bf16(const Bf16* x, float* y, int64_t n) {
    lanes(n, [&](int64_t i, auto m) { store(y + i, load(x + i, m), m); });
}
template <class From, class To>
void convert(const From* x, To* y, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] = static_cast<To>(x[i]);
}

// A conversion of contiguous elements, or null where it is left to the scalar tier.
using Conversion = void (*)(const void* x, void* y, int64_t n);
template <auto f, class From, class To>
void erased(const void* x, void* y, int64_t n) {
    f(static_cast<const From*>(x), static_cast<To*>(y), n);
}
Conversion conversion(DType from, DType to) {
    if (from == DType::F32 && to == DType::BF16) return erased<to_bf16, float, Bf16>;
    if (from == DType::BF16 && to == DType::F32) return erased<from_bf16, Bf16, float>;
    if (from == DType::F32 && to == DType::F64) return erased<convert<float, double>, float, double>;
    if (from == DType::F64 && to == DType::F32) return erased<convert<double, float>, double, float>;
    if (from == DType::U8 && to == DType::F32) return erased<convert<uint8_t, float>, uint8_t, float>;
    if (from == DType::I32 && to == DType::F32) return erased<convert<int32_t, float>, int32_t, float>;
    return nullptr;
}

// Side of the square that is transposed at once: a cache line.
constexpr int64_t kTile = 16;

// y[i, j] = x[j, i] for one tile: rows of x and of y are moved as whole cache lines, whatever their distance.
void transpose_tile(const float* x, int64_t x_row, float* y, int64_t y_row) {
    constexpr int64_t kLine = kTile, kSide = F32::kLanes;
    alignas(64) float lines[kTile * kLine];
    for (int64_t j = 0; j < kTile; j++)
        for (int64_t i = 0; i < kTile; i += kSide) store(lines + j * kLine + i, load(x + j * x_row + i));
    for (int64_t i = 0; i < kTile; i += kSide) {
        F32 block[kTile / kSide][kSide];
        for (int64_t j = 0; j < kTile; j += kSide) {
            for (int64_t r = 0; r < kSide; r++) block[j / kSide][r] = load(lines + (j + r) * kLine + i);
            transpose(block[j / kSide]);
        }
        for (int64_t r = 0; r < kSide; r++)
            for (int64_t j = 0; j < kTile; j += kSide) store(y + (i + r) * y_row + j, block[j / kSide][r]);
    }
}

// The same for at most a tile of rows and columns of y.
void transpose_part(const float* x, int64_t x_row, float* y, int64_t y_row, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) y[i * y_row + j] = x[j * x_row + i];
}

// y[i, j] = x[j, i] for i < rows, j < columns.
void transpose_block(const float* x, int64_t x_row, float* y, int64_t y_row, int64_t rows, int64_t columns) {
    for (int64_t j = 0; j < columns; j += kTile)
        for (int64_t i = 0; i < rows; i += kTile) {
            const int64_t height = std::min(kTile, rows - i), width = std::min(kTile, columns - j);
            const float* from = x + j * x_row + i;
            float* to = y + i * y_row + j;
            if (height == kTile && width == kTile)
                transpose_tile(from, x_row, to, y_row);
            else
                transpose_part(from, x_row, to, y_row, height, width);
        }
}

// Copies 4-byte elements where x runs along another dimension than y does. False if this is no such case.
bool copy_transposed(const Loops<2>& loops, const float* x, float* y) {
    const int last = loops.rank - 1;
    int across = -1;
    for (int d = 0; d < last; d++)
        if (loops.stride[d][0] == 1) across = d;
    if (across < 0 || loops.stride[last][1] != 1 || loops.stride[last][0] == 0) return false;
    // Matrices of these two dimensions, one for every place in the others; cut into blocks whose pages the TLB holds.
    constexpr int64_t kBlock = 128;
    const int64_t rows = loops.size[across], columns = loops.size[last];
    const int64_t x_row = loops.stride[last][0], y_row = loops.stride[across][1];
    const int64_t down = (rows + kBlock - 1) / kBlock, along = (columns + kBlock - 1) / kBlock;
    const int64_t together = std::max<int64_t>(1, kGrain / (std::min(kBlock, rows) * std::min(kBlock, columns)));
    int64_t matrices = 1;
    for (int d = 0; d < last; d++)
        if (d != across) matrices *= loops.size[d];
    parallel_ranges(matrices * down * along, together, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; block++) {
            const int64_t i = block / along % down * kBlock, j = block % along * kBlock;
            int64_t matrix = block / (along * down), x_at = i + j * x_row, y_at = i * y_row + j;
            for (int d = last - 1; d >= 0; d--) {
                if (d == across) continue;
                x_at += matrix % loops.size[d] * loops.stride[d][0];
                y_at += matrix % loops.size[d] * loops.stride[d][1];
                matrix /= loops.size[d];
            }
            transpose_block(x + x_at, x_row, y + y_at, y_row, std::min(kBlock, rows - i),
                            std::min(kBlock, columns - j));
        }
    });
    return true;
}

void copy(const View& x, const View& y) {
    const Conversion convert_run = x.type == y.type ? nullptr : conversion(x.type, y.type);
    if ((x.type != y.type && !convert_run) || y.elements() == 0) return plain_->copy(x, y);
    const int64_t from = size_of(x.type), to = size_of(y.type);
    Loops<2> loops(y.shape, {&x, &y});
    const bool along = loops.inner_stride(0) == 1 && loops.inner_stride(1) == 1;
    if (along && (loops.inner() >= 4 || loops.rank == 1)) {
        loops.for_each_run([&](const int64_t(&at)[2], int64_t count) {
            const char* source = x.as<char>() + at[0] * from;
            char* target = y.as<char>() + at[1] * to;
            if (convert_run)
                convert_run(source, target, count);
            else
                std::memcpy(target, source, count * from);
        });
        return;
    }
    if (convert_run) return plain_->copy(x, y);
    if (loops.inner_stride(0) == 0 && loops.inner_stride(1) == 1) {
        with_bytes(x.type, [&]<class T>(T) {
            loops.for_each_run(
                [&](const int64_t(&at)[2], int64_t count) { std::fill_n(y.as<T>() + at[1], count, x.as<T>()[at[0]]); });
        });
        return;
    }
    if (from == 4 && copy_transposed(loops, x.f32(), y.f32())) return;
    plain_->copy(x, y);
}

void gather_rows(const View& x, const View& index, const View& y) {
    int64_t bytes = size_of(x.type);
    for (int i = 1; i < x.rank(); i++) bytes *= x[i];
    if (bytes == 0) return;
    const int64_t* from = index.as<int64_t>();
    by_bytes(index.elements(), bytes, [&](int64_t begin, int64_t end) {
        for (int64_t j = begin; j < end; j++)
            std::memcpy(y.as<char>() + j * bytes, x.as<char>() + from[j] * bytes, bytes);
    });
}

Mask condition_at(const uint8_t* p, int64_t, All) { return load_bytes(p); }
Mask condition_at(const uint8_t* p, int64_t count, Mask) {
    uint8_t rest[F32::kLanes] = {};
    std::memcpy(rest, p, count);
    return load_bytes(rest);
}

// 4-byte elements pass as floats: a selection changes no bits.
void where(const View& condition, const View& a, const View& b, const View& y) {
    View result = y;
    result.make_dense_strides();
    Loops<4> loops(y.shape, {&condition, &a, &b, &result});
    bool contiguous = size_of(y.type) == 4;
    for (int v = 0; v < 3; v++) contiguous = contiguous && (loops.inner_stride(v) == 0 || loops.inner_stride(v) == 1);
    if (!contiguous || y.elements() == 0) return plain_->where(condition, a, b, y);
    const int64_t steps[3] = {loops.inner_stride(0), loops.inner_stride(1), loops.inner_stride(2)};
    loops.for_each_run([&](const int64_t(&at)[4], int64_t count) {
        const uint8_t* p = condition.as<uint8_t>() + at[0];
        const float *left = a.f32() + at[1], *right = b.f32() + at[2];
        float* to = y.f32() + at[3];
        const F32 one_left = *left, one_right = *right;
        const Mask no = first(0);
        auto run = [&](auto wanted) {
            lanes(count, [&](int64_t i, auto m) {
                F32 l = steps[1] ? load(left + i, m) : one_left, r = steps[2] ? load(right + i, m) : one_right;
                store(to + i, select(wanted(i, m), l, r), m);
            });
        };
        if (steps[0] == 1)
            run([&](int64_t i, auto m) { return condition_at(p + i, count - i, m); });
        else
            run([&, all = *p ? ~no : no](int64_t, auto) { return all; });
    });
}

}  // namespace

void add_movement(Backend& table, const Backend& plain) {
    plain_ = &plain;
    table.fill = fill;
    table.copy = copy;
    table.gather_rows = gather_rows;
    table.where = where;
}

}  // namespace hb::cpu::HB_TIER
