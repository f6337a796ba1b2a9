// Anthropic's endpoints, one line each in the table of routes, and the tables of their fields.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::anthropic {

extern const Family family;

void messages(const Context& context, const Call& call);
void count_tokens(const Context& context, const Call& call);
void list_models(const Context& context, const Call& call);
void get_model(const Context& context, const Call& call);
// Whether who asks for models is Anthropic's client: its header says so.
bool speaks_anthropic(const http::Request& request);

extern const FieldTable request_fields, turn_fields, block_fields, tool_fields, choice_fields, thinking_fields, output_fields,
    format_fields;  // field_tables.cpp
extern const FieldTable list_query;  // models.cpp
extern const Shape message_answer, count_answer, models_answer, model_answer;
extern const Others messages_others;  // errors.cpp

// {"type":"error","error":{"type","message"}}
http::Response error_words(const http::Failure& failure);
std::string error_json(const http::Failure& failure);

}  // namespace fulmar::api::anthropic
