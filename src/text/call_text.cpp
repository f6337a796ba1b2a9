// Walks over one call's text.
#include "text/call_text.h"

#include <algorithm>

#include "base/json_scanner.h"
#include "base/json_source.h"
#include "base/json_text.h"
#include "text/white_space.h"

namespace fulmar {
namespace {

constexpr size_t most_name = 128, most_gap = 64;  // bytes

bool is_white(char c) {
  return white.find(c) != white.npos;
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_name(char c) {
  return is_word(c) || c == '-' || c == '.';
}

std::optional<std::string> arguments_of(const JsonSource& value) {
  if (value.is_object()) return value.compact();
  if (value.is_null()) return "{}";
  const std::optional<std::string> text = value.text();
  if (!text) return std::nullopt;
  if (std::ranges::all_of(*text, is_white)) return "{}";
  if (!is_json_object(*text)) return std::nullopt;
  return JsonSource(*text).compact();
}

std::optional<ToolCall> call_of(JsonSource json) {
  if (!json.is_object()) return std::nullopt;
  if (const JsonSource inner = json.member("function"); inner.is_object()) json = inner;
  std::optional<std::string> name = json.member("name").text();
  if (!name || name->empty() || name->size() > most_name) return std::nullopt;
  if (std::ranges::any_of(*name, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) return std::nullopt;
  std::optional<std::string> arguments = arguments_of(json.member("arguments"));
  if (!arguments) return std::nullopt;
  return ToolCall{*std::move(name), *std::move(arguments)};
}

// Takes white space, and commas where they stand between others, off the text.
void skip(std::string_view& text, std::string_view what) {
  text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
}

// Takes a string in single or double quotes off the text.
std::optional<std::string> take_quoted(std::string_view& text) {
  const char quote = text.empty() ? '\0' : text[0];
  if (quote != '"' && quote != '\'') return std::nullopt;
  size_t end = 1;
  while (end < text.size() && text[end] != quote) end += text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return std::nullopt;
  std::string inside(text.substr(1, end - 1));
  text.remove_prefix(end + 1);
  for (size_t at = inside.find("\\'"); at != inside.npos; at = inside.find("\\'", at + 1)) inside.erase(at, 1);
  return json_unescaped(inside);
}

// How long the object or list is that begins the text; 0: there is none.
size_t structure_length(std::string_view text) {
  JsonScanner scanner;
  for (size_t at = 0; at < text.size(); ++at) {
    const JsonScanner::Found found = scanner.push(text[at]);
    if (found == JsonScanner::Found::wrong) return 0;
    if (found == JsonScanner::Found::whole) return at + 1;
  }
  return 0;
}

// A word that is no string's: a number or what Python and JSON call true, false and none; else it is text.
std::string json_of_word(std::string_view word) {
  if (word == "True" || word == "true") return "true";
  if (word == "False" || word == "false") return "false";
  if (word == "None" || word == "null") return "null";
  const std::string list = std::string("[").append(word).append("]");
  const bool is_number = !word.empty() && word.find_first_of(",\"[{") == word.npos && structure_length(list) == list.size();
  return is_number ? std::string(word) : json_quoted(word);
}

// Takes a value off the text; nothing where there is none.
std::optional<std::string> take_value(std::string_view& text) {
  if (text.starts_with('"') || text.starts_with('\'')) {
    const std::optional<std::string> quoted = take_quoted(text);
    return quoted ? std::optional(json_quoted(*quoted)) : std::nullopt;
  }
  if (const size_t length = structure_length(text); length > 0) {
    std::string value = JsonSource(text.substr(0, length)).compact();
    text.remove_prefix(length);
    return value;
  }
  std::string_view word = text.substr(0, text.find(','));
  text.remove_prefix(word.size());
  word = word.substr(0, word.find_last_not_of(white) + 1);
  return word.empty() ? std::nullopt : std::optional(json_of_word(word));
}

// A call's member, with its quotes.
constexpr std::string_view first_members[] = {"\"name\"", "\"arguments\"", "\"function\"", "\"type\"", "\"id\""};

}  // namespace

std::optional<std::vector<ToolCall>> calls_of_json(std::string_view json) {
  const JsonSource source(json);
  std::vector<ToolCall> calls;
  const std::vector<JsonSource> each = source.is_list() ? source.entries() : std::vector{source};
  for (const JsonSource& one : each) {
    std::optional<ToolCall> call = call_of(one);
    if (!call) return std::nullopt;
    calls.push_back(*std::move(call));
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

Fits begins_call_json(std::string_view text) {
  const std::string_view all = text;
  const auto is_long = [&] { return all.size() - text.size() > most_gap; };
  skip(text, white);
  if (text.starts_with('[')) {
    text.remove_prefix(1);
    skip(text, white);
  }
  if (is_long()) return Fits::no;
  if (text.empty()) return Fits::more;
  if (text[0] != '{') return Fits::no;
  text.remove_prefix(1);
  skip(text, white);
  if (is_long()) return Fits::no;
  for (const std::string_view member : first_members) {
    if (text.starts_with(member)) return Fits::yes;
    if (member.starts_with(text)) return Fits::more;
  }
  return Fits::no;
}

std::optional<std::string> arguments_of_python(std::string_view inside) {
  std::string out = "{";
  for (skip(inside, white); !inside.empty(); skip(inside, white)) {
    std::optional<std::string> key = take_quoted(inside);
    if (!key) {
      const auto length = static_cast<size_t>(std::ranges::find_if_not(inside, is_word) - inside.begin());
      if (length == 0) return std::nullopt;
      key = inside.substr(0, length);
      inside.remove_prefix(length);
    }
    skip(inside, white);
    if (!inside.starts_with('=') && !inside.starts_with(':')) return std::nullopt;
    inside.remove_prefix(1);
    skip(inside, white);
    const std::optional<std::string> value = take_value(inside);
    if (!value) return std::nullopt;
    out.append(out.size() > 1 ? "," : "").append(json_quoted(*key)).append(":").append(*value);
    skip(inside, white);
    if (inside.empty()) break;
    if (inside[0] != ',') return std::nullopt;
    inside.remove_prefix(1);
  }
  return out += '}';
}

std::string python_of_arguments(std::string_view json) {
  std::string out;
  for (const auto& [name, value] : JsonSource(json).members()) {
    const std::string said = value.text().value_or(value.compact());
    out.append(out.empty() ? "" : ", ").append(json_quoted(name)).append("=").append(json_quoted(said));
  }
  return out;
}

PythonHead python_head(std::string_view text) {
  constexpr std::string_view fence = "```", word = "tool_call";
  const auto run = [&text](size_t at, auto&& belongs) {
    const size_t begin = at;
    while (at < text.size() && belongs(text[at])) ++at;
    return at - begin;
  };
  PythonHead head;
  head.name = run(0, is_name);
  if (head.name == 0 || head.name > most_name) return head;
  const size_t gap = run(head.name, is_white);
  if (gap > most_gap) return head;
  size_t at = head.name + gap;
  const std::string_view rest = text.substr(at);
  if (!rest.starts_with(fence)) {
    head.fits = fence.starts_with(rest) ? Fits::more : Fits::no;
    return head;
  }
  at += fence.size();
  const size_t words = run(at, [](char c) { return is_word(c) || is_white(c); });
  if (words > 2 * most_gap) return head;
  if (at + words == text.size()) {
    head.fits = Fits::more;
  } else if (text[at + words] == '(' && text.substr(at, words).ends_with(word)) {
    head.fits = Fits::yes;
    head.length = at + words + 1;
  }
  return head;
}

}  // namespace fulmar
