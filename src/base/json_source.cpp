// A walk over text that is known to be JSON: nothing is checked but where the text ends.
#include "base/json_source.h"

#include <algorithm>

#include "base/json_text.h"

namespace fulmar {
namespace {

constexpr std::string_view white = " \t\r\n";

std::string_view from_value(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(white), text.size()));
}

// How long the string is that begins the text, its quotes included.
size_t string_length(std::string_view text) {
  size_t at = 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

// What the string says: half a surrogate pair is U+FFFD, as in the whole body.
std::string unquoted(std::string_view quoted) {
  if (quoted.size() < 2) return {};
  return json_unescaped(quoted.substr(1, quoted.size() - 2));
}

// How long the value is that begins the text. White space behind a number or a word is part of it.
size_t value_length(std::string_view text) {
  size_t depth = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      at += string_length(text.substr(at));
      if (depth == 0) return at;
      continue;
    }
    if (depth == 0 && (c == ',' || c == ']' || c == '}')) return at;
    ++at;
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && --depth == 0) return at;
  }
  return text.size();
}

// Takes the value, and the comma before the next one, off the text.
std::string_view take_value(std::string_view& text) {
  const std::string_view value = text.substr(0, value_length(text));
  text = from_value(text.substr(value.size()));
  if (text.starts_with(',')) text = from_value(text.substr(1));
  return value;
}

// Takes the member, and the comma before the next one, off the inside of an object: its name in quotes and its value.
std::pair<std::string_view, std::string_view> take_member(std::string_view& text) {
  const std::string_view key = text.substr(0, string_length(text));
  text = from_value(text.substr(key.size()));  // its colon
  text = from_value(text.substr(std::min<size_t>(1, text.size())));
  return {key, take_value(text)};
}

}  // namespace

JsonSource::JsonSource(std::string_view text) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  text_ = from_value(text.substr(text.starts_with(mark) ? mark.size() : 0));
}

JsonSource JsonSource::member(std::string_view name) const {
  JsonSource found;
  if (!is_object()) return found;
  const size_t longest = 6 * name.size() + 2;  // each byte as \u00XX
  for (std::string_view rest = from_value(text_.substr(1)); rest.starts_with('"');) {
    const auto [key, value] = take_member(rest);
    if (key.size() <= longest && unquoted(key) == name) found.text_ = value;
  }
  return found;
}

std::vector<JsonSource> JsonSource::entries() const {
  std::vector<JsonSource> all;
  if (!is_list()) return all;
  for (std::string_view rest = from_value(text_.substr(1)); !rest.empty() && rest[0] != ']';) {
    const std::string_view value = take_value(rest);
    if (value.empty()) break;
    all.emplace_back(value);
  }
  return all;
}

std::vector<std::pair<std::string, JsonSource>> JsonSource::members() const {
  std::vector<std::pair<std::string, JsonSource>> all;
  if (!is_object()) return all;
  for (std::string_view rest = from_value(text_.substr(1)); rest.starts_with('"');) {
    const auto [key, value] = take_member(rest);
    all.emplace_back(unquoted(key), JsonSource()).second.text_ = value;
  }
  return all;
}

std::optional<std::string> JsonSource::text() const {
  if (!text_.starts_with('"')) return std::nullopt;
  return unquoted(text_.substr(0, string_length(text_)));
}

std::string JsonSource::compact() const {
  std::string out;
  const std::string_view value = text_.substr(0, value_length(text_));
  for (size_t at = 0; at < value.size();) {
    const std::string_view rest = value.substr(at);
    if (rest[0] == '"') {
      const std::string_view quoted = rest.substr(0, string_length(rest));
      out += json_quoted(unquoted(quoted));
      at += quoted.size();
      continue;
    }
    if (white.find(rest[0]) == white.npos) out += rest[0];
    ++at;
  }
  return out;
}

}  // namespace fulmar
