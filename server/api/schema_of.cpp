// Types that occur, and what is in them, together; and shapes read word by word.
#include "api/schema_of.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/fail.h"

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

class ShapeReader {
 public:
  ShapeReader(const Shape& shape, const std::function<json::value(const Shape&)>& refer) : shape_(shape), refer_(refer) {}

  json::value read(const json::value& value) const {
    if (value.is_string()) return of_words(value.get_string());
    if (value.is_array()) return of_list(value.get_array());
    if (value.is_object()) return of_object(value.get_object());
    return json::object{{"const", value}};
  }

 private:
  json::value of_words(std::string_view words) const {
    json::array types, texts, schemas;
    for (bool more = true; more;) {
      const size_t end = std::min(words.find('|'), words.size());
      const std::string_view word = words.substr(0, end);
      more = end < words.size();
      if (more) words.remove_prefix(end + 1);
      if (word.starts_with('='))
        texts.emplace_back(word.substr(1));
      else if (word.starts_with('@'))
        schemas.push_back(refer_(part(word.substr(1))));
      else if (word != "any")
        types.push_back(type_named(word));
      else
        return json::object();
    }
    if (!texts.empty()) {
      for (const json::value& type : types) {
        require(type == "null", "the shape {} has texts beside another type than null", shape_.title);
        texts.push_back(nullptr);
      }
      schemas.emplace_back(json::object{{"enum", std::move(texts)}});
    } else if (!types.empty()) {
      schemas.emplace_back(json::object{{"type", types.size() == 1 ? types[0] : json::value(types)}});
    }
    return schemas.size() == 1 ? schemas[0] : json::value(json::object{{"anyOf", std::move(schemas)}});
  }

  json::value type_named(std::string_view word) const {
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"text", "string"}, {"integer", "integer"}, {"number", "number"}, {"boolean", "boolean"},
        {"null", "null"},   {"object", "object"},   {"list", "array"}};
    const auto found = std::ranges::find(names, word, &std::pair<std::string_view, std::string_view>::first);
    require(found != std::end(names), "the shape {} has no type {}", shape_.title, word);
    return json::value(found->second);
  }

  const Shape& part(std::string_view title) const {
    const auto found = std::ranges::find_if(shape_.parts, [&](const Shape* one) { return one && one->title == title; });
    require(found != shape_.parts.end(), "the shape {} has no part {}", shape_.title, title);
    return **found;
  }

  json::value of_list(const json::array& list) const {
    require(list.size() == 1, "a list of the shape {} says what each entry is", shape_.title);
    return json::object{{"type", "array"}, {"items", read(list[0])}};
  }

  json::value of_object(const json::object& object) const {
    json::object properties, patterns;
    json::array required;
    json::value others = false;
    for (const auto& member : object) {
      std::string_view name = member.key();
      json::value schema = read(member.value());
      if (name == "*") {
        others = std::move(schema);
      } else if (name.starts_with('^')) {
        patterns[name.substr(1)] = std::move(schema);
      } else {
        const bool may_miss = name.ends_with('?');
        if (may_miss) name.remove_suffix(1);
        if (!may_miss) required.emplace_back(name);
        properties[name] = std::move(schema);
      }
    }
    json::object schema{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) schema["required"] = std::move(required);
    if (!patterns.empty()) schema["patternProperties"] = std::move(patterns);
    schema["additionalProperties"] = std::move(others);
    return schema;
  }

  const Shape& shape_;
  const std::function<json::value(const Shape&)>& refer_;
};

}  // namespace

json::value schema_of_shape(const Shape& shape, const std::function<json::value(const Shape&)>& refer) {
  boost::system::error_code bad;
  const json::value value = json::parse(json::string_view(shape.json.data(), shape.json.size()), bad);
  require(!bad, "the shape {} is no JSON", shape.title);
  return ShapeReader(shape, refer).read(value);
}

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
