// One pass over the text for what the parser cannot know, then the parser.
#include "answer/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parser.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "answer/json.h"
#include "base/fail.h"
#include "base/utf8.h"

namespace fulmar::api {
namespace {

// "byte 17 (line 2, column 5)": the byte from 0, as programs count; line and column from 1, as editors do.
std::string place(std::string_view body, size_t at) {
  const std::string_view before = body.substr(0, at);
  const size_t line = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::string_view row = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0
  const auto column = std::count_if(row.begin(), row.end(),
                                    [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return fmt::format("byte {} (line {}, column {})", at, line, column + 1);
}

// Text in other encodings is common where a shell, an editor or an old program chose it: the byte tells
// which.
void check_encoding(std::string_view body) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(body[at]); };
  if (body.size() >= 2) {
    const bool marked = (byte(0) == 0xFF && byte(1) == 0xFE) || (byte(0) == 0xFE && byte(1) == 0xFF);
    if (marked || byte(0) == 0 || byte(1) == 0)
      fail(ErrorKind::bad_request, "the body is UTF-16 or UTF-32 from byte 0 on; send it as UTF-8");
  }
  const size_t valid = scan_utf8(body).valid;
  if (valid < body.size())
    fail(ErrorKind::bad_request,
         "the body is not UTF-8 at {}: 0x{:02x} begins no character; send it as UTF-8", place(body, valid),
         byte(valid));
}

// The four hex digits of an escape "\uXXXX" at `at`, or -1.
int escaped(std::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int code = 0;
  for (const char c : text.substr(at + 2, 4)) {
    const int lower = c | 0x20;
    const int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

bool is_leading(int code) {
  return code >= 0xD800 && code <= 0xDBFF;
}
bool is_trailing(int code) {
  return code >= 0xDC00 && code <= 0xDFFF;
}

// Counts members against kBodyMembers, from the characters outside of strings.
class MemberCount {
 public:
  void put(char c) {
    if (c == '{' || c == '[') {
      open_.push_back(c == '{' ? 1 : 0);
    } else if (c == ',' && !open_.empty() && open_.back() > 0) {
      ++open_.back();
    } else if ((c == '}' || c == ']') && !open_.empty()) {
      squares_ += uint64_t{open_.back()} * open_.back();
      open_.pop_back();
      if (squares_ > uint64_t{kBodyMembers} * kBodyMembers)
        fail(ErrorKind::bad_request, "the body has an object of more than {} members, or several nearly as large",
             kBodyMembers);
    }
  }

 private:
  std::vector<uint32_t> open_;  // members of each object that is open, at least 1; of a list 0
  uint64_t squares_ = 0;
};

// Counts values against kBodyValues, and where a surrogate stands alone writes \ufffd in its place: as many
// bytes, so that the parser's places stay true. `mended` is filled only where there is one.
void look_through(std::string_view text, std::string& mended) {
  size_t values = 1;
  MemberCount members;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ',' || c == '[' || c == '{') && ++values > kBodyValues)
      fail(ErrorKind::bad_request, "the body has more than {} values", kBodyValues);
    if (!quoted) members.put(c);
    if (c != '\\') continue;  // outside of a string the parser refuses it
    const int code = escaped(text, i);
    if (is_leading(code) && is_trailing(escaped(text, i + 6))) {
      i += 11;
    } else if (is_leading(code) || is_trailing(code)) {
      if (mended.empty()) mended = text;
      mended.replace(i + 2, 4, "fffd");
      i += 5;
    } else {
      ++i;
    }
  }
}

}  // namespace

json::value parse_value(std::string_view body) {
  check_encoding(body);
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  const size_t begin = body.starts_with(mark) ? mark.size() : 0;
  std::string_view text = body.substr(begin);
  if (text.empty()) fail(ErrorKind::bad_request, "the body is empty; send JSON");
  std::string mended;
  look_through(text, mended);
  if (!mended.empty()) text = mended;

  json::parse_options options;
  options.max_depth = kBodyDepth;
  json::parser parser({}, options);
  boost::system::error_code error;
  const size_t end = parser.write_some(text.data(), text.size(), error);
  if (error == json::error::too_deep)
    fail(ErrorKind::bad_request, "the body is nested deeper than {} levels at {}", kBodyDepth,
         place(body, begin + end));
  if (error == json::error::incomplete)
    fail(ErrorKind::bad_request, "the body is not valid JSON: it ends too early, at {}",
         place(body, body.size()));
  if (error)
    fail(ErrorKind::bad_request, "the body is not valid JSON at {}: {}", place(body, begin + end),
         error.message());
  if (end < text.size())
    fail(ErrorKind::bad_request, "the body is not valid JSON: something follows its end at {}",
         place(body, begin + end));
  return parser.release();
}

json::object parse_object(std::string_view body) {
  json::value value = parse_value(body);
  if (!value.is_object())
    fail(ErrorKind::bad_request, "the body must be a JSON object, not {}", kind_of(value));
  return std::move(value.get_object());
}

}  // namespace fulmar::api
