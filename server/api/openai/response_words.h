// A response as OpenAI words it: one object, or typed events in their order.
#pragma once
#include <memory>
#include <string>

#include "answer/dialect.h"
#include "api/openai/response_document.h"
#include "api/openai/score_words.h"

namespace fulmar::api::openai {

struct ResponseFacts {
  std::string id;
  std::string members;  // of the object, those that are known before there is an answer, with a comma behind each
  bool stream = false;
  uint64_t read_before = 0;  // tokens that the state had read which it goes on from
  ScoreForm scores{};
  std::shared_ptr<Keeping> keeping{};  // null: it is not kept
  std::string document{};  // members of the document beside "response", likewise, but "after_tools"
  bool after_tools = false;
  std::atomic<size_t>* held = nullptr;  // Context::waiting_text
};

std::unique_ptr<Dialect> response_words(ResponseFacts facts);

}  // namespace fulmar::api::openai
