// rwkv_lightning's endpoints, one line each in the table of routes, and the tables of their fields.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::lightning {

extern const Family family;  // {"error": "sentence"}

void server_status(const Context& context, const Call& call);

void state_chat(const Context& context, const Call& call);
void multi_state_chat(const Context& context, const Call& call);
void state_status(const Context& context, const Call& call);
void state_delete(const Context& context, const Call& call);

extern const FieldTable native_fields, state_fields, multi_state_fields;  // field_tables.cpp
extern const FieldTable status_fields, delete_fields;

}  // namespace fulmar::api::lightning
