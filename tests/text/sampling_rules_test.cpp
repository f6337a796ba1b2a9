// The default fields of other servers draw as those servers do: each one's steps, told plainly in float64 by full sorts.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <tuple>

#include "text/sampler.h"

namespace fulmar {
namespace {

using Chances = std::vector<double>;

Chances softmax(const std::vector<float>& logits, double temperature) {
  const double largest = *std::ranges::max_element(logits);
  Chances chances;
  for (const float logit : logits) chances.push_back(std::exp((logit - largest) / temperature));
  const double sum = std::accumulate(chances.begin(), chances.end(), 0.0);
  for (double& chance : chances) chance /= sum;
  return chances;
}

// Ids by falling chance; equals by id.
std::vector<size_t> ranked(const Chances& chances) {
  std::vector<size_t> order(chances.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return chances[a] > chances[b]; });
  return order;
}

void warm(Chances& chances, double temperature) {
  for (double& chance : chances) chance = std::pow(chance, 1 / temperature);
}

// The rwkv package's sample_logits, which RWKV-Runner has too: softmax, top_p by the chance at which the sum reaches it,
// top_k, then the temperature.
Chances pipeline_chances(const std::vector<float>& logits, const Sampling& s) {
  Chances chances = softmax(logits, 1);
  const std::vector<size_t> order = ranked(chances);
  double sum = 0, cutoff = 0;
  for (const size_t token : order) {
    sum += chances[token];
    cutoff = chances[token];
    if (sum >= s.top_p) break;
  }
  for (double& chance : chances)
    if (chance < cutoff) chance = 0;
  if (s.top_k > 0)
    for (size_t i = static_cast<size_t>(s.top_k); i < order.size(); ++i) chances[order[i]] = 0;
  warm(chances, s.temperature);
  return chances;
}

// RWKV-Infer: what comes after a sum above top_p goes, then the temperature.
Chances infer_chances(const std::vector<float>& logits, const Sampling& s) {
  Chances chances = softmax(logits, 1);
  double before = 0;
  for (const size_t token : ranked(chances)) {
    const double chance = chances[token];
    if (before > s.top_p) chances[token] = 0;
    before += chance;
  }
  warm(chances, s.temperature);
  return chances;
}

// ai00: as many as top_k at most, of which those go that come after a sum above top_p, then the temperature.
Chances ai00_chances(const std::vector<float>& logits, const Sampling& s) {
  Chances chances = softmax(logits, 1);
  double before = 0;
  size_t rank = 0;
  for (const size_t token : ranked(chances)) {
    const double chance = chances[token];
    if (before > s.top_p || rank++ >= static_cast<size_t>(s.top_k)) chances[token] = 0;
    before += chance;
  }
  warm(chances, s.temperature);
  return chances;
}

// Rapid-Sampling of rwkv_lightning and of RWKV-7's makers: temperature first, then the largest threshold at which top_k or
// top_p is reached; who stands at it shares what is missing.
Chances rapid_chances(const std::vector<float>& logits, const Sampling& s) {
  Chances chances = softmax(logits, s.temperature);
  const size_t k = s.top_k <= 0 ? chances.size() : static_cast<size_t>(s.top_k);
  double threshold = 0;
  for (const size_t token : ranked(chances)) {
    threshold = chances[token];
    double mass = 0;
    size_t members = 0;
    for (const double chance : chances)
      if (chance >= threshold) mass += chance, ++members;
    if (members >= k || mass >= s.top_p) break;
  }
  double above = 0;
  size_t more = 0, equal = 0;
  for (const double chance : chances) {
    if (chance > threshold) above += chance, ++more;
    if (chance == threshold) ++equal;
  }
  const auto n = static_cast<double>(equal);
  const double by_mass = (s.top_p - above) / (threshold * n), by_count = (static_cast<double>(k) - static_cast<double>(more)) / n;
  const double factor = std::clamp(std::min({by_mass, by_count, 1.0}), 0.0, 1.0);
  for (double& chance : chances) chance = chance < threshold ? 0 : chance == threshold ? chance * factor : chance;
  return chances;
}

// llama.cpp's chain: top_k, top_p over what is left, min_p of the likeliest, then the temperature.
Chances llama_chances(const std::vector<float>& logits, const Sampling& s) {
  Chances chances = softmax(logits, 1);
  const std::vector<size_t> order = ranked(chances);
  const size_t k = s.top_k <= 0 ? order.size() : std::min(order.size(), static_cast<size_t>(s.top_k));
  double all = 0;
  for (size_t i = 0; i < k; ++i) all += chances[order[i]];
  double sum = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    double& chance = chances[order[i]];
    const double before = sum;
    sum += i < k ? chance : 0;
    if (i >= k || before >= s.top_p * all || chance < s.min_p * chances[order[0]]) chance = 0;
  }
  warm(chances, s.temperature);
  return chances;
}

