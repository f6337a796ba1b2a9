// How Ollama words an answer: lines of JSON, the last of which has its numbers.
#pragma once
#include <memory>
#include <string_view>

#include "answer/dialect.h"

namespace fulmar::api::ollama {

constexpr size_t kContext = 65536;  // tokens of one that is told; docs/http-api.md has it

std::unique_ptr<Dialect> chat_words(std::string_view model);
// Where it hears of the turn (Request::report_turn) it tells the `context` that a next request may go on from.
std::unique_ptr<Dialect> generate_words(std::string_view model);

}  // namespace fulmar::api::ollama
