// Draws the next token from logits.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fulmar/request.h"
#include "text/penalties.h"
#include "text/selection.h"

namespace fulmar {

// Throws Error(bad_request), its param the field's name, for values outside their range: temperature >= 0,
// top_k >= 0, top_p, min_p and penalty_decay in [0, 1], all finite (a bias may be -infinity: never), biased
// tokens in [0, vocab).
void check_sampling(const Sampling& sampling, uint32_t vocab);

// One request's sampler: its penalties' counts and its random numbers. Not thread-safe. No allocation per
// token, once its buffers have grown.
class Sampler {
 public:
  // `salt` makes streams of one request (n > 1) differ under one seed. Throws as check_sampling() does.
  Sampler(const Sampling& sampling, uint32_t vocab, uint64_t salt = 0);
  // logits: V floats, overwritten. Order: logit_bias, penalties, temperature, top_k, top_p, min_p, draw; each
  // of the last four works on what the one before left. Among equals the lower ids are kept, and greedy
  // (temperature 0, top_k 1 or top_p 0) takes the lowest. NaN and -infinity are never drawn; where nothing is
  // left, Error(internal) says so. Where logits are +infinity, only those are drawn.
  Token sample(std::span<float> logits);
  // Counts a token for the penalties (the sampler counts its own draws itself; a prompt's tokens do not
  // count).
  void accept(Token token);

 private:
  Token pick(std::span<float> logits, float largest);
  double next_point();

  Sampling sampling_;
  uint32_t vocab_;
  Penalties penalties_;
  PerBlock maxima_, sums_;
  std::vector<Candidate> candidates_, scratch_;
  uint64_t key_ = 0, counter_ = 0;
};

}  // namespace fulmar
