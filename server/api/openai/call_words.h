// How OpenAI words calls of tools, in its own form and in the older one of one function.
#pragma once
#include <span>
#include <string>

#include "answer/dialect.h"

namespace fulmar::api::openai {

enum class CallWords : uint8_t {
  tools,    // tool_calls
  function  // function_call
};

// The members of a message that has these calls, with a comma before them; nothing where there are none.
std::string calls_of_message(CallWords form, std::span<const ToolCall> calls);
// The inside of a stream's delta.
std::string call_of_delta(CallWords form, const CallPiece& piece);

}  // namespace fulmar::api::openai
