// A pushdown automaton of RFC 8259: its stack is a bit for each level.
#include "base/json_scanner.h"

namespace fulmar {
namespace {

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

JsonScanner::Found JsonScanner::push(char byte) {
  if (!step(byte)) return Found::wrong;
  return whole_ ? Found::whole : Found::more;
}

bool JsonScanner::step(char byte) {
  switch (at_) {
    case At::text:
      if (byte == '"')
        at_ = is_key_ ? At::colon : At::after;
      else if (byte == '\\')
        at_ = At::escape;
      return static_cast<unsigned char>(byte) >= 0x20;
    case At::escape:
      at_ = byte == 'u' ? At::hex : At::text;
      hex_left_ = 4;
      return std::string_view("\"\\/bfnrtu").find(byte) != std::string_view::npos;
    case At::hex:
      if (--hex_left_ == 0) at_ = At::text;
      return is_hex(byte);
    case At::word:
      if (byte != word_left_[0]) return false;
      word_left_.remove_prefix(1);
      if (word_left_.empty()) at_ = At::after;
      return true;
    case At::minus:
    case At::zero:
    case At::digits:
    case At::point:
    case At::fraction:
    case At::exponent:
    case At::exponent_sign:
    case At::exponent_digits:
      return in_number(byte);
    default:
      break;
  }
  if (is_white(byte)) return true;
  switch (at_) {
    case At::first_key:
      if (byte == '}') return close(true);
      [[fallthrough]];
    case At::key:
      at_ = At::text;
      is_key_ = true;
      return byte == '"';
    case At::colon:
      at_ = At::value;
      return byte == ':';
    case At::after:
      if (byte == '}' || byte == ']') return close(byte == '}');
      at_ = in_object() ? At::key : At::value;
      return byte == ',';
    case At::first_entry:
      if (byte == ']') return close(false);
      [[fallthrough]];
    default:
      return begin_value(byte);
  }
}

bool JsonScanner::begin_value(char byte) {
  if (byte == '{' || byte == '[') return open(byte == '{');
  if (depth_ == 0) return false;
  is_key_ = false;
  if (byte == '"') {
    at_ = At::text;
    return true;
  }
  for (const std::string_view word : {"true", "false", "null"}) {
    if (byte != word[0]) continue;
    word_left_ = word.substr(1);
    at_ = At::word;
    return true;
  }
  return begin_number(byte);
}

bool JsonScanner::begin_number(char byte) {
  at_ = byte == '-' ? At::minus : byte == '0' ? At::zero : At::digits;
  return byte == '-' || is_digit(byte);
}

// Where the number may end, what comes is read as what follows it.
bool JsonScanner::in_number(char byte) {
  const bool may_end = at_ == At::zero || at_ == At::digits || at_ == At::fraction || at_ == At::exponent_digits;
  if (at_ == At::minus) return is_digit(byte) && begin_number(byte);
  if (is_digit(byte)) {
    if (at_ == At::point) at_ = At::fraction;
    if (at_ == At::exponent || at_ == At::exponent_sign) at_ = At::exponent_digits;
    return at_ != At::zero;
  }
  if (byte == '.' && (at_ == At::zero || at_ == At::digits)) {
    at_ = At::point;
    return true;
  }
  if ((byte == 'e' || byte == 'E') && may_end && at_ != At::exponent_digits) {
    at_ = At::exponent;
    return true;
  }
  if ((byte == '+' || byte == '-') && at_ == At::exponent) {
    at_ = At::exponent_sign;
    return true;
  }
  at_ = At::after;
  return may_end && step(byte);
}

bool JsonScanner::open(bool object) {
  if (depth_ == max_json_depth) return false;
  const uint64_t bit = uint64_t{1} << (depth_ % 64);
  uint64_t& kinds = kinds_[depth_ / 64];
  kinds = object ? kinds | bit : kinds & ~bit;
  ++depth_;
  at_ = object ? At::first_key : At::first_entry;
  return true;
}

bool JsonScanner::close(bool object) {
  if (in_object() != object) return false;
  at_ = At::after;
  whole_ = --depth_ == 0;
  return true;
}

bool is_json_object(std::string_view text) {
  JsonScanner scanner;
  bool whole = false;
  size_t first = text.size();
  for (size_t at = 0; at < text.size(); ++at) {
    if (is_white(text[at])) {
      if (whole) continue;
    } else if (first == text.size()) {
      first = at;
      if (text[at] != '{') return false;
    }
    if (whole) return false;
    const JsonScanner::Found found = scanner.push(text[at]);
    if (found == JsonScanner::Found::wrong) return false;
    whole = found == JsonScanner::Found::whole;
  }
  return whole;
}

}  // namespace fulmar
