// Which HTTP status, type and code an error has, and its JSON.
#include <fmt/format.h>

#include <utility>

#include "base/json_text.h"
#include "http/message.h"

namespace fulmar::http {
namespace {

struct Face {
  int status;
  std::string_view code;  // empty: null
};

Face face_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::misuse:
    case ErrorKind::bad_file:
    case ErrorKind::bad_request:
      return {400, ""};
    case ErrorKind::unsupported:
      return {400, "unsupported"};
    case ErrorKind::unauthorized:
      return {401, "invalid_api_key"};
    case ErrorKind::not_found:
      return {404, "not_found"};
    case ErrorKind::bad_method:
      return {405, "method_not_allowed"};
    case ErrorKind::timed_out:
      return {408, "timeout"};
    case ErrorKind::too_large:
      return {413, "too_large"};
    case ErrorKind::busy:
      return {429, "queue_full"};
    case ErrorKind::unavailable:
      return {503, "unavailable"};
    case ErrorKind::device_lost:
      return {503, "device_lost"};
    case ErrorKind::out_of_memory:
      return {503, "out_of_memory"};
    case ErrorKind::internal:
      break;
  }
  return {500, "internal_error"};
}

std::string_view type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  if (status == 503) return "unavailable_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

std::string quoted_or_null(std::string_view text) {
  return text.empty() ? "null" : json_quoted(text);
}

std::string json(int status, std::string_view message, std::string_view param, std::string_view code) {
  return fmt::format(R"({{"error":{{"message":{},"type":"{}","param":{},"code":{}}}}})",
                     json_quoted(message), type_of(status), quoted_or_null(param), quoted_or_null(code));
}

// What a client of this status does next.
Response with_advice(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  if (status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  // A slot frees within seconds; a restart or a rebuilt device takes longer.
  if (status == 429) response.headers.push_back({"Retry-After", "1"});
  if (status == 503) response.headers.push_back({"Retry-After", "5"});
  return response;
}

}  // namespace

std::string error_json(const Error& error) {
  const Face face = face_of(error.kind());
  return json(face.status, error.what(), error.param(), face.code);
}

Response error_response(const Error& error) {
  return with_advice(face_of(error.kind()).status, error_json(error));
}

Response error_response(int status, std::string_view message, std::string_view code) {
  return with_advice(status, json(status, message, {}, code));
}

}  // namespace fulmar::http
