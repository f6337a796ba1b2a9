// The fields that say of what form an answer has to be, in the words of OpenAI, vLLM and llama.cpp.
#pragma once
#include <optional>
#include <string_view>

#include "answer/fields.h"
#include "base/json_source.h"
#include "fulmar/engine.h"

namespace fulmar::api {

constexpr size_t kFormBytes = size_t{256} << 10;  // of a schema, a grammar, all choices together; docs/http-api.md has it
constexpr size_t kFormChoices = 1024;

// Tables of families whose answers can be bound stand on this one, which stands on common_fields.
extern const FieldTable form_fields;
extern const FieldTable response_format_fields, structured_output_fields;  // of what is inside of two of them

// What is asked for, if anything. `source`: of the object that is read. Throws Error(bad_request) where it is more than one.
std::optional<ConstraintInput> read_form(const Fields& fields, const JsonSource& source);

// The same of one field that is "json", for any JSON object, or a schema. `value` may be null: it asks for nothing.
std::optional<ConstraintInput> read_format(const json::value* value, const JsonSource& source, const std::string& field);

// As read_form(), and binds the request's answer to it.
void bind_answer(const Fields& fields, std::string_view body, const Engine& engine, Request& request);

}  // namespace fulmar::api
