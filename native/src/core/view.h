// A typed, strided window on memory: what kernels receive.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"

namespace hb {

enum class DType : int32_t { F32 = HB_F32, F64 = HB_F64, BF16 = HB_BF16, I64 = HB_I64, I32 = HB_I32, U8 = HB_U8 };

inline int64_t size_of(DType type) {
    switch (type) {
        case DType::F64:
        case DType::I64:
            return 8;
        case DType::F32:
        case DType::I32:
            return 4;
        case DType::BF16:
            return 2;
        case DType::U8:
            return 1;
    }
    return 0;
}
inline bool is_floating(DType type) { return type == DType::F32 || type == DType::F64 || type == DType::BF16; }
const char* name_of(DType type);

struct Shape {
    int rank = 0;
    int64_t size[HB_MAX_RANK] = {};

    int64_t operator[](int i) const { return size[i]; }
    int64_t& operator[](int i) { return size[i]; }
    int64_t elements() const {
        int64_t n = 1;
        for (int i = 0; i < rank; i++) n *= size[i];
        return n;
    }
    bool operator==(const Shape& o) const {
        if (rank != o.rank) return false;
        for (int i = 0; i < rank; i++)
            if (size[i] != o.size[i]) return false;
        return true;
    }
    // Appends one dimension.
    Shape& add(int64_t n) {
        size[rank++] = n;
        return *this;
    }
};
template <class... N>
Shape shape_of(N... sizes) {
    Shape s;
    (s.add(sizes), ...);
    return s;
}
// "[2, 3, 4]"
std::string text_of(const Shape& shape);

struct View {
    void* data = nullptr;  // null: the argument is absent
    DType type = DType::F32;
    Shape shape;
    int64_t stride[HB_MAX_RANK] = {};  // in elements; 0 repeats

    explicit operator bool() const { return data != nullptr; }
    int64_t elements() const { return shape.elements(); }
    int rank() const { return shape.rank; }
    int64_t operator[](int i) const { return shape[i]; }
    // Size of the last dimension, and the number of such rows.
    int64_t columns() const { return shape[shape.rank - 1]; }
    int64_t rows() const {
        int64_t n = 1;
        for (int i = 0; i + 1 < shape.rank; i++) n *= shape[i];
        return n;
    }
    template <class T>
    T* as() const {
        return static_cast<T*>(data);
    }
    float* f32() const { return as<float>(); }
    bool dense() const {
        int64_t expected = 1;
        for (int i = shape.rank - 1; i >= 0; i--) {
            if (shape[i] != 1 && stride[i] != expected) return false;
            expected *= shape[i];
        }
        return true;
    }
    void make_dense_strides() {
        int64_t s = 1;
        for (int i = shape.rank - 1; i >= 0; i--) {
            stride[i] = s;
            s *= shape[i];
        }
    }
};

}  // namespace hb
