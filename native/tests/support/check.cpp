#include "support/check.h"

#include <bit>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>

#include "core/philox.h"

namespace hb::test {
namespace {

int passed_checks = 0, failed_checks = 0;

}  // namespace

int64_t ok(int64_t result) {
    if (result < 0) throw CallFailed(static_cast<hb_status>(result), hb_last_error());
    return result;
}

void check(bool passed, const char* pattern, ...) {
    if (passed) {
        passed_checks++;
        return;
    }
    failed_checks++;
    std::va_list arguments;
    va_start(arguments, pattern);
    std::fputs("FAILED ", stdout);
    std::vprintf(pattern, arguments);
    std::fputs("\n", stdout);
    va_end(arguments);
}

void check_error(int64_t result, hb_status status, std::initializer_list<const char*> words) {
    std::string message = hb_last_error();
    check(result == status, "status %lld, expected %d; last error: %s", static_cast<long long>(result), status,
          message.c_str());
    if (result != status) return;
    for (const char* word : words)
        check(message.find(word) != std::string::npos, "the message \"%s\" does not mention \"%s\"", message.c_str(),
              word);
}

int failures() { return failed_checks; }

int finish() {
    std::printf("%d passed, %d failed\n", passed_checks, failed_checks);
    return failed_checks == 0 ? 0 : 1;
}

Handles::~Handles() {
    for (hb_tensor handle : handles_) hb_release(handle);
}

hb_tensor Handles::operator()(hb_tensor result) {
    ok(result);
    if (result > 0) handles_.push_back(result);
    return result;
}

void Handles::release(hb_tensor handle) {
    for (size_t i = 0; i < handles_.size(); i++)
        if (handles_[i] == handle) {
            handles_.erase(handles_.begin() + static_cast<std::ptrdiff_t>(i));
            break;
        }
    ok(hb_release(handle));
}

int64_t count(const Sizes& shape) {
    int64_t n = 1;
    for (int64_t size : shape) n *= size;
    return n;
}

int64_t bytes_of(hb_dtype type) {
    switch (type) {
        case HB_F64:
        case HB_I64:
            return 8;
        case HB_F32:
        case HB_I32:
            return 4;
        case HB_BF16:
            return 2;
        default:
            return 1;
    }
}

const char* name_of_type(hb_dtype type) {
    constexpr const char* names[] = {"f32", "f64", "bf16", "i64", "i32", "u8"};
    return names[type];
}

static hb_descriptor describe(hb_tensor tensor) {
    hb_descriptor d;
    ok(hb_describe(tensor, &d));
    return d;
}

Sizes shape_of(hb_tensor tensor) {
    hb_descriptor d = describe(tensor);
    return Sizes(d.shape, d.shape + d.rank);
}

hb_dtype type_of(hb_tensor tensor) { return describe(tensor).dtype; }

std::string text_of(const Sizes& shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); i++) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

template <class T>
static void store_as(const std::vector<double>& values, std::vector<unsigned char>& bytes) {
    for (size_t i = 0; i < values.size(); i++) {
        T v = static_cast<T>(values[i]);
        std::memcpy(bytes.data() + i * sizeof v, &v, sizeof v);
    }
}

template <class T>
static void load_as(const std::vector<unsigned char>& bytes, std::vector<double>& values) {
    for (size_t i = 0; i < values.size(); i++) {
        T v;
        std::memcpy(&v, bytes.data() + i * sizeof v, sizeof v);
        values[i] = static_cast<double>(v);
    }
}

void encode(hb_dtype type, const std::vector<double>& values, std::vector<unsigned char>& bytes) {
    bytes.resize(values.size() * static_cast<size_t>(bytes_of(type)));
    switch (type) {
        case HB_F32:
            return store_as<float>(values, bytes);
        case HB_F64:
            return store_as<double>(values, bytes);
        case HB_I64:
            return store_as<int64_t>(values, bytes);
        case HB_I32:
            return store_as<int32_t>(values, bytes);
        case HB_U8:
            return store_as<uint8_t>(values, bytes);
        default:
            for (size_t i = 0; i < values.size(); i++) {
                auto upper = static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(values[i])) >> 16);
                std::memcpy(bytes.data() + 2 * i, &upper, 2);
            }
    }
}

std::vector<double> decode(hb_dtype type, const std::vector<unsigned char>& bytes) {
    std::vector<double> values(bytes.size() / static_cast<size_t>(bytes_of(type)));
    switch (type) {
        case HB_F32:
            load_as<float>(bytes, values);
            break;
        case HB_F64:
            load_as<double>(bytes, values);
            break;
        case HB_I64:
            load_as<int64_t>(bytes, values);
            break;
        case HB_I32:
            load_as<int32_t>(bytes, values);
            break;
        case HB_U8:
            load_as<uint8_t>(bytes, values);
            break;
        default:
            for (size_t i = 0; i < values.size(); i++) {
                uint16_t upper;
                std::memcpy(&upper, bytes.data() + 2 * i, 2);
                values[i] = std::bit_cast<float>(static_cast<uint32_t>(upper) << 16);
            }
    }
    return values;
}

static hb_device device_of_tests = HB_DEVICE_CPU;

hb_device here() { return device_of_tests; }
On::On(hb_device device) : before_(device_of_tests) { device_of_tests = device; }
On::~On() { device_of_tests = before_; }

hb_tensor tensor_of(hb_dtype type, const Sizes& shape, const std::vector<double>& values) {
    hb_tensor tensor = ok(hb_empty(here(), type, static_cast<int32_t>(shape.size()), shape.data()));
    std::vector<unsigned char> bytes;
    encode(type, values, bytes);
    ok(hb_write(tensor, bytes.data(), static_cast<int64_t>(bytes.size())));
    return tensor;
}

std::vector<unsigned char> bytes_of(hb_tensor tensor) {
    hb_descriptor d = describe(tensor);
    std::vector<unsigned char> bytes(static_cast<size_t>(d.elements * bytes_of(d.dtype)));
    ok(hb_read(tensor, bytes.data(), static_cast<int64_t>(bytes.size())));
    return bytes;
}

std::vector<double> values_of(hb_tensor tensor) { return decode(type_of(tensor), bytes_of(tensor)); }

std::vector<double> uniform_values(int64_t n, double low, double high, uint32_t stream, uint64_t seed) {
    PhiloxKey key;
    key.seed = seed;
    key.purpose = kPurposeTest;
    key.stream = stream;
    std::vector<double> values(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) {
        double u = key.uniform(static_cast<uint64_t>(i));
        values[static_cast<size_t>(i)] = static_cast<float>(low + (high - low) * u);
    }
    return values;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
    double most = 0;
    for (size_t i = 0; i < a.size(); i++) {
        if (std::isnan(a[i]) && std::isnan(b[i])) continue;
        if (a[i] == b[i]) continue;
        double difference = std::fabs(a[i] - b[i]);
        if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
        most = std::max(most, difference);
    }
    return most;
}

}  // namespace hb::test
