// POST /v1/chat/completions: messages through the model's chat template, which the engine applies.
#include <fmt/format.h>

#include <optional>

#include "api/body.h"
#include "api/context.h"
#include "api/generation.h"

namespace fulmar::api {
namespace {

constexpr uint32_t kDefaultTokens = 4096;

std::string read_role(const Fields& message) {
  const std::string role = message.text("role").value_or("");
  if (role == "developer") return "system";
  if (role != "system" && role != "user" && role != "assistant")
    bad_field(message.name("role"), "must be system, developer, user or assistant");
  return role;
}

// A text, or parts of type text that are put together. An assistant's turn may have none: OpenAI's own
// answers have null beside tool calls.
std::string read_content(const Fields& message, std::string_view role) {
  const json::value* content = message.find("content");
  const std::string name = message.name("content");
  if (!content) {
    if (role == "assistant") return {};
    bad_field(name, "is missing");
  }
  if (content->is_string()) return string_of(*content, name);
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

std::vector<ChatMessage> read_messages(const Fields& fields) {
  const json::array* array = fields.list("messages");
  if (!array) bad_field("messages", "must have at least one message");
  std::vector<ChatMessage> messages;
  for (size_t i = 0; i < array->size(); ++i) {
    const json::object* object = (*array)[i].if_object();
    if (!object) bad_field(fmt::format("messages[{}]", i), "must be an object");
    const Fields message(*object, message_fields, fmt::format("messages[{}].", i));
    const std::string role = read_role(message);
    messages.push_back({role, read_content(message, role)});
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
  const auto outright = fields.boolean("enable_think");
  const auto option = read_template_options(fields);
  const auto effort = fields.text("reasoning_effort");
  if (outright || option) return outright.value_or(option.value_or(false)) ? Think::on : Think::fake;
  if (!effort) return Think::off;
  return *effort == "none" || *effort == "minimal" ? Think::fake : Think::on;
}

}  // namespace

void chat_completions(const Context& context, const http::Request& request,
                      const std::shared_ptr<http::Reply>& reply) {
  Engine& engine = context.ready();
  const json::object body = parse_object(request.body);
  const Fields fields(body, chat_fields);
  Plan plan;
  plan.chat = true;
  Request prompt;
  plan.delivery = read_common(fields, engine.model().vocab, kDefaultTokens, prompt);
  prompt.think = read_think(fields);
  prompt.messages = read_messages(fields);
  plan.prompts.push_back(std::move(prompt));
  generate(engine, std::move(plan), reply);
}

}  // namespace fulmar::api
