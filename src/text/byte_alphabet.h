// The alphabet in which byte-level vocabularies spell bytes: each one is a printable character.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace fulmar {

// The printable characters of Latin-1 stand for themselves, the 68 other bytes, in ascending order, are
// U+0100 and what follows.
constexpr uint32_t byte_alphabet_size = 256 + 68;
constexpr std::array<int16_t, byte_alphabet_size> byte_of_letter = [] {
  std::array<int16_t, byte_alphabet_size> bytes{};
  for (int16_t& byte : bytes) byte = -1;
  uint32_t next = 256;
  for (int16_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad);
    bytes[printable ? static_cast<uint32_t>(byte) : next++] = byte;
  }
  return bytes;
}();

// The bytes that `text`, valid UTF-8, stands for; false where it holds other characters.
inline bool from_byte_alphabet(std::string_view text, std::string& bytes) {
  bytes.clear();
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    uint32_t letter = lead;  // one byte, or two below U+0800
    if (lead >= 0x80) {
      if (lead >= 0xe0) return false;
      letter = (lead & 0x1fu) << 6 | (static_cast<unsigned char>(text[at + 1]) & 0x3fu);
    }
    if (letter >= byte_alphabet_size || byte_of_letter[letter] < 0) return false;
    bytes.push_back(static_cast<char>(byte_of_letter[letter]));
    at += lead < 0x80 ? 1 : 2;
  }
  return true;
}

}  // namespace fulmar
