// Checks a request against the model, applies the chat template and tokenizes.
#include "engine/job.h"

#include <limits>

#include "base/fail.h"
#include "base/log.h"
#include "text/chat_template.h"
#include "text/sampler.h"

namespace fulmar {
namespace {

template <typename... Args>
[[noreturn]] void refuse(const char* field, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::bad_request,
              fmt::format("{}: {}", field, fmt::format(format, std::forward<Args>(args)...)), field);
}

void check_token(const char* field, Token token, uint32_t vocab) {
  if (token >= 0 && static_cast<uint32_t>(token) < vocab) return;
  refuse(field, "token {} is outside this model's vocabulary of {}", token, vocab);
}

}  // namespace

Job make_job(Request request, std::shared_ptr<Sink> sink, const Tokenizer& tokenizer, uint32_t vocab) {
  require(sink != nullptr, "a request without a sink");
  if (request.max_tokens == 0) refuse("max_tokens", "must be at least 1");
  check_sampling(request.sampling, vocab);
  for (Token token : request.stop_tokens) check_token("stop_tokens", token, vocab);

  Job job;
  if (!request.tokens.empty()) {
    job.prompt = std::move(request.tokens);
    for (Token token : job.prompt) check_token("prompt", token, vocab);
  } else if (!request.messages.empty()) {
    job.prompt = tokenizer.encode(apply_chat_template(request.messages, request.think));
    for (std::string& stop : chat_stops()) request.stop.push_back(std::move(stop));
    for (Token token : job.prompt) check_token("messages", token, vocab);
  } else {
    job.prompt = tokenizer.encode(request.text);
    for (Token token : job.prompt) check_token("prompt", token, vocab);
  }
  if (job.prompt.empty()) job.prompt.push_back(0);  // end of text: what a document begins after
  // Counts and row numbers are 32 bits wide.
  if (job.prompt.size() > std::numeric_limits<uint32_t>::max() / 2)
    refuse("prompt", "{} tokens are too many", job.prompt.size());

  job.sampling = std::move(request.sampling);
  job.choice = request.choice;
  job.max_tokens = request.max_tokens;
  job.stop = std::move(request.stop);
  job.stop_tokens = std::move(request.stop_tokens);
  if (!request.ignore_eos && tokenizer.end_of_text() >= 0) job.stop_tokens.push_back(tokenizer.end_of_text());
  job.sink = std::move(sink);
  return job;
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
