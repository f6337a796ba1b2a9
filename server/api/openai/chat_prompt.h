// What of a chat's body makes its prompt.
#pragma once
#include <optional>

#include "answer/fields.h"
#include "fulmar/engine.h"
#include "fulmar/request.h"

namespace fulmar::api::openai {

// By the table chat_fields; `body` is the text that the fields were read from. Throws Error(bad_request) or
// Error(unsupported).
PromptInput read_chat_prompt(const Fields& fields, std::string_view body);

// One of OpenAI's words for how long a thought is to be; any other: with a thought.
void think_by_effort(std::string_view effort, TemplateOptions& options);

// What of it is new to a session that has read its beginning and has given the answers in it: what comes after the last of
// these; nothing where that is the last message.
std::optional<PromptInput> new_turns(const PromptInput& input);

// Request::continued of a chat in a session: what is new where the session has read something. A history that nothing follows
// is for a new session alone.
void continue_session(Engine& engine, const PromptInput& input, Request& chat);

}  // namespace fulmar::api::openai
