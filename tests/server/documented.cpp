// A reader of as much of JSON Schema as /openapi.json is written in for answers.
#include "server/documented.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <regex>

#include "api/routes.h"

namespace fulmar::test {
namespace {

namespace json = boost::json;

const json::value& document() {
  static const json::value made = [] {
    const api::Context context;
    return json::value(api::openapi_document(context));
  }();
  return made;
}

bool has_type(const json::value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "integer" && value.is_double()) return std::trunc(value.get_double()) == value.get_double();
  return value.is_number();  // integer too, for its values are not doubles
}

std::string problem(const json::value& value, const json::value& schema, const std::string& place);

std::string problem_of_object(const json::object& object, const json::object& schema, const std::string& place) {
  if (const json::value* required = schema.if_contains("required"))
    for (const json::value& name : required->as_array())
      if (!object.contains(name.as_string())) return fmt::format("{} lacks {}", place, std::string_view(name.as_string()));
  const json::value* const properties = schema.if_contains("properties");
  const json::value* const patterns = schema.if_contains("patternProperties");
  const json::value* const others = schema.if_contains("additionalProperties");
  for (const auto& member : object) {
    const std::string inside = fmt::format("{}.{}", place, std::string_view(member.key()));
    const json::value* known = properties ? properties->as_object().if_contains(member.key()) : nullptr;
    if (!known && patterns)
      for (const auto& pattern : patterns->as_object())
        if (std::regex_search(std::string(member.key()), std::regex(std::string(pattern.key())))) known = &pattern.value();
    if (!known) known = others;
    if (!known) continue;
    if (known->is_bool() && !known->get_bool()) return inside + " is not described";
    if (std::string wrong = problem(member.value(), *known, inside); !wrong.empty()) return wrong;
  }
  return {};
}

// What is wrong first; empty: nothing.
std::string problem(const json::value& value, const json::value& said, const std::string& place) {
  const json::object& schema = said.as_object();
  for (const auto& keyword : schema) {
    constexpr std::string_view known[] = {"$ref", "anyOf", "type", "const", "enum", "properties", "required", "patternProperties",
                                          "additionalProperties", "items", "format"};
    if (std::ranges::find(known, std::string_view(keyword.key())) == std::end(known))
      return fmt::format("{}: this reader does not know {}", place, std::string_view(keyword.key()));
  }
  if (const json::value* reference = schema.if_contains("$ref"))
    return problem(value, document().at_pointer(std::string(reference->as_string()).substr(1)), place);
  if (const json::value* any = schema.if_contains("anyOf")) {
    std::string all;
    for (const json::value& one : any->as_array()) {
      const std::string wrong = problem(value, one, place);
      if (wrong.empty()) return {};
      all += (all.empty() ? "" : "; or ") + wrong;
    }
    return all;
  }
  if (const json::value* fixed = schema.if_contains("const"); fixed && value != *fixed)
    return fmt::format("{} is {}, not {}", place, json::serialize(value), json::serialize(*fixed));
  if (const json::value* all = schema.if_contains("enum"); all && std::ranges::find(all->as_array(), value) == all->as_array().end())
    return fmt::format("{} is {}, none of {}", place, json::serialize(value), json::serialize(*all));
  if (const json::value* type = schema.if_contains("type")) {
    const json::array types = type->is_array() ? type->get_array() : json::array{*type};
    if (std::ranges::none_of(types, [&](const json::value& one) { return has_type(value, one.as_string()); }))
      return fmt::format("{} is {}, of no type in {}", place, json::serialize(value).substr(0, 100), json::serialize(types));
  }
  if (const json::value* items = schema.if_contains("items"); items && value.is_array())
    for (const json::value& entry : value.get_array())
      if (std::string wrong = problem(entry, *items, place + "[]"); !wrong.empty()) return wrong;
  return value.is_object() ? problem_of_object(value.get_object(), schema, place) : std::string();
}

// The path of the document that a request's is of.
const json::value* path_of(std::string_view path) {
  const json::object& paths = document().at("paths").as_object();
  if (const json::value* exact = paths.if_contains(path)) return exact;
  constexpr std::string_view hole = "{id}";
  const json::value* found = nullptr;
  size_t longest = 0;
  for (const auto& member : paths) {
    const std::string_view pattern = member.key();
    const size_t at = pattern.find(hole);
    if (at == pattern.npos || pattern.size() <= longest) continue;
    const std::string_view before = pattern.substr(0, at), behind = pattern.substr(at + hole.size());
    if (!path.starts_with(before) || !path.ends_with(behind) || path.size() <= before.size() + behind.size()) continue;
    found = &member.value();
    longest = pattern.size();
  }
  return found;
}

}  // namespace

std::string undocumented(std::string_view method, std::string_view target, int status, std::string_view content_type,
                         std::string_view body) {
  const json::value* const path = path_of(target.substr(0, target.find('?')));
  std::string name(method);
  for (char& c : name) c = static_cast<char>(c | 0x20);
  const json::value* const operation = path ? path->as_object().if_contains(name) : nullptr;
  if (!operation) return {};
  const std::string place = fmt::format("{} {} {}", method, target, status);
  const json::value* const response = operation->at("responses").as_object().if_contains(std::to_string(status));
  if (!response) return place + " is not described: " + std::string(body.substr(0, 300));
  const json::value* const contents = response->as_object().if_contains("content");
  if (!contents) return body.empty() ? std::string() : place + " has a body, and none is described";
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  const json::value* const content = contents->as_object().if_contains(type);
  if (!content) return fmt::format("{} is {}, which is not described", place, type);
  if (type != "application/json") return {};
  boost::system::error_code bad;
  const json::value value = json::parse(json::string_view(body.data(), body.size()), bad);
  if (bad) return place + " is no JSON: " + std::string(body.substr(0, 300));
  return problem(value, content->at("schema"), place + " $");
}

}  // namespace fulmar::test
