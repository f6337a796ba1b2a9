// One choice of a request on its way: checked on the thread that submitted it.
#pragma once
#include <chrono>
#include <exception>
#include <memory>
#include <vector>

#include "fulmar/engine.h"
#include "text/tokenizer.h"

namespace fulmar {

// What the choices of one request have in common on the engine thread: the first to run reads the prompt but for its
// last token, and the others wait for the state it has then.
struct Siblings {
  uint32_t waiting = 0;               // choices in the queue
  bool reading = false;               // one of them runs and is not that far
  std::vector<StatePtr> states;       // by stream, once they were read from its slots
  std::vector<uint32_t> slots;        // or the slots that still have them; empty once they go on
  uint32_t read = 0;                  // tokens of the prompt that these have seen
};

// That a job waits for a request which reads the beginning of its prompt just now; see readers.h.
struct ReaderWait {
  uint64_t reader = 0;  // its number; 0: it waits for none
  uint32_t place = 0;   // tokens that the two have in common
  uint32_t times = 0;   // that it has waited for one
};

struct Job {
  // Shared by the choices of a submission. Its stops are complete: the prompt's and the vocabulary's end of
  // text among them, unless they are ignored. It has a stream at least.
  std::shared_ptr<const Request> request;
  uint32_t choice = 0;
  std::shared_ptr<Sink> sink;
  std::shared_ptr<Siblings> siblings{};  // of several choices
  std::chrono::steady_clock::time_point since{};  // when it was submitted
  mutable ReaderWait wait{};             // the engine thread's, also while the job is in the queue
};

// As often as a prompt may be long, a request may have to feed tokens: those that a session's state has not seen, and its
// prompt.
inline constexpr uint32_t prompts_fed = 4;

// Of the model that a request is checked against.
struct JobLimits {
  uint32_t vocab = 0;
  uint32_t slots = 0;         // of the model: a request has no more streams
  Fingerprint model;          // whose states fit
  uint64_t state_floats = 0;
  bool reproducible = false;  // texts must not depend on what was said before: see ModelSpec
  uint64_t most_fed = 0;      // tokens of one request and what it goes on from
  bool tuned_start = false;   // it starts from a state of another file, which the fingerprint knows nothing of
};

// The choices in order, a submission's one after another. Throws Error(bad_request), naming the field, for a
// request that can never run on this model.
std::vector<Job> make_jobs(std::vector<Submission> all, const Tokenizer& tokenizer, const JobLimits& limits);

// Throws Error(bad_request) for a state of another model, and says what differs.
void check_state(const State& state, const JobLimits& limits);

// What a client is told of an exception.
Error as_error(const std::exception_ptr& exception);

// Hands an event to a sink unless that is closed. A sink that throws is closed: its request has nobody to
// tell.
void send(Sink& sink, const Event& event) noexcept;

}  // namespace fulmar
