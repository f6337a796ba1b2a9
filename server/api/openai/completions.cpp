// POST /v1/completions: text or tokens go on.
#include "answer/answer.h"
#include "api/openai/openai.h"
#include "api/openai/words.h"

namespace fulmar::api::openai {
namespace {

constexpr uint32_t kDefaultTokens = 16;  // as OpenAI

std::vector<Token> tokens_of(const json::array& array, uint32_t vocab) {
  std::vector<Token> tokens;
  tokens.reserve(array.size());
  for (const json::value& token : array) tokens.push_back(token_of(token, "prompt", vocab));
  return tokens;
}

// "text", ["text", ...], [1, 2, ...] or [[1, 2, ...], ...].
std::vector<PromptInput> read_prompts(const Fields& fields, uint32_t vocab) {
  const json::value* prompt = fields.find("prompt");
  if (!prompt) bad_field("prompt", "is missing");
  std::vector<PromptInput> prompts;
  const auto add = [&](const json::value& value) {
    PromptInput& input = prompts.emplace_back();
    if (value.is_string()) {
      input.text = string_of(value, "prompt");
    } else if (value.is_array() && !value.get_array().empty()) {
      input.tokens = tokens_of(value.get_array(), vocab);
    } else {
      bad_field("prompt",
                "must be a string, an array of strings, an array of token ids or an array of those");
    }
  };
  const json::array* array = prompt->if_array();
  if (!array || (!array->empty() && array->front().is_number())) {
    add(*prompt);
    return prompts;
  }
  if (array->empty()) bad_field("prompt", "is an empty list");
  fields.list("prompt");  // has not too many entries
  const bool strings = array->front().is_string();
  for (const json::value& value : *array) {
    if (value.is_string() != strings) bad_field("prompt", "mixes strings and arrays of token ids");
    add(value);
  }
  return prompts;
}

}  // namespace

void completions(const Context& context, const Call& call) {
  Engine& engine = context.ready();
  const Fields fields(call.body, completion_fields);
  const uint32_t vocab = engine.model().vocab;

  Request common;
  Asked asked;
  const SamplingProfile& usual = profile_for(context.profiles, engine.model(), Asking::text);
  asked.delivery = read_common(fields, vocab, {kDefaultTokens, usual.sampling}, common);
  if (fields.integer("best_of").value_or(asked.delivery.choices) != asked.delivery.choices)
    unsupported("best_of", "must equal n");
  asked.echo = fields.boolean("echo").value_or(false);
  for (PromptInput& input : read_prompts(fields, vocab)) {
    input.keep_text = asked.echo;
    asked.prompts.emplace_back(common).prompt = engine.prepare(input);
  }
  auto words = completion_words(asked.delivery, engine.model().id);
  give_answer(context, engine, std::move(asked), std::move(words), call);
}

}  // namespace fulmar::api::openai
