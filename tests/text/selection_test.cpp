// Selection without a sort keeps what a full sort keeps.
#include "text/selection.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>

namespace fulmar {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Sizes around the block of 64 and the shapes logits take: spread, flat, peaked, with ties, with nothing in
// places.
const std::size_t sizes[] = {1, 2, 12, 63, 64, 65, 256, 1000, 5000};
enum class Shape { spread, flat, peaked, ties, holes };
const Shape shapes[] = {Shape::spread, Shape::flat, Shape::peaked, Shape::ties, Shape::holes};

std::vector<float> make_logits(std::mt19937& random, std::size_t size, Shape shape) {
  std::normal_distribution<float> normal;
  std::vector<float> logits(size);
  for (float& logit : logits) {
    const float x = normal(random);
    switch (shape) {
      case Shape::spread:
        logit = 4 * x;
        break;
      case Shape::flat:
        logit = 0.01f * x;
        break;
      case Shape::peaked:
        logit = 30 * x;
        break;
      case Shape::ties:
        logit = std::round(2 * x);
        break;
      case Shape::holes:
        logit = random() % 3 == 0 ? (random() % 2 ? nan : -infinity) : x;
        break;
    }
  }
  if (shape == Shape::holes) logits[random() % size] = 1;
  return logits;
}

// The order that all cuts follow, over what can be drawn at all.
std::vector<Candidate> sorted(const std::vector<float>& values) {
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] > -infinity) all.push_back({values[i], static_cast<Token>(i)});
  }
  std::ranges::stable_sort(all, std::greater(), &Candidate::value);
  return all;
}

std::vector<Token> ids(const std::vector<Candidate>& candidates, std::size_t count) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < std::min(count, candidates.size()); ++i) tokens.push_back(candidates[i].token);
  std::ranges::sort(tokens);
  return tokens;
}

template <typename Check>
void for_all_logits(Check&& check) {
  std::mt19937 random(7);
  for (const std::size_t size : sizes) {
    for (const Shape shape : shapes) {
      SCOPED_TRACE(testing::Message() << size << " logits of shape " << static_cast<int>(shape));
      check(random, make_logits(random, size, shape));
    }
  }
}

TEST(Selection, GreedyTakesTheLowestOfTheLargest) {
  for_all_logits([](std::mt19937&, const std::vector<float>& logits) {
    PerBlock maxima;
    const float largest = block_maxima(logits, maxima);
    EXPECT_EQ(largest, sorted(logits)[0].value);
    EXPECT_EQ(find_largest(logits, maxima, largest), sorted(logits)[0].token);
  });
}

TEST(Selection, TopKKeepsTheKLargest) {
  for_all_logits([](std::mt19937&, const std::vector<float>& logits) {
    PerBlock maxima;
    std::vector<Candidate> kept, scratch;
    block_maxima(logits, maxima);
    for (const std::size_t k : {1, 2, 3, 10, 40, 100, 4000}) {
      if (k > logits.size()) continue;
      collect(logits, maxima, cut_by_count(logits, maxima, k, scratch), kept);
      EXPECT_TRUE(std::ranges::is_sorted(kept, {}, &Candidate::token));
      EXPECT_EQ(ids(kept, kept.size()), ids(sorted(logits), k)) << "k = " << k;
    }
  });
}

TEST(Selection, WeightsAreTheExponentials) {
  for_all_logits([](std::mt19937&, std::vector<float> logits) {
    const std::vector<float> before = logits;
    PerBlock maxima, sums;
    const float largest = block_maxima(logits, maxima);
    const double total = to_weights(logits, largest, 0.5f, 0.0f, sums, maxima);
    double expected_total = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const float x = (before[i] - largest) * 0.5f;
      const double expected = x >= -86 ? std::exp(static_cast<double>(x)) : 0;  // 0 for NaN too
      EXPECT_NEAR(logits[i], expected, 3e-7 * expected) << x;
      EXPECT_EQ(logits[i], weight_of(x)) << "vector and plain code differ for " << x;
      expected_total += expected;
    }
    EXPECT_NEAR(total, expected_total, 1e-6 * expected_total);
    EXPECT_EQ(*std::ranges::max_element(maxima), 1.0f);
  });
}