struct System {
  const char* profile;
  Chances (*chances)(const std::vector<float>&, const Sampling&);
};
constexpr System systems[] = {{"pipeline", pipeline_chances},     {"runner", pipeline_chances}, {"infer", infer_chances},
                              {"lightning-2026", rapid_chances}, {"open", rapid_chances},      {"fake", rapid_chances},
                              {"tools", rapid_chances},          {"ai00", ai00_chances}};

Sampling defaults_of(std::string_view name) {
  const auto& known = known_profiles();
  const auto found = std::ranges::find(known, name, &SamplingProfile::name);
  return found == known.end() ? throw std::runtime_error("no such profile") : found->sampling;
}

// Logits of which many are near the cuts; `ties`: with only a few different values.
std::vector<float> some_logits(std::mt19937& random, bool ties) {
  std::normal_distribution<float> normal(0, 1.2f);
  std::vector<float> logits(300);
  for (float& logit : logits) logit = ties ? std::round(normal(random) * 2) / 2 : normal(random);
  return logits;
}

// Pearson's statistic of 30,000 draws; tokens with fewer than 5 expected share one cell.
void expect_drawn(const Sampling& sampling, const std::vector<float>& logits, Chances chances, const std::string& what) {
  const double sum = std::accumulate(chances.begin(), chances.end(), 0.0);
  constexpr int count = 30000;
  std::vector<int> seen(logits.size());
  Sampler sampler(sampling, static_cast<uint32_t>(logits.size()));
  for (int i = 0; i < count; ++i) {
    std::vector<float> row = logits;
    ++seen[static_cast<size_t>(sampler.sample(row))];
  }
  double statistic = 0, rare_expected = 0, rare_seen = 0;
  int cells = 0;
  const auto cell = [&](double expected, double got) {
    statistic += (got - expected) * (got - expected) / expected;
    ++cells;
  };
  for (size_t i = 0; i < chances.size(); ++i) {
    const double expected = chances[i] / sum * count;
    EXPECT_TRUE(chances[i] > 0 || seen[i] == 0) << what << ": token " << i << " was cut, but drawn " << seen[i];
    if (expected >= 5)
      cell(expected, seen[i]);
    else
      rare_expected += expected, rare_seen += seen[i];
  }
  if (rare_expected > 0) cell(rare_expected, rare_seen);
  ASSERT_GE(cells, 2) << what;
  EXPECT_LT(statistic, cells - 1 + 4.5 * std::sqrt(2.0 * (cells - 1))) << what;
}

TEST(SamplingRules, DefaultFieldsKeepTheirSystemsOrder) {
  std::mt19937 random(17);
  for (const System& system : systems) {
    for (const bool ties : {false, true}) {
      for (const float temperature : {0.0f, 0.5f, 1.7f}) {  // 0: the profile's own
        Sampling sampling = defaults_of(system.profile);
        sampling.presence_penalty = sampling.frequency_penalty = 0;  // the same row again and again
        if (temperature > 0) sampling.temperature = temperature;
        sampling.seed = random();
        const std::vector<float> logits = some_logits(random, ties);
        const std::string_view name = system.profile;
        if (ties && (name == "infer" || name == "ai00")) continue;  // they sort equals in no order of their own
        expect_drawn(sampling, logits, system.chances(logits, sampling),
                     fmt::format("{} at {}{}", system.profile, sampling.temperature, ties ? ", ties" : ""));
      }
    }
  }
}

