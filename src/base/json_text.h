// Text as JSON writes it: the one place that knows which characters are escaped.
#pragma once
#include <string>
#include <string_view>

namespace fulmar {

// Puts `text`, which is UTF-8, to `out` as it stands between the quotes of a JSON string.
void append_json_escaped(std::string& out, std::string_view text);
// A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
std::string json_quoted(std::string_view text);
// What stands between the quotes of a JSON string, with its escapes read; half a surrogate pair is U+FFFD. What is no escape
// stays as it is.
std::string json_unescaped(std::string_view inside);

}  // namespace fulmar
