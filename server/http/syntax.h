// The small parts of HTTP's grammar (RFC 9110 section 5, RFC 9112 section 2): lines, tokens, fields, lists.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace fulmar::http {

// Takes lines off the front of what has been read. A line ends with CRLF; a CR or LF alone, or any other
// control character but a tab, is refused as soon as it is seen, whether the line is complete or not.
class Lines {
 public:
  // The next whole line, without its end; nullopt: more bytes are needed, and `bytes` holds the beginning.
  std::optional<std::string_view> next(std::string_view& bytes);

 private:
  size_t seen_ = 0;  // bytes of the incomplete line that were looked at
};

struct FieldView {
  std::string_view name, value;
};
// "name: value". Throws a Refusal where the name is no token, as in a folded line.
FieldView split_field(std::string_view line);

bool is_token(std::string_view text);
bool same_word(std::string_view a, std::string_view b);    // but for the case of A to Z
std::string_view trim(std::string_view text);               // of blanks and tabs
std::vector<std::string_view> members(std::string_view list);  // of a comma-separated list, trimmed
bool lists(std::string_view list, std::string_view word);   // `word` is one of the members

}  // namespace fulmar::http
