// Chats and completions as RWKV-Runner's clients ask for them: OpenAI's fields with its own beside them, its defaults and
// its ranges.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::openai {

// Whether a body is theirs: it has a field that only they have, or a client of theirs has the server for itself.
bool is_runner_chat(const Context& context, const json::object& body);
bool is_runner_completion(const Context& context, const json::object& body);

void runner_chat(const Context& context, const Call& call);
void runner_completions(const Context& context, const Call& call);

extern const FieldTable runner_chat_fields, runner_completion_fields;
extern const FieldTable runner_message_fields;  // what a message may have beside message_fields

}  // namespace fulmar::api::openai
