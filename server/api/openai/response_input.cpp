// Tools, thoughts and forms of a request for a response; its items are read by response_items.h.
#include "api/openai/response_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "answer/forms.h"
#include "answer/tools.h"
#include "api/openai/chat_prompt.h"
#include "api/openai/openai.h"
#include "api/openai/response_items.h"
#include "base/json_source.h"

namespace fulmar::api::openai {
namespace {

// A text that is one of these words, where it is given.
template <size_t N>
std::string word_of(const Fields& fields, std::string_view field, const std::array<std::string_view, N>& words) {
  const std::string word = fields.text(field).value_or("");
  if (word.empty() || std::ranges::find(words, word) != words.end()) return word;
  std::string all;
  for (const std::string_view one : words) all.append(all.empty() ? "" : ", ").append(one);
  bad_field(fields.name(field), fmt::format("must be one of {}", all));
}

constexpr std::array<std::string_view, 7> effort_words = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
constexpr std::array<std::string_view, 3> summary_words = {"auto", "concise", "detailed"};
constexpr std::array<std::string_view, 3> verbosity_words = {"low", "medium", "high"};

std::string effort_of(const json::object& object) {
  const Fields inner(object, reasoning_fields, "reasoning.");
  word_of(inner, "summary", summary_words);
  word_of(inner, "generate_summary", summary_words);
  return word_of(inner, "effort", effort_words);
}

void read_reasoning(const Fields& fields, TemplateOptions& options) {
  const json::object* const object = fields.map("reasoning");
  const std::string effort = object ? effort_of(*object) : std::string();
  if (!effort.empty()) think_by_effort(effort == "xhigh" || effort == "max" ? "high" : effort, options);
}

// And as the response tells them.
std::vector<Tool> read_response_tools(const json::array& list, const JsonSource& source, json::array& told) {
  ToolList tools;
  const std::vector<JsonSource> sources = source.entries();
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string at = fmt::format("tools[{}]", i);
    if (!list[i].is_object()) wrong_type(at, "an object", list[i]);
    const Fields fields(list[i].get_object(), response_tool_fields, at + ".");
    const std::string type = fields.text("type").value_or("");
    if (type != "function") unsupported(fields.name("type"), "may be function only: no tools run on the server");
    Tool tool;
    tool.name = fields.text("name").value_or("");
    tool.description = fields.text("description").value_or("");
    tool.strict = fields.boolean("strict").value_or(false);
    const json::object* const parameters = fields.map("parameters");
    told.push_back({{"type", "function"},
                    {"name", api::text(tool.name)},
                    {"description", tool.description.empty() ? json::value() : json::value(api::text(tool.description))},
                    {"parameters", parameters ? json::value(*parameters) : json::value(json::object())},
                    {"strict", tool.strict}});
    tools.add(std::move(tool), parameters ? sources.at(i).member("parameters") : JsonSource(), at + ".");
  }
  return tools.take();
}

void read_tool_fields(const Fields& fields, std::string_view body, ResponseInput& input) {
  TemplateOptions& options = input.prompt.chat;
  if (const json::array* list = fields.list("tools")) options.tools = read_response_tools(*list, JsonSource(body).member("tools"), input.tools);
  options.parallel_calls = fields.boolean("parallel_tool_calls").value_or(true);
  const json::value* const choice = fields.find("tool_choice");
  const bool says = choice && !says_nothing(*choice);
  if (says) choose_tools(*choice, "tool_choice", options);
  input.tool_choice = says ? *choice : json::value("auto");
}

std::optional<ConstraintInput> read_text_form(const Fields& fields, std::string_view body) {
  using enum ConstraintInput::Kind;
  const json::object* const object = fields.map("text");
  if (!object) return std::nullopt;
  const Fields text(*object, text_fields, "text.");
  word_of(text, "verbosity", verbosity_words);
  const json::object* const format = text.map("format");
  if (!format) return std::nullopt;
  const Fields inner(*format, text_format_fields, "text.format.");
  const std::string type = inner.text("type").value_or("");
  if (type == "text") return std::nullopt;
  if (type == "json_object") return ConstraintInput{json_object, {}, {}, "text.format"};
  if (type != "json_schema") bad_field("text.format.type", "must be text, json_object or json_schema");
  if (!inner.map("schema")) bad_field("text.format.schema", "is missing");
  const JsonSource source = JsonSource(body).member("text").member("format").member("schema");
  std::optional<ConstraintInput> form = read_format(inner.find("schema"), source, "text.format.schema");
  form->in_order = inner.boolean("strict").value_or(false);
  return form;
}

bool is_there(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

// What the state was told before, and whether it has to be told more.
void tell_tools(const KeptResponse* previous, ResponseInput& input) {
  if (previous) input.told = previous->told;
  for (const Tool& tool : input.prompt.chat.tools) {
    if (is_there(input.told, tool.name)) continue;
    input.told.push_back(tool.name);
    input.prompt.chat.tells_tools = true;
  }
}

}  // namespace

ResponseInput read_response_input(const Fields& fields, std::string_view body, const std::string& id, const KeptResponse* previous,
                                  StateStore& sessions) {
  ResponseInput input;
  ItemReader reader(id, sessions);
  const json::value* const given = fields.find("input");
  if (given && given->is_string() && !given->get_string().empty()) {
    reader.add_text(string_of(*given, "input"));
  } else if (const json::array* list = fields.list("input")) {
    for (size_t i = 0; i < list->size(); ++i) reader.add((*list)[i], fmt::format("input[{}]", i));
  }
  std::vector<ChatMessage>& messages = input.prompt.messages;
  messages = reader.take_messages(previous ? previous->calls() : std::vector<std::string>());
  if (messages.empty()) bad_field("input", "must have something to be read");
  if (const auto instructions = fields.text("instructions")) messages.insert(messages.begin(), {"system", *instructions});
  input.items = reader.take_items();
  TemplateOptions& options = input.prompt.chat;
  read_tool_fields(fields, body, input);
  read_reasoning(fields, options);
  input.form = read_text_form(fields, body);
  tell_tools(previous, input);
  options.continue_final_message = false;
  options.continues = previous != nullptr;
  options.after_tool_turns = previous && previous->after_tools;
  return input;
}

json::object told_text(const Fields& fields) {
  json::object told = {{"format", json::object{{"type", "text"}}}, {"verbosity", "medium"}};
  const json::object* const object = fields.map("text");
  if (!object) return told;
  const Fields text(*object, text_fields, "text.");
  if (const auto verbosity = text.text("verbosity")) told["verbosity"] = *verbosity;
  const json::object* const format = text.map("format");
  if (!format) return told;
  const Fields inner(*format, text_format_fields, "text.format.");
  const std::string type = inner.text("type").value_or("");
  json::object form = {{"type", type}};
  if (type == "json_schema") {
    form["name"] = api::text(inner.text("name").value_or("schema"));
    if (const auto description = inner.text("description")) form["description"] = api::text(*description);
    form["schema"] = *inner.map("schema");
    form["strict"] = inner.boolean("strict").value_or(false);
  }
  told["format"] = std::move(form);
  return told;
}

json::object told_reasoning(const Fields& fields) {
  const json::object* const object = fields.map("reasoning");
  const std::string effort = object ? effort_of(*object) : std::string();
  return {{"effort", effort.empty() ? json::value() : json::value(effort)}, {"summary", nullptr}};
}

}  // namespace fulmar::api::openai
