// How Anthropic words an answer: blocks of a message.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "answer/dialect.h"

namespace fulmar::api::anthropic {

// `prompt_tokens`: what is told of the prompt before it was read. `stops`: those of the client, as Request::stop begins.
std::unique_ptr<Dialect> message_words(std::string_view model, uint64_t prompt_tokens, std::vector<std::string> stops);

}  // namespace fulmar::api::anthropic
