// JSON in and out: bodies parsed within limits, fields read with strict types, text written as valid UTF-8.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/error.h"

namespace fulmar::api {

namespace json = boost::json;

// Throws Error(bad_request) naming the field.
[[noreturn]] void bad_field(std::string_view field, std::string_view problem);

// A request's body as an object, at most 32 levels deep. Throws Error(bad_request).
json::object parse_object(std::string_view body);

// Reads typed fields of an object. An absent or null field is nullopt; a wrong type or a value out of range
// is Error(bad_request) with the field's name as param. Fields that are never asked for are ignored.
class Fields {
 public:
  // `prefix` is put before names in messages: "messages[0]."
  explicit Fields(const json::object& object, std::string prefix = {})
      : object_(object), prefix_(std::move(prefix)) {}

  std::string name(std::string_view field) const { return prefix_ + std::string(field); }
  const json::value* find(std::string_view field) const;  // null and absent: nullptr

  std::optional<bool> boolean(std::string_view field) const;
  std::optional<int64_t> integer(std::string_view field, int64_t least, int64_t most) const;
  std::optional<float> number(std::string_view field, double least, double most) const;
  std::optional<std::string> string(std::string_view field) const;
  const json::object* object(std::string_view field) const;
  const json::array* array(std::string_view field) const;

 private:
  const json::object& object_;
  std::string prefix_;
};

// Of one value, for what Fields cannot name in advance: members of arrays and maps.
int64_t integer_of(const json::value& value, const std::string& name, int64_t least, int64_t most);
double number_of(const json::value& value, const std::string& name, double least, double most);
std::string string_of(const json::value& value, const std::string& name);

// A JSON string value; bytes that are no UTF-8 become U+FFFD.
json::string text(std::string_view bytes);
// The same, quoted and escaped.
std::string quoted(std::string_view bytes);

}  // namespace fulmar::api
