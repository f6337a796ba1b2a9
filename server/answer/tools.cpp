// Reads tools, and orders their outputs.
#include "answer/tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <random>
#include <utility>

#include "answer/forms.h"
#include "base/json_scanner.h"

namespace fulmar::api {
namespace {

using enum FieldType;

constexpr Field tool_rows[] = {
    {"type", text, "`function`", "`function`."},
    {"function", map, "required", "What can be called."},
};

constexpr Field function_rows[] = {
    {"name", text, "required", "Letters, digits and `_-.:/`, up to 128. No two tools have the same."},
    {"description", text, "none", "What it does, and when it is of use: the model reads it."},
    {"parameters", map, "none", "A JSON schema of the object that its arguments are. The model reads it as you spell it."},
    {"strict", boolean, "false", "Arguments are bound to the schema, which must be one that [can be kept to](structured.md)."},
};

constexpr Field use_rows[] = {
    {"tools", list, "none", "What the model may [call](tools.md).", 0, kTools},
    {"tool_choice", text_or_map, "`auto`",
     "`auto`: the model decides. `none`: it is told of no tools. `required`: the answer is a call, or several. "
     "`{\"type\": \"function\", \"function\": {\"name\": ...}}`: it is one call of this tool. `{\"type\": \"allowed_tools\", "
     "\"allowed_tools\": {\"mode\": ..., \"tools\": [...]}}`: `auto` or `required`, with these alone.",
     0, 16},
    {"parallel_tool_calls", boolean, "true", "false: the answer ends after the first call."},
    {"functions", list, "none", "The older form of `tools`: their `function` alone. The answer has `function_call`, one at most.", 0, kTools},
    {"function_call", text_or_map, "`auto`", "And of `tool_choice`: `auto`, `none` or `{\"name\": ...}`.", 0, 16},
};

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-.:/").find(c) != std::string_view::npos;
}

const json::object& object_of(const json::value& value, const std::string& name) {
  if (!value.is_object()) wrong_type(name, "an object", value);
  return value.get_object();
}

void add_function(ToolList& tools, const json::object& object, const JsonSource& source, const std::string& field) {
  const Fields function(object, tool_function_fields, field);
  Tool tool;
  tool.name = function.text("name").value_or("");
  tool.description = function.text("description").value_or("");
  tool.strict = function.boolean("strict").value_or(false);
  const bool has_parameters = function.map("parameters") != nullptr;
  tools.add(std::move(tool), has_parameters ? source.member("parameters") : JsonSource(), field);
}

std::vector<Tool> read_functions(const json::array& list, const JsonSource& source) {
  ToolList tools;
  const std::vector<JsonSource> sources = source.entries();
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string name = fmt::format("functions[{}]", i);
    add_function(tools, object_of(list[i], name), sources.at(i), name + ".");
  }
  return tools.take();
}

// The name in {"type": "function", "function": {"name": ...}}, or in {"name": ...}.
std::string named_in(const json::object& object, const std::string& field) {
  const json::object* inner = &object;
  if (const json::value* function = object.if_contains("function")) inner = &object_of(*function, field + ".function");
  const std::string name = inner == &object ? field + ".name" : field + ".function.name";
  const json::value* value = inner->if_contains("name");
  if (!value || says_nothing(*value)) bad_field(name, "is missing");
  return string_of(*value, name);
}

bool has_tool(const std::vector<Tool>& tools, std::string_view name) {
  return std::ranges::find(tools, name, &Tool::name) != tools.end();
}

[[noreturn]] void unknown_tool(const std::string& field) {
  bad_field(field, "names no tool of this request");
}

void choose_by_word(std::string_view word, bool may_require, const std::string& field, TemplateOptions& options) {
  if (word == "auto") return;
  if (word == "none") return options.tools.clear();
  if (word != "required" || !may_require)
    bad_field(field, may_require ? "must be none, auto, required or an object that names a tool" : "must be none, auto or an object with a name");
  if (options.tools.empty()) bad_field(field, "is required, but there are no tools");
  options.must_call = true;
}

// {"mode": ..., "tools": [{"type": "function", "function": {"name": ...}}]}
void allow_only(const json::object& allowed, const std::string& field, TemplateOptions& options) {
  const json::value* list = allowed.if_contains("tools");
  if (!list || !list->is_array()) bad_field(field + ".tools", "must be a list of tools");
  std::vector<std::string> names;
  for (const json::value& value : list->get_array()) {
    const std::string at = fmt::format("{}.tools[{}]", field, names.size());
    names.push_back(named_in(object_of(value, at), at));
    if (!has_tool(options.tools, names.back())) unknown_tool(at);
  }
  std::erase_if(options.tools, [&](const Tool& tool) { return std::ranges::find(names, tool.name) == names.end(); });
  const json::value* mode = allowed.if_contains("mode");
  choose_by_word(mode ? string_of(*mode, field + ".mode") : "auto", true, field + ".mode", options);
}

void choose(const json::value& choice, bool is_old, const std::string& field, TemplateOptions& options) {
  if (says_nothing(choice)) return;
  if (choice.is_string()) return choose_by_word(string_of(choice, field), !is_old, field, options);
  if (!choice.is_object()) wrong_type(field, "a word or an object that names a tool", choice);
  const json::object& object = choice.get_object();
  if (const json::value* allowed = object.if_contains("allowed_tools"))
    return allow_only(object_of(*allowed, field + ".allowed_tools"), field + ".allowed_tools", options);
  const json::value* type = object.if_contains("type");
  const std::string word = type ? string_of(*type, field + ".type") : "function";
  if (word == "allowed_tools") return allow_only(object, field, options);
  if (word != "function") unsupported(field + ".type", "may be function or allowed_tools only");
  call_only(named_in(object, field), object.contains("function") ? field + ".function.name" : field + ".name", options);
}

}  // namespace

