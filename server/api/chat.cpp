// POST /v1/chat/completions: messages through the model's chat template, which the engine applies.
#include <fmt/format.h>

#include "api/context.h"
#include "api/generation.h"
#include "api/json.h"

namespace fulmar::api {
namespace {

constexpr uint32_t kDefaultTokens = 4096;

std::string read_role(const Fields& message) {
  const std::string role = message.string("role").value_or("");
  if (role == "developer") return "system";
  if (role != "system" && role != "user" && role != "assistant")
    bad_field(message.name("role"), "must be system, developer, user or assistant");
  return role;
}

// A string, or parts of type text that are put together.
std::string read_content(const Fields& message) {
  const json::value* content = message.find("content");
  if (!content) bad_field(message.name("content"), "is missing");
  if (!content->is_array()) return string_of(*content, message.name("content"));
  std::string text;
  for (const json::value& value : content->get_array()) {
    const std::string name = message.name("content");
    if (!value.is_object()) bad_field(name, "must be a string or an array of parts");
    const Fields part(value.get_object(), name + ".");
    if (part.string("type") != "text") bad_field(name, "may have parts of type text only");
    const auto piece = part.string("text");
    if (!piece) bad_field(name, "has a part without text");
    text += *piece;
  }
  return text;
}

std::vector<ChatMessage> read_messages(const Fields& fields) {
  const json::array* array = fields.array("messages");
  if (!array || array->empty()) bad_field("messages", "must have at least one message");
  std::vector<ChatMessage> messages;
  for (size_t i = 0; i < array->size(); ++i) {
    const json::object* object = (*array)[i].if_object();
    if (!object) bad_field(fmt::format("messages[{}]", i), "must be an object");
    const Fields message(*object, fmt::format("messages[{}].", i));
    messages.push_back({read_role(message), read_content(message)});
  }
  return messages;
}

// enable_think says it outright; reasoning_effort is what OpenAI's clients can send.
Think read_think(const Fields& fields) {
  const auto effort = fields.string("reasoning_effort");
  if (const auto enabled = fields.boolean("enable_think")) return *enabled ? Think::on : Think::fake;
  if (!effort) return Think::off;
  return *effort == "none" || *effort == "minimal" ? Think::fake : Think::on;
}

}  // namespace

void chat_completions(const Context& context, const http::Request& request,
                      const std::shared_ptr<http::Reply>& reply) {
  Engine& engine = context.ready();
  const json::object body = parse_object(request.body);
  const Fields fields(body);
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
