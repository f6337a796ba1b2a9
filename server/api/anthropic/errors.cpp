// The error object, and its words for statuses.
#include <fmt/format.h>

#include "api/anthropic/anthropic.h"
#include "base/json_text.h"

namespace fulmar::api::anthropic {
namespace {

std::string_view type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 408:
      return "timeout_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

}  // namespace

constexpr Family family{"anthropic", error_words};

constexpr Shape unthreaded_shape{"Anthropic's refusal of a thread", R"({
  "type": "=error", "error": {"type": "=invalid_request_error", "message": "text",
                              "details": {"error_code": "=thread_unsupported_request", "unsupported": ["=threads"]}}})"};
constexpr Others messages_others{{{{400, "The request is wrong, or for a thread; the sentence says where.", &unthreaded_shape}}}};

std::string error_json(const http::Failure& failure) {
  // By this the package's tool runner knows that it must send all messages itself.
  const bool asked_for_thread = failure.status == 400 && failure.param == "thread";
  return fmt::format(R"({{"type":"error","error":{{"type":"{}","message":{}{}}}}})", type_of(failure.status), json_quoted(failure.message),
                     asked_for_thread ? R"(,"details":{"error_code":"thread_unsupported_request","unsupported":["threads"]})" : "");
}

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = error_json(failure);
  return response;
}

}  // namespace fulmar::api::anthropic
