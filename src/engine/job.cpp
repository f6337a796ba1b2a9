// Checks requests against the model.
#include "engine/job.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "base/fail.h"
#include "base/log.h"
#include "engine/prompt.h"
#include "text/sampler.h"

namespace fulmar {
namespace {

void check_streams(const Request& request, size_t choices, const JobLimits& limits) {
  if (request.streams.size() > limits.slots)
    refuse_field("states", "{} states at once are more than the {} slots of this server (--slots)",
                 request.streams.size(), limits.slots);
  for (const Stream& stream : request.streams) {
    if (!stream.from.empty()) check_session_id(stream.from);
    if (!stream.keep.empty()) check_session_id(stream.keep);
    if (stream.start) check_state(*stream.start, limits);
    if (!std::isfinite(stream.gate)) refuse_field("gates", "a gate is a finite number");
    if (!stream.keep.empty() && choices > 1) refuse_field("n", "a session goes on with one answer, not {}", choices);
    const auto same = [&](const Stream& other) { return &other != &stream && other.keep == stream.keep; };
    if (!stream.keep.empty() && std::ranges::any_of(request.streams, same))
      refuse_field("session_id", "two states cannot both be kept as '{}'", stream.keep);
  }
  const bool some = std::ranges::any_of(request.streams, [](const Stream& stream) { return stream.gate != 0; });
  if (!some) refuse_field("gates", "all gates are 0: nothing would be left of the logits");
  const size_t most = request.streams.size() > 1 ? max_mixed_note : max_note;
  if (request.note.size() > most)
    refuse_field("note", "{} bytes are more than the {} that are kept with a turn", request.note.size(), most);
}

// Of a small vocabulary there are no more than it has.
void check_report(Report& report, uint32_t vocab) {
  const auto check = [&](std::optional<uint16_t>& wanted, const char* field) {
    if (!wanted) return;
    if (*wanted > max_logprobs) refuse_field(field, "{} tokens are more than the {} that are told of each", *wanted, max_logprobs);
    wanted = static_cast<uint16_t>(std::min<uint32_t>(*wanted, vocab));
  };
  check(report.logprobs, "logprobs");
  check(report.prompt_logprobs, "prompt_logprobs");
}

std::shared_ptr<const Request> checked(Request request, size_t choices, const Tokenizer& tokenizer,
                                       const JobLimits& limits) {
  require(request.prompt != nullptr, "a request without a prompt");
  if (request.streams.empty()) request.streams.emplace_back();
  check_streams(request, choices, limits);
  check_sampling(request.sampling, limits.vocab);
  require(!request.embed || request.max_tokens == 0, "an embedding and {} tokens of one request", request.max_tokens);
  check_report(request.report, limits.vocab);
  for (const Token token : request.stop_tokens) check_token("stop_tokens", token, limits.vocab);
  if (!request.ignore_eos) {
    // A form says itself where the answer ends, and what would be the next turn may be a part of it.
    const std::vector<std::string>& stops = request.prompt->stops;
    if (!request.constraint) request.stop.insert(request.stop.end(), stops.begin(), stops.end());
    const std::vector<Token>& tokens = request.prompt->stop_tokens;
    request.stop_tokens.insert(request.stop_tokens.end(), tokens.begin(), tokens.end());
    if (tokenizer.end_of_text() >= 0) request.stop_tokens.push_back(tokenizer.end_of_text());
  }
  return std::make_shared<const Request>(std::move(request));
}

}  // namespace

void check_state(const State& state, const JobLimits& limits) {
  if (state.model != limits.model)
    throw Error(ErrorKind::bad_request,
                fmt::format("the state is of another model, other adapters or another vocabulary: its fingerprint is {}, "
                            "that of this server's model {}",
                            state.model.hex(), limits.model.hex()));
  if (!state.floats.empty() && state.floats.size() != limits.state_floats)
    throw Error(ErrorKind::bad_request, fmt::format("the state has {} numbers, those of this model {}",
                                                    state.floats.size(), limits.state_floats));
  for (const Token token : state.unfed) check_token("state", token, limits.vocab);
}

std::vector<Job> make_jobs(std::vector<Submission> all, const Tokenizer& tokenizer, const JobLimits& limits) {
  std::vector<Job> jobs;
  const auto now = std::chrono::steady_clock::now();
  for (Submission& submission : all) {
    const auto request = checked(std::move(submission.request), submission.choices.size(), tokenizer, limits);
    std::shared_ptr<Siblings> siblings;
    if (submission.choices.size() > 1) siblings = std::make_shared<Siblings>();
    if (siblings) siblings->waiting = static_cast<uint32_t>(submission.choices.size());
    for (std::shared_ptr<Sink>& sink : submission.choices) {
      require(sink != nullptr, "a request without a sink");
      const auto choice = static_cast<uint32_t>(&sink - submission.choices.data());
      jobs.push_back({request, choice, std::move(sink), siblings, now});
    }
  }
  return jobs;
}

Error as_error(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorKind::out_of_memory, "the host's memory did not suffice for this request");
  } catch (const std::exception& error) {
    return Error(ErrorKind::internal, error.what());
  } catch (...) {
    return Error(ErrorKind::internal, "an exception of unknown type");
  }
}

void send(Sink& sink, const Event& event) noexcept {
  if (sink.closed()) return;
  try {
    sink.on_event(event);
  } catch (...) {
    sink.close();
    log_warning("a request was dropped: its sink threw an exception");
  }
}

}  // namespace fulmar
