// What the tests of the host side share: counting checks, and errors as values.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <string>

#include "core/error.h"

namespace hb::cuda::test {

inline int passed = 0, failed = 0;

__attribute__((format(printf, 2, 3))) inline void check(bool holds, const char* pattern, ...) {
    if (holds) {
        passed++;
        return;
    }
    failed++;
    std::printf("FAILED ");
    va_list arguments;
    va_start(arguments, pattern);
    std::vprintf(pattern, arguments);
    va_end(arguments);
    std::printf("\n");
}

// `text` must mention every one of `words`.
inline void check_words(const char* what, const std::string& text, std::initializer_list<const char*> words) {
    for (const char* word : words)
        check(text.find(word) != std::string::npos, "%s: \"%s\" is missing in: %s", what, word, text.c_str());
}

// body must throw an Error of this status whose message mentions every one of `words`.
inline void check_throws(const char* what, hb_status status, std::initializer_list<const char*> words,
                         const std::function<void()>& body) {
    try {
        body();
    } catch (const Error& error) {
        check(error.status() == status, "%s: status %d, not %d: %s", what, int(error.status()), int(status),
              error.what());
        check_words(what, error.what(), words);
        return;
    }
    check(false, "%s: nothing was thrown", what);
}

// What main returns.
inline int finish() {
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

}  // namespace hb::cuda::test
