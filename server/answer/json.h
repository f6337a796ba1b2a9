// JSON in and out: single values read with strict types, text written as valid UTF-8.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "fulmar/error.h"

namespace fulmar::api {

namespace json = boost::json;

// Throws Error(bad_request) naming the field.
[[noreturn]] void bad_field(std::string_view field, std::string_view problem);
// Throws Error(unsupported) for a field whose meaning would be lost.
[[noreturn]] void unsupported(std::string_view field, std::string_view problem);

// "a string", for sentences.
std::string_view kind_of(const json::value& value);
[[noreturn]] void wrong_type(std::string_view name, std::string_view wanted, const json::value& value);

// What stands for nothing where a text, a list or a map is taken: null, "", [] and {}. (PHP writes an empty
// map as [], Lua an empty list as {}.)
bool says_nothing(const json::value& value);

// What a number above the range means: an error, or the most there is.
enum class Above : uint8_t { refused, clamped };

// An integer, also when it is written as 3.0 or 3e0. Throws Error(bad_request) naming `name`.
int64_t integer_of(const json::value& value, std::string_view name, int64_t least, int64_t most,
                   Above above = Above::refused);
double number_of(const json::value& value, std::string_view name, double least, double most);
// The same of a number, or of one as text: "0.3".
double number_or_text_of(const json::value& value, std::string_view name, double least, double most);
std::string string_of(const json::value& value, std::string_view name);

// A JSON string value; bytes that are no UTF-8 become U+FFFD.
json::string text(std::string_view bytes);

}  // namespace fulmar::api
