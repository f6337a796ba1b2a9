// A JSON text as a tree that keeps what a document object loses: how numbers are written and the order of
// members.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fulmar {

struct JsonNode {
  enum class Kind : uint8_t { null, no, yes, number, string, array, object };

  Kind kind = Kind::null;
  std::string text;               // of a string its characters, of a number its spelling
  std::vector<JsonNode> items;    // of an array, or an object's values
  std::vector<std::string> keys;  // of an object, none of them twice: the last value of a name counts

  bool is(Kind which) const { return kind == which; }
  const JsonNode* find(std::string_view key) const;  // nullptr where there is no such member
};

struct JsonTreeLimits {
  std::size_t bytes, depth, nodes;
};

// Throws Error(bad_request), which calls the text `name`, where it is no JSON or more than the limits allow.
JsonNode read_json_tree(std::string_view text, const JsonTreeLimits& limits, std::string_view name);

}  // namespace fulmar
