// The sampler draws what its settings promise, and the same again under the same seed.
#include "text/sampler.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "helpers.h"

namespace fulmar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

Sampling seeded(uint64_t seed = 1) {
  Sampling sampling;
  sampling.seed = seed;
  return sampling;
}

std::vector<Token> draws(const Sampling& sampling, const std::vector<float>& logits, int count,
                         uint64_t salt = 0) {
  Sampler sampler(sampling, static_cast<uint32_t>(logits.size()), salt);
  std::vector<Token> tokens;
  for (int i = 0; i < count; ++i) {
    std::vector<float> row = logits;
    tokens.push_back(sampler.sample(row));
  }
  return tokens;
}

// What each token's chance should be: every stage by a full sort, in double.
std::vector<double> exact_chances(const Sampling& sampling, std::vector<float> logits) {
  for (const auto& [token, bias] : sampling.logit_bias) logits[static_cast<std::size_t>(token)] += bias;
  std::vector<std::size_t> order(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  std::vector<double> chances(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    chances[order[i]] = std::exp((double{logits[order[i]]} - logits[order[0]]) / sampling.temperature);
  }
  const auto total = [&] {
    double sum = 0;
    for (const double chance : chances) sum += chance;
    return sum;
  };
  if (sampling.top_k > 0) {
    for (std::size_t i = static_cast<std::size_t>(sampling.top_k); i < order.size(); ++i)
      chances[order[i]] = 0;
  }
  double mass = 0, wanted = sampling.top_p * total();
  for (const std::size_t i : order) {
    if (sampling.top_p < 1 && mass >= wanted) chances[i] = 0;
    mass += chances[i];
    if (chances[i] < sampling.min_p) chances[i] = 0;
  }
  const double sum = total();
  for (double& chance : chances) chance /= sum;
  return chances;
}

TEST(Sampler, DrawsFollowTheExactChances) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0, 1.5f);
  Sampling settings[8];
  settings[1].temperature = 0.6f;
  settings[2].top_k = 7;
  settings[3].top_p = 0.7f;
  settings[4].min_p = 0.2f;
  settings[5].temperature = 1.4f, settings[5].top_k = 20, settings[5].top_p = 0.9f, settings[5].min_p = 0.1f;
  settings[6].temperature = 2.0f, settings[6].top_p = 0.8f, settings[6].min_p = 0.05f;
  settings[7].logit_bias = {{3, 4.0f}, {5, -infinity}};
  for (Sampling& sampling : settings) {
    sampling.seed = random();
    std::vector<float> logits(100);
    for (float& logit : logits) logit = normal(random);
    const std::vector<double> chances = exact_chances(sampling, logits);
    constexpr int count = 40000;
    std::map<Token, int> seen;
    for (const Token token : draws(sampling, logits, count)) ++seen[token];
    // Pearson's statistic; tokens with fewer than 5 expected draws share one cell.
    double statistic = 0, rare_expected = 0, rare_seen = 0;
    int cells = 0;
    const auto cell = [&](double expected, double got) {
      statistic += (got - expected) * (got - expected) / expected;
      ++cells;
    };
    for (std::size_t i = 0; i < chances.size(); ++i) {
      const int got = seen[static_cast<Token>(i)];
      EXPECT_TRUE(chances[i] > 0 || got == 0) << "token " << i << " was cut, but drawn";
      if (chances[i] * count >= 5) {
        cell(chances[i] * count, got);
      } else {
        rare_expected += chances[i] * count, rare_seen += got;
      }
    }
    if (rare_expected > 0) cell(rare_expected, rare_seen);
    // Mean cells - 1, variance twice that: four standard deviations.
    EXPECT_GT(cells, 2);
    EXPECT_LT(statistic, cells - 1 + 4 * std::sqrt(2.0 * (cells - 1)));
  }
}

