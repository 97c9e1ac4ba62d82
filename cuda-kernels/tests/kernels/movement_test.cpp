// Filling, turning and picking of tensors whose types and strides the op table does not have.
#include <cstring>
#include <vector>

#include "backend/backend.h"
#include "core/philox.h"
#include "host/device.h"
#include "kernels/kernels.h"
#include "tests/host/check.h"

using namespace hb;
using namespace hb::cuda;
using namespace hb::cuda::test;

namespace {

Backend kernels() {
    Backend table{};
    add_movement(table);
    return table;
}

// Bytes on the device that views look at.
class Memory {
  public:
    explicit Memory(const std::vector<char>& bytes)
        : size_(bytes.size()), data_(static_cast<char*>(device().memory.allocate(int64_t(bytes.size())))) {
        device().copy_in(data_, bytes.data(), int64_t(size_));
    }
    ~Memory() { device().memory.release(data_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    View view(DType type, const Shape& shape, int64_t offset = 0) const {
        View v;
        v.data = data_ + offset;
        v.type = type;
        v.shape = shape;
        v.make_dense_strides();
        return v;
    }
    std::vector<char> now() const {
        std::vector<char> bytes(size_);
        device().copy_out(bytes.data(), data_, int64_t(size_));
        return bytes;
    }

  private:
    size_t size_;
    char* data_;
};

std::vector<char> random_bytes(int64_t n, uint32_t stream) {
    PhiloxKey key;
    key.stream = stream;
    std::vector<char> bytes(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) bytes[size_t(i)] = char(key.below(uint64_t(i), 256));
    return bytes;
}

constexpr DType kTypes[] = {DType::U8, DType::BF16, DType::F32, DType::I32, DType::I64, DType::F64};

// Every second element of a part of the memory; the others keep what they had.
void filled_with_gaps() {
    for (DType type : kTypes) {
        const int64_t size = size_of(type), n = 301;
        const std::vector<char> before = random_bytes(2 * n * size, 1);
        const Memory memory(before);
        View y = memory.view(type, shape_of(n));
        y.stride[0] = 2;
        kernels().fill(y, 3);
        char three[8] = {};
        switch (type) {
            case DType::U8:
                three[0] = 3;
                break;
            case DType::I32:
            case DType::I64:
                three[0] = 3;
                break;  // little end first
            case DType::BF16:
                std::memcpy(three, "\x40\x40", 2);
                break;
            case DType::F32:
                std::memcpy(three, "\0\0\x40\x40", 4);
                break;
            default:
                std::memcpy(three, "\0\0\0\0\0\0\x08\x40", 8);
                break;
        }
        const std::vector<char> after = memory.now();
        int64_t wrong = 0;
        for (int64_t i = 0; i < 2 * n; i++)
            wrong +=
                std::memcmp(&after[size_t(i * size)], i % 2 ? &before[size_t(i * size)] : three, size_t(size)) != 0;
        check(wrong == 0, "%lld elements of %s are not as they should be", (long long)wrong, name_of(type));
    }
}

void turned() {
    for (DType type : kTypes) {
        const int64_t size = size_of(type), rows = 70, columns = 45;
        const std::vector<char> from = random_bytes(rows * columns * size, 2);
        const Memory source(from), target(std::vector<char>(from.size()));
        View x = source.view(type, shape_of(columns, rows));
        x.stride[0] = 1, x.stride[1] = columns;
        kernels().copy(x, target.view(type, shape_of(columns, rows)));
        const std::vector<char> to = target.now();
        int64_t wrong = 0;
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                wrong += std::memcmp(&to[size_t((j * rows + i) * size)], &from[size_t((i * columns + j) * size)],
                                     size_t(size)) != 0;
        check(wrong == 0, "%lld turned elements of %s are wrong", (long long)wrong, name_of(type));
    }
}

void picked() {
    for (DType type : kTypes) {
        const int64_t size = size_of(type), rows = 300, columns = 7;
        const std::vector<char> from = random_bytes(rows * columns * size, 3);
        std::vector<int64_t> places(static_cast<size_t>(rows));
        PhiloxKey key;
        key.stream = 4;
        for (int64_t i = 0; i < rows; i++) places[size_t(i)] = key.below(uint64_t(i), uint32_t(columns));
        std::vector<char> index(size_t(rows) * 8);
        std::memcpy(index.data(), places.data(), index.size());
        const Memory source(from), at(index), target(std::vector<char>(size_t(rows * size)));
        kernels().take_along_rows(source.view(type, shape_of(rows, columns)), at.view(DType::I64, shape_of(rows)),
                                  target.view(type, shape_of(rows)));
        const std::vector<char> to = target.now();
        int64_t wrong = 0;
        for (int64_t i = 0; i < rows; i++)
            wrong += std::memcmp(&to[size_t(i * size)], &from[size_t((i * columns + places[size_t(i)]) * size)],
                                 size_t(size)) != 0;
        check(wrong == 0, "%lld picked elements of %s are wrong", (long long)wrong, name_of(type));
    }
}

}  // namespace

int main() {
    filled_with_gaps();
    turned();
    picked();
    return finish();
}
