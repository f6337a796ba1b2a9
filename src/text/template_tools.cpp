// Words and blocks of JSON for tools.
#include "text/template_tools.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "text/call_text.h"
#include "text/white_space.h"

namespace fulmar {
namespace {

constexpr std::string_view no_parameters = R"({"type": "object", "properties": {}})";
constexpr std::string_view how_to_call =
    "To call a tool, write exactly the line\n"
    "**Tool Call:**\n"
    "and below it a fenced json block of this form:\n"
    "```json\n"
    "{\"name\": \"tool_name\", \"arguments\": {\"key\": \"value\"}}\n"
    "```\n"
    "Write one such pair for each call. Invent neither call ids nor outputs of tools: the outputs come in the next turn.";

std::string_view parameters_of(const Tool& tool) {
  return tool.parameters.empty() ? no_parameters : std::string_view(tool.parameters);
}

}  // namespace

std::string indented_json(std::string_view json) {
  std::string out;
  size_t depth = 0;
  const auto line = [&] { out.append("\n").append(2 * depth, ' '); };
  for (size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (white.find(c) != white.npos) continue;
    if (c == '"') {
      const size_t begin = at++;
      while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
      out += json.substr(begin, at + 1 - begin);
    } else if (c == '{' || c == '[') {
      out += c;
      const size_t next = json.find_first_not_of(white, at + 1);
      if (next != json.npos && (json[next] == '}' || json[next] == ']')) {
        out += json[at = next];
        continue;
      }
      ++depth;
      line();
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
      line();
      out += c;
    } else {
      out += c;
      if (c == ',') line();
      if (c == ':') out += ' ';
    }
  }
  return out;
}

std::string tools_marked(std::span<const Tool> tools) {
  std::string out;
  for (const Tool& tool : tools) {
    out += fmt::format("### `{}`\n", tool.name);
    if (!tool.description.empty()) out += fmt::format("**Description:** {}\n", tool.description);
    out += fmt::format("**Parameters:**\n```json\n{}\n```\n", indented_json(parameters_of(tool)));
  }
  return out.append(how_to_call);
}

std::string tools_python(std::span<const Tool> tools) {
  std::string list = "[";
  for (const Tool& tool : tools) {
    if (list.size() > 1) list += ',';
    list += fmt::format(R"({{"name":{},)", json_quoted(tool.name));
    if (!tool.description.empty()) list += fmt::format(R"("description":{},)", json_quoted(tool.description));
    list += fmt::format(R"("parameters":{}}})", parameters_of(tool));
  }
  return "You are a helpful assistant with access to the following functions. Use them if required -" +
         indented_json(list.append("]"));
}

std::string call_marked(std::string_view name, std::string_view arguments) {
  return fmt::format("**Tool Call:**\n```json\n{{\"name\": {}, \"arguments\": {}}}\n```", json_quoted(name),
                     arguments.empty() ? "{}" : arguments);
}

std::string call_python(std::string_view name, std::string_view arguments) {
  return fmt::format("{}\n```python\ntool_call({})\n```", name, python_of_arguments(arguments));
}

}  // namespace fulmar
