// llama.cpp's endpoints, one line each in the table of routes.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::llama {

extern const Family family;  // {"error": {"code", "message", "type"}}

void list_slots(const Context& context, const Call& call);
void act_on_slot(const Context& context, const Call& call);
void watch_models(const Context& context, const Call& call);
void load_model(const Context& context, const Call& call);
void unload_model(const Context& context, const Call& call);

extern const FieldTable slot_fields, model_fields, slot_list_query, slot_query;

}  // namespace fulmar::api::llama
