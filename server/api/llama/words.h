// How llama.cpp's server words a completion.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "answer/dialect.h"
#include "answer/json.h"
#include "host/served.h"

namespace fulmar::api::llama {

// What its answer is told beside what the engine says.
struct CompletionHead {
  std::function<std::string(Token)> spell;  // Engine::speller()
  std::string model;
  std::vector<std::string> stops;   // Request::stop
  std::vector<uint64_t> totals;     // tokens of each prompt
  uint32_t choices = 1;             // of each prompt
  int64_t slot = -1;                // id_slot
  json::object settings;            // "generation_settings"
  std::vector<std::string> fields;  // response_fields; none: all
  bool tokens = false;              // return_tokens
  bool timings_per_token = false;
};

std::unique_ptr<Dialect> completion_words(CompletionHead head);

}  // namespace fulmar::api::llama
