#include "core/error.h"

#include <cstdio>

#include "core/view.h"

namespace hb {

static std::string format_list(const char* pattern, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = std::vsnprintf(nullptr, 0, pattern, arguments);
    std::string text(length > 0 ? length : 0, '\0');
    if (length > 0) std::vsnprintf(text.data(), text.size() + 1, pattern, again);
    va_end(again);
    return text;
}

std::string format(const char* pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    std::string text = format_list(pattern, arguments);
    va_end(arguments);
    return text;
}

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        if (static_cast<unsigned char>(c) >= 0x20) result += c;
    }
    return result + "\"";
}

void fail(hb_status status, const char* pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    std::string text = format_list(pattern, arguments);
    va_end(arguments);
    throw Error(status, std::move(text));
}

const char* name_of(DType type) {
    switch (type) {
        case DType::F32:
            return "f32";
        case DType::F64:
            return "f64";
        case DType::BF16:
            return "bf16";
        case DType::I64:
            return "i64";
        case DType::I32:
            return "i32";
        case DType::U8:
            return "u8";
    }
    return "unknown";
}

std::string text_of(const Shape& shape) {
    std::string text = "[";
    for (int i = 0; i < shape.rank; i++) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

}  // namespace hb
