// An answer to what is no proper request, after which the connection ends: its framing cannot be believed.
#pragma once
#include <string_view>
#include <utility>

#include "http/message.h"

namespace fulmar::http {

struct Refusal {
  Response response;

  Refusal(int status, std::string_view message, std::string_view code)
      : response(error_response(status, message, code)) {}
  explicit Refusal(Response given) : response(std::move(given)) {}
};

// Throws a Refusal with status 400.
[[noreturn]] void malformed(std::string_view message);

}  // namespace fulmar::http
