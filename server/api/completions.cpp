// POST /v1/completions: text or tokens go on.
#include "api/answering.h"
#include "api/body.h"
#include "api/context.h"

namespace fulmar::api {
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

void completions(const Context& context, const http::Request& request,
                 const std::shared_ptr<http::Reply>& reply) {
  Engine& engine = context.ready();
  const json::object body = parse_object(request.body);
  const Fields fields(body, completion_fields);
  const uint32_t vocab = engine.model().vocab;

  Request common;
  AnswerPlan plan;
  plan.delivery = read_common(fields, vocab, kDefaultTokens, common);
  if (fields.integer("best_of").value_or(plan.delivery.choices) != plan.delivery.choices)
    unsupported("best_of", "must equal n");
  plan.echo = fields.boolean("echo").value_or(false);
  for (PromptInput& input : read_prompts(fields, vocab)) {
    input.keep_text = plan.echo;
    plan.prompts.emplace_back(common).prompt = engine.prepare(input);
  }
  answer(context, engine, std::move(plan), reply);
}

}  // namespace fulmar::api
