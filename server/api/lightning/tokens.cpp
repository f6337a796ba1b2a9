// POST /v1/tokens/count: how many tokens a text is.
#include <fmt/format.h>

#include "api/lightning/lightning.h"
#include "api/lightning/native_fields.h"

namespace fulmar::api::lightning {
namespace {

// A text that goes on from nothing has none, where a request for an answer would have token 0.
size_t tokens_of(const Engine& engine, PromptInput input) {
  input.may_be_empty = true;
  return engine.prepare(input)->tokens.size();
}

size_t tokens_of_text(const Engine& engine, std::string text) {
  PromptInput input;
  input.text = std::move(text);
  return tokens_of(engine, std::move(input));
}

}  // namespace

constexpr Shape count_answer{"rwkv_lightning's count of tokens", R"({"tokens": "integer"})"};

void count_tokens(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  const Engine& engine = *served->engine;
  const Fields fields(call.body, count_fields);
  size_t tokens = 0;
  if (const json::value* text = fields.find("text")) {
    tokens = tokens_of_text(engine, string_of(*text, "text"));
  } else if (fields.find("messages")) {
    PromptInput input;
    input.messages = read_messages(fields);
    if (!input.messages.empty()) tokens = tokens_of(engine, std::move(input));
  } else if (fields.find("contents")) {
    for (std::string& one : read_texts(fields, "contents")) tokens += tokens_of_text(engine, std::move(one));
  } else {
    throw Error(ErrorKind::bad_request, "Missing text, messages or contents", "text");
  }
  http::Response response;
  response.body = fmt::format(R"({{"tokens":{}}})", tokens);
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api::lightning
