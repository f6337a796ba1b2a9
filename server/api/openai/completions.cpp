// POST /v1/completions: text or tokens go on.
#include <fmt/format.h>

#include "answer/answer.h"
#include "answer/forms.h"
#include "answer/inputs.h"
#include "answer/middle.h"
#include "answer/usual.h"
#include "api/openai/account_fields.h"
#include "api/openai/openai.h"
#include "api/openai/score_fields.h"
#include "api/openai/words.h"

namespace fulmar::api::openai {
namespace {

constexpr uint32_t default_completion_tokens = 16;  // as OpenAI

// What is asked for is what stands between the two.
void put_before(const std::string& suffix, bool echo, std::vector<PromptInput>& inputs) {
  if (suffix.empty()) return;
  if (echo) bad_field("echo", "and suffix exclude each other: the prompt of a text with a gap has another order");
  for (PromptInput& input : inputs) {
    if (!input.tokens.empty()) bad_field("suffix", "goes with prompts that are texts, not token ids");
    input.text = fill_in_the_middle(input.text, suffix);
  }
}

}  // namespace

void completions(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, completion_fields);
  const uint32_t vocab = engine.model().vocab;
  check_account_fields(fields);

  Request common;
  Asked asked;
  const Sampling usual = usual_sampling(context.profiles, *served, Asking::text);
  asked.delivery = read_common(fields, vocab, {usual_tokens(context, call, default_completion_tokens), usual}, common);
  read_llama_fields(fields, asked, common);
  bind_answer(fields, call.http.body, engine, common);
  asked.echo = fields.boolean("echo").value_or(false);
  ScoreForm scores = read_completion_scores(fields, engine, asked, common);
  std::vector<PromptInput> inputs = read_inputs(fields, "prompt", vocab);
  if (const auto suffix = fields.text("suffix")) put_before(*suffix, asked.echo, inputs);
  if (inputs.size() > 1 && !common.streams.empty())
    bad_field("session_id", fmt::format("goes on with one prompt, not {}", inputs.size()));
  for (PromptInput& input : inputs) {
    input.keep_text = asked.echo;
    Request& request = asked.prompts.emplace_back(common);
    request.prompt = engine.prepare(input);
    const bool has_session = !request.streams.empty();
    begin_as_served(*served, request);
    if (!has_session) continue;
    input.may_be_empty = true;  // a session may go on with nothing new
    request.continued = engine.prepare(input);
  }
  auto words = completion_words(asked.delivery, *served, std::move(scores));
  give_answer(context, served, std::move(asked), std::move(words), call);
}

}  // namespace fulmar::api::openai
