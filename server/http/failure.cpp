// Which HTTP status and code an error has.
#include "http/failure.h"

#include <utility>

namespace fulmar::http {
namespace {

struct Face {
  int status;
  const char* code;  // empty: none
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
    case ErrorKind::conflict:
      return {409, "conflict"};
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

}  // namespace

Failure::Failure(int its_status, std::string its_message, std::string its_code)
    : status(its_status), message(std::move(its_message)), code(std::move(its_code)) {}

Failure::Failure(const Error& error) : message(error.what()), param(error.param()) {
  const Face face = face_of(error.kind());
  status = face.status;
  code = face.code;
}

Response worded(Wording wording, const Failure& failure) {
  Response response = wording(failure);
  response.status = failure.status;
  if (failure.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  // A slot frees within seconds; a restart or a rebuilt device takes longer.
  const uint32_t usual = failure.status == 429 ? 1 : failure.status == 503 ? 5 : 0;
  if (const uint32_t seconds = failure.retry_after > 0 ? failure.retry_after : usual)
    response.headers.push_back({"Retry-After", std::to_string(seconds)});
  return response;
}

Response plain_words(const Failure& failure) {
  Response response;
  response.body = failure.message + '\n';
  response.content_type = "text/plain; charset=utf-8";
  return response;
}

}  // namespace fulmar::http
