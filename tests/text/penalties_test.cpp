// Penalties as edits: what each rule's formula says in float64, rounded once.
#include "text/penalties.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>

namespace fulmar {
namespace {

using testing::ElementsAre;

std::vector<std::pair<Token, float>> edits_of(const Penalties& penalties) {
  std::vector<std::pair<Token, float>> list;
  for (const Edit& edit : penalties.edits()) list.emplace_back(edit.token, edit.delta);
  return list;
}

using E = std::pair<Token, float>;

TEST(Penalties, BiasComesFirstAndStays) {
  Sampling sampling;
  sampling.logit_bias = {{7, 2.5f}, {3, -1}};
  sampling.presence_penalty = 1;
  sampling.frequency_penalty = 0.5f;
  Penalties penalties(sampling);
  EXPECT_THAT(edits_of(penalties), ElementsAre(E{7, 2.5f}, E{3, -1}));
  penalties.count(7);
  penalties.count(9);
  penalties.count(7);
  EXPECT_THAT(edits_of(penalties), ElementsAre(E{7, 2.5f}, E{3, -1}, E{7, -2}, E{9, -1.5f}));
}

TEST(Penalties, WithoutAnyNothingIsCounted) {
  Penalties penalties{Sampling{}};
  penalties.count(5);
  EXPECT_TRUE(penalties.edits().empty());
}

// 40 tokens, among them what PIPELINE does not count and what looks like it.
std::shared_ptr<const Tokenizer> small_vocabulary() {
  std::vector<std::string> tokens = {"", " ", "\t", "0", "7", "9", "01", "6789", " \t", "10", " 0", "  ", "a1", "\n"};
  while (tokens.size() < 40) tokens.push_back("word" + std::to_string(tokens.size()));
  return make_tokenizer(tokens, -1, "made here");
}
constexpr Token uncounted_tokens = 9;  // the first

// Each rule told plainly, as the system that it comes from computes it.
std::map<Token, double> plain_penalties(const Sampling& sampling, const std::vector<Token>& drawn) {
  const double presence = sampling.presence_penalty, frequency = sampling.frequency_penalty;
  const double decay = sampling.penalty_decay;
  std::map<Token, double> paid;
  if (sampling.rule == PenaltyRule::rapid || sampling.rule == PenaltyRule::ai00) {
    double penalty[41] = {};
    for (const Token token : drawn) {
      const double more = penalty[token] == 0 ? presence : frequency;
      for (double& one : penalty) one *= decay;
      penalty[token] += more;
    }
    for (Token token = 0; token < 41; ++token) paid[token] = penalty[token];
    return paid;
  }
  std::map<Token, double> occurrence;
  for (const Token token : drawn) {
    for (auto& [seen, count] : occurrence) count *= decay;
    if (sampling.rule == PenaltyRule::openai || sampling.rule == PenaltyRule::llama)
      std::erase_if(occurrence, [](const auto& entry) { return entry.second < 1e-4; });
    const bool spares = sampling.rule == PenaltyRule::pipeline || sampling.rule == PenaltyRule::batch;
    const bool counts = !spares || token >= uncounted_tokens;
    occurrence[token] += counts ? 1 : 0;
  }
  for (const auto& [seen, count] : occurrence) paid[seen] = presence + count * frequency;
  return paid;
}

TEST(Penalties, EachRuleIsItsPlainFormulaOverRandomDraws) {
  const auto vocabulary = small_vocabulary();
  std::mt19937 random(3);
  using enum PenaltyRule;
  for (const PenaltyRule rule : {openai, llama, pipeline, runner, rapid, ai00, batch}) {
    for (const float decay : {1.0f, 0.996f, 0.5f, 0.1f, 0.0f}) {
      for (const auto& [presence, frequency] : {E{0, 0.3f}, E{1, 0.7f}, E{0, -0.2f}, E{1, 0}, E{-2, 2}}) {
        Sampling sampling;
        sampling.rule = rule;
        sampling.presence_penalty = static_cast<float>(presence);
        sampling.frequency_penalty = frequency;
        sampling.penalty_decay = decay;
        Penalties penalties(sampling, vocabulary);
        std::vector<Token> drawn;
        for (int i = 0; i < 300; ++i) {
          // Some come late and then often, so that old ones have faded by then.
          drawn.push_back(static_cast<Token>(random() % 20 + (i < 150 ? 0 : random() % 21)));
          penalties.count(drawn.back());
          std::map<Token, float> got;
          for (const Edit& edit : penalties.edits()) got[edit.token] = edit.delta;
          const std::map<Token, double> paid = plain_penalties(sampling, drawn);
          for (Token token = 0; token < 41; ++token)
            ASSERT_EQ(got[token], static_cast<float>(-(paid.contains(token) ? paid.at(token) : 0)))
                << "rule " << static_cast<int>(rule) << ", decay " << decay << ", draw " << i << ", token " << token;
        }
      }
    }
  }
}

TEST(Penalties, ManyDrawsLeaveOneEditForEachToken) {
  Sampling sampling;
  sampling.presence_penalty = 1;
  sampling.penalty_decay = 0.5f;
  for (const PenaltyRule rule : {PenaltyRule::openai, PenaltyRule::rapid}) {
    sampling.rule = rule;
    Penalties penalties(sampling);
    for (int i = 0; i < 5000; ++i) penalties.count(i % 3);
    EXPECT_EQ(penalties.edits().size(), 3u);
  }
}

// As Hugging Face and llama.cpp compute it: each different token once.
std::vector<float> plain_repetition(std::vector<float> logits, std::span<const Token> window, float penalty) {
  std::vector<Token> tokens(window.begin(), window.end());
  std::ranges::sort(tokens);
  const auto [first, last] = std::ranges::unique(tokens);
  tokens.erase(first, last);
  for (const Token token : tokens) {
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit < 0 ? logit * penalty : logit / penalty;
  }
  return logits;
}

TEST(Repetition, DividesWhatIsPositiveAndMultipliesTheRestOnceForEachTokenInTheWindow) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 3);
  for (const int32_t window : {-1, 1, 7, 64}) {
    for (const float penalty : {1.3f, 0.5f}) {
      std::vector<Token> text;
      for (int i = 0; i < 30; ++i) text.push_back(static_cast<Token>(random() % 40));
      Repetition repetition(penalty, window, 40);
      repetition.see(text);
      for (int i = 0; i < 200; ++i) {
        std::vector<float> logits(40);
        for (float& logit : logits) logit = normal(random);
        const size_t seen = window < 0 ? text.size() : std::min(text.size(), static_cast<size_t>(window));
        const std::vector<float> plain = plain_repetition(logits, std::span(text).last(seen), penalty);
        repetition.apply(logits);
        ASSERT_EQ(logits, plain) << "window " << window << ", draw " << i;
        text.push_back(static_cast<Token>(random() % 40));
        repetition.see({&text.back(), 1});
      }
    }
  }
}

TEST(Repetition, IsOffWhereItWouldChangeNothing) {
  EXPECT_FALSE(Repetition(1, -1, 40).is_on());
  EXPECT_FALSE(Repetition(1.5f, 0, 40).is_on());
  EXPECT_TRUE(Repetition(1.5f, -1, 40).is_on());
}

}  // namespace
}  // namespace fulmar
