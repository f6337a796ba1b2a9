// One HTTP request's worth of generation: several engine requests, gathered into one answer or one event
// stream.
#pragma once
#include <memory>
#include <vector>

#include "api/common_fields.h"
#include "api/context.h"
#include "fulmar/engine.h"
#include "http/reply.h"

namespace fulmar::api {

// Each of these is in docs/http-api.md too.
constexpr size_t kChoices = 1024;                // of all prompts together
constexpr size_t kUnread = size_t{4} << 20;      // bytes of an answer's text that nobody has taken yet
constexpr size_t kAllUnread = size_t{256} << 20;  // of all answers together; beyond it those end that have
constexpr size_t kPartBytes = size_t{64} << 10;   // more than this. So much text is put into words at once

struct AnswerPlan {
  bool chat = false;  // the wording of the answer: chat.completion or text_completion
  Delivery delivery;
  std::vector<Request> prompts;  // each is continued delivery.choices times
  bool echo = false;             // each prompt's text is put before what continues it
};

// Submits everything and returns; the answer is made as `reply` is read. Throws Error, with nothing left
// running, when the engine refuses any part. If the client goes away every slot is given back.
void answer(const Context& context, Engine& engine, AnswerPlan plan, const std::shared_ptr<http::Reply>& reply);

}  // namespace fulmar::api