// With cuts that differ from the profile's, each alone and together.
TEST(SamplingRules, EveryCutOfARuleIsItsFormula) {
  std::mt19937 random(23);
  for (const System& system : {systems[0], systems[3]}) {
    for (const auto& [top_p, top_k] : {std::pair{0.6f, 0}, {1.0f, 12}, {0.6f, 12}, {0.9f, 12}, {0.6f, 299}, {1.0f, 0}}) {
      for (const bool ties : {false, true}) {
        Sampling sampling = defaults_of(system.profile);
        sampling.presence_penalty = sampling.frequency_penalty = 0;
        sampling.top_p = top_p, sampling.top_k = top_k, sampling.temperature = 0.8f;
        sampling.seed = random();
        const std::vector<float> logits = some_logits(random, ties);
        expect_drawn(sampling, logits, system.chances(logits, sampling),
                     fmt::format("{} top_p {} top_k {}{}", system.profile, top_p, top_k, ties ? ", ties" : ""));
      }
    }
  }
}

TEST(SamplingRules, LlamasCutsComeBeforeItsTemperature) {
  std::mt19937 random(29);
  for (const auto& [top_k, top_p, min_p] : {std::tuple{40, 0.95f, 0.05f}, {0, 0.6f, 0.0f}, {12, 1.0f, 0.2f}, {12, 1.0f, 0.0f},
                                            {0, 1.0f, 0.3f}, {12, 0.7f, 0.0f}, {0, 1.0f, 0.0f}}) {
    for (const float temperature : {0.4f, 0.8f, 1.0f, 3.0f}) {
      Sampling sampling;
      sampling.rule = PenaltyRule::llama;
      sampling.top_k = top_k, sampling.top_p = top_p, sampling.min_p = min_p, sampling.temperature = temperature;
      sampling.seed = random();
      const std::vector<float> logits = some_logits(random, false);
      expect_drawn(sampling, logits, llama_chances(logits, sampling),
                   fmt::format("top_k {} top_p {} min_p {} at {}", top_k, top_p, min_p, temperature));
    }
  }
}

// A hot temperature widens what top_p keeps where it comes first, and does not where the cut does.
TEST(SamplingRules, OrdersDifferWhereTheyShould) {
  const std::vector<float> logits{2.0f, 0.0f, 0.0f, 0.0f};
  Sampling sampling;
  sampling.temperature = 2;
  sampling.top_p = 0.6f;
  sampling.seed = 1;
  const auto drawn = [&](PenaltyRule rule) {
    sampling.rule = rule;
    Sampler sampler(sampling, 4);
    int others = 0;
    for (int i = 0; i < 300; ++i) {
      std::vector<float> row = logits;
      others += sampler.sample(row) != 0;
    }
    return others;
  };
  EXPECT_EQ(drawn(PenaltyRule::pipeline), 0);
  EXPECT_EQ(drawn(PenaltyRule::runner), 0);
  EXPECT_EQ(drawn(PenaltyRule::llama), 0);
  EXPECT_GT(drawn(PenaltyRule::openai), 50);
  EXPECT_GT(drawn(PenaltyRule::rapid), 10);
}

TEST(SamplingRules, LightningsFirstDefaultsAreGreedy) {
  std::vector<float> logits{0.1f, 0.3f, 0.2f};
  Sampler sampler(defaults_of("lightning"), 3);
  EXPECT_EQ(sampler.sample(logits), 1);
}

TEST(SamplingRules, EveryKnownProfileIsAllowedAndHasItsOwnName) {
  std::vector<std::string> names;
  for (const SamplingProfile& profile : known_profiles()) {
    EXPECT_NO_THROW(check_sampling(profile.sampling, 10)) << profile.name;
    names.push_back(profile.name);
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace fulmar
