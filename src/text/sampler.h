// Draws the next token from logits.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fulmar/request.h"
#include "text/penalties.h"
#include "text/row_draw.h"

namespace fulmar {

// Throws Error(bad_request), its param the field's name, for values outside their range: temperature >= 0,
// top_k >= 0, top_p, min_p and penalty_decay in [0, 1], repetition_penalty above 0, repetition_window >= -1, all
// finite (a bias may be -infinity: never), biased tokens in [0, vocab).
void check_sampling(const Sampling& sampling, uint32_t vocab);

// One request's sampler: its penalties' counts and its random numbers. Not thread-safe. No allocation per
// token, once its buffers have grown.
class Sampler {
 public:
  // `salt` makes streams of one request (n > 1) differ under one seed. Throws as check_sampling() does.
  Sampler(const Sampling& sampling, uint32_t vocab, uint64_t salt = 0,
          std::shared_ptr<const Tokenizer> tokenizer = nullptr);
  // logits: V floats, changed where tokens pay. repetition_penalty, logit_bias and the penalties (text/penalties.h) come first.
  // Then, each on what the one before left, and with w = exp(logit - largest):
  //
  //   openai, batch     w = w^(1/T), top_k, top_p, min_p, draw. Among equals the lower ids are kept.
  //   llama             top_k, top_p, min_p, w = w^(1/T), draw. Among equals the lower ids are kept.
  //   pipeline, runner, ai00
  //                     top_p, all equals of the last one included, top_k, w = w^(1/T), min_p, draw.
  //   rapid             w = w^(1/T), the largest that are top_k or have the share top_p, whichever is reached first,
  //                     all equals of the last one included, which share the room that is left (min(what is missing
  //                     to top_p / what they have, to top_k / how many they are, 1) times w each), min_p, draw.
  //
  // Greedy (temperature 0, top_k 1 or top_p 0) takes the lowest of the largest. NaN and -infinity are never drawn;
  // where nothing is left, Error(internal) says so. Where logits are +infinity, only those are drawn.
  // `allowed`: a bit for each token; others are never drawn, whatever their logits. Empty: all are.
  Token sample(std::span<float> logits, std::span<const uint64_t> allowed = {});
  // What stands before the first draw, for the repetition penalty; a prompt's tokens do not count for the others.
  void read_prompt(std::span<const Token> prompt) { repetition_.see(prompt); }
  // Counts a token for the penalties (the sampler counts its own draws itself).
  void accept(Token token);
  // The same of a token that another sampler of this seed drew: the random numbers go on behind it.
  void replay(Token token);

 private:
  uint32_t vocab_;
  shared::Draw draw_;  // of the last row, but for its point the same for all
  Penalties penalties_;
  Repetition repetition_;
  DrawMemory memory_;
  uint64_t key_ = 0, counter_ = 0;
};

}  // namespace fulmar
