// One HTTP request's worth of generation: several engine requests, gathered into one answer or one event
// stream.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "api/sampling.h"
#include "fulmar/engine.h"
#include "http/reply.h"

namespace fulmar::api {

struct Plan {
  bool chat = false;  // the wording of the answer: chat.completion or text_completion
  Delivery delivery;
  std::vector<Request> prompts;   // each is continued delivery.choices times
  std::vector<std::string> echo;  // per prompt, put before the text; or empty
};

// Submits everything and returns; the answer goes to `reply` as it is made. Throws Error, with nothing left
// running, when the engine refuses any part. If the client goes away every slot is given back.
void generate(Engine& engine, Plan plan, const std::shared_ptr<http::Reply>& reply);

}  // namespace fulmar::api
