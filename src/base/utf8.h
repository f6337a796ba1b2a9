// UTF-8: how much of a byte string is whole characters, and a replacement for bytes that are none.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace fulmar {

// What a byte string starts with. RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
struct Utf8Scan {
  std::size_t valid = 0;    // bytes of whole characters at the front
  bool incomplete = false;  // what follows, up to the end, is the beginning of one more character
};
Utf8Scan scan_utf8(std::string_view bytes);

bool is_utf8(std::string_view bytes);

// Every byte run that can never become a character turns into U+FFFD (one per maximal prefix of a character,
// as Unicode recommends), an incomplete tail too.
std::string replace_bad_utf8(std::string_view bytes);
// The same, but an incomplete tail stays in `bytes` for more to come; all before it is answered and taken
// out.
std::string take_utf8(std::string& bytes);

// A to Z turn into a to z, and nothing else.
std::string lower_ascii(std::string_view text);

// ASCII control characters turn into \xNN: a file's own words, shown, can then neither end a line nor
// command the terminal. The rest stays as it is.
std::string escape_controls(std::string_view bytes);

// A file's own words for a sentence about them: the front of a long text, with "..." behind it, in whole
// characters, and escape_controls() of it.
std::string shown(std::string_view bytes, std::size_t most = 200);

}  // namespace fulmar
