// What tokenizers ask of Unicode: the class of a character, and canonical composition.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fulmar {

// The classes that patterns of pre-tokenizers name: \p{L}, \p{N}, \s (White_Space) and none of these.
enum class CharClass : uint8_t { letter, number, space, other };

struct Character {
  CharClass kind;
  std::size_t length;  // in bytes
};
// The character at the front of `text`, which is not empty. A byte that begins no whole UTF-8 character
// stands alone and is of class other.
Character front_character(std::string_view text);

// Normalization form C (Unicode Standard Annex 15) of every stretch of valid UTF-8; bytes between them pass
// unchanged. Time is O(n log n) even for endless runs of combining marks.
std::string compose_nfc(std::string_view text);

}  // namespace fulmar
