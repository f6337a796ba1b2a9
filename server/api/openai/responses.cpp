// POST /v1/responses: what is new is read behind the state of the response before it, and the answer is kept with its own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "answer/answer.h"
#include "answer/call_forms.h"
#include "answer/tools.h"
#include "answer/usual.h"
#include "answer/whole.h"
#include "api/openai/account_fields.h"
#include "api/openai/openai.h"
#include "api/openai/response_input.h"
#include "api/openai/response_words.h"
#include "base/json_text.h"

namespace fulmar::api::openai {
namespace {

constexpr uint32_t default_output_tokens = 4096;
constexpr uint32_t scored_tokens = 2048;  // docs/responses.md has it

constexpr std::string_view logprobs_word = "message.output_text.logprobs";
constexpr std::array<std::string_view, 8> include_words = {logprobs_word,
                                                           "file_search_call.results",
                                                           "web_search_call.results",
                                                           "web_search_call.action.sources",
                                                           "message.input_image.image_url",
                                                           "computer_call_output.output.image_url",
                                                           "code_interpreter_call.outputs",
                                                           "reasoning.encrypted_content"};

bool includes_logprobs(const Fields& fields) {
  const json::array* const list = fields.list("include");
  bool found = false;
  for (size_t i = 0; list && i < list->size(); ++i) {
    const std::string name = fmt::format("include[{}]", i), word = string_of((*list)[i], name);
    if (std::ranges::find(include_words, word) == include_words.end()) bad_field(name, "is none of the words that OpenAI has for it");
    found = found || word == logprobs_word;
  }
  return found;
}

ScoreForm read_response_scores(const Fields& fields, const Engine& engine, Asked& asked, Request& request) {
  ScoreForm form;
  const auto top = fields.integer("top_logprobs");
  if (!includes_logprobs(fields)) {
    if (top.value_or(0) > 0) bad_field("top_logprobs", fmt::format("is there with {} in include only", logprobs_word));
    asked.scores = false;
    return form;
  }
  form.logprobs = static_cast<uint16_t>(top.value_or(0));
  form.spell = engine.speller();
  request.report.logprobs = form.logprobs;
  const auto tokens = fields.integer("max_output_tokens");
  if (tokens && *tokens > scored_tokens)
    bad_field("max_output_tokens", fmt::format("may be {} at most with {} in include", scored_tokens, logprobs_word));
  request.max_tokens = std::min(request.max_tokens, scored_tokens);
  return form;
}

// The response before, that a request names.
struct Before {
  std::string id;
  std::optional<KeptResponse> kept;  // none though an id is named: there is no such response
};

Before find_before(const Fields& fields, StateStore& sessions) {
  Before before;
  before.id = fields.text("previous_response_id").value_or("");
  if (before.id.empty()) return before;
  if (!sessions.lasts())
    unsupported("previous_response_id", "needs responses that are kept, and this server keeps sessions in memory only: start it with --sessions FILE");
  before.kept = find_response(sessions, before.id);
  return before;
}

// That the state has read which the response left; 0 where it was deleted in this moment.
uint64_t tokens_before(const std::string& id, const Engine& engine) {
  const auto entry = engine.sessions().entry(id);
  if (entry && entry->model != engine.fingerprint())
    bad_field("previous_response_id", fmt::format("is a response of another model, with other adapters or another vocabulary: its state has the "
                                                  "fingerprint {}, and this model {}", entry->model.hex(), engine.fingerprint().hex()));
  return entry ? entry->tokens : 0;
}

void refuse_unknown(const std::string& id, const Call& call) {
  http::Failure failure(400, fmt::format("Previous response with id '{}' not found.", id), "previous_response_not_found");
  failure.param = "previous_response_id";
  call.reply->respond(http::worded(call.family.wording, failure));
}

std::string text_or_null(const Fields& fields, std::string_view field) {
  const auto value = fields.text(field);
  return value ? json_quoted(*value) : "null";
}

std::string number_or_null(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "null";
}

// All of the response but its status, its output and what comes of these.
std::string members_of(const std::string& id, const std::string& model, const Fields& fields, const ResponseInput& input, const Request& request,
                       bool stored) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const json::object* const metadata = fields.map("metadata");
  std::string out = fmt::format(R"("id":"{}","object":"response","created_at":{},"background":false,"model":{},"store":{},)", id,
                                std::chrono::duration_cast<std::chrono::seconds>(now).count(), json_quoted(model), stored);
  for (const char* field : {"instructions", "previous_response_id", "prompt_cache_key", "safety_identifier", "user"})
    out += fmt::format(R"("{}":{},)", field, text_or_null(fields, field));
  out += fmt::format(R"("max_output_tokens":{},"max_tool_calls":{},"parallel_tool_calls":{},"tool_choice":{},"tools":{},)",
                     number_or_null(fields.integer("max_output_tokens")), number_or_null(fields.integer("max_tool_calls")),
                     input.prompt.chat.parallel_calls, json::serialize(input.tool_choice), json::serialize(input.tools));
  out += fmt::format(R"("temperature":{},"top_p":{},"top_logprobs":{},"text":{},"reasoning":{},"truncation":"{}","service_tier":"default",)",
                     request.sampling.temperature, request.sampling.top_p, fields.integer("top_logprobs").value_or(0),
                     json::serialize(told_text(fields)), json::serialize(told_reasoning(fields)), fields.text("truncation").value_or("disabled"));
  return out + fmt::format(R"("metadata":{},)", metadata ? json::serialize(*metadata) : "{}");
}

// What is kept beside it.
std::string document_of(const ResponseInput& input) {
  json::array told;
  for (const std::string& name : input.told) told.push_back(text(name));
  return fmt::format(R"("input":{},"told":{},)", json::serialize(input.items), json::serialize(told));
}

void check_kept_size(size_t bytes) {
  if (bytes > kKeptInput)
    bad_field("input", fmt::format("would be kept as {} bytes with all that goes with it, more than {}; with \"store\": false it may have more", bytes,
                                   kKeptInput));
}

// What is wrong with messages is so with the input here.
std::shared_ptr<const Prompt> prepared(const Engine& engine, const PromptInput& input) {
  try {
    return engine.prepare(input);
  } catch (const Error& error) {
    constexpr std::string_view theirs = "messages";
    const std::string_view sentence = error.what();
    if (!error.param().starts_with(theirs)) throw;
    throw Error(error.kind(), fmt::format("input{}", sentence.starts_with(theirs) ? sentence.substr(theirs.size()) : fmt::format(": {}", sentence)), "input");
  }
}

void check_plain_fields(const Fields& fields) {
  check_account_fields(fields);
  fields.map("stream_options");
  if (const auto word = fields.text("truncation"); word && *word != "auto" && *word != "disabled") bad_field("truncation", "must be auto or disabled");
  fields.text("prompt_cache_retention");
}

}  // namespace

