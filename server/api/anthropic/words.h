// How Anthropic words an answer: blocks of a message.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "answer/dialect.h"

namespace fulmar::api::anthropic {

// `prompt_tokens`: what is told of the prompt before it was read. `stops`: those of the client, as Request::stop begins.
// `omits_thought`: of a thought there is the block alone.
std::unique_ptr<Dialect> message_words(std::string_view model, uint64_t prompt_tokens, std::vector<std::string> stops,
                                       bool omits_thought = false);

}  // namespace fulmar::api::anthropic
