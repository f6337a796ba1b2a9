// A request's body: from bytes to a JSON object, or a sentence that says what is wrong with them and where.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <string_view>

namespace fulmar::api {

// What one body may be made of; all of it is in docs/http-api.md. A value takes 24 to 117 bytes while it is
// read (an entry of a list, a member of an object), so that reading a body takes 150 MiB at most.
constexpr std::size_t kBodyDepth = 128;  // levels of lists and objects
constexpr std::size_t kBodyValues = std::size_t{1} << 20;
// Members of one object, or of several where the squares of their numbers add up to the square of this: names chosen so
// that their hashes agree are each compared with all before.
constexpr std::size_t kBodyMembers = 8192;

// A byte order mark in front is skipped, and half a surrogate pair (\ud83d alone, as languages of 16-bit
// characters cut an emoji) is U+FFFD. Throws Error(bad_request) that names the byte, counted from 0, for what
// is no UTF-8 or no JSON, and for what is no object.
boost::json::object parse_object(std::string_view body);
// Likewise, whatever it is.
boost::json::value parse_value(std::string_view body);

}  // namespace fulmar::api
