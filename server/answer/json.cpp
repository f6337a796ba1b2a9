// Strict readers of Boost.JSON's values.
#include "answer/json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace fulmar::api {

void bad_field(std::string_view field, std::string_view problem) {
  throw Error(ErrorKind::bad_request, fmt::format("{} {}", field, problem), std::string(field));
}

void unsupported(std::string_view field, std::string_view problem) {
  throw Error(ErrorKind::unsupported, fmt::format("{} {}", field, problem), std::string(field));
}

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "an integer";
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      break;
  }
  return "an object";
}

void wrong_type(std::string_view name, std::string_view wanted, const json::value& value) {
  bad_field(name, fmt::format("must be {}, not {}", wanted, kind_of(value)));
}

bool says_nothing(const json::value& value) {
  if (value.is_string()) return value.get_string().empty();
  if (value.is_array()) return value.get_array().empty();
  return value.is_null() || (value.is_object() && value.get_object().empty());
}

int64_t integer_of(const json::value& value, std::string_view name, int64_t least, int64_t most,
                   Above above) {
  if (!value.is_number()) wrong_type(name, "an integer", value);
  constexpr double end = 9223372036854775808.0;  // 2^63: the first that an int64 cannot hold
  int64_t number = 0;
  bool too_large = value.is_uint64();  // Boost.JSON makes only those uint64 that no int64 holds
  bool too_small = false;
  if (value.is_double()) {
    const double real = value.get_double();
    if (std::trunc(real) != real) bad_field(name, fmt::format("must be an integer, not {}", real));
    too_large = real >= end;
    too_small = real <= -end;  // the one integer there is written without a point and comes as an int64
    if (!too_large && !too_small) number = static_cast<int64_t>(real);
  } else if (!too_large) {
    number = value.get_int64();
  }
  too_large = too_large || (!too_small && number > most);
  if (too_large && above == Above::clamped) return most;
  if (too_large || too_small || number < least)
    bad_field(name, fmt::format("must be between {} and {}", least, most));
  return number;
}

double number_of(const json::value& value, std::string_view name, double least, double most) {
  if (!value.is_number()) wrong_type(name, "a number", value);
  const double number = value.to_number<double>();
  if (!(number >= least && number <= most))
    bad_field(name, fmt::format("must be between {} and {}", least, most));
  return number;
}

double number_or_text_of(const json::value& value, std::string_view name, double least, double most) {
  if (!value.is_string()) return number_of(value, name, least, most);
  const std::string_view word(value.get_string());
  double number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) bad_field(name, "must be a number, or one as text such as \"0.3\"");
  return number_of(number, name, least, most);
}

std::string string_of(const json::value& value, std::string_view name) {
  if (!value.is_string()) wrong_type(name, "a string", value);
  return std::string(value.get_string());
}

json::string text(std::string_view bytes) {
  return is_utf8(bytes) ? json::string(bytes) : json::string(replace_bad_utf8(bytes));
}

}  // namespace fulmar::api
