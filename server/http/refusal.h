// Thrown for what is no proper request: it is answered, and then the connection ends, for its framing cannot
// be believed.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "http/failure.h"

namespace fulmar::http {

struct Refusal {
  Failure failure;

  Refusal(int status, std::string message, std::string code)
      : failure(status, std::move(message), std::move(code)) {}
  explicit Refusal(const Error& error) : failure(error) {}
};

// Throws a Refusal with status 400.
[[noreturn]] void malformed(std::string_view message);

}  // namespace fulmar::http
