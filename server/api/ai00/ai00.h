// ai00's endpoints, one line each in the table of routes, and the tables of their fields.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"
#include "fulmar/request.h"

namespace fulmar::api::ai00 {

extern const Family family;  // {"error": {"code", "name", "brief"}}

void list_models(const Context& context, const Call& call);
void completions(const Context& context, const Call& call);
void chat_completions(const Context& context, const Call& call);
void embeds(const Context& context, const Call& call);
void refuse_states(const Context& context, const Call& call);

void model_info(const Context& context, const Call& call);
void model_files(const Context& context, const Call& call);
void adapters(const Context& context, const Call& call);
void load_model(const Context& context, const Call& call);
void unload_model(const Context& context, const Call& call);

extern const FieldTable completion_fields, chat_fields, record_fields, template_fields, nucleus_fields, state_fields,
    embed_fields, load_fields, lora_fields, loaded_state_fields;  // field_tables.cpp
extern const Shape completion_answer, chat_answer, embed_answer, models_answer, model_answer, files_answer, devices_answer, done_answer;

// The id of a state in `state`, made of its name: ai00's are UUIDs.
std::string id_of_state(std::string_view name);

}  // namespace fulmar::api::ai00
