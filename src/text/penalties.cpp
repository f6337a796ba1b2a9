// Counting and decaying; see penalties.h.
#include "text/penalties.h"

#include <algorithm>

namespace fulmar {

Penalties::Penalties(const Sampling& sampling)
    : presence_(sampling.presence_penalty),
      frequency_(sampling.frequency_penalty),
      decay_(sampling.penalty_decay),
      biases_(sampling.logit_bias.size()) {
  edits_.reserve(biases_);
  for (const auto& [token, bias] : sampling.logit_bias) edits_.push_back({token, bias});
}

void Penalties::count(Token token) {
  if (presence_ == 0 && frequency_ == 0) return;
  constexpr float forgotten = 1e-4f;
  size_t kept = 0;
  bool found = false;
  const auto keep = [&](Token seen, float count) {
    edits_[biases_ + kept] = {seen, -(presence_ + frequency_ * count)};
    counts_[kept++] = count;
  };
  for (size_t i = 0; i < counts_.size(); ++i) {
    const Token seen = edits_[biases_ + i].token;
    const float count = counts_[i] * decay_;
    if (count < forgotten) continue;
    found = found || seen == token;
    keep(seen, seen == token ? count + 1.0f : count);
  }
  counts_.resize(kept + (found ? 0 : 1));
  edits_.resize(biases_ + counts_.size());
  if (!found) keep(token, 1.0f);
}

}  // namespace fulmar
