// The error object.
#include <fmt/format.h>

#include "api/openai/words.h"
#include "base/json_text.h"

namespace fulmar::api::openai {
namespace {

std::string_view type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  if (status == 503) return "unavailable_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

std::string quoted_or_null(std::string_view text) {
  return text.empty() ? "null" : json_quoted(text);
}

}  // namespace

std::string error_json(const http::Failure& failure) {
  return fmt::format(R"({{"error":{{"message":{},"type":"{}","param":{},"code":{}}}}})", json_quoted(failure.message),
                     type_of(failure.status), quoted_or_null(failure.param), quoted_or_null(failure.code));
}

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = error_json(failure);
  return response;
}

}  // namespace fulmar::api::openai
