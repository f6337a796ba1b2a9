// RWKV-Runner's endpoints that are nobody else's, one line each in the table of routes, and the tables of their fields.
// AsyncHttpRWKV asks for the same.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::runner {

extern const Family family;  // {"detail": "sentence"}, or a list of what is wrong with which field

void hello(const Context& context, const Call& call);
void status(const Context& context, const Call& call);
void credits(const Context& context, const Call& call);
void switch_model(const Context& context, const Call& call);
void update_config(const Context& context, const Call& call);
void disable_state_cache(const Context& context, const Call& call);
void enable_state_cache(const Context& context, const Call& call);
void reset_state(const Context& context, const Call& call);
void leave(const Context& context, const Call& call);  // POST /exit

// In a server that was deployed answers 403.
bool is_closed(const Context& context, const Call& call);
http::Response success();  // the JSON string "success"

extern const FieldTable switch_fields, config_fields;  // switch_model.cpp, config.cpp
extern const Shape success_answer, hello_answer, status_answer, credits_answer;
extern const Others switch_others;

}  // namespace fulmar::api::runner
