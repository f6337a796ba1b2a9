// Log probabilities are what a softmax in 64 bits gives, for rows of any shape.
#include "text/row_scores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace fulmar {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

double reference(const std::vector<float>& logits, size_t token) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const float logit : logits)
    if (!std::isnan(logit)) largest = std::max(largest, double{logit});
  for (const float logit : logits)
    if (!std::isnan(logit)) sum += std::exp(double{logit} - largest);
  return std::isnan(logits[token]) ? -std::numeric_limits<double>::infinity() : double{logits[token]} - largest - std::log(sum);
}

TEST(RowScores, AreThoseOfASoftmaxIn64Bits) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  ScoreMemory memory;
  for (const size_t size : {1, 2, 63, 64, 65, 1000, 65536})
    for (const float spread : {0.01f, 1.0f, 8.0f, 40.0f}) {
      SCOPED_TRACE(testing::Message() << size << " logits, spread " << spread);
      std::vector<float> logits(size);
      for (float& logit : logits) logit = spread * normal(random) + 3;
      if (size > 64) logits[7] = nan, logits[9] = -infinity;
      std::vector<TokenScore> top(std::min<size_t>(size, 20));
      const size_t token = random() % size;
      EXPECT_NEAR(score_row(logits, static_cast<Token>(token), top, memory), reference(logits, token), 2e-6 * (1 + spread * 8));
      std::vector<Token> order(size);
      std::iota(order.begin(), order.end(), 0);
      const auto value = [&](Token id) { return std::isnan(logits[static_cast<size_t>(id)]) ? -infinity : logits[static_cast<size_t>(id)]; };
      std::ranges::stable_sort(order, std::greater(), value);
      for (size_t i = 0; i < top.size(); ++i) {
        EXPECT_EQ(top[i].token, order[i]) << i;
        EXPECT_NEAR(top[i].logprob, reference(logits, static_cast<size_t>(order[i])), 2e-6 * (1 + spread * 8));
      }
    }
}

// Clients tell by it whether a token was the likeliest one.
TEST(RowScores, TheSameTokenHasTheSameNumberInBothPlaces) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  ScoreMemory memory;
  std::vector<float> logits(4096);
  for (int round = 0; round < 50; ++round) {
    for (float& logit : logits) logit = 5 * normal(random);
    const auto largest = static_cast<Token>(std::ranges::max_element(logits) - logits.begin());
    TokenScore top[1];
    EXPECT_EQ(score_row(logits, largest, top, memory), top[0].logprob);
    EXPECT_EQ(top[0].token, largest);
  }
}

TEST(RowScores, TokensThatCannotComeAreNotAmongTheLikeliest) {
  ScoreMemory memory;
  TokenScore top[3];
  EXPECT_EQ(score_row(std::vector<float>{-infinity, 2, nan, 2}, 0, top, memory), -infinity);
  EXPECT_EQ(top[0].token, 1);
  EXPECT_EQ(top[1].token, 3);
  EXPECT_NEAR(top[1].logprob, std::log(0.5), 1e-6);
  EXPECT_EQ(top[2].token, -1);
  EXPECT_NEAR(score_row(std::vector<float>{1, infinity, 5, infinity}, 3, top, memory), std::log(0.5), 1e-6);
  EXPECT_EQ(top[0].token, 1);
  EXPECT_EQ(score_row(std::vector<float>{1, infinity, 5}, 2, {}, memory), -infinity);
  EXPECT_TRUE(std::isnan(score_row(std::vector<float>{nan, -infinity}, 0, {}, memory)));
}

}  // namespace
}  // namespace fulmar
