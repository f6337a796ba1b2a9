// Flattens a parsed JSON object; see json_fields.h.
#include "text/json_fields.h"

#include <boost/json.hpp>

#include "base/fail.h"

namespace fulmar {
namespace {

namespace json = boost::json;

// Calls `each` with the path of every value, those that hold others before these.
template <class Each>
void walk(const json::value& value, std::string& path, const Each& each) {
  const std::size_t length = path.size();
  each(path, value);
  const auto below = [&](std::string_view key, const json::value& inner) {
    if (length > 0) path += '.';
    path += key;
    walk(inner, path, each);
    path.resize(length);
  };
  if (const json::object* object = value.if_object()) {
    for (const auto& [key, inner] : *object) below(key, inner);
  } else if (const json::array* array = value.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i) below(std::to_string(i), (*array)[i]);
  }
}

}  // namespace

JsonFields::JsonFields(std::string_view file, const std::string& name) {
  if (file.size() > max_json_fields_bytes)
    fail(ErrorKind::bad_file, "{}: is larger than {} MiB: no model has such a one", name,
         max_json_fields_bytes >> 20);
  json::parse_options options;
  options.max_depth = 32;
  json::error_code error;
  const json::value root = json::parse({file.data(), file.size()}, error, {}, options);
  if (error) fail(ErrorKind::bad_file, "{}: is not valid JSON: {}", name, error.message());
  if (!root.is_object()) fail(ErrorKind::bad_file, "{}: the JSON is no object", name);
  // Deep paths with long keys may take more than the file: what a config asks of anybody has short ones.
  constexpr std::size_t longest_path = 256, max_values = 1 << 16;
  std::string path;
  walk(root, path, [&](const std::string& at, const json::value& value) {
    if (at.size() > longest_path || at.empty() || value.is_null()) return;
    if (values_.size() == max_values)
      fail(ErrorKind::bad_file, "{}: has more than {} values", name, max_values);
    auto& kept = values_[at] = {};
    if (value.is_number()) kept = value.to_number<double>();
    if (value.is_bool()) kept = value.get_bool();
    if (value.is_string()) kept = std::string(value.get_string());
  });
}

template <class T>
const T* JsonFields::find(std::string_view path) const {
  const auto found = values_.find(path);
  return found == values_.end() ? nullptr : std::get_if<T>(&found->second);
}

std::optional<double> JsonFields::number(std::string_view path) const {
  const double* value = find<double>(path);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::string_view> JsonFields::text(std::string_view path) const {
  const std::string* value = find<std::string>(path);
  return value ? std::optional<std::string_view>(*value) : std::nullopt;
}

bool JsonFields::has(std::string_view path) const {
  return values_.contains(path);
}

std::optional<bool> JsonFields::flag(std::string_view path) const {
  const bool* value = find<bool>(path);
  return value ? std::optional(*value) : std::nullopt;
}

}  // namespace fulmar
