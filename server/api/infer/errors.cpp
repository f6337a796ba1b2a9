// The error object of FastAPI's handlers.
#include <fmt/format.h>

#include "api/infer/infer.h"
#include "base/json_text.h"

namespace fulmar::api::infer {
namespace {

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = fmt::format(R"({{"detail":{}}})", json_quoted(failure.message));
  return response;
}

}  // namespace

constexpr Family family{"infer", error_words};

constexpr Shape success_answer{"RWKV-Infer's success", R"({"status": "=success"})"};

http::Response success() {
  http::Response response;
  response.body = R"({"status":"success"})";
  return response;
}

void check_name(const std::string& name, const std::string& field) {
  for (const unsigned char c : name)
    if (c < 0x20 || c == 0x7f) bad_field(field, "has a control character");
}

}  // namespace fulmar::api::infer
