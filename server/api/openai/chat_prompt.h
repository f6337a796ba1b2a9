// What of a chat's body makes its prompt.
#pragma once
#include "answer/fields.h"
#include "fulmar/request.h"

namespace fulmar::api::openai {

// By the table chat_fields. Throws Error(bad_request) or Error(unsupported).
PromptInput read_chat_prompt(const Fields& fields);

}  // namespace fulmar::api::openai
