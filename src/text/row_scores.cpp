// Log-softmax over the passes that drawing makes too; see row_scores.h.
#include "text/row_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fulmar {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// From a logit to its log probability.
struct Line {
  double largest, log_sum;  // of exp(logit - largest)

  float at(float logit) const {
    if (std::isnan(logit)) return -infinity;
    if (largest == double{infinity}) return logit == infinity ? static_cast<float>(-log_sum) : -infinity;
    return static_cast<float>(double{logit} - largest - log_sum);
  }
};

Line line_of(std::span<const float> logits, float largest, ScoreMemory& memory) {
  if (largest == infinity) return {double{infinity}, std::log(static_cast<double>(std::ranges::count(logits, infinity)))};
  return {double{largest}, std::log(sum_weights(logits, {largest, 1}, memory.sums))};
}

}  // namespace

float score_row(std::span<const float> logits, Token token, std::span<TokenScore> top, ScoreMemory& memory) {
  const float largest = block_maxima(logits, memory.maxima);
  std::ranges::fill(top, TokenScore{-1, -infinity});
  if (largest == -infinity) return std::numeric_limits<float>::quiet_NaN();
  const Line line = line_of(logits, largest, memory);
  if (!top.empty()) {
    const size_t count = std::min(top.size(), logits.size());
    collect(logits, memory.maxima, cut_by_count(logits, memory.maxima, count, memory.scratch), memory.list);
    std::ranges::stable_sort(memory.list, std::greater(), &Candidate::value);
    for (size_t i = 0; i < std::min(memory.list.size(), count); ++i)
      top[i] = {memory.list[i].token, line.at(memory.list[i].value)};
  }
  return line.at(logits[static_cast<size_t>(token)]);
}

}  // namespace fulmar
