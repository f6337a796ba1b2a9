// Request fields as data, and the reader that knows no field outside of its table.
//
// One rule for all of them, in docs/http-api.md under "Values": null is an absent field; "", [] and {} are
// absent where the field takes a text, a list or a map; 3.0 is the integer 3; where a field sets a limit,
// more than ours is ours.
#pragma once
#include <optional>
#include <span>

#include "answer/json.h"

namespace fulmar::api {

enum class FieldType : uint8_t {
  boolean, integer, number, text, list, map, text_or_list, text_or_map, number_or_text, map_or_list
};

struct Field {
  std::string_view name;
  FieldType type;
  std::string_view absent;  // what it is where the request says nothing, as the documents print it
  std::string_view help;
  int64_t least = 0,
          most = 0;  // of numbers; `most` bounds a text's bytes and the entries of a list or map, 0: not
  Above above = Above::refused;
};

// A field of other servers that would change the answer and that this one cannot honour.
struct Refused {
  std::string_view name;      // "guided_*": whatever begins so
  std::string_view harmless;  // a JSON list of the values that ask for nothing, beside null
  std::string_view problem;   // "is not supported; ..."
  bool empty_asks = false;    // "", [] and {} ask for something too
};

struct FieldTable {
  std::string_view title;
  std::span<const Field> fields;
  std::span<const Refused> refused;
  const FieldTable* base = nullptr;  // what it has in common with others

  const Field* find(std::string_view name) const;
};

// Of an object that is asked for and of which nothing is read.
inline constexpr FieldTable no_fields{"nothing", {}, {}};

// Reads an object by its table: an absent field is nullopt or nullptr, a wrong type or a value out of range
// is Error(bad_request) with the field's name as param. Members that are in no table are ignored; asking for
// a field that is not in this table is Error(internal).
class Fields {
 public:
  // `prefix` is put before names in messages: "messages[0]."
  Fields(const json::object& object, const FieldTable& table, std::string prefix = {})
      : object_(object), table_(table), prefix_(std::move(prefix)) {}

  // What a field is where the object says nothing of it; must outlive this.
  void otherwise(const json::object& values) { otherwise_ = &values; }

  // Throws Error(unsupported) for the first refused field of the table or its bases that asks for something. What is refused
  // in a base may be a field of a table that stands on it.
  void refuse_unsupported() const;

  std::string name(std::string_view field) const { return prefix_ + std::string(field); }
  int64_t most(std::string_view field) const { return known(field).most; }
  // The value as it is, for fields of several types; null and absent: nullptr.
  const json::value* find(std::string_view field) const;

  std::optional<bool> boolean(std::string_view field) const;
  std::optional<int64_t> integer(std::string_view field) const;
  std::optional<float> number(std::string_view field) const;
  std::optional<float> number_or_text(std::string_view field) const;
  void set(std::string_view field, float& target) const;  // where the request says something
  std::optional<std::string> text(std::string_view field) const;
  const json::array* list(std::string_view field) const;
  const json::object* map(std::string_view field) const;

 private:
  const Field& known(std::string_view field) const;
  void check_entries(const Field& field, size_t count) const;

  const json::object& object_;
  const json::object* otherwise_ = nullptr;
  const FieldTable& table_;
  std::string prefix_;
};

}  // namespace fulmar::api
