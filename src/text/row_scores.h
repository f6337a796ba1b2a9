// Natural logarithms of the probabilities that a row of logits gives to tokens, where somebody asks for them.
#pragma once
#include <span>
#include <vector>

#include "fulmar/event.h"
#include "text/selection.h"

namespace fulmar {

// Buffers that grow with the first rows and are used again.
struct ScoreMemory {
  PerBlock maxima, sums;
  std::vector<Candidate> list, scratch;
};

// ln(exp(logit) / sum(exp(logits))) of the token, NaN counted as -infinity, and in `top` the likeliest tokens, likeliest
// first, among equals lower ids first; of those that lack, because all others are impossible, the token is -1. Where logits are
// +infinity, those share all. NaN where no token is possible. |error| < 1e-6 beside the sum in 64 bits.
float score_row(std::span<const float> logits, Token token, std::span<TokenScore> top, ScoreMemory& memory);

}  // namespace fulmar
