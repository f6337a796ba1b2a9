// Draws the next token from logits.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fulmar/engine.h"

namespace fulmar {

// One request's sampler: its penalties' counts and its random numbers. Not thread-safe. No allocation per token.
class Sampler {
 public:
  // `salt` makes streams of one request (n > 1) differ under one seed.
  Sampler(const Sampling& sampling, uint32_t vocab, uint64_t salt = 0);
  // logits: V floats, overwritten. Order: logit_bias, penalties, temperature, top_k, top_p, min_p, draw. Greedy takes
  // the lowest id among equals. NaN logits are never drawn; where nothing is left, Error(internal) says so.
  Token sample(std::span<float> logits);
  // Counts a token for the penalties (the sampler counts its own draws itself).
  void accept(Token token);

 private:
  struct Seen {
    Token token;
    float count;
  };
  Sampling sampling_;
  std::vector<Seen> seen_;
  std::vector<int32_t> seen_index_;  // token -> index in seen_, allocated when penalties are on
  std::vector<std::pair<float, Token>> candidates_;
  uint64_t counter_ = 0, key_ = 0;
};

}  // namespace fulmar
