// What of a request to /v1/messages makes its prompt.
#pragma once
#include <string_view>

#include "answer/fields.h"
#include "fulmar/request.h"

namespace fulmar::api::anthropic {

// By the table request_fields; `body` is the text that the fields were read from. Throws Error(bad_request) or
// Error(unsupported).
PromptInput read_prompt(const Fields& fields, std::string_view body);
// Whether the answer is to keep its thought to itself: thinking.display.
bool omits_thought(const Fields& fields);

}  // namespace fulmar::api::anthropic
