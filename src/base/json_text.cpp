// Escapes of RFC 8259: quotes, backslashes and control characters.
#include "base/json_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace fulmar {
namespace {

bool needs_escape(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view short_ones = "\"\"\\\\\bb\ff\nn\rr\tt";  // the character, then what stands for it
  for (size_t i = 0; i < short_ones.size(); i += 2) {
    if (short_ones[i] != c) continue;
    out += '\\';
    out += short_ones[i + 1];
    return;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u00";
  out += digits[static_cast<unsigned char>(c) >> 4];
  out += digits[static_cast<unsigned char>(c) & 15];
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto plain = static_cast<size_t>(std::find_if(text.begin(), text.end(), needs_escape) - text.begin());
    out += text.substr(0, plain);
    if (plain == text.size()) return;
    append_escape(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
}

std::string json_quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  if (is_utf8(text)) {
    append_json_escaped(out, text);
  } else {
    append_json_escaped(out, replace_bad_utf8(text));
  }
  return out += '"';
}

}  // namespace fulmar
