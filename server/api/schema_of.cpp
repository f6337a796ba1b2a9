// Types that occur, and what is in them, together.
#include "api/schema_of.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <map>
#include <set>
#include <string>

namespace fulmar::api {

namespace json = boost::json;

namespace {

const char* type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "boolean";
    case json::kind::int64:
    case json::kind::uint64: return "integer";
    case json::kind::double_: return "number";
    case json::kind::string: return "string";
    case json::kind::array: return "array";
    case json::kind::object: return "object";
  }
  return "null";
}

}  // namespace

json::object schema_of_samples(const json::array& samples) {
  std::set<std::string> types;
  std::map<std::string, json::array> members;
  json::array items;
  size_t objects = 0;
  for (const json::value& sample : samples) {
    types.insert(type_of(sample));
    if (sample.is_array()) items.insert(items.end(), sample.get_array().begin(), sample.get_array().end());
    if (!sample.is_object()) continue;
    ++objects;
    for (const auto& member : sample.get_object()) members[std::string(member.key())].push_back(member.value());
  }
  json::object schema;
  if (types.size() == 1) {
    schema["type"] = *types.begin();
  } else {
    json::array all;
    for (const std::string& type : types) all.emplace_back(type);
    schema["type"] = std::move(all);
  }
  if (types.contains("array") && !items.empty()) schema["items"] = schema_of_samples(items);
  if (!types.contains("object")) return schema;
  json::object properties;
  json::array required;
  for (const auto& [name, values] : members) {
    properties[name] = schema_of_samples(values);
    if (values.size() == objects) required.emplace_back(name);
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace fulmar::api
