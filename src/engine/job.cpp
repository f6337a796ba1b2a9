// Checks requests against the model.
#include "engine/job.h"

#include <new>

#include "base/fail.h"
#include "base/log.h"
#include "engine/prompt.h"
#include "text/sampler.h"

namespace fulmar {
namespace {

std::shared_ptr<const Request> checked(Request request, const Tokenizer& tokenizer, uint32_t vocab) {
  require(request.prompt != nullptr, "a request without a prompt");
  check_sampling(request.sampling, vocab);
  require(!request.embed || request.max_tokens == 0, "an embedding and {} tokens of one request", request.max_tokens);
  for (const Token token : request.stop_tokens) check_token("stop_tokens", token, vocab);
  if (!request.ignore_eos) {
    const std::vector<std::string>& stops = request.prompt->stops;
    request.stop.insert(request.stop.end(), stops.begin(), stops.end());
    const std::vector<Token>& tokens = request.prompt->stop_tokens;
    request.stop_tokens.insert(request.stop_tokens.end(), tokens.begin(), tokens.end());
    if (tokenizer.end_of_text() >= 0) request.stop_tokens.push_back(tokenizer.end_of_text());
  }
  return std::make_shared<const Request>(std::move(request));
}

}  // namespace

std::vector<Job> make_jobs(std::vector<Submission> all, const Tokenizer& tokenizer, uint32_t vocab) {
  std::vector<Job> jobs;
  for (Submission& submission : all) {
    const auto request = checked(std::move(submission.request), tokenizer, vocab);
    for (std::shared_ptr<Sink>& sink : submission.choices) {
      require(sink != nullptr, "a request without a sink");
      const auto choice = static_cast<uint32_t>(&sink - submission.choices.data());
      jobs.push_back({request, choice, std::move(sink)});
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