TEST(Sampler, OneSeedGivesOneTextAndOthersGiveOthers) {
  const std::vector<float> flat(1000, 0.0f);
  const std::vector<Token> first = draws(seeded(), flat, 50);
  EXPECT_EQ(draws(seeded(), flat, 50), first);
  EXPECT_NE(draws(seeded(2), flat, 50), first);
  EXPECT_NE(draws(seeded(), flat, 50, 1), first) << "the choices of one request must differ";
  EXPECT_NE(draws(Sampling{}, flat, 50), draws(Sampling{}, flat, 50)) << "without a seed nothing repeats";
  // From SplitMix64 by its definition: the same on every machine.
  EXPECT_THAT(draws(seeded(), flat, 6), ElementsAre(693, 971, 426, 806, 359, 845));
}

TEST(Sampler, GreedyIsTheLowestOfTheLargestHoweverItIsAskedFor) {
  std::vector<float> logits(200, -1.0f);
  logits[70] = logits[130] = 5.0f;
  logits[10] = nan;
  Sampling settings[4];
  settings[0].temperature = 0;
  settings[1].top_k = 1;
  settings[2].top_p = 0;
  settings[3].temperature = 1e-30f;
  for (const Sampling& sampling : settings) EXPECT_THAT(draws(sampling, logits, 3), ElementsAre(70, 70, 70));
}

TEST(Sampler, NaNAndInfinitiesNeverDecideByChance) {
  std::vector<float> logits{nan, -infinity, 0.0f, nan, 0.0f};
  for (int setting = 0; setting < 4; ++setting) {
    Sampling sampling = seeded();
    if (setting == 1) sampling.top_k = 4;
    if (setting == 2) sampling.top_p = 0.999f;
    if (setting == 3) sampling.temperature = 1e30f;
    const std::vector<Token> tokens = draws(sampling, logits, 200);
    EXPECT_EQ(std::set(tokens.begin(), tokens.end()), (std::set<Token>{2, 4}));
  }
  logits = {1e30f, infinity, 0.0f, infinity, nan, -infinity};
  const std::vector<Token> tokens = draws(seeded(), logits, 200);
  EXPECT_EQ(std::set(tokens.begin(), tokens.end()), (std::set<Token>{1, 3}));
  Sampling greedy;
  greedy.temperature = 0;
  EXPECT_THAT(draws(greedy, logits, 1), ElementsAre(1));
  for (const float nothing : {nan, -infinity}) {
    EXPECT_THAT(
        test::thrown(ErrorKind::internal, [&] { draws(seeded(), std::vector<float>(99, nothing), 1); }),
        HasSubstr("every logit is NaN or -infinity"));
  }
}

TEST(Sampler, PenaltiesGrowWithTheCountAndFadeWithTheDecay) {
  Sampling sampling;
  sampling.temperature = 0;
  sampling.presence_penalty = 1.0f;
  sampling.frequency_penalty = 0.5f;
  // A token that occurred n times stands 1 + n / 2 lower: 10, 8.5, 8, 7.5 against 8.2.
  EXPECT_THAT(draws(sampling, {10.0f, 8.2f}, 5), ElementsAre(0, 0, 1, 0, 0));
  // Only the last token still counts: 10, 8.5, 10 ... against 9.
  sampling.penalty_decay = 0;
  EXPECT_THAT(draws(sampling, {10.0f, 9.0f}, 5), ElementsAre(0, 1, 0, 1, 0));
  // Half of the count is left after each token; presence stays while the token is remembered.
  sampling.penalty_decay = 0.5f;
  Sampler sampler(sampling, 2);
  sampler.accept(0);
  sampler.accept(1);
  sampler.accept(1);  // counts 0.25 and 1.5
  std::vector<float> logits{3.0f, 3.0f};
  EXPECT_EQ(sampler.sample(logits), 0);
  EXPECT_THAT(logits, ElementsAre(3.0f - 1.125f, 3.0f - 1.75f));
}

TEST(Sampler, AForgottenTokenHasNoPresencePenalty) {
  Sampling sampling;
  sampling.temperature = 0;
  sampling.presence_penalty = 1.0f;
  sampling.penalty_decay = 0.1f;
  Sampler sampler(sampling, 3);
  sampler.accept(0);
  for (int i = 0; i < 3; ++i) sampler.accept(1);  // 0's count is 1e-3
  std::vector<float> logits(3, 0.0f);
  sampler.sample(logits);
  EXPECT_EQ(logits[0], -1.0f);
  for (int i = 0; i < 2; ++i) sampler.accept(1);
  logits.assign(3, 0.0f);
  sampler.sample(logits);
  EXPECT_EQ(logits[0], 0.0f);
}

