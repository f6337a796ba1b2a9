// Counting, decaying and forgetting; see penalties.h.
#include "text/penalties.h"

#include <algorithm>
#include <string_view>

namespace fulmar {
namespace {

// What people write again and again without repeating themselves. The empty text, which no token shows, is a part of it.
constexpr std::string_view uncounted = " \t0123456789";

}  // namespace

Penalties::Penalties(const Sampling& sampling, std::shared_ptr<const Tokenizer> tokenizer)
    : rule_(sampling.rule),
      presence_(sampling.presence_penalty),
      frequency_(sampling.frequency_penalty),
      decay_(sampling.penalty_decay),
      tokenizer_(std::move(tokenizer)),
      biases_(sampling.logit_bias.size()) {
  edits_.reserve(biases_);
  for (const auto& [token, bias] : sampling.logit_bias) edits_.push_back({token, bias});
}

double Penalties::addition(Token token) const {
  const bool spares = rule_ == PenaltyRule::pipeline || rule_ == PenaltyRule::batch;
  const bool counts = !spares || !tokenizer_ ||
                      uncounted.find(tokenizer_->bytes(token)) == std::string_view::npos;
  return counts ? 1 : 0;
}

void Penalties::forget_faded() {
  constexpr double forgotten = 1e-4;
  size_t kept = 0;
  for (size_t i = 0; i < sums_.size(); ++i) {
    if (sums_[i] * decay_ < forgotten) continue;
    sums_[kept] = sums_[i];
    edits_[biases_ + kept++] = edits_[biases_ + i];
  }
  sums_.resize(kept);
  edits_.resize(biases_ + kept);
}

void Penalties::count(Token token) {
  if (presence_ == 0 && frequency_ == 0) return;
  if (rule_ == PenaltyRule::openai || rule_ == PenaltyRule::llama) forget_faded();
  const auto first = edits_.begin() + static_cast<std::ptrdiff_t>(biases_);
  const auto found = static_cast<size_t>(std::ranges::find(first, edits_.end(), token, &Edit::token) - first);
  if (found == sums_.size()) {
    sums_.push_back(0);
    edits_.push_back({token, 0});
  }
  const bool rapid = rule_ == PenaltyRule::rapid || rule_ == PenaltyRule::ai00;
  const double added = !rapid ? addition(token) : sums_[found] == 0 ? presence_ : frequency_;
  for (size_t i = 0; i < sums_.size(); ++i) {
    sums_[i] = sums_[i] * decay_ + (i == found ? added : 0);
    edits_[biases_ + i].delta = static_cast<float>(-(rapid ? sums_[i] : presence_ + frequency_ * sums_[i]));
  }
}

Repetition::Repetition(float penalty, int32_t window, uint32_t vocab)
    : penalty_(penalty), window_(window < 0 ? 0 : static_cast<size_t>(window)) {
  if (penalty != 1 && window != 0) counts_.resize(vocab);
}

void Repetition::see(std::span<const Token> tokens) {
  if (!is_on()) return;
  if (window_ > 0 && tokens.size() > window_) tokens = tokens.last(window_);
  for (const Token token : tokens) {
    if (counts_[static_cast<size_t>(token)]++ == 0) present_.push_back(token);
    if (window_ == 0) continue;
    recent_.push_back(token);
    if (recent_.size() <= window_) continue;
    const Token gone = recent_.front();
    recent_.pop_front();
    if (--counts_[static_cast<size_t>(gone)] == 0) std::erase(present_, gone);
  }
}

void Repetition::apply(std::span<float> logits) const {
  for (const Token token : present_) {
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / penalty_ : logit * penalty_;
  }
}

}  // namespace fulmar
