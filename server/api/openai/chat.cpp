// POST /v1/chat/completions: messages through the model's chat template, which the engine applies.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <optional>

#include "answer/answer.h"
#include "api/openai/openai.h"
#include "api/openai/words.h"

namespace fulmar::api::openai {
namespace {

constexpr uint32_t kDefaultTokens = 4096;

// A text, or parts of type text that are put together. An assistant's turn may have none, as OpenAI's own
// answers have null beside tool calls, and a tool may have nothing to say.
std::string read_content(const Fields& message, std::string_view role) {
  const json::value* content = message.find("content");
  const std::string name = message.name("content");
  if (content && content->is_string()) return string_of(*content, name);
  if (!content || says_nothing(*content)) {
    if (role == "assistant" || role == "tool") return {};
    bad_field(name, "is missing");
  }
  if (!content->is_array()) bad_field(name, "must be a string or an array of parts");
  std::string text;
  if (const json::array* parts = message.list("content")) {
    for (const json::value& value : *parts) {
      if (!value.is_object()) bad_field(name, "must be a string or an array of parts");
      const Fields part(value.get_object(), part_fields, name + ".");
      if (part.text("type") != "text") bad_field(name, "may have parts of type text only");
      const json::value* piece = part.find("text");
      if (!piece) bad_field(name, "has a part without text");
      text += string_of(*piece, name);
    }
  }
  return text;
}

// A JSON object as text, as OpenAI has it, or as it is.
std::string read_arguments(const Fields& call) {
  const json::value* value = call.find("arguments");
  if (!value || says_nothing(*value)) return {};
  if (value->is_object()) return json::serialize(*value);
  return call.text("arguments").value_or("");
}

// Calls that the assistant made earlier.
std::vector<ToolCall> read_calls(const Fields& message) {
  std::vector<ToolCall> calls;
  const json::array* list = message.list("tool_calls");
  if (!list) return calls;
  for (const json::value& value : *list) {
    const std::string name = message.name("tool_calls");
    if (!value.is_object()) bad_field(name, "must be an array of calls");
    const json::object* function = Fields(value.get_object(), call_fields, name + ".").map("function");
    if (!function) bad_field(name, "has a call without a function");
    const Fields call(*function, function_fields, name + ".function.");
    const auto called = call.text("name");
    if (!called) bad_field(call.name("name"), "is missing");
    calls.push_back({*called, read_arguments(call)});
  }
  return calls;
}

std::vector<ChatMessage> read_messages(const Fields& fields) {
  const json::array* array = fields.list("messages");
  if (!array) bad_field("messages", "must have at least one message");
  std::vector<ChatMessage> messages;
  for (size_t i = 0; i < array->size(); ++i) {
    const json::object* object = (*array)[i].if_object();
    if (!object) bad_field(fmt::format("messages[{}]", i), "must be an object");
    const Fields message(*object, message_fields, fmt::format("messages[{}].", i));
    const std::string role = message.text("role").value_or("");
    messages.push_back({role, read_content(message, role), read_calls(message)});
  }
  return messages;
}

// What the servers of other models call enable_think.
std::optional<bool> read_template_options(const Fields& fields) {
  const json::object* options = fields.map("chat_template_kwargs");
  if (!options) return std::nullopt;
  for (const auto& member : *options)
    if (member.key() != "enable_thinking" && !member.value().is_null())
      unsupported("chat_template_kwargs", "may have enable_thinking only");
  return Fields(*options, template_option_fields, "chat_template_kwargs.").boolean("enable_thinking");
}

// enable_think says it outright; reasoning_effort is what OpenAI's clients can send.
Think read_think(const Fields& fields) {
  auto outright = fields.boolean("enable_think");
  if (const auto other = fields.boolean("enable_thinking"); !outright) outright = other;
  const auto option = read_template_options(fields);
  const auto effort = fields.text("reasoning_effort");
  if (outright || option) return outright.value_or(option.value_or(false)) ? Think::on : Think::fake;
  if (!effort) return Think::off;
  return *effort == "none" || *effort == "minimal" ? Think::fake : Think::on;
}

PromptInput read_prompt(const Fields& fields) {
  PromptInput input;
  input.messages = read_messages(fields);
  TemplateOptions& options = input.chat;
  options.think = read_think(fields);
  options.user_name = fields.text("user_name").value_or("");
  options.assistant_name = fields.text("assistant_name").value_or("");
  options.system_name = fields.text("system_name").value_or("");
  options.presystem = fields.boolean("presystem").value_or(false);
  options.continue_final_message = fields.boolean("continue_final_message");
  const bool continued = options.continue_final_message.value_or(input.messages.back().role == "assistant");
  if (!fields.boolean("add_generation_prompt").value_or(true) && !continued)
    unsupported("add_generation_prompt", "may be false only where the last message goes on");
  return input;
}

// What the model's makers have a profile for. Tools count more than thoughts.
Asking what_is_asked(const PromptInput& input, const Prompt& prompt) {
  const auto has_tools = [](const ChatMessage& message) { return message.role == "tool" || !message.tool_calls.empty(); };
  if (std::ranges::any_of(input.messages, has_tools)) return Asking::tools;
  return prompt.opening == TurnOpening::thought ? Asking::open : Asking::fake;
}

}  // namespace

void chat_completions(const Context& context, const Call& call) {
  Engine& engine = context.ready();
  const Fields fields(call.body, chat_fields);
  Asked asked;
  Request chat;
  fields.refuse_unsupported();
  const PromptInput input = read_prompt(fields);
  chat.prompt = engine.prepare(input);
  const SamplingProfile& usual = profile_for(context.profiles, engine.model(), what_is_asked(input, *chat.prompt));
  asked.delivery = read_common(fields, engine.model().vocab, {kDefaultTokens, usual.sampling}, chat);
  asked.prompts.push_back(std::move(chat));
  auto words = chat_words(asked.delivery, engine.model().id);
  give_answer(context, engine, std::move(asked), std::move(words), call);
}

}  // namespace fulmar::api::openai
