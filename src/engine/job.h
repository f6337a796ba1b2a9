// A request on its way: checked and turned into tokens on the thread that submitted it.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fulmar/engine.h"
#include "text/tokenizer.h"

namespace fulmar {

struct Job {
  std::vector<Token> prompt;  // never empty
  Sampling sampling;
  uint32_t choice = 0;
  uint32_t max_tokens = 0;
  std::vector<std::string> stop;
  std::vector<Token> stop_tokens;  // the end-of-text token among them, unless it is ignored
  std::shared_ptr<Sink> sink;
};

// Throws Error(bad_request), naming the field, for a request that can never run on a model of `vocab` tokens.
Job make_job(Request request, std::shared_ptr<Sink> sink, const Tokenizer& tokenizer, uint32_t vocab);

// Hands an event to a sink unless that is closed. A sink that throws is closed: its request has nobody to
// tell.
void send(Sink& sink, const Event& event) noexcept;

}  // namespace fulmar
