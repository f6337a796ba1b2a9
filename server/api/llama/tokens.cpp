// POST /tokenize and /detokenize: from text to token ids and back.
#include <boost/json/serialize.hpp>

#include "answer/common_fields.h"
#include "answer/json.h"
#include "answer/whole.h"
#include "api/llama/llama.h"
#include "base/utf8.h"

namespace fulmar::api::llama {
namespace {

using enum FieldType;

constexpr Field tokenize_rows[] = {
    {"content", text, "required", "The text."},
    {"with_pieces", boolean, "false",
     "Each token as `{\"id\": ..., \"piece\": ...}`: its text, or its bytes as numbers where these are no whole characters."},
    {"add_special", boolean, "false", "Changes nothing: no RWKV vocabulary has a token that every text begins with."},
    {"parse_special", boolean, "true", "Changes nothing: no text stands for more than its own tokens."},
};

constexpr Field detokenize_rows[] = {
    {"tokens", list, "required", "Token ids.", 0, 1 << 18},
};

constexpr Shape piece_shape{"a token's piece", R"({"id": "integer", "piece": "text|list"})"};

// Bytes are numbers where they are no text.
json::value piece_of(std::string_view bytes) {
  if (is_utf8(bytes)) return json::string(bytes);
  json::array numbers;
  for (const char byte : bytes) numbers.emplace_back(static_cast<unsigned char>(byte));
  return numbers;
}

}  // namespace

constexpr FieldTable tokenize_fields{"tokenize", tokenize_rows, {}}, detokenize_fields{"detokenize", detokenize_rows, {}};

constexpr Shape tokens_answer{"llama.cpp's tokens", R"({"tokens": ["integer|@a token's piece"]})", {&piece_shape}};
constexpr Shape text_answer{"llama.cpp's text of tokens", R"({"content": "text", "prompt": "text"})"};

void tokenize(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Engine& engine = *served->engine;
  const Fields fields(call.body, tokenize_fields);
  const json::value* const content = fields.find("content");
  if (!content) bad_field("content", "is missing");
  PromptInput input;
  input.text = string_of(*content, "content");
  input.may_be_empty = true;
  fields.boolean("add_special");
  fields.boolean("parse_special");
  const bool with_pieces = fields.boolean("with_pieces").value_or(false);
  const auto prompt = engine.prepare(input);
  json::array tokens;
  for (const Token token : prompt->tokens) {
    if (with_pieces)
      tokens.push_back(json::object{{"id", token}, {"piece", piece_of(engine.text_of({&token, 1}))}});
    else
      tokens.emplace_back(token);
  }
  give_whole(context, call, json::serialize(json::object{{"tokens", std::move(tokens)}}));
}

void detokenize(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Engine& engine = *served->engine;
  const Fields fields(call.body, detokenize_fields);
  if (!fields.find("tokens")) bad_field("tokens", "is missing");
  std::vector<Token> tokens;
  if (const json::array* const given = fields.list("tokens"))
    for (const json::value& token : *given) tokens.push_back(token_of(token, "tokens", engine.model().vocab));
  const json::string said = api::text(engine.text_of(tokens));
  give_whole(context, call, json::serialize(json::object{{"content", said}, {"prompt", said}}));
}

}  // namespace fulmar::api::llama
