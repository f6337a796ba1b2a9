// What tokens that occurred pay: three rules of additive penalties, and the multiplicative one.
#pragma once
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "fulmar/request.h"
#include "text/tokenizer.h"

namespace fulmar {

// logits[token] += delta.
struct Edit {
  Token token;
  float delta;
};

// Bias and additive penalties of one request as sparse edits. Of each token that was drawn, the prompt's excluded,
// `paid` is taken off its logit. With t drawn last, and all counts n[v] and penalties P[v] zero at first:
//
//   openai, llama,
//   runner:          n[v] = decay n[v] + (v == t)                      paid = presence + frequency n[v]
//   pipeline, batch: the same, but a t whose text is a part of " \t0123456789" adds 0 to its n
//   rapid, ai00:     P[v] = decay P[v] + (v == t ? (P[v] == 0 ? presence : frequency) : 0)     paid = P[v]
//
// Under openai and llama, whose penalties do not decay of themselves, a token whose count fell below 1e-4 counts as never drawn; under
// pipeline, batch and runner it pays the presence for ever, and under rapid and ai00 that fades too. Sums are in double, deltas are
// rounded once.
class Penalties {
 public:
  // `tokenizer` is for pipeline and batch, which count everything without one.
  explicit Penalties(const Sampling& sampling, std::shared_ptr<const Tokenizer> tokenizer = nullptr);

  // For the next draw: each of logit_bias, then each penalty, to be added in this order. Valid until count().
  std::span<const Edit> edits() const { return edits_; }
  // Counts a token that was drawn. Allocates only where there are more different tokens than ever before.
  void count(Token token);

 private:
  double addition(Token token) const;
  void forget_faded();

  const PenaltyRule rule_;
  const double presence_, frequency_, decay_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  size_t biases_;              // the first edits, which stay
  std::vector<Edit> edits_;    // of sums_, behind the biases
  std::vector<double> sums_;   // n, or P, of the tokens that were drawn
};

// The penalty of Hugging Face's transformers and llama.cpp: logit / penalty where it is positive, else logit * penalty,
// once for each token among the last `window` of the prompt and what was drawn (-1: all of them).
class Repetition {
 public:
  Repetition(float penalty, int32_t window, uint32_t vocab);

  bool is_on() const { return !counts_.empty(); }
  void see(std::span<const Token> tokens);
  void apply(std::span<float> logits) const;

 private:
  const float penalty_;
  const size_t window_;            // 0: all
  std::vector<uint32_t> counts_;   // [V] in the window; empty while off
  std::vector<Token> present_;     // those with a count
  std::deque<Token> recent_;       // the window, where there is one
};

}  // namespace fulmar
