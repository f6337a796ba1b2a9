// Strict readers over Boost.JSON.
#include "api/json.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/fail.h"
#include "base/utf8.h"

namespace fulmar::api {
namespace {

constexpr size_t kDepth = 32;

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

[[noreturn]] void wrong_type(const std::string& name, std::string_view wanted, const json::value& value) {
  bad_field(name, fmt::format("must be {}, not {}", wanted, kind_of(value)));
}

}  // namespace

void bad_field(std::string_view field, std::string_view problem) {
  throw Error(ErrorKind::bad_request, fmt::format("{} {}", field, problem), std::string(field));
}

json::object parse_object(std::string_view body) {
  json::parse_options options;
  options.max_depth = kDepth;
  boost::system::error_code error;
  json::value value = json::parse(body, error, {}, options);
  if (error == json::error::too_deep)
    fail(ErrorKind::bad_request, "the body is nested deeper than {} levels", kDepth);
  if (error) fail(ErrorKind::bad_request, "the body is not valid JSON: {}", error.message());
  if (!value.is_object())
    fail(ErrorKind::bad_request, "the body must be a JSON object, not {}", kind_of(value));
  return std::move(value.get_object());
}

int64_t integer_of(const json::value& value, const std::string& name, int64_t least, int64_t most) {
  // What does not fit into 64 bits is out of any range too: Boost.JSON makes it uint64 or double.
  const bool too_large = value.is_uint64();
  if (!too_large && !value.is_int64()) wrong_type(name, "an integer", value);
  if (too_large || value.get_int64() < least || value.get_int64() > most)
    bad_field(name, fmt::format("must be between {} and {}", least, most));
  return value.get_int64();
}

double number_of(const json::value& value, const std::string& name, double least, double most) {
  if (!value.is_number()) wrong_type(name, "a number", value);
  const double number = value.to_number<double>();
  if (!(number >= least && number <= most))
    bad_field(name, fmt::format("must be between {} and {}", least, most));
  return number;
}

std::string string_of(const json::value& value, const std::string& name) {
  if (!value.is_string()) wrong_type(name, "a string", value);
  return std::string(value.get_string());
}

const json::value* Fields::find(std::string_view field) const {
  const json::value* value = object_.if_contains(field);
  return value && !value->is_null() ? value : nullptr;
}

std::optional<bool> Fields::boolean(std::string_view field) const {
  const json::value* value = find(field);
  if (!value) return std::nullopt;
  if (!value->is_bool()) wrong_type(name(field), "a boolean", *value);
  return value->get_bool();
}

std::optional<int64_t> Fields::integer(std::string_view field, int64_t least, int64_t most) const {
  const json::value* value = find(field);
  if (!value) return std::nullopt;
  return integer_of(*value, name(field), least, most);
}

std::optional<float> Fields::number(std::string_view field, double least, double most) const {
  const json::value* value = find(field);
  if (!value) return std::nullopt;
  return static_cast<float>(number_of(*value, name(field), least, most));
}

std::optional<std::string> Fields::string(std::string_view field) const {
  const json::value* value = find(field);
  if (!value) return std::nullopt;
  return string_of(*value, name(field));
}

const json::object* Fields::object(std::string_view field) const {
  const json::value* value = find(field);
  if (value && !value->is_object()) wrong_type(name(field), "an object", *value);
  return value ? &value->get_object() : nullptr;
}

const json::array* Fields::array(std::string_view field) const {
  const json::value* value = find(field);
  if (value && !value->is_array()) wrong_type(name(field), "an array", *value);
  return value ? &value->get_array() : nullptr;
}

json::string text(std::string_view bytes) {
  return is_utf8(bytes) ? json::string(bytes) : json::string(replace_bad_utf8(bytes));
}

std::string quoted(std::string_view bytes) {
  return is_utf8(bytes) ? json::serialize(json::string_view(bytes.data(), bytes.size()))
                        : json::serialize(text(bytes));
}

}  // namespace fulmar::api
