// Bias and penalties of one request as sparse edits of the logits.
#pragma once
#include <span>
#include <vector>

#include "fulmar/request.h"

namespace fulmar {

// logits[token] += delta.
struct Edit {
  Token token;
  float delta;
};

// A penalty is presence + frequency * count for each token that was drawn. All counts are multiplied by
// penalty_decay when a token is drawn; below 1e-4 a token is forgotten, and with it its presence penalty.
class Penalties {
 public:
  explicit Penalties(const Sampling& sampling);

  // For the next draw: each of logit_bias, then each penalty, to be added in this order. Valid until count().
  std::span<const Edit> edits() const { return edits_; }
  // Counts a token that was drawn. Allocates only where there are more different tokens than ever before.
  void count(Token token);

 private:
  float presence_, frequency_, decay_;
  size_t biases_;            // the first edits, which stay
  std::vector<Edit> edits_;  // of counts_, behind the biases
  std::vector<float> counts_;
};

}  // namespace fulmar
