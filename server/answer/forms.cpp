// Reads what the answer has to be; the engine compiles it.
#include "answer/forms.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "answer/common_fields.h"

namespace fulmar::api {
namespace {

using enum FieldType;
using Kind = ConstraintInput::Kind;

constexpr Field form_rows[] = {
    {"response_format", map, "`{\"type\": \"text\"}`",
     "`{\"type\": \"json_object\"}`: any JSON object. `{\"type\": \"json_schema\", \"json_schema\": {\"name\": ..., \"schema\": "
     "{...}}}`: JSON of [this schema](structured.md); with `strict` its members stand as they do there.",
     0, 16},
    {"guided_json", text_or_map, "none", "A JSON schema, or its text, as vLLM has it."},
    {"guided_regex", text, "none", "The whole answer matches this [regular expression](structured.md#regular-expressions).", 0, kFormBytes},
    {"guided_choice", list, "none", "The answer is one of these texts.", 0, kFormChoices},
    {"guided_grammar", text, "none", "The answer is a text of this [grammar](structured.md#grammars), in GBNF.", 0, kFormBytes},
    {"guided_decoding_backend", text, "none", "Changes nothing: vLLM has several makers of forms.", 0, 64},
    {"structured_outputs", map, "none",
     "One of `{\"json\": ...}`, `{\"regex\": ...}`, `{\"choice\": [...]}`, `{\"grammar\": ...}` and `{\"json_object\": true}`: vLLM's "
     "newer names of the same.",
     0, 16},
    {"grammar", text, "none", "As `guided_grammar`; llama.cpp's name.", 0, kFormBytes},
    {"json_schema", map, "none", "As `guided_json`; llama.cpp's name."},
};

constexpr Field response_format_rows[] = {
    {"type", text, "required", "`text`, `json_object` or `json_schema`.", 0, 32},
    {"json_schema", map, "required with that type", "`schema`, `strict`, and a `name` that counts for nothing."},
    {"schema", map, "none", "The schema, where it does not stand in `json_schema`: as llama.cpp has it."},
};

constexpr Field structured_rows[] = {
    {"json", text_or_map, "none", "As `guided_json`."},
    {"regex", text, "none", "As `guided_regex`.", 0, kFormBytes},
    {"choice", list, "none", "As `guided_choice`.", 0, kFormChoices},
    {"grammar", text, "none", "As `guided_grammar`.", 0, kFormBytes},
    {"json_object", boolean, "false", "Any JSON object."},
};

constexpr size_t kShownName = 64;  // bytes of a name that the client chose

class Reader {
 public:
  std::optional<ConstraintInput> read(const Fields& fields, const JsonSource& source) {
    response_format(fields, source.member("response_format"));
    json(fields, "guided_json", source, true);
    text(fields, "guided_regex", Kind::regex);
    choice(fields, "guided_choice");
    text(fields, "guided_grammar", Kind::grammar);
    fields.text("guided_decoding_backend");
    if (const json::object* inside = fields.map("structured_outputs")) {
      const Fields inner(*inside, structured_output_fields, "structured_outputs.");
      for (const auto& member : *inside) {
        const std::string_view name(member.key().data(), member.key().size());
        if (!structured_output_fields.find(name) && !member.value().is_null())
          bad_field(inner.name(name.substr(0, kShownName)), "is not known; there are json, regex, choice, grammar and json_object");
      }
      json(inner, "json", source.member("structured_outputs"), true);
      text(inner, "regex", Kind::regex);
      choice(inner, "choice");
      text(inner, "grammar", Kind::grammar);
      if (inner.boolean("json_object").value_or(false)) add(Kind::json_object, inner.name("json_object"));
    }
    text(fields, "grammar", Kind::grammar);
    json(fields, "json_schema", source, false);
    return std::move(asked_);
  }

 private:
  ConstraintInput& add(Kind kind, const std::string& field, std::string text = {}) {
    if (asked_) bad_field(field, fmt::format("and {} both say what the answer has to be; send one of them", asked_->field));
    if (text.size() > kFormBytes) bad_field(field, fmt::format("has more than {} bytes", kFormBytes));
    return asked_.emplace(ConstraintInput{kind, std::move(text), {}, field});
  }

