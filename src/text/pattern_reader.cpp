// Reading patterns character by character.
#include "text/pattern_reader.h"

#include <algorithm>

namespace fulmar {

uint32_t PatternReader::character() {
  const auto first = static_cast<unsigned char>(text_[at_++]);
  if (first < 0xC0) return first;
  const int more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  uint32_t code = first & (0x3Fu >> more);
  for (int i = 0; i < more && !done(); ++i) code = code << 6 | (static_cast<unsigned char>(text_[at_++]) & 0x3F);
  return code;
}

std::optional<uint32_t> PatternReader::hex(int digits) {
  uint32_t value = 0;
  for (int i = 0; i < digits; ++i) {
    const std::size_t at = at_ + static_cast<std::size_t>(i);
    const char c = at < text_.size() ? text_[at] : '\0';
    uint32_t digit;
    if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A' + 10);
    else return {};
    value = value << 4 | digit;
  }
  at_ += static_cast<std::size_t>(digits);
  return value;
}

std::optional<uint32_t> PatternReader::number() {
  uint64_t value = 0;
  const std::size_t before = at_;
  for (; !done() && peek() >= '0' && peek() <= '9'; ++at_)
    value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(peek() - '0'), UINT32_MAX - 1);
  if (at_ == before) return {};
  return static_cast<uint32_t>(value);
}

std::string utf8_of(uint32_t code) {
  std::string text;
  const auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6);
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  }
  return text;
}

}  // namespace fulmar