constexpr FieldTable tool_fields{"tools", tool_rows, {}};
constexpr FieldTable tool_function_fields{"tools.function", function_rows, {}};
constexpr FieldTable tool_use_fields{"use of tools", use_rows, {}, &form_fields};

void ToolList::add(Tool tool, const JsonSource& schema, const std::string& field, std::string_view schema_field) {
  if (tool.name.empty()) bad_field(field + "name", "is missing");
  if (tool.name.size() > kToolName || !std::ranges::all_of(tool.name, is_name_letter))
    bad_field(field + "name", fmt::format("must have letters, digits and _-.:/ only, {} at most", kToolName));
  if (has_tool(tools_, tool.name)) bad_field(field + "name", "is another tool's too");
  if (!schema.is_null()) {
    if (!schema.is_object()) bad_field(field + std::string(schema_field), "must be a JSON schema of an object");
    tool.parameters = schema.compact();
    if (tool.parameters == "{}") tool.parameters.clear();
  }
  bytes_ += tool.name.size() + tool.description.size() + tool.parameters.size();
  if (bytes_ > kToolBytes) bad_field(field.substr(0, field.find('[')), fmt::format("have more than {} bytes together", kToolBytes));
  if (tools_.size() == kTools) bad_field(field.substr(0, field.find('[')), fmt::format("has more than {} entries", kTools));
  tool.field = field + std::string(schema_field);
  tools_.push_back(std::move(tool));
}

std::vector<Tool> read_tools(const json::array& list, const JsonSource& source, const std::string& name) {
  ToolList tools;
  const std::vector<JsonSource> sources = source.entries();
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", name, i);
    const Fields tool(object_of(list[i], at), tool_fields, at + ".");
    if (const auto type = tool.text("type"); type && *type != "function") unsupported(tool.name("type"), "may be function only");
    const json::object* function = tool.map("function");
    if (!function) bad_field(tool.name("function"), "is missing");
    add_function(tools, *function, sources.at(i).member("function"), at + ".function.");
  }
  return tools.take();
}

void call_only(const std::string& name, const std::string& field, TemplateOptions& options) {
  if (!has_tool(options.tools, name)) unknown_tool(field);
  options.must_call = true;
  options.called_tool = name;
}

void read_tool_use(const Fields& fields, std::string_view body, TemplateOptions& options) {
  const json::array *tools = fields.list("tools"), *functions = fields.list("functions");
  if (tools && functions) bad_field("functions", "is the older form of tools: send one of them");
  if (tools) options.tools = read_tools(*tools, JsonSource(body).member("tools"), "tools");
  if (functions) options.tools = read_functions(*functions, JsonSource(body).member("functions"));
  options.parallel_calls = fields.boolean("parallel_tool_calls").value_or(true) && !functions;
  if (const json::value* choice = fields.find("tool_choice")) choose(*choice, false, "tool_choice", options);
  if (const json::value* choice = fields.find("function_call")) choose(*choice, true, "function_call", options);
}

void choose_tools(const json::value& choice, const std::string& field, TemplateOptions& options) {
  choose(choice, false, field, options);
}

std::string read_call_arguments(const json::value* value, const JsonSource& source, const std::string& name) {
  if (!value || says_nothing(*value)) return {};
  if (value->is_object()) return source.compact();
  const auto bad = [&] { bad_field(name, "must be a JSON object, or one as text"); };
  if (!value->is_string()) bad();
  std::string text = string_of(*value, name);
  constexpr size_t most_bytes = 1 << 20;  // of which 30 times as many are taken for a moment
  if (text.size() > most_bytes) bad_field(name, fmt::format("must have at most {} bytes", most_bytes));
  boost::system::error_code error;
  if (const json::value parsed = json::parse(text, error); error || !parsed.is_object()) bad();
  return text;
}

void order_outputs(std::vector<ChatMessage>& messages, std::vector<TurnIds>& ids) {
  for (size_t turn = 0; turn < messages.size(); ++turn) {
    const std::vector<std::string>& calls = ids[turn].calls;
    if (calls.size() < 2) continue;
    std::vector<std::pair<size_t, size_t>> order;  // which call, and where its output is
    size_t end = turn + 1;
    for (; end < messages.size() && messages[end].role == "tool"; ++end) {
      const auto call = static_cast<size_t>(std::ranges::find(calls, ids[end].output) - calls.begin());
      order.emplace_back(call, end);
    }
    std::ranges::sort(order);
    const auto is_known = [&](size_t i) { return order[i].first < calls.size() && (i == 0 || order[i].first != order[i - 1].first); };
    bool known = true;
    for (size_t i = 0; i < order.size(); ++i) known = known && is_known(i);
    if (!known) continue;
    std::vector<std::pair<ChatMessage, TurnIds>> sorted;
    for (const auto& [call, at] : order) sorted.emplace_back(std::move(messages[at]), std::move(ids[at]));
    for (size_t i = 0; i < sorted.size(); ++i) {
      messages[turn + 1 + i] = std::move(sorted[i].first);
      ids[turn + 1 + i] = std::move(sorted[i].second);
    }
    turn = end - 1;
  }
}

bool is_whole(const ToolCall& call) {
  return call.arguments.empty() || is_json_object(call.arguments);
}

std::string call_id(std::string_view prefix) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  thread_local std::random_device device;
  std::string id(prefix);
  std::uniform_int_distribution<size_t> one(0, letters.size() - 1);
  for (size_t i = 0; i < 24; ++i) id += letters[one(device)];
  return id;
}

}  // namespace fulmar::api
