// Messages, the template's options and what is to become of thoughts, as the many clients send them.
#include "api/openai/chat_prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "answer/tools.h"
#include "api/openai/openai.h"
#include "base/json_source.h"
#include "fulmar/engine.h"

namespace fulmar::api::openai {
namespace {

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

void add_call(const json::object& function, const JsonSource& source, const std::string& prefix, ChatMessage& message) {
  const Fields call(function, function_fields, prefix);
  const auto called = call.text("name");
  if (!called) bad_field(call.name("name"), "is missing");
  message.tool_calls.push_back(
      {*called, read_call_arguments(call.find("arguments"), source.member("arguments"), call.name("arguments"))});
}

// Calls that the assistant made earlier, and their ids.
void read_calls(const Fields& fields, const JsonSource& source, ChatMessage& message, TurnIds& ids) {
  if (const json::object* function = fields.map("function_call")) {
    add_call(*function, source.member("function_call"), fields.name("function_call") + ".", message);
    ids.calls.emplace_back();
  }
  const json::array* list = fields.list("tool_calls");
  if (!list) return;
  const std::vector<JsonSource> sources = source.member("tool_calls").entries();
  const std::string name = fields.name("tool_calls");
  for (size_t i = 0; i < list->size(); ++i) {
    const json::value& value = (*list)[i];
    if (!value.is_object()) bad_field(name, "must be an array of calls");
    const Fields call(value.get_object(), call_fields, name + ".");
    const json::object* function = call.map("function");
    if (!function) bad_field(name, "has a call without a function");
    add_call(*function, sources.at(i).member("function"), name + ".function.", message);
    ids.calls.push_back(call.text("id").value_or(""));
  }
}

std::vector<ChatMessage> read_messages(const Fields& fields, std::string_view body) {
  const json::array* array = fields.list("messages");
  if (!array) bad_field("messages", "must have at least one message");
  std::vector<JsonSource> sources;  // once there is a call
  std::vector<ChatMessage> messages;
  std::vector<TurnIds> ids;
  for (size_t i = 0; i < array->size(); ++i) {
    const json::object* object = (*array)[i].if_object();
    if (!object) bad_field(fmt::format("messages[{}]", i), "must be an object");
    const Fields message(*object, message_fields, fmt::format("messages[{}].", i));
    std::string role = message.text("role").value_or("");
    if (role == "function") role = "tool";  // its older name
    const bool calls = message.list("tool_calls") || message.map("function_call");
    if (sources.empty() && calls) sources = JsonSource(body).member("messages").entries();
    ChatMessage& read = messages.emplace_back(ChatMessage{role, read_content(message, role)});
    TurnIds& its = ids.emplace_back();
    its.output = message.text("tool_call_id").value_or("");
    if (calls) read_calls(message, sources.at(i), read, its);
  }
  order_outputs(messages, ids);
  return messages;
}

struct Thinking {
  Think think = Think::standard;
  ThinkWord word = ThinkWord::none;
};

struct Word {
  std::string_view name;
  Thinking meaning;
};

constexpr Word efforts[] = {{"none", {Think::fake}},
                            {"minimal", {Think::fake}},
                            {"low", {Think::open, ThinkWord::a_bit}},
                            {"medium", {Think::open, ThinkWord::think}},
                            {"high", {Think::open, ThinkWord::a_lot}}};
// rwkv_lightning's, in both of its spellings.
constexpr Word types[] = {{"fast", {Think::fake}},
                          {"free", {Think::open}},
                          {"preferChinese", {Think::chinese}},
                          {"prefer_chinese", {Think::chinese}},
                          {"en", {Think::open, ThinkWord::think}},
                          {"enShort", {Think::open, ThinkWord::a_bit}},
                          {"en_short", {Think::open, ThinkWord::a_bit}},
                          {"enLong", {Think::open, ThinkWord::a_lot}},
                          {"en_long", {Think::open, ThinkWord::a_lot}}};
// The Hugging Face template's.
constexpr Word beginnings[] = {
    {"open_think", {Think::open}}, {"fake_think", {Think::fake}}, {"no_think", {Think::off}}};

const Thinking* find(std::span<const Word> words, std::string_view name) {
  for (const Word& word : words)
    if (word.name == name) return &word.meaning;
  return nullptr;
}

std::optional<Thinking> read_word(const Fields& fields, std::string_view field, std::span<const Word> words) {
  const auto name = fields.text(field);
  if (!name) return std::nullopt;
  if (const Thinking* meaning = find(words, *name)) return *meaning;
  std::string names;
  for (const Word& word : words) names.append(names.empty() ? "" : ", ").append(word.name);
  bad_field(fields.name(field), fmt::format("must be one of {}", names));
}

Thinking said_outright(bool thinks) {
  return {thinks ? Think::open : Think::fake};
}

// What servers of other models take in chat_template_kwargs.
std::optional<Thinking> read_template_options(const Fields& fields, TemplateOptions& options) {
  const json::object* object = fields.map("chat_template_kwargs");
  if (!object) return std::nullopt;
  for (const auto& member : *object)
    if (!template_option_fields.find({member.key().data(), member.key().size()}) && !member.value().is_null())
      unsupported("chat_template_kwargs",
                  "may have enable_thinking, rwkv_prompt_template and rwkv_generation_prompt only");
  const Fields inner(*object, template_option_fields, "chat_template_kwargs.");
  options.name = inner.text("rwkv_prompt_template").value_or("");
  if (const auto begins = read_word(inner, "rwkv_generation_prompt", beginnings)) return begins;
  const auto thinks = inner.boolean("enable_thinking");
  return thinks ? std::optional(said_outright(*thinks)) : std::nullopt;
}

Thinking meaning_of(std::string_view effort) {
  const Thinking* const known = find(efforts, effort);
  return known ? *known : Thinking{Think::open};
}

// The more a field says the more it counts; reasoning_effort is what OpenAI's clients can send.
void read_thinking(const Fields& fields, TemplateOptions& options) {
  const auto effort = fields.text("reasoning_effort");
  const auto type = read_word(fields, "think_type", types);
  auto outright = fields.boolean("enable_think");
  if (const auto other = fields.boolean("enable_thinking"); !outright) outright = other;
  const auto option = read_template_options(fields, options);

  Thinking thinking;
  if (effort) thinking = meaning_of(*effort);
  const Thinking by_effort = thinking;
  if (option) thinking = *option;
  if (outright) thinking = said_outright(*outright);
  if (type)
    thinking = *type;
  else if (thinking.think == Think::open)
    thinking.word = by_effort.word;
  options.word_if_trained = !type;
  options.think = thinking.think;
  options.word = thinking.word;
}

// Whether a thought stays in the text.
bool read_format(const Fields& fields) {
  const auto format = fields.text("reasoning_format").value_or("auto");
  if (format == "none") return true;
  if (format != "auto" && format != "deepseek") bad_field("reasoning_format", "must be none, auto or deepseek");
  return false;
}

}  // namespace

void think_by_effort(std::string_view effort, TemplateOptions& options) {
  const Thinking thinking = meaning_of(effort);
  options.think = thinking.think;
  options.word = thinking.word;
  options.word_if_trained = true;
}

PromptInput read_chat_prompt(const Fields& fields, std::string_view body) {
  PromptInput input;
  input.messages = read_messages(fields, body);
  TemplateOptions& options = input.chat;
  read_tool_use(fields, body, options);
  read_thinking(fields, options);
  options.thoughts_in_text = read_format(fields);
  if (const auto budget = fields.integer("thinking_budget"))
    options.thinking_budget = static_cast<uint32_t>(*budget < 0 ? fields.most("thinking_budget") : *budget);
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

std::optional<PromptInput> new_turns(const PromptInput& input) {
  const bool last_goes_on = input.chat.continue_final_message.value_or(true);  // then it is new, whoever's it is
  const auto answers = std::span(input.messages).first(input.messages.size() - (last_goes_on ? 1 : 0));
  size_t begin = answers.size();
  while (begin > 0 && answers[begin - 1].role != "assistant") --begin;
  if (begin == input.messages.size()) return std::nullopt;
  PromptInput added = input;
  const auto has_tools = [](const ChatMessage& message) { return message.role == "tool" || !message.tool_calls.empty(); };
  const auto first_new = added.messages.begin() + static_cast<ptrdiff_t>(begin);
  added.chat.after_tool_turns = std::any_of(added.messages.begin(), first_new, has_tools);
  added.messages.erase(added.messages.begin(), first_new);
  added.chat.continues = true;
  return added;
}

void continue_session(Engine& engine, const PromptInput& input, Request& chat) {
  Stream& stream = chat.streams[0];
  if (const std::optional<PromptInput> news = new_turns(input)) {
    chat.continued = engine.prepare(*news);
  } else if (!engine.sessions().entry(stream.from)) {
    stream.from.clear();
  } else {
    bad_field("messages", "must have one after the assistant's last, where there is a session of this session_id");
  }
}

}  // namespace fulmar::api::openai
