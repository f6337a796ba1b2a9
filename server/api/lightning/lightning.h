// rwkv_lightning's endpoints, one line each in the table of routes, and the tables of their fields.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::lightning {

extern const Family family;              // {"error": "sentence"}
extern const Family translation_family;  // the same, and {"translations": []}

// Whether a body of POST /v1/chat/completions is this family's.
bool has_contents(const json::object& body);

void batch_chat(const Context& context, const Call& call);  // batch.cpp
void padded_chat(const Context& context, const Call& call);
void batch_completions(const Context& context, const Call& call);
void big_batch(const Context& context, const Call& call);
void templated_chat(const Context& context, const Call& call);  // templates.cpp
void fill_middle(const Context& context, const Call& call);
void translate(const Context& context, const Call& call);

void load_model(const Context& context, const Call& call);
void count_tokens(const Context& context, const Call& call);
void server_status(const Context& context, const Call& call);
void stop(const Context& context, const Call& call);  // control.cpp
void pause(const Context& context, const Call& call);
void resume(const Context& context, const Call& call);

void state_chat(const Context& context, const Call& call);
void multi_state_chat(const Context& context, const Call& call);
void state_status(const Context& context, const Call& call);
void state_delete(const Context& context, const Call& call);

extern const FieldTable native_fields, state_fields, multi_state_fields;  // field_tables.cpp
extern const FieldTable padded_fields, fast_fields, big_batch_fields, templated_fields, middle_fields, translation_fields;
extern const FieldTable message_fields, count_fields, named_fields, resume_fields;
extern const FieldTable status_fields, delete_fields, load_fields;
extern const Shape native_answer, translation_answer, load_answer, count_answer, status_answer, control_answer, sessions_answer,
    deleted_answer;
extern const Others state_others, delete_others, batch_others;

}  // namespace fulmar::api::lightning