TEST(Sampler, SettingsOutsideTheirRangeAreTheClientsFault) {
  const auto refused = [](auto&& change) {
    Sampling sampling;
    change(sampling);
    try {
      check_sampling(sampling, 10);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_request);
      EXPECT_THAT(error.what(), HasSubstr(error.param()));
      return error.param();
    }
    return std::string("accepted");
  };
  for (const float bad : {-0.1f, nan, infinity}) {
    EXPECT_EQ(refused([&](Sampling& s) { s.temperature = bad; }), "temperature");
    EXPECT_EQ(refused([&](Sampling& s) { s.top_p = bad; }), "top_p");
    EXPECT_EQ(refused([&](Sampling& s) { s.min_p = bad; }), "min_p");
    EXPECT_EQ(refused([&](Sampling& s) { s.penalty_decay = bad; }), "penalty_decay");
  }
  for (const float bad : {nan, infinity, -infinity}) {
    EXPECT_EQ(refused([&](Sampling& s) { s.presence_penalty = bad; }), "presence_penalty");
    EXPECT_EQ(refused([&](Sampling& s) { s.frequency_penalty = bad; }), "frequency_penalty");
  }
  for (const float bad : {nan, infinity, 0.0f, -1.0f})
    EXPECT_EQ(refused([&](Sampling& s) { s.repetition_penalty = bad; }), "repetition_penalty");
  EXPECT_EQ(refused([](Sampling& s) { s.repetition_window = -2; }), "repetition_window");
  EXPECT_EQ(refused([](Sampling& s) { s.top_k = -1; }), "top_k");
  EXPECT_EQ(refused([](Sampling& s) { s.logit_bias = {{10, 1.0f}}; }), "logit_bias");
  EXPECT_EQ(refused([](Sampling& s) { s.logit_bias = {{-1, 1.0f}}; }), "logit_bias");
  EXPECT_EQ(refused([](Sampling& s) { s.logit_bias = {{0, nan}}; }), "logit_bias");
  EXPECT_EQ(refused([](Sampling& s) { s.logit_bias = {{9, -infinity}}; }), "accepted");
  EXPECT_EQ(refused([](Sampling&) {}), "accepted");
}

TEST(Sampler, RepetitionPenaltySeesThePromptAndItsOwnDrawsAndComesBeforeTheBias) {
  Sampling sampling;
  sampling.temperature = 0;
  sampling.repetition_penalty = 2;
  sampling.logit_bias = {{1, 1.0f}};
  sampling.presence_penalty = 0.5f;
  Sampler sampler(sampling, 4);
  const Token prompt[] = {1, 2, 2};
  sampler.read_prompt(prompt);
  std::vector<float> logits{1.0f, 3.0f, -2.0f, 0.5f};
  EXPECT_EQ(sampler.sample(logits), 1);
  EXPECT_THAT(logits, ElementsAre(1.0f, 2.5f, -4.0f, 0.5f));
  logits = {4.0f, 3.0f, -2.0f, 0.5f};
  EXPECT_EQ(sampler.sample(logits), 0);
  EXPECT_THAT(logits, ElementsAre(4.0f, 2.0f, -4.0f, 0.5f));
  logits = {4.0f, 3.0f, -2.0f, 0.5f};
  EXPECT_EQ(sampler.sample(logits), 1);
  EXPECT_THAT(logits, ElementsAre(1.5f, 2.0f, -4.0f, 0.5f));
}

TEST(Sampler, ARowOfTheWrongSizeIsABrokenPromise) {
  Sampler sampler(Sampling{}, 10);
  std::vector<float> logits(9);
  EXPECT_THAT(test::thrown(ErrorKind::internal, [&] { sampler.sample(logits); }), HasSubstr("9 logits"));
  EXPECT_THAT(test::thrown(ErrorKind::internal, [&] { sampler.accept(10); }), HasSubstr("token 10"));
}

}  // namespace
}  // namespace fulmar
