// POST /tokenize and GET /tokenizer_info as vLLM has them, and /v1/chat/completions/input_tokens: the tokens of a text or a
// conversation, for clients that count or score them.
#include <boost/json/serialize.hpp>

#include "answer/whole.h"
#include "api/openai/chat_prompt.h"
#include "api/openai/openai.h"

namespace fulmar::api::openai {
namespace {

using enum FieldType;

constexpr Field rows[] = {
    {"prompt", text, "`messages`", "A text."},
    {"return_token_strs", boolean, "false", "The tokens' texts as well, in `token_strs`."},
    {"add_special_tokens", boolean, "true", "Changes nothing: no RWKV vocabulary has a token that every text begins with."},
};

json::value trained_context(const ModelInfo& model) {
  return model.trained_context > 0 ? json::value(model.trained_context) : json::value();
}

std::shared_ptr<const Prompt> conversation(const Engine& engine, const Fields& fields, const Call& call) {
  fields.refuse_unsupported();
  return engine.prepare(read_chat_prompt(fields, call.http.body));
}

}  // namespace

constexpr FieldTable tokenize_fields{"tokenize as vLLM does", rows, {}, &chat_fields};

constexpr Shape tokens_answer{"vLLM's tokens", R"({
  "count": "integer", "max_model_len": "integer|null", "tokens": ["integer"], "token_strs": "list|null"})"};
constexpr Shape vocabulary_answer{"vLLM's vocabulary", R"({
  "tokenizer_class": "text", "vocab_size": "integer", "model_max_length": "integer|null", "bos_token": null, "eos_token": null})"};
constexpr Shape count_answer{"OpenAI's count of tokens", R"({"object": "=response.input_tokens", "input_tokens": "integer"})"};

bool is_tokenize(const json::object& body) {
  return !body.contains("content") && (body.contains("prompt") || body.contains("messages"));
}

void tokenize(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Engine& engine = *served->engine;
  const Fields fields(call.body, tokenize_fields);
  const bool with_texts = fields.boolean("return_token_strs").value_or(false);
  std::shared_ptr<const Prompt> prompt;
  if (const json::value* const given = fields.find("prompt")) {
    PromptInput input;
    input.text = string_of(*given, "prompt");
    input.may_be_empty = true;
    prompt = engine.prepare(input);
  } else {
    prompt = conversation(engine, fields, call);
  }
  json::value texts;
  if (with_texts) {
    json::array names;
    for (const Token token : prompt->tokens) names.push_back(api::text(engine.text_of({&token, 1})));
    texts = std::move(names);
  }
  give_whole(context, call,
             json::serialize(json::object{{"count", prompt->tokens.size()},
                                          {"max_model_len", trained_context(engine.model())},
                                          {"tokens", json::array(prompt->tokens.begin(), prompt->tokens.end())},
                                          {"token_strs", std::move(texts)}}));
}

// No token stands before a text, and what ends one has no spelling.
void tokenizer_info(const Context& context, const Call& call) {
  const host::ServedPtr served = context.loaded();
  const ModelInfo& model = served->engine->model();
  give_whole(context, call,
             json::serialize(json::object{{"tokenizer_class", api::text(model.tokenizer.what)},
                                          {"vocab_size", model.vocab},
                                          {"model_max_length", trained_context(model)},
                                          {"bos_token", nullptr},
                                          {"eos_token", nullptr}}));
}

void count_input(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const size_t count = conversation(*served->engine, Fields(call.body, chat_fields), call)->tokens.size();
  give_whole(context, call, json::serialize(json::object{{"object", "response.input_tokens"}, {"input_tokens", count}}));
}

}  // namespace fulmar::api::openai
