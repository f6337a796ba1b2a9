// Python's string literals: quotes, prefixes b and u, and the escapes of its language reference,
// section 2.4.1.
#include "text/python_literal.h"

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>

#include "base/utf8.h"

namespace fulmar {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw std::invalid_argument(reason);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(uint32_t code, std::string& out) {
  if (code > 0x10ffff) refuse(fmt::format("U+{:X} is past the last character of Unicode", code));
  if (code >= 0xd800 && code <= 0xdfff) refuse(fmt::format("U+{:X} is half of a surrogate pair", code));
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6), put(0x80 | (code & 63));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
  } else {
    put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 63)), put(0x80 | (code >> 6 & 63)),
        put(0x80 | (code & 63));
  }
}

// One escape; `source` begins after the backslash. Answers how many characters it took.
std::size_t parse_escape(std::string_view source, bool is_bytes, std::string& out) {
  if (source.empty()) refuse("the literal ends after a backslash");
  const auto put_code = [&](uint32_t code) {
    if (!is_bytes) return append_utf8(code, out);
    if (code > 0xff) refuse("an octal escape in bytes is past \\377");
    out.push_back(static_cast<char>(code));
  };
  const auto hex = [&](std::size_t digits) {
    uint32_t code = 0;
    for (std::size_t i = 1; i <= digits; ++i) {
      const int digit = i < source.size() ? hex_digit(source[i]) : -1;
      if (digit < 0) refuse(fmt::format("\\{} needs {} hexadecimal digits", source[0], digits));
      code = code << 4 | static_cast<uint32_t>(digit);
    }
    put_code(code);
    return 1 + digits;
  };
  switch (const char c = source[0]) {
    case '\\':
    case '\'':
    case '"':
      out.push_back(c);
      return 1;
    case 'a':
      out.push_back('\a');
      return 1;
    case 'b':
      out.push_back('\b');
      return 1;
    case 'f':
      out.push_back('\f');
      return 1;
    case 'n':
      out.push_back('\n');
      return 1;
    case 'r':
      out.push_back('\r');
      return 1;
    case 't':
      out.push_back('\t');
      return 1;
    case 'v':
      out.push_back('\v');
      return 1;
    case 'x':
      return hex(2);
    case 'u':
    case 'U':
      if (!is_bytes) return hex(c == 'u' ? 4 : 8);
      break;
    case 'N':
      if (!is_bytes) refuse("\\N{...} is not supported: write the character or \\u");
      break;
    default:
      break;
  }
  if (source[0] < '0' || source[0] > '7') {
    out.push_back('\\');  // the letter itself is read next, as any other
    return 0;
  }
  uint32_t code = 0;
  std::size_t length = 0;
  while (length < 3 && length < source.size() && source[length] >= '0' && source[length] <= '7') {
    code = code << 3 | static_cast<uint32_t>(source[length++] - '0');
  }
  put_code(code);
  return length;
}

}  // namespace

std::size_t parse_python_literal(std::string_view source, std::string& out) {
  std::size_t at = 0;
  bool is_bytes = false;
  if (!source.empty() && (source[0] == 'b' || source[0] == 'B' || source[0] == 'u' || source[0] == 'U')) {
    is_bytes = source[0] == 'b' || source[0] == 'B';
    at = 1;
  }
  if (at == source.size() || (source[at] != '\'' && source[at] != '"')) {
    refuse("expected a Python literal, '...' or b'...'");
  }
  const char quote = source[at++];
  const std::size_t begin = at, out_begin = out.size();
  while (at < source.size() && source[at] != quote) {
    const char c = source[at++];
    if (c == '\\') {
      at += parse_escape(source.substr(at), is_bytes, out);
    } else if (is_bytes && static_cast<unsigned char>(c) >= 0x80) {
      refuse("a bytes literal holds a character that is not ASCII");
    } else {
      out.push_back(c);
    }
  }
  if (at == source.size()) refuse("the literal is not closed");
  if (!is_bytes && !is_utf8(std::string_view(out).substr(out_begin))) {
    refuse(fmt::format("the literal of {} bytes is not UTF-8", at - begin));
  }
  return at + 1;
}

}  // namespace fulmar
