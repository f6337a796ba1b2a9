// The grammar of RFC 8259, one value at a time.
#include "client/json_reader.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace fulmar::client::impl {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      out += static_cast<char>(0xe0 | point >> 12);
    } else {
      out += static_cast<char>(0xf0 | point >> 18);
      out += static_cast<char>(0x80 | (point >> 12 & 0x3f));
    }
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
  }
  out += static_cast<char>(0x80 | (point & 0x3f));
}

}  // namespace

bool JsonReader::fail() {
  failed_ = true;
  rest_ = {};
  return false;
}

void JsonReader::skip_blanks() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
}

bool JsonReader::take(char expected) {
  if (!at(expected)) return false;
  rest_.remove_prefix(1);
  skip_blanks();
  return true;
}

bool JsonReader::enter(char open) {
  if (!take(open)) return false;
  return ++depth_ <= deepest || fail();
}

void JsonReader::skip_unless_read(std::string_view before) {
  if (!failed_ && rest_.data() == before.data()) skip();
}

bool JsonReader::hex(uint32_t& unit) {
  if (rest_.size() < 4) return fail();
  const char* end = rest_.data() + 4;
  if (std::from_chars(rest_.data(), end, unit, 16).ptr != end) return fail();
  rest_.remove_prefix(4);
  return true;
}

// Behind the backslash.
bool JsonReader::escape(std::string* out) {
  constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
  if (rest_.empty()) return fail();
  const char name = rest_.front();
  rest_.remove_prefix(1);
  if (name != 'u') {
    const size_t which = names.find(name);
    if (which == names.npos) return fail();
    if (out) *out += meanings[which];
    return true;
  }
  uint32_t unit = 0, second = 0;
  if (!hex(unit)) return false;
  if (unit >= 0xd800 && unit < 0xdc00 && rest_.starts_with("\\u")) {
    const std::string_view before = rest_;
    rest_.remove_prefix(2);
    if (!hex(second)) return false;
    if (second >= 0xdc00 && second < 0xe000) {
      unit = 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
    } else {
      rest_ = before;
    }
  }
  if (unit >= 0xd800 && unit < 0xe000) unit = 0xfffd;
  if (out) append_utf8(*out, unit);
  return true;
}

bool JsonReader::string(std::string* out) {
  if (!at('"')) return false;
  rest_.remove_prefix(1);
  for (;;) {
    size_t plain = 0;
    while (plain < rest_.size() && rest_[plain] != '"' && rest_[plain] != '\\' &&
           static_cast<unsigned char>(rest_[plain]) >= 0x20) {
      ++plain;
    }
    if (plain == rest_.size()) return fail();
    if (out) out->append(rest_.substr(0, plain));
    const char next = rest_[plain];
    rest_.remove_prefix(plain + 1);
    if (next == '"') break;
    if (next != '\\') return fail();
    if (!escape(out)) return false;
  }
  skip_blanks();
  return true;
}

bool JsonReader::text(std::string& out) {
  out.clear();
  return string(&out);
}

bool JsonReader::number(std::string_view& out) {
  const std::string_view before = rest_;
  const auto digits = [&] {
    size_t count = 0;
    while (count < rest_.size() && is_digit(rest_[count])) ++count;
    rest_.remove_prefix(count);
    return count > 0;
  };
  if (rest_.starts_with('-')) rest_.remove_prefix(1);
  if (rest_.starts_with('0')) {
    rest_.remove_prefix(1);
  } else if (!digits()) {
    return fail();
  }
  if (rest_.starts_with('.')) {
    rest_.remove_prefix(1);
    if (!digits()) return fail();
  }
  if (rest_.starts_with('e') || rest_.starts_with('E')) {
    rest_.remove_prefix(1);
    if (rest_.starts_with('+') || rest_.starts_with('-')) rest_.remove_prefix(1);
    if (!digits()) return fail();
  }
  out = before.substr(0, before.size() - rest_.size());
  skip_blanks();
  return true;
}

bool JsonReader::integer(int64_t& out) {
  if (rest_.empty() || !(rest_.front() == '-' || is_digit(rest_.front()))) return false;
  const std::string_view before = rest_;
  std::string_view digits;
  if (!number(digits)) return false;
  const char* end = digits.data() + digits.size();
  int64_t value = 0;
  if (const auto [stop, error] = std::from_chars(digits.data(), end, value); stop == end && error == std::errc()) {
    out = value;
    return true;
  }
  rest_ = before;  // a fraction, or too large
  return false;
}

void JsonReader::skip() {
  if (failed_ || object([](std::string_view) {}) || failed_ || array([] {}) || failed_ || string(nullptr) || failed_) return;
  for (const std::string_view word : {"true", "false", "null"}) {
    if (!rest_.starts_with(word)) continue;
    rest_.remove_prefix(word.size());
    return skip_blanks();
  }
  std::string_view ignored;
  number(ignored);
}

}  // namespace fulmar::client::impl
