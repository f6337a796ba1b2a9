// Cuts between characters; see text_parts.h.
#include "answer/text_parts.h"

#include <algorithm>
#include <utility>

#include "answer/held.h"

namespace fulmar::api {

std::string_view first_part(std::string_view text) {
  if (text.size() <= kPartBytes) return text;
  size_t length = kPartBytes;
  while (length > kPartBytes - 4 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
  return text.substr(0, length);
}

void trim(std::string& text) {
  constexpr std::string_view white = " \t\r\n";
  text.erase(text.find_last_not_of(white) + 1);
  text.erase(0, std::min(text.find_first_not_of(white), text.size()));
}

std::string take_part(std::string& from) {
  if (from.size() <= kPartBytes) return std::exchange(from, {});
  std::string part(first_part(from));
  from.erase(0, part.size());
  return part;
}

}  // namespace fulmar::api
