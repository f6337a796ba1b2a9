// Lines, tokens and fields.
#include "http/syntax.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/refusal.h"

namespace fulmar::http {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool is_token_char(char c) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
  return alphanumeric || (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

}  // namespace

void malformed(std::string_view message) {
  throw Refusal(400, fmt::format("malformed HTTP: {}", message), "malformed_http");
}

std::optional<std::string_view> Lines::next(std::string_view& bytes) {
  for (; seen_ < bytes.size(); ++seen_) {
    const auto c = static_cast<unsigned char>(bytes[seen_]);
    const bool after_cr = seen_ > 0 && bytes[seen_ - 1] == '\r';
    if (c == '\n') {
      if (!after_cr) malformed("a line ends without a carriage return");
      const std::string_view line = bytes.substr(0, seen_ - 1);
      bytes.remove_prefix(seen_ + 1);
      seen_ = 0;
      return line;
    }
    if (after_cr) malformed("a carriage return stands alone");
    if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) malformed("a control character");
  }
  return std::nullopt;
}

FieldView split_field(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) malformed("a header field is folded over two lines");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) malformed("a header field has no colon");
  if (!is_token(line.substr(0, colon))) malformed("the name of a header field is no token");
  return {line.substr(0, colon), trim(line.substr(colon + 1))};
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> members(std::string_view list) {
  std::vector<std::string_view> all;
  for (;;) {
    const size_t comma = list.find(',');
    all.push_back(trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) return all;
    list.remove_prefix(comma + 1);
  }
}

bool lists(std::string_view list, std::string_view word) {
  const auto all = members(list);
  return std::any_of(all.begin(), all.end(), [&](std::string_view member) { return same_word(member, word); });
}

}  // namespace fulmar::http
