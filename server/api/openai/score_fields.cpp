// Reads what OpenAI's and vLLM's clients say of log probabilities.
#include "api/openai/score_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace fulmar::api::openai {
namespace {

// Others take false for none.
std::optional<uint16_t> count_of(const Fields& fields, std::string_view field) {
  const json::value* value = fields.find(field);
  if (!value || (value->is_bool() && !value->get_bool())) return std::nullopt;
  return static_cast<uint16_t>(*fields.integer(field));
}

void report(ScoreForm& form, const Engine& engine, Asked& asked, Request& request) {
  form.spell = engine.speller();
  asked.scores = form.any();
  request.report.logprobs = form.logprobs;
  request.report.prompt_logprobs = form.prompt_logprobs;
  if (form.echo && form.logprobs) request.report.prompt_logprobs = std::max(*form.logprobs, form.prompt_logprobs.value_or(0));
  if (asked.best_of > 0 && !form.logprobs) request.report.logprobs = 0;
  if (form.prompt_logprobs && asked.delivery.stream)
    bad_field("prompt_logprobs", "is no part of a stream: leave it or stream out");
  if (request.report.prompt_logprobs && !request.streams.empty())
    bad_field(form.prompt_logprobs ? "prompt_logprobs" : "logprobs",
              "of a prompt and session_id exclude each other: what a session has read is not read again");
}

}  // namespace

ScoreForm read_chat_scores(const Fields& fields, const Engine& engine, Asked& asked, Request& request) {
  ScoreForm form;
  const json::value* wanted = fields.find("logprobs");
  const bool is_zero = wanted && wanted->is_number() && wanted->to_number<double>() == 0;  // others' word for none
  const bool wants = !is_zero && fields.boolean("logprobs").value_or(false);
  const auto top = fields.integer("top_logprobs").value_or(0);
  if (top > 0 && !wants) bad_field("top_logprobs", "is there with \"logprobs\": true only");
  if (wants) form.logprobs = static_cast<uint16_t>(top);
  form.prompt_logprobs = count_of(fields, "prompt_logprobs");
  report(form, engine, asked, request);
  return form;
}

ScoreForm read_completion_scores(const Fields& fields, const Engine& engine, Asked& asked, Request& request) {
  ScoreForm form;
  form.logprobs = count_of(fields, "logprobs");
  form.echo = asked.echo;
  form.prompt_logprobs = count_of(fields, "prompt_logprobs");
  const auto best_of = static_cast<uint32_t>(fields.integer("best_of").value_or(asked.delivery.choices));
  if (best_of < asked.delivery.choices)
    bad_field("best_of", fmt::format("is {}, fewer than the n of {} that are wanted of them", best_of, asked.delivery.choices));
  if (best_of > asked.delivery.choices) {
    if (asked.delivery.stream) bad_field("best_of", "is no part of a stream: which are best is known at the end");
    if (!request.streams.empty()) bad_field("best_of", "and session_id exclude each other: a session goes on with one answer");
    asked.best_of = best_of;
  }
  report(form, engine, asked, request);
  request.report.stop_token = true;  // who asks for one token counts on its entry, whatever it is
  return form;
}

}  // namespace fulmar::api::openai
