// Reads RWKV-Runner's requests; what is answered has OpenAI's form.
#include "api/openai/runner_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "answer/answer.h"
#include "answer/call_forms.h"
#include "answer/forms.h"
#include "answer/inputs.h"
#include "answer/usual.h"
#include "answer/validated.h"
#include "api/openai/chat_prompt.h"
#include "api/openai/openai.h"
#include "api/openai/score_fields.h"
#include "api/openai/words.h"
#include "host/host.h"

namespace fulmar::api::openai {
namespace {

constexpr Field message_rows[] = {
    {"prefix", FieldType::boolean, "false", "Of the last message, where that is the assistant's: its text goes on."},
};

constexpr Refused message_refused[] = {
    {"raw", "[false]", "is not supported: empty lines and what stands at a text's ends go, as the template has it"},
};

constexpr std::string_view usual_stops[] = {"\n\nUser",      "\n\nQuestion", "\n\nQ",   "\n\nHuman", "\n\nBob",
                                            "\n\nAssistant", "\n\nAnswer",   "\n\nA",   "\n\nBot",   "\n\nAlice",
                                            "\n\nObservation"};

bool has(const json::object& body, std::string_view field) {
  const json::value* value = body.if_contains(field);
  return value && !value->is_null();
}

host::ServedPtr model_for(const Context& context, const Call& call) {
  try {
    return context.ready_or_current(model_of(call));
  } catch (const host::NotResident&) {
    throw;
  } catch (const Error& error) {
    // None at all, or none that a request without a name could mean.
    const bool is_none = error.kind() == ErrorKind::unavailable || error.param() == "model";
    if (is_none && !context.draining) throw Error(ErrorKind::bad_request, "model not loaded");
    throw;
  }
}

void begin(const Context& context, const StandingValues& values, const host::Served& served, Request& request) {
  if (values.state.empty()) return begin_as_served(served, request);
  if (request.streams.empty()) request.streams.emplace_back();
  request.streams[0].start = context.standing.tuned(context.host->shelf(), *served.engine, values.state);
}

// Sampling, lengths and stops: the values that stand, and what the body says. In `request` for the fields of OpenAI.
Delivery read_values(const Fields& fields, const StandingValues& values, const Context& context, const Engine& engine,
                     Request& request) {
  const Delivery delivery =
      read_common(fields, engine.model().vocab, {values.max_tokens, values.sampling}, request);
  request.sampling.temperature = values.sampling.temperature;  // which is not as cold as the field may be
  request.use_prefix_cache = request.use_prefix_cache && context.standing.uses_cache();
  return delivery;
}

// Of a speaker's name, as RWKV-Runner has it: behind an empty line the name's first token.
std::string stop_of(const std::string& name, std::string_view otherwise, const Engine& engine) {
  PromptInput input;
  input.text = name.empty() ? std::string(otherwise) : name;
  const auto prompt = engine.prepare(input);
  return "\n\n" + engine.text_of(std::span(prompt->tokens).first(1));
}

// Where the answer begins with a thought, a stop that is a letter would cut it.
void add_stops(const Fields& fields, std::vector<std::string> names, Request& request) {
  if (request.prompt->turn.opening == TurnOpening::thought) return;
  if (!fields.find("stop")) request.stop.assign(std::begin(usual_stops), std::end(usual_stops));
  for (std::string& name : names) request.stop.push_back(std::move(name));
}

// What RWKV-Runner's messages have beside OpenAI's.
void read_own_members(const Fields& fields, std::string_view template_name, PromptInput& input) {
  const json::array& array = *fields.list("messages");
  bool prefix = false;
  for (size_t i = 0; i < array.size(); ++i) {
    const Fields message(array[i].get_object(), runner_message_fields, fmt::format("messages[{}].", i));
    message.refuse_unsupported();
    prefix = message.boolean("prefix").value_or(false) && input.messages[i].role == "assistant";
  }
  std::erase_if(input.messages, [](const ChatMessage& one) {
    return one.role == "assistant" && one.content.empty() && one.tool_calls.empty();
  });
  if (input.messages.empty()) throw Error(ErrorKind::bad_request, "messages not found");
  if (!input.chat.continue_final_message) input.chat.continue_final_message = prefix && input.messages.back().role == "assistant";
  // Their clients show no thoughts: an answer begins at once, where the body does not ask for one.
  if (input.chat.think == Think::standard) input.chat.think = template_name == "bot" ? Think::fake : Think::off;
}

void chat(const Context& context, const Call& call) {
  const host::ServedPtr served = model_for(context, call);
  Engine& engine = *served->engine;
  const Fields fields(call.body, runner_chat_fields);
  fields.refuse_unsupported();
  if (!fields.list("messages")) throw Error(ErrorKind::bad_request, "messages not found");
  const StandingValues values = overlaid(context.standing.values(), fields);
  PromptInput input = read_chat_prompt(fields, call.http.body);
  read_own_members(fields, engine.model().chat_template.what, input);

  std::vector<std::string> names = {stop_of(input.chat.user_name, "User", engine),
                                    stop_of(input.chat.assistant_name, "Assistant", engine)};
  Request request;
  request.prompt = engine.prepare(input);
  Asked asked;
  asked.delivery = read_values(fields, values, context, engine, request);
  add_stops(fields, std::move(names), request);
  ScoreForm scores = read_chat_scores(fields, engine, asked, request);
  if (!request.streams.empty()) continue_session(engine, input, request);
  begin(context, values, *served, request);
  bind_answer(engine, input.chat, read_form(fields, JsonSource(call.http.body)), request);
  asked.prompts.push_back(std::move(request));
  auto words = chat_words(asked.delivery, *served, CallWords::tools, std::move(scores));
  give_answer(context, served, std::move(asked), std::move(words), call);
}

// The first of a list of prompts is the one meant; none is a line's end.
PromptInput read_prompt(const Fields& fields, uint32_t vocab) {
  const json::value* given = fields.find("prompt");
  std::vector<PromptInput> inputs;
  if (given && !says_nothing(*given)) inputs = read_inputs(fields, "prompt", vocab);
  PromptInput input = inputs.empty() ? PromptInput{} : std::move(inputs.front());
  if (input.text.empty() && input.tokens.empty()) input.text = "\n";
  return input;
}

void completion(const Context& context, const Call& call) {
  const host::ServedPtr served = model_for(context, call);
  Engine& engine = *served->engine;
  const Fields fields(call.body, runner_completion_fields);
  fields.refuse_unsupported();
  const StandingValues values = overlaid(context.standing.values(), fields);
  PromptInput input = read_prompt(fields, engine.model().vocab);
  Request request;
  Asked asked;
  asked.delivery = read_values(fields, values, context, engine, request);
  asked.echo = input.keep_text = fields.boolean("echo").value_or(false);
  ScoreForm scores = read_completion_scores(fields, engine, asked, request);
  if (fields.text("suffix")) unsupported("suffix", "is not supported in RWKV-Runner's form");
  request.prompt = engine.prepare(input);
  if (!request.streams.empty()) request.continued = request.prompt;
  begin(context, values, *served, request);
  asked.prompts.push_back(std::move(request));
  auto words = completion_words(asked.delivery, *served, std::move(scores));
  give_answer(context, served, std::move(asked), std::move(words), call);
}

}  // namespace

// Both are what OpenAI's endpoint takes, with the rows that stand in front of it.
const FieldTable runner_chat_fields{"RWKV-Runner's chat", model_config, {}, &chat_fields};
const FieldTable runner_completion_fields{"RWKV-Runner's completions", model_config, {}, &completion_fields};
constexpr FieldTable runner_message_fields{"RWKV-Runner's messages", message_rows, message_refused};

bool is_runner_chat(const Context& context, const json::object& body) {
  const json::value* messages = body.if_contains("messages");
  if (context.standing.begun() || has(body, "state")) return !has(body, "contents") && !has(body, "prompt");
  if (!messages || !messages->is_array()) return false;
  return std::ranges::any_of(messages->get_array(), [](const json::value& message) {
    return message.is_object() && (has(message.get_object(), "raw") || has(message.get_object(), "prefix"));
  });
}

bool is_runner_completion(const Context& context, const json::object& body) {
  return (context.standing.begun() || has(body, "state")) && !has(body, "contents") && !has(body, "messages");
}

void runner_chat(const Context& context, const Call& call) {
  answer_validated(context, call, chat);
}

void runner_completions(const Context& context, const Call& call) {
  answer_validated(context, call, completion);
}

}  // namespace fulmar::api::openai
