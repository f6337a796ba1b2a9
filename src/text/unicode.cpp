// Character classes and canonical composition from utf8proc's tables.
#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "base/fail.h"
#include "base/utf8.h"

namespace fulmar {
namespace {

const utf8proc_uint8_t* utf8_bytes(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

// The property White_Space; categories alone would miss the controls and next line (U+0085).
bool is_space(utf8proc_int32_t code, utf8proc_category_t category) {
  return (code >= 0x09 && code <= 0x0d) || code == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
         category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

CharClass class_of(utf8proc_int32_t code) {
  const utf8proc_category_t category = utf8proc_category(code);
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) return CharClass::letter;
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return CharClass::number;
  return is_space(code, category) ? CharClass::space : CharClass::other;
}

// Below U+0300 (bytes CC 80) every character is composed already, and nothing there joins what is before it.
bool is_surely_composed(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0xcc; });
}

// Appends the form C of valid UTF-8 to `out`: decompose, order the marks, compose. Ordering is done here,
// because utf8proc's is an insertion sort: quadratic for a long run of marks.
void append_composed(std::string_view text, std::string& out) {
  if (is_surely_composed(text)) {
    out.append(text);
    return;
  }
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  std::vector<utf8proc_int32_t> codes;
  codes.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t code = 0, parts[8];  // a canonical decomposition has at most 4 characters
    const auto length = utf8proc_iterate(utf8_bytes(text), static_cast<utf8proc_ssize_t>(text.size()), &code);
    require(length > 0, "utf8proc refused checked UTF-8");
    int boundary = 0;
    const auto count = utf8proc_decompose_char(code, parts, 8, options, &boundary);
    require(count >= 0 && count <= 8, "utf8proc could not decompose U+{:04X}", code);
    codes.insert(codes.end(), parts, parts + count);
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  const auto order = [](utf8proc_int32_t code) { return utf8proc_get_property(code)->combining_class; };
  const auto is_mark = [&](utf8proc_int32_t code) { return order(code) != 0; };
  for (auto at = codes.begin(); at != codes.end();) {
    const auto begin = std::find_if(at, codes.end(), is_mark);
    at = std::find_if_not(begin, codes.end(), is_mark);
    if (at - begin > 1) std::ranges::stable_sort(begin, at, {}, order);
  }
  const auto count =
      utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()), options);
  require(count >= 0, "utf8proc could not compose a text");
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    utf8proc_uint8_t bytes[4];
    const auto length = utf8proc_encode_char(codes[static_cast<std::size_t>(i)], bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  }
}

}  // namespace

Character front_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    if ((first | 0x20) >= 'a' && (first | 0x20) <= 'z') return {CharClass::letter, 1};
    if (first >= '0' && first <= '9') return {CharClass::number, 1};
    return {first == ' ' || (first >= 0x09 && first <= 0x0d) ? CharClass::space : CharClass::other, 1};
  }
  utf8proc_int32_t code = 0;
  const auto length = utf8proc_iterate(utf8_bytes(text), static_cast<utf8proc_ssize_t>(text.size()), &code);
  if (length <= 0) return {CharClass::other, 1};
  return {class_of(code), static_cast<std::size_t>(length)};
}

std::string compose_nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t valid = scan_utf8(text).valid;
    append_composed(text.substr(0, valid), out);
    text.remove_prefix(valid);
    if (text.empty()) break;
    out.push_back(text[0]);
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace fulmar
