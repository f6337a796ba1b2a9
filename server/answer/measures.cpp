// A clock and a few additions for each event.
#include "answer/measures.h"

#include <utility>

namespace fulmar::api {

void TextMeasure::hear(const Event& event, bool first_of_its_prompt, Measures& measures) noexcept {
  const uint32_t before = std::exchange(tokens_, event.completion_tokens), more = tokens_ - before;
  if (more == 0 && event.finish == Finish::none) return;
  const Clock::time_point now = Clock::now();
  const double since_asked = std::chrono::duration<double>(now - asked_).count();
  if (more > 0) {
    if (before == 0)
      measures.first_token.add(since_asked);
    else
      measures.between_tokens.add(std::chrono::duration<double>(now - last_).count() / more, more);
    last_ = now;
  }
  if (event.finish == Finish::none) return;
  measures.whole.add(since_asked);
  measures.completion_tokens.add(event.completion_tokens);
  if (first_of_its_prompt) measures.prompt_tokens.add(event.prompt_tokens);
  measures.finished[static_cast<size_t>(event.finish)].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace fulmar::api
