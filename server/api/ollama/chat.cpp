// POST /api/chat and /api/generate: both go through the model's chat template, but for raw prompts.
#include <fmt/format.h>

#include "answer/answer.h"
#include "answer/call_forms.h"
#include "answer/forms.h"
#include "answer/middle.h"
#include "answer/tools.h"
#include "answer/usual.h"
#include "api/ollama/asking.h"
#include "api/ollama/ollama.h"
#include "api/ollama/words.h"

namespace fulmar::api::ollama {
namespace {

// Calls that the assistant made earlier. `source` is the message's; outputs without an id have the tool's name.
std::vector<ToolCall> read_calls(const Fields& message, const JsonSource& source, std::vector<std::string>& ids) {
  std::vector<ToolCall> calls;
  const json::array* list = message.list("tool_calls");
  if (!list) return calls;
  const std::vector<JsonSource> sources = source.member("tool_calls").entries();
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string name = fmt::format("{}[{}]", message.name("tool_calls"), i);
    const json::object* object = (*list)[i].if_object();
    if (!object) bad_field(name, "must be an object");
    const Fields whole(*object, call_fields, name + ".");
    const json::object* function = whole.map("function");
    if (!function) bad_field(name, "has no function");
    const Fields call(*function, function_fields, name + ".function.");
    const auto called = call.text("name");
    if (!called) bad_field(call.name("name"), "is missing");
    calls.push_back({*called, read_call_arguments(call.find("arguments"), sources.at(i).member("function").member("arguments"), call.name("arguments"))});
    ids.push_back(whole.text("id").value_or(*called));
  }
  return calls;
}

std::vector<ChatMessage> read_messages(const json::array& array, std::string_view body) {
  std::vector<JsonSource> sources;  // once there is a call
  std::vector<ChatMessage> messages;
  std::vector<TurnIds> ids;
  for (size_t i = 0; i < array.size(); ++i) {
    const std::string name = fmt::format("messages[{}]", i);
    const json::object* object = array[i].if_object();
    if (!object) bad_field(name, "must be an object");
    const Fields message(*object, message_fields, name + ".");
    message.refuse_unsupported();
    message.text("thinking");
    TurnIds& turn = ids.emplace_back();
    turn.output = message.text("tool_call_id").value_or(message.text("tool_name").value_or(""));
    if (sources.empty() && message.list("tool_calls")) sources = JsonSource(body).member("messages").entries();
    messages.push_back({message.text("role").value_or(""), message.text("content").value_or(""),
                        read_calls(message, sources.empty() ? JsonSource() : sources.at(i), turn.calls)});
  }
  order_outputs(messages, ids);
  return messages;
}

std::vector<Token> read_context(const Fields& fields, uint32_t vocab) {
  std::vector<Token> tokens;
  if (const json::array* list = fields.list("context"))
    for (const json::value& token : *list) tokens.push_back(token_of(token, "context", vocab));
  return tokens;
}

// The prompt of /api/generate.
PromptInput read_generate(const Fields& fields, uint32_t vocab) {
  PromptInput input;
  const auto system = fields.text("system");
  const auto prompt = fields.text("prompt");  // there is one
  input.tokens = read_context(fields, vocab);
  const auto suffix = fields.text("suffix");
  const bool raw = fields.boolean("raw").value_or(false);
  if (raw || suffix) {
    const std::string_view why = raw ? "raw" : "suffix";
    if (system || !input.tokens.empty()) bad_field(why, "goes without system and context");
    input.text = suffix ? fill_in_the_middle(*prompt, *suffix) : *prompt;
    return input;
  }
  if (system) input.messages.push_back({"system", *system});
  input.messages.push_back({"user", *prompt});
  input.chat.continues = !input.tokens.empty();
  read_think(fields, input.chat);
  return input;
}

void give(const Context& context, const Call& call, const host::ServedPtr& served, const Fields& fields, const PromptInput& input,
          Request request, std::unique_ptr<Dialect> (*words)(Head)) {
  const Engine& engine = *served->engine;
  const Sampling usual = usual_sampling(context.profiles, *served, what_is_asked(input, *request.prompt));
  read_options(fields, context, call, engine.model().vocab, usual, request);
  keep_alive(context, *served, read_keep_alive(fields));
  begin_as_served(*served, request);
  if (request.stop.empty() && !input.messages.empty()) request.stop = served->base.stops;
  bind_answer(engine, input.chat, read_format(fields.find("format"), JsonSource(call.http.body).member("format"), "format"), request);
  Asked asked;
  asked.delivery.stream = fields.boolean("stream").value_or(true);
  Head head{std::string(model_said(call, *served)), call.http.came};
  if (const int64_t top = fields.integer("top_logprobs").value_or(0); fields.boolean("logprobs").value_or(false)) {
    request.report.logprobs = head.top = static_cast<uint16_t>(top);
    head.spell = engine.speller();
  } else if (top > 0) {
    bad_field("top_logprobs", "is there with \"logprobs\": true only");
  }
  asked.prompts.push_back(std::move(request));
  give_answer(context, served, std::move(asked), words(std::move(head)), call);
}

}  // namespace

void chat(const Context& context, const Call& call) {
  const Fields fields(call.body, chat_fields);
  fields.refuse_unsupported();
  const json::array* messages = fields.list("messages");
  if (!messages) return load_or_unload(context, call, fields, R"("message":{"role":"assistant","content":""})");
  const host::ServedPtr served = context.ready(model_id(call));
  PromptInput input;
  input.messages = read_messages(*messages, call.http.body);
  read_think(fields, input.chat);
  if (const json::array* tools = fields.list("tools")) input.chat.tools = read_tools(*tools, JsonSource(call.http.body).member("tools"), "tools");
  Request request;
  request.prompt = served->engine->prepare(input);
  give(context, call, served, fields, input, std::move(request), chat_words);
}

void generate(const Context& context, const Call& call) {
  const Fields fields(call.body, generate_fields);
  fields.refuse_unsupported();
  if (!fields.text("prompt")) return load_or_unload(context, call, fields, R"("response":"")");
  const host::ServedPtr served = context.ready(model_id(call));
  const PromptInput input = read_generate(fields, served->engine->model().vocab);
  Request request;
  request.prompt = served->engine->prepare(input);
  request.report_turn = !input.messages.empty();
  give(context, call, served, fields, input, std::move(request), generate_words);
}

}  // namespace fulmar::api::ollama
