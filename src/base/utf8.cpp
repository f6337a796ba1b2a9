// UTF-8 after RFC 3629, table 3-7 of the Unicode standard.
#include "base/utf8.h"

namespace fulmar {
namespace {

struct Step {
  std::size_t length = 0;  // bytes of this character, or of the longest prefix of one
  bool whole = false;
  bool incomplete = false;  // the bytes ended before the character did
};

// One character at the front of `bytes`, which is not empty.
Step step(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return {1, true, false};
  if (lead < 0xc2 || lead > 0xf4) return {1, false, false};
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (std::size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {i, false, true};
    // The second byte's range is narrower after these leads: overlong forms, surrogates, past U+10FFFF.
    unsigned low = 0x80, high = 0xbf;
    if (i == 1 && lead == 0xe0) low = 0xa0;
    if (i == 1 && lead == 0xed) high = 0x9f;
    if (i == 1 && lead == 0xf0) low = 0x90;
    if (i == 1 && lead == 0xf4) high = 0x8f;
    if (at(i) < low || at(i) > high) return {i, false, false};
  }
  return {length, true, false};
}

// Appends whole characters and replacements to `out`; answers where an incomplete tail begins (or the end).
std::size_t repair(std::string_view bytes, std::string& out) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const Step next = step(bytes.substr(at));
    if (next.incomplete) break;
    if (next.whole) {
      out.append(bytes.substr(at, next.length));
    } else {
      out.append("\xef\xbf\xbd");
    }
    at += next.length;
  }
  return at;
}

}  // namespace

Utf8Scan scan_utf8(std::string_view bytes) {
  Utf8Scan scan;
  while (scan.valid < bytes.size()) {
    const Step next = step(bytes.substr(scan.valid));
    scan.incomplete = next.incomplete;
    if (!next.whole) break;
    scan.valid += next.length;
  }
  return scan;
}

bool is_utf8(std::string_view bytes) {
  return scan_utf8(bytes).valid == bytes.size();
}

std::string replace_bad_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  if (repair(bytes, out) < bytes.size()) out.append("\xef\xbf\xbd");
  return out;
}

std::string take_utf8(std::string& bytes) {
  std::string out;
  bytes.erase(0, repair(bytes, out));
  return out;
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string escape_controls(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string shown(std::string_view bytes, std::size_t most) {
  if (bytes.size() <= most) return escape_controls(replace_bad_utf8(bytes));
  std::string front(bytes.substr(0, most));
  return escape_controls(take_utf8(front)) + "...";
}

}  // namespace fulmar
