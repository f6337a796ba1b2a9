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

// The four hex digits of an escape "\uXXXX" that begins the text, or -1.
int32_t escaped_unit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return -1;
  int32_t unit = 0;
  for (const char c : text.substr(2, 4)) {
    const int lower = c | 0x20;
    const int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

// Takes one or two escapes of UTF-16 off the text.
int32_t take_code_point(std::string_view& text, int32_t unit) {
  text.remove_prefix(6);
  const auto is_within = [](int32_t value, int32_t first) { return value >= first && value < first + 0x400; };
  if (!is_within(unit, 0xD800)) return is_within(unit, 0xDC00) ? 0xFFFD : unit;
  const int32_t low = escaped_unit(text);
  if (!is_within(low, 0xDC00)) return 0xFFFD;
  text.remove_prefix(6);
  return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

void append_utf8(std::string& out, int32_t code) {
  const auto put = [&out](int32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
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

std::string json_unescaped(std::string_view inside) {
  constexpr std::string_view short_ones = "\"\"\\\\//b\bf\fn\nr\rt\t";  // what follows the backslash, then the character
  std::string out;
  out.reserve(inside.size());
  while (!inside.empty()) {
    const size_t plain = std::min(inside.find('\\'), inside.size());
    out += inside.substr(0, plain);
    inside.remove_prefix(plain);
    if (inside.empty()) break;
    if (const int32_t unit = escaped_unit(inside); unit >= 0) {
      append_utf8(out, take_code_point(inside, unit));
      continue;
    }
    size_t found = 0;
    while (found < short_ones.size() && (inside.size() < 2 || short_ones[found] != inside[1])) found += 2;
    const bool known = found < short_ones.size();
    out += known ? short_ones[found + 1] : '\\';
    inside.remove_prefix(known ? 2 : 1);
  }
  return out;
}

}  // namespace fulmar