  void text(const Fields& fields, std::string_view field, Kind kind) {
    if (auto value = fields.text(field)) add(kind, fields.name(field), std::move(*value));
  }

  void json(const Fields& fields, std::string_view field, const JsonSource& source, bool may_be_text) {
    const json::value* value = fields.find(field);
    if (!value || says_nothing(*value)) return;
    if (may_be_text && value->is_string()) return text(fields, field, Kind::json_schema);
    if (!value->is_object()) wrong_type(fields.name(field), "a JSON schema", *value);
    add(Kind::json_schema, fields.name(field), source.member(field).compact());
  }

  void choice(const Fields& fields, std::string_view field) {
    const json::array* list = fields.list(field);
    if (!list) return;
    const std::string name = fields.name(field);
    ConstraintInput& input = add(Kind::any_of, name);
    std::size_t bytes = 0;
    for (const json::value& one : *list) {
      std::string text = string_of(one, name);
      bytes += text.size();
      input.parts.push_back({Kind::literal, std::move(text), {}, name});
    }
    if (bytes > kFormBytes) bad_field(name, fmt::format("has more than {} bytes", kFormBytes));
  }

  void response_format(const Fields& fields, const JsonSource& source) {
    const json::value* value = fields.find("response_format");
    if (!value || says_nothing(*value)) return;
    if (!value->is_object()) wrong_type("response_format", "an object", *value);
    const Fields inner(value->get_object(), response_format_fields, "response_format.");
    const std::string type = inner.text("type").value_or("");
    if (type == "text") return;
    if (type != "json_object" && type != "json_schema")
      bad_field("response_format.type", "must be text, json_object or json_schema");
    if (const json::object* wrapped = inner.map("json_schema"); wrapped && type == "json_schema") {
      const std::string name = "response_format.json_schema.schema";
      const json::value* schema = wrapped->if_contains("schema");
      if (!schema || schema->is_null()) bad_field(name, "is missing");
      if (!schema->is_object()) wrong_type(name, "a JSON schema", *schema);
      const json::value* strict = wrapped->if_contains("strict");
      if (strict && !strict->is_null() && !strict->is_bool()) wrong_type("response_format.json_schema.strict", "true or false", *strict);
      ConstraintInput& input = add(Kind::json_schema, name, source.member("json_schema").member("schema").compact());
      input.in_order = strict && strict->is_bool() && strict->get_bool();
    } else if (inner.map("schema")) {
      add(Kind::json_schema, "response_format.schema", source.member("schema").compact());
    } else if (type == "json_schema") {
      bad_field("response_format.json_schema", "is missing");
    } else {
      add(Kind::json_object, "response_format");
    }
  }

  std::optional<ConstraintInput> asked_;
};

}  // namespace

constexpr FieldTable form_fields{"form", form_rows, {}, &common_fields};
constexpr FieldTable response_format_fields{"response_format", response_format_rows, {}};
constexpr FieldTable structured_output_fields{"structured_outputs", structured_rows, {}};

std::optional<ConstraintInput> read_form(const Fields& fields, const JsonSource& source) {
  return Reader().read(fields, source);
}

std::optional<ConstraintInput> read_format(const json::value* value, const JsonSource& source, const std::string& field) {
  if (!value || says_nothing(*value)) return std::nullopt;
  if (value->is_string() && value->get_string() == "json") return ConstraintInput{Kind::json_object, {}, {}, field};
  if (value->is_string()) bad_field(field, "must be json or a JSON schema");
  if (!value->is_object()) wrong_type(field, "a JSON schema", *value);
  ConstraintInput input{Kind::json_schema, source.compact(), {}, field};
  if (input.text.size() > kFormBytes) bad_field(field, fmt::format("has more than {} bytes", kFormBytes));
  return input;
}

void bind_answer(const Fields& fields, std::string_view body, const Engine& engine, Request& request) {
  if (const auto form = read_form(fields, JsonSource(body))) request.constraint = engine.constrain(*form);
}

}  // namespace fulmar::api
