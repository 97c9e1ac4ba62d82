// The one exception of the engine. It is thrown anywhere below the C ABI and turned into a status and a message there.
#pragma once

#include <cstdarg>
#include <exception>
#include <string>

#include "hornbeam.h"

namespace hb {

class Error : public std::exception {
  public:
    Error(hb_status status, std::string message) : status_(status), message_(std::move(message)) {}
    hb_status status() const { return status_; }
    const char* what() const noexcept override { return message_.c_str(); }

  private:
    hb_status status_;
    std::string message_;
};

// printf-style text of any length.
std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

// As a JSON string; control characters are left out.
std::string quoted(const std::string& text);

[[noreturn]] void fail(hb_status status, const char* pattern, ...) __attribute__((format(printf, 2, 3)));

}  // namespace hb
