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
    const Scale scale{block_maxima(logits, maxima), 0.5f};
    const float largest = scale.largest;
    const double total = sum_weights(logits, scale, sums);
    weigh(logits, scale);
    double expected_total = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const float x = (before[i] - largest) * 0.5f;
      const double expected = x >= -86 ? std::exp(static_cast<double>(x)) : 0;  // 0 for NaN too
      EXPECT_NEAR(logits[i], expected, 3e-7 * expected) << x;
      EXPECT_EQ(logits[i], weight_of(x)) << "vector and plain code differ for " << x;
      expected_total += expected;
    }
    EXPECT_NEAR(total, expected_total, 1e-6 * expected_total);
    EXPECT_EQ(*std::ranges::max_element(logits), 1.0f);
    for (std::size_t block = 0; block < sums.size(); ++block) {
      float lanes[4] = {};
      for (std::size_t i = block * 64; i < std::min(logits.size(), block * 64 + 64); ++i) lanes[i % 4] += logits[i];
      EXPECT_EQ(sums[block], (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])) << "block " << block;
    }
  });
}

// Weights, sums and the tokens kept, from the instruction sets in `targets`.
auto everything(std::vector<float> logits, int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().DeInit();  // the next call chooses again
  PerBlock maxima, sums;
  std::vector<Candidate> kept;
  const Scale scale{block_maxima(logits, maxima), 0.7f};
  const double total = sum_weights(logits, scale, sums);
  collect_at_least(logits, maxima, scale.largest - 3, kept);
  weigh(logits, scale);
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
  return std::tuple(logits, maxima, sums, total, ids(kept, kept.size()));
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
  for_all_logits([](std::mt19937&, const std::vector<float>& logits) {
    PerBlock maxima, sums;
    const Scale scale{block_maxima(logits, maxima), 1.0f};
    const double total = sum_weights(logits, scale, sums);
    std::vector<float> weights = logits;
    weigh(weights, scale);
    const std::vector<Candidate> order = sorted(weights);
    for (const double top_p : {1e-6, 0.1, 0.5, 0.9, 0.99, 0.9999, 1.0}) {
      Kept kept;
      const auto check = [&](const char* how) {
        SCOPED_TRACE(testing::Message() << how << ", top_p " << top_p);
        ASSERT_FALSE(kept.list.empty());
        EXPECT_TRUE(std::ranges::is_sorted(kept.list, {}, &Candidate::token));
        EXPECT_EQ(ids(kept.list, kept.list.size()), ids(order, kept.list.size())) << "not the largest";
        for (const Candidate& candidate : kept.list)
          EXPECT_EQ(candidate.value, weights[static_cast<std::size_t>(candidate.token)]);
        // Sums in another order differ by rounding, so the count may only where the mass is reached that
        // closely.
        double before = 0, reached = 0;
        for (std::size_t i = 0; i < kept.list.size(); ++i) before = reached, reached += order[i].value;
        EXPECT_LT(before, (top_p + 1e-6) * total) << "too many";
        EXPECT_GT(reached, (top_p - 1e-6) * total) << "too few";
      };
      keep_mass(logits, maxima, scale, total, top_p * total, Equals::lowest, kept);
      check("of all");
      kept.list.clear();
      for (std::size_t i = 0; i < weights.size(); ++i) kept.list.push_back({weights[i], static_cast<Token>(i)});
      keep_mass(kept, top_p * total, Equals::lowest);
      std::erase_if(kept.list, [](const Candidate& candidate) { return candidate.value == 0; });
      check("among kept ones");

      const Candidate last = *std::ranges::min_element(kept.list, {}, &Candidate::value);
      keep_mass(logits, maxima, scale, total, top_p * total, Equals::all, kept);
      const auto reached = std::ranges::count_if(
          order, [&](const Candidate& candidate) { return candidate.value >= last.value; });
      EXPECT_EQ(ids(kept.list, kept.list.size()), ids(order, static_cast<std::size_t>(reached)));
    }
  });
}

TEST(Selection, MinPKeepsWhatWeighsThatMuch) {
  for_all_logits([](std::mt19937&, const std::vector<float>& logits) {
    PerBlock maxima;
    for (const float inverse_temperature : {1e-3f, 0.7f, 40.0f}) {
      const Scale scale{block_maxima(logits, maxima), inverse_temperature};
      std::vector<float> weights = logits;
      weigh(weights, scale);
      for (const float least : {1e-30f, 1e-3f, 0.5f, 1.0f}) {
        Kept kept;
        keep_weights(logits, maxima, scale, least, kept);
        std::vector<Candidate> want;
        for (std::size_t i = 0; i < weights.size(); ++i)
          if (weights[i] >= least) want.push_back({weights[i], static_cast<Token>(i)});
        ASSERT_EQ(kept.list.size(), want.size()) << least;
        EXPECT_TRUE(std::ranges::equal(kept.list, want, {}, &Candidate::token, &Candidate::token));
        EXPECT_TRUE(std::ranges::equal(kept.list, want, {}, &Candidate::value, &Candidate::value));
      }
    }
  });
}

TEST(Selection, EveryPointDrawsTheTokenWhoseShareItIsIn) {
  for_all_logits([](std::mt19937&, const std::vector<float>& logits) {
    PerBlock maxima, sums;
    const Scale scale{block_maxima(logits, maxima), 1.0f};
    const double total = sum_weights(logits, scale, sums);
    std::vector<float> weights = logits;
    weigh(weights, scale);
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < weights.size(); ++i)
      candidates.push_back({weights[i], static_cast<Token>(i)});
    double below = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double share = weights[i] / total, middle = (below + weights[i] * 0.5) / total;
      below += weights[i];
      if (share < 1e-5) continue;  // closer than the sums' rounding
      EXPECT_EQ(draw(logits, scale, sums, total, middle), static_cast<Token>(i));
      EXPECT_EQ(draw(candidates, middle), static_cast<Token>(i));
    }
    for (const double point : {0.0, 0x1.fffffffffffffp-1}) {
      EXPECT_GT(weights[static_cast<std::size_t>(draw(logits, scale, sums, total, point))], 0);
      EXPECT_GT(weights[static_cast<std::size_t>(draw(candidates, point))], 0);
    }
  });
}

}  // namespace
}  // namespace fulmar
