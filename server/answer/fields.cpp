// Reads fields by their tables.
#include "answer/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "base/fail.h"

namespace fulmar::api {
namespace {

constexpr size_t longest_shown = 64;  // of a name that the client chose

// Whether a value is the one meant: 1.0 is 1, and an object need only have the members named.
bool means(const json::value& value, const json::value& meant) {
  if (value.is_number() && meant.is_number()) return value.to_number<double>() == meant.to_number<double>();
  if (!value.is_object() || !meant.is_object()) return value == meant;
  const json::object& object = value.get_object();
  return std::all_of(meant.get_object().begin(), meant.get_object().end(), [&](const auto& member) {
    const json::value* found = object.if_contains(member.key());
    return found && means(*found, member.value());
  });
}

bool asks_nothing(const json::value& value, const Refused& refused) {
  if (value.is_null() || (says_nothing(value) && !refused.empty_asks)) return true;
  const json::value harmless =
      json::parse(json::string_view(refused.harmless.data(), refused.harmless.size()));
  const json::array& list = harmless.as_array();
  return std::any_of(list.begin(), list.end(), [&](const json::value& one) { return means(value, one); });
}

// Whether a table no farther than `last` has the field: what a base refuses is taken where a row says how.
bool is_taken(const FieldTable& first, const FieldTable& last, std::string_view name) {
  for (const FieldTable* table = &first;; table = table->base) {
    if (std::ranges::find(table->fields, name, &Field::name) != table->fields.end()) return true;
    if (table == &last) return false;
  }
}

}  // namespace

const Field* FieldTable::find(std::string_view name) const {
  for (const Field& field : fields)
    if (field.name == name) return &field;
  return base ? base->find(name) : nullptr;
}

void Fields::refuse_unsupported() const {
  for (const FieldTable* table = &table_; table; table = table->base) {
    for (const Refused& refused : table->refused) {
      if (!refused.name.ends_with('*')) {
        const json::value* value = object_.if_contains(refused.name);
        if (value && !is_taken(table_, *table, refused.name) && !asks_nothing(*value, refused)) unsupported(refused.name, refused.problem);
        continue;
      }
      const std::string_view beginning = refused.name.substr(0, refused.name.size() - 1);
      for (const auto& member : object_) {
        const std::string_view key(member.key().data(), member.key().size());
        if (key.starts_with(beginning) && !is_taken(table_, *table, key) && !asks_nothing(member.value(), refused))
          unsupported(key.substr(0, longest_shown), refused.problem);
      }
    }
  }
}

const Field& Fields::known(std::string_view field) const {
  const Field* found = table_.find(field);
  require(found, "the table {} has no field {}", table_.title, field);
  return *found;
}

void Fields::check_entries(const Field& field, size_t count) const {
  if (field.most > 0 && count > static_cast<size_t>(field.most))
    bad_field(name(field.name), fmt::format("has more than {} entries", field.most));
}

const json::value* Fields::find(std::string_view field) const {
  const json::value* value = object_.if_contains(known(field).name);
  if (otherwise_ && (!value || value->is_null())) value = otherwise_->if_contains(field);
  return value && !value->is_null() ? value : nullptr;
}

std::optional<bool> Fields::boolean(std::string_view field) const {
  const json::value* value = find(field);
  if (!value) return std::nullopt;
  if (!value->is_bool()) wrong_type(name(field), "true or false", *value);
  return value->get_bool();
}

std::optional<int64_t> Fields::integer(std::string_view field) const {
  const json::value* value = find(field);
  if (!value) return std::nullopt;
  const Field& row = known(field);
  return integer_of(*value, name(field), row.least, row.most, row.above);
}

std::optional<float> Fields::number(std::string_view field) const {
  const json::value* value = find(field);
  if (!value) return std::nullopt;
  const Field& row = known(field);
  return static_cast<float>(
      number_of(*value, name(field), static_cast<double>(row.least), static_cast<double>(row.most)));
}

std::optional<float> Fields::number_or_text(std::string_view field) const {
  const json::value* value = find(field);
  if (!value || (value->is_string() && value->get_string().empty())) return std::nullopt;
  const Field& row = known(field);
  return static_cast<float>(
      number_or_text_of(*value, name(field), static_cast<double>(row.least), static_cast<double>(row.most)));
}

void Fields::set(std::string_view field, float& target) const {
  if (const std::optional<float> value = number(field)) target = *value;
}

std::optional<std::string> Fields::text(std::string_view field) const {
  const json::value* value = find(field);
  if (!value) return std::nullopt;
  std::string text = string_of(*value, name(field));
  if (text.empty()) return std::nullopt;
  const Field& row = known(field);
  if (row.most > 0 && text.size() > static_cast<size_t>(row.most))
    bad_field(name(field), fmt::format("has more than {} bytes", row.most));
  return text;
}

const json::array* Fields::list(std::string_view field) const {
  const json::value* value = find(field);
  if (!value || says_nothing(*value)) return nullptr;
  if (!value->is_array()) wrong_type(name(field), "an array", *value);
  check_entries(known(field), value->get_array().size());
  return &value->get_array();
}

const json::object* Fields::map(std::string_view field) const {
  const json::value* value = find(field);
  if (!value || says_nothing(*value)) return nullptr;
  if (!value->is_object()) wrong_type(name(field), "an object", *value);
  check_entries(known(field), value->get_object().size());
  return &value->get_object();
}

}  // namespace fulmar::api
