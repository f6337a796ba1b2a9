// What one choice of an answer has said and nobody has taken yet, and how far it has come.
#pragma once
#include <algorithm>
#include <optional>
#include <string>

#include "answer/dialect.h"
#include "answer/news.h"

namespace fulmar::api {

inline Times longer(const Times& a, const Times& b) {
  return {std::max(a.waited, b.waited), std::max(a.prompt, b.prompt), std::max(a.drawing, b.drawing)};
}

struct ChoiceText {
  bool empty() const { return thought.empty() && text.empty() && news.empty(); }
  size_t capacity() const { return thought.capacity() + text.capacity() + news.capacity(); }
  Usage usage() const { return {prompt_tokens, completion_tokens, thought_tokens, cached_tokens, times}; }
  double mean_logprob() const { return scored > 0 ? logprob / static_cast<double>(scored) : -1e300; }

  // All of an event but its counts of new tokens and its end; how many bytes of news it is.
  size_t add(const Event& event, bool with_scores, bool with_tokens) {
    prompt_tokens = event.prompt_tokens;
    cached_tokens = event.cached_tokens;
    times = event.times;
    stop = event.stop;
    thought += event.thought;
    text += event.text;
    for (size_t i = 0; i < event.scores.size(); ++i) logprob += double{event.scores[i][0].logprob};
    scored += event.scores.size();
    return news.add(event, with_scores, with_tokens);
  }

  std::string thought, text;
  News news;  // which comes behind them
  Finish finish = Finish::none;
  uint32_t completion_tokens = 0, thought_tokens = 0, prompt_tokens = 0, cached_tokens = 0;
  Times times;
  std::optional<uint32_t> stop;
  double logprob = 0;  // of its tokens together
  size_t scored = 0;   // how many these are
};

}  // namespace fulmar::api
