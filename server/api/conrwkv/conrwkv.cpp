// Which bodies are meant, and errors as FastAPI words them.
#include "api/conrwkv/conrwkv.h"

#include <fmt/format.h>

#include "answer/json.h"
#include "base/json_text.h"

namespace fulmar::api::conrwkv {
namespace {

constexpr int invalid = 422;
constexpr uint32_t kDefaultTokens = 1024;

bool has(const json::object& body, std::string_view field) {
  const json::value* value = body.if_contains(json::string_view(field.data(), field.size()));
  return value && !value->is_null() && !says_nothing(*value);
}

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  const std::string sentence = json_quoted(failure.message);
  if (failure.status != invalid) {
    response.body = fmt::format(R"({{"detail":{}}})", sentence);
    return response;
  }
  const std::string field = failure.param.empty() ? "" : "," + json_quoted(failure.param);
  response.body = fmt::format(R"({{"detail":[{{"type":"value_error","loc":["body"{}],"msg":{}}}]}})", field, sentence);
  return response;
}

}  // namespace

constexpr Family family{"conrwkv", error_words, kDefaultTokens, {}, invalid};

bool has_prompt(const json::object& body) { return has(body, "prompt"); }
bool has_no_prompt(const json::object& body) { return !has_prompt(body); }
bool has_no_messages(const json::object& body) { return !has(body, "messages"); }
bool has_both(const json::object& body) { return has_prompt(body) && !has_no_messages(body); }

void refuse_both(const Context&, const Call& call) {
  answer_invalid(Error(ErrorKind::bad_request, "messages and prompt are both given: it is one of them"), call);
}

bool answer_invalid(const Error& error, const Call& call) {
  if (error.kind() != ErrorKind::bad_request && error.kind() != ErrorKind::unsupported) return false;
  http::Failure failure(error);
  failure.status = invalid;
  call.reply->respond(http::worded(family.wording, failure));
  return true;
}

}  // namespace fulmar::api::conrwkv
