// One HTTP request's worth of generation: several engine requests, gathered into one answer or one event
// stream.
#pragma once
#include <memory>
#include <vector>

#include "api/sampling.h"
#include "fulmar/engine.h"
#include "http/reply.h"

namespace fulmar::api {

struct Plan {
  bool chat = false;  // the wording of the answer: chat.completion or text_completion
  Delivery delivery;
  std::vector<Request> prompts;  // each is continued delivery.choices times
  bool echo = false;             // each prompt's text is put before what continues it
};

// Submits everything and returns; the answer is made as `reply` is read. Throws Error, with nothing left
// running, when the engine refuses any part. If the client goes away every slot is given back.
void generate(Engine& engine, Plan plan, const std::shared_ptr<http::Reply>& reply);

}  // namespace fulmar::api
