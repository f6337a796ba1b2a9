// The error object of llama.cpp's server.
#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "api/llama/llama.h"

namespace fulmar::api::llama {
namespace {

std::string_view type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 501:
      return "not_supported_error";
    case 503:
      return "unavailable_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = json::serialize(json::object{
      {"error", {{"code", failure.status}, {"message", text(failure.message)}, {"type", type_of(failure.status)}}}});
  return response;
}

}  // namespace

constexpr Family family{"llama", error_words};

}  // namespace fulmar::api::llama
