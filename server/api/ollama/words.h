// How Ollama words an answer: lines of JSON, the last of which has its numbers.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "answer/dialect.h"

namespace fulmar::api::ollama {

constexpr size_t kContext = 65536;  // tokens of one that is told; docs/http-api.md has it

// What both are made with.
struct Head {
  std::string model;
  std::chrono::steady_clock::time_point came;   // the request
  std::optional<uint16_t> top{};                // how many of the likeliest tokens are told beside each; none: no scores are told
  std::function<std::string(Token)> spell{};    // for these
};

std::unique_ptr<Dialect> chat_words(Head head);
// Where it hears of the turn (Request::report_turn) it tells the `context` that a next request may go on from.
std::unique_ptr<Dialect> generate_words(Head head);

}  // namespace fulmar::api::ollama
