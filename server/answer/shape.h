// What an answer in JSON is made of, as /openapi.json describes it. A shape stands beside the code that writes the answer; every
// answer that the tests' clients get is held against it.
#pragma once
#include <array>
#include <string_view>

namespace fulmar::api {

// `json` is an answer with words in place of its values:
//   "text", "integer", "number", "boolean", "null", "object", "list", "any"
//                            a value of that type; the last three say nothing of what is inside
//   "=word"                  that text; what is no text, as 0 or false, stands for itself
//   "@title"                 what another shape says, one of `parts`
//   "text|null"              one of those
//   [x]                      a list, each entry of which is x
//   {"name": x, "name?": x}  an object with these members, of which those with "?" may be missing, and no others; but "*": other
//                            names have x; and "^pattern": names that match have x
struct Shape {
  std::string_view title;  // unique among shapes
  std::string_view json;
  std::array<const Shape*, 6> parts{};
};

// An answer of a row beside 200 and its family's errors, or in their place.
struct Other {
  int status = 0;
  std::string_view when{};       // a sentence
  const Shape* shape = nullptr;  // null: the family's error, or below 400 nothing
};

struct Others {
  std::array<Other, 2> all;  // those with a status
};

}  // namespace fulmar::api
