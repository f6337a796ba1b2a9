// The values of a small JSON file by their paths, for the configs that lie beside models.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace fulmar {

class JsonFields {
 public:
  // Throws Error(bad_file) where `file` is no JSON object, nests deeper than 32 or has more than 1 MiB;
  // `name` is for messages.
  JsonFields(std::string_view file, const std::string& name);

  // "context_length"; of lists and objects inside, "chat_template.0.name". Nothing where there is no such
  // value or it is of another type.
  std::optional<double> number(std::string_view path) const;
  std::optional<std::string_view> text(std::string_view path) const;
  std::optional<bool> flag(std::string_view path) const;
  // Whether there is a value of any type there but null, lists and objects included.
  bool has(std::string_view path) const;

 private:
  template <class T>
  const T* find(std::string_view path) const;

  std::map<std::string, std::variant<std::monostate, double, std::string, bool>, std::less<>> values_;
};

constexpr std::size_t max_json_fields_bytes = std::size_t{1} << 20;

}  // namespace fulmar
