// One choice of a request on its way: checked on the thread that submitted it.
#pragma once
#include <exception>
#include <memory>
#include <vector>

#include "fulmar/engine.h"
#include "text/tokenizer.h"

namespace fulmar {

struct Job {
  // Shared by the choices of a submission. Its stops are complete: the prompt's and the vocabulary's end of
  // text among them, unless they are ignored.
  std::shared_ptr<const Request> request;
  uint32_t choice = 0;
  std::shared_ptr<Sink> sink;
};

// The choices in order, a submission's one after another. Throws Error(bad_request), naming the field, for a
// request that can never run on a model of `vocab` tokens.
std::vector<Job> make_jobs(std::vector<Submission> all, const Tokenizer& tokenizer, uint32_t vocab);

// What a client is told of an exception.
Error as_error(const std::exception_ptr& exception);

// Hands an event to a sink unless that is closed. A sink that throws is closed: its request has nobody to
// tell.
void send(Sink& sink, const Event& event) noexcept;

}  // namespace fulmar