// Weights, sums and the tokens kept, from the instruction sets in `targets`.
auto everything(std::vector<float> logits, int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().DeInit();  // the next call chooses again
  PerBlock maxima, sums;
  std::vector<Candidate> kept;
  const float largest = block_maxima(logits, maxima);
  const double total = to_weights(logits, largest, 0.7f, 0.0f, sums, maxima);
  const Tail tail = at_least(logits, maxima, 0.01f);
  collect_at_least(logits, maxima, 0.01f, kept);
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
  return std::tuple(logits, maxima, sums, total, tail.count, tail.sum, ids(kept, kept.size()));
}

TEST(Selection, EveryInstructionSetGivesTheSameBits) {
  const int64_t all = hwy::SupportedTargets();
  for_all_logits([&](std::mt19937&, const std::vector<float>& logits) {
    const auto best = everything(logits, all);
    for (int64_t left = all; left != 0; left &= left - 1) {
      EXPECT_EQ(everything(logits, left & -left), best) << hwy::TargetName(left & -left);
    }
  });
}

TEST(Selection, TopPKeepsTheSmallestSetThatReachesTheMass) {
  for_all_logits([](std::mt19937&, std::vector<float> weights) {
    PerBlock maxima, sums;
    const float largest = block_maxima(weights, maxima);
    const double total = to_weights(weights, largest, 1.0f, 0.0f, sums, maxima);
    const std::vector<Candidate> order = sorted(weights);
    for (const double top_p : {1e-6, 0.1, 0.5, 0.9, 0.99, 0.9999}) {
      std::vector<Candidate> kept, scratch;
      collect(weights, maxima, cut_by_mass(weights, maxima, total, top_p * total, scratch), kept);
      ASSERT_FALSE(kept.empty());
      EXPECT_EQ(ids(kept, kept.size()), ids(order, kept.size())) << "not the largest";
      // Sums in another order differ by rounding, so the count may only where the mass is reached that
      // closely.
      double mass = 0;
      for (std::size_t i = 0; i < kept.size(); ++i) {
        if (i + 1 == kept.size()) {
          EXPECT_LT(mass, (top_p + 1e-6) * total) << "too many: top_p " << top_p;
        }
        mass += order[i].value;
      }
      EXPECT_GT(mass, (top_p - 1e-6) * total) << "too few: top_p " << top_p;

      scratch = sorted(weights);
      std::shuffle(scratch.begin(), scratch.end(), std::mt19937(1));
      const Candidate last = cut_by_mass(scratch, top_p * total);
      const auto count = static_cast<std::size_t>(
          std::ranges::count_if(order, [&](const Candidate& candidate) { return is_kept(candidate, last); }));
      double before = 0, reached = 0;
      for (std::size_t i = 0; i < count; ++i) before = reached, reached += order[i].value;
      EXPECT_LT(before, (top_p + 1e-6) * total);
      EXPECT_GT(reached, (top_p - 1e-6) * total);
    }
  });
}

TEST(Selection, EveryPointDrawsTheTokenWhoseShareItIsIn) {
  for_all_logits([](std::mt19937&, std::vector<float> weights) {
    PerBlock maxima, sums;
    const float largest = block_maxima(weights, maxima);
    const double total = to_weights(weights, largest, 1.0f, 0.0f, sums, maxima);
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < weights.size(); ++i)
      candidates.push_back({weights[i], static_cast<Token>(i)});
    double below = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double share = weights[i] / total, middle = (below + weights[i] * 0.5) / total;
      below += weights[i];
      if (share < 1e-5) continue;  // closer than the sums' rounding
      EXPECT_EQ(draw(weights, sums, total, middle), static_cast<Token>(i));
      EXPECT_EQ(draw(candidates, middle), static_cast<Token>(i));
    }
    for (const double point : {0.0, 0x1.fffffffffffffp-1}) {
      EXPECT_GT(weights[static_cast<std::size_t>(draw(weights, sums, total, point))], 0);
      EXPECT_GT(weights[static_cast<std::size_t>(draw(candidates, point))], 0);
    }
  });
}

}  // namespace
}  // namespace fulmar
