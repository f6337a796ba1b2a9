// POST /tokenize and GET /tokenizer_info as vLLM has them, for clients that count or score tokens, as lm-evaluation-harness.
#include <boost/json/serialize.hpp>

#include "answer/whole.h"
#include "api/openai/openai.h"

namespace fulmar::api::openai {
namespace {

json::value trained_context(const ModelInfo& model) {
  return model.trained_context > 0 ? json::value(model.trained_context) : json::value(nullptr);
}

}  // namespace

bool has_prompt(const json::object& body) {
  return body.contains("prompt");
}

void tokenize(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Engine& engine = *served->engine;
  const Fields fields(call.body, tokenize_fields);
  fields.boolean("add_special_tokens");
  PromptInput input;
  const json::value* prompt = fields.find("prompt");
  if (!prompt) bad_field("prompt", "is missing");
  input.text = string_of(*prompt, "prompt");
  input.may_be_empty = true;
  const std::shared_ptr<const Prompt> made = engine.prepare(input);
  const std::vector<Token>& tokens = made->tokens;
  json::object answer = {{"count", tokens.size()},
                         {"max_model_len", trained_context(engine.model())},
                         {"tokens", json::array(tokens.begin(), tokens.end())},
                         {"token_strs", nullptr}};
  if (fields.boolean("return_token_strs").value_or(false)) {
    json::array strings;
    for (const Token token : tokens) strings.push_back(text(engine.text_of({&token, 1})));
    answer["token_strs"] = std::move(strings);
  }
  give_whole(context, call, json::serialize(answer));
}

// No token stands before a text, and what ends one has no spelling.
void tokenizer_info(const Context& context, const Call& call) {
  const ModelInfo& model = context.loaded()->engine->model();
  const json::object answer = {{"tokenizer_class", text(model.tokenizer.what)},
                               {"vocab_size", model.vocab},
                               {"model_max_length", trained_context(model)},
                               {"bos_token", nullptr},
                               {"eos_token", nullptr}};
  give_whole(context, call, json::serialize(answer));
}

}  // namespace fulmar::api::openai
