// RWKV-Infer's endpoints for models and states, one line each in the table of routes, and the tables of their fields. Its
// chats are OpenAI's.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::infer {

extern const Family family;  // {"detail": "sentence"}

constexpr size_t kStates = 256;  // of all names of a model together; docs/infer.md has it

void load_model(const Context& context, const Call& call);
void remove_model(const Context& context, const Call& call);
void list_models(const Context& context, const Call& call);
void health_check(const Context& context, const Call& call);
void kill(const Context& context, const Call& call);  // for whoever has Context's keys

void load_state(const Context& context, const Call& call);
void load_mixture(const Context& context, const Call& call);
void set_gates(const Context& context, const Call& call);
void remove_states(const Context& context, const Call& call);

// {"status": "success"}
http::Response success();
// What the name of a model or a state may be. Throws Error(bad_request).
void check_name(const std::string& name, const std::string& field);

extern const FieldTable load_fields, state_fields, mixture_fields, gate_fields, kill_fields;  // field_tables.cpp
extern const Shape success_answer, models_answer, health_answer, kill_answer;
extern const Others file_others, state_others, mixture_others, gate_others;

}  // namespace fulmar::api::infer
