// Penalties as edits: the bits that subtracting them from the logits one by one would give.
#include "text/penalties.h"

#include <gmock/gmock.h>

#include <algorithm>
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

// The rule, told plainly: all counts fade, the forgotten go, and then the token counts one more.
TEST(Penalties, ManyDrawsGiveTheBitsOfThePlainRule) {
  std::mt19937 random(3);
  for (const float decay : {1.0f, 0.996f, 0.5f, 0.1f, 0.0f}) {
    Sampling sampling;
    sampling.presence_penalty = 0.3f;
    sampling.frequency_penalty = 0.7f;
    sampling.penalty_decay = decay;
    Penalties penalties(sampling);
    std::vector<std::pair<Token, float>> counts;
    for (int i = 0; i < 500; ++i) {
      const auto token = static_cast<Token>(random() % 40);
      penalties.count(token);
      for (auto& [seen, count] : counts) count *= decay;
      std::erase_if(counts, [](const auto& entry) { return entry.second < 1e-4f; });
      const auto found = std::ranges::find(counts, token, &std::pair<Token, float>::first);
      if (found == counts.end())
        counts.emplace_back(token, 1.0f);
      else
        found->second += 1.0f;
      std::vector<float> plain(40, 0.25f), edited = plain;
      for (const auto& [seen, count] : counts)
        plain[static_cast<size_t>(seen)] -= sampling.presence_penalty + sampling.frequency_penalty * count;
      for (const Edit& edit : penalties.edits()) edited[static_cast<size_t>(edit.token)] += edit.delta;
      ASSERT_EQ(edited, plain) << "decay " << decay << ", draw " << i;
    }
  }
}

}  // namespace
}  // namespace fulmar
