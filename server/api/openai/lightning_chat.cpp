// POST /openai/v1/chat/completions, as rwkv_lightning has it: a chat with that system's names and numbers for how tokens are
// drawn, a system's text and one more question beside the messages, and no thought unless it is asked for.
#include <utility>

#include "answer/answer.h"
#include "answer/call_forms.h"
#include "answer/forms.h"
#include "answer/usual.h"
#include "api/openai/chat_prompt.h"
#include "api/openai/openai.h"
#include "api/openai/score_fields.h"
#include "api/openai/words.h"

namespace fulmar::api::openai {
namespace {

constexpr uint32_t default_lightning_tokens = 4096;

Sampling usual_sampling(const Context& context) {
  if (context.profiles.fixed) return context.profiles.fixed->sampling;
  Sampling sampling;
  sampling.rule = PenaltyRule::rapid;
  sampling.top_p = 0.6f;
  sampling.top_k = 20;
  sampling.presence_penalty = 1;
  sampling.frequency_penalty = 0.1f;
  sampling.penalty_decay = 0.996f;
  return sampling;
}

std::string first_content(const Fields& fields) {
  const json::array* contents = fields.list("contents");
  return contents ? string_of(contents->front(), "contents") : std::string();
}

// The messages between a system's text before them and a question behind them.
PromptInput read_prompt(const Fields& fields, const json::object& body, std::string_view source) {
  const std::string system = fields.text("system").value_or(""), question = first_content(fields);
  const bool has_messages = fields.list("messages") != nullptr;
  PromptInput input;
  if (has_messages) {
    input = read_chat_prompt(fields, source);
    if (!question.empty()) input.messages.push_back({"user", question});
  } else {
    if (question.empty() && system.empty()) throw Error(ErrorKind::bad_request, "Empty prompt", "messages");
    json::object with = body;
    with["messages"] = json::array{json::object{{"role", question.empty() ? "system" : "user"},
                                                {"content", question.empty() ? system : question}}};
    input = read_chat_prompt(Fields(with, lightning_chat_fields), {});
  }
  if (!system.empty() && !(question.empty() && !has_messages)) input.messages.insert(input.messages.begin(), {"system", system});
  if (input.chat.think == Think::standard) input.chat.think = Think::fake;
  return input;
}

}  // namespace

void lightning_chat(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, lightning_chat_fields);
  fields.refuse_unsupported();
  Asked asked;
  Request chat;
  const PromptInput input = read_prompt(fields, call.body, call.http.body);
  chat.prompt = engine.prepare(input);
  asked.delivery = read_common(fields, engine.model().vocab, {default_lightning_tokens, usual_sampling(context)}, chat);
  fields.set("alpha_presence", chat.sampling.presence_penalty);
  fields.set("alpha_frequency", chat.sampling.frequency_penalty);
  fields.set("alpha_decay", chat.sampling.penalty_decay);
  if (!read_mixed_stops(fields, "stop_tokens", engine.model().vocab, chat)) chat.stop.push_back("\nUser:");
  ScoreForm scores = read_chat_scores(fields, engine, asked, chat);
  if (!chat.streams.empty()) continue_session(engine, input, chat);
  asked.delivery.chunk = static_cast<uint32_t>(fields.integer("chunk_size").value_or(1));
  begin_as_served(*served, chat);
  bind_answer(engine, input.chat, read_form(fields, JsonSource(call.http.body)), chat);
  asked.prompts.push_back(std::move(chat));
  auto words = chat_words(asked.delivery, *served, CallWords::tools, std::move(scores));
  give_answer(context, served, std::move(asked), std::move(words), call);
}

}  // namespace fulmar::api::openai