void create_response(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  Engine& engine = *served->engine;
  StateStore& sessions = engine.sessions();
  const Fields fields(call.body, response_fields);
  fields.refuse_unsupported();
  check_plain_fields(fields);
  const Before before = find_before(fields, sessions);
  if (!before.id.empty() && !before.kept) return refuse_unknown(before.id, call);

  ResponseFacts facts;
  facts.id = call_id("resp_");
  const ResponseInput input = read_response_input(fields, call.http.body, facts.id, before.kept ? &*before.kept : nullptr, sessions);
  Request request;
  Asked asked;
  const bool is_mixture = served->streams.size() > 1;
  const bool stored = fields.boolean("store").value_or(true) && sessions.lasts() && !is_mixture;
  if (stored) facts.document = document_of(input);
  check_kept_size(facts.document.size());
  request.prompt = prepared(engine, input.prompt);
  read_drawing(fields, engine.model().vocab, usual_sampling(context.profiles, *served, what_is_asked(input.prompt, *request.prompt)), request);
  const auto most = fields.integer("max_output_tokens");
  request.max_tokens = most ? static_cast<uint32_t>(*most) : usual_tokens(context, call, default_output_tokens);
  facts.scores = read_response_scores(fields, engine, asked, request);

  if (before.kept && is_mixture) unsupported("previous_response_id", fmt::format("goes on from one state, and {} is a mixture of {}", served->id, served->streams.size()));
  if (before.kept || stored) {
    Stream& stream = request.streams.emplace_back();
    stream.from = before.id;
    stream.must_exist = before.kept.has_value();
    if (stored) stream.keep = facts.id;
    stream.fresh = stored;
    if (before.kept) request.continued = request.prompt;
  }
  if (before.kept) facts.read_before = tokens_before(before.id, engine);
  begin_as_served(*served, request);
  if (request.stop.empty()) request.stop = served->base.stops;
  bind_answer(engine, input.prompt.chat, input.form, request);

  facts.members = members_of(facts.id, served->id, fields, input, request, stored);
  facts.stream = asked.delivery.stream = fields.boolean("stream").value_or(false);
  facts.held = &context.waiting_text;
  if (stored) {
    check_kept_size(facts.document.size() + facts.members.size());
    for (const ChatMessage& message : input.prompt.messages)
      facts.after_tools = facts.after_tools || message.role == "tool" || !message.tool_calls.empty();
    facts.after_tools = facts.after_tools || input.prompt.chat.after_tool_turns;
    facts.keeping = std::make_shared<Keeping>(sessions, facts.id);
    asked.around = [keeping = facts.keeping, &family = call.family, reply = std::weak_ptr(call.reply)](std::shared_ptr<http::Source> answer) {
      return end_when_kept(std::move(answer), keeping, family, reply.lock());
    };
  }
  asked.repeats = true;
  asked.prompts.push_back(std::move(request));
  give_answer(context, served, std::move(asked), response_words(std::move(facts)), call);
}

void count_response_input(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Engine& engine = *served->engine;
  StateStore& sessions = engine.sessions();
  const Fields fields(call.body, response_fields);
  fields.refuse_unsupported();
  const Before before = find_before(fields, sessions);
  if (!before.id.empty() && !before.kept) return refuse_unknown(before.id, call);
  const ResponseInput input = read_response_input(fields, call.http.body, call_id("resp_"), before.kept ? &*before.kept : nullptr, sessions);
  const size_t count = prepared(engine, input.prompt)->tokens.size() + (before.kept ? tokens_before(before.id, engine) : 0);
  give_whole(context, call, json::serialize(json::object{{"object", "response.input_tokens"}, {"input_tokens", count}}));
}

}  // namespace fulmar::api::openai
