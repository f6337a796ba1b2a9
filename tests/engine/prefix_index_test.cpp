// What is known of a text that begins like another.
#include "engine/prefix_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace fulmar {
namespace {

using Tokens = std::vector<Token>;

StatePtr state_of(size_t floats, uint64_t fed = 0) {
  auto state = std::make_shared<State>();
  state->floats.resize(floats);
  state->fed = fed;
  return state;
}

TEST(PrefixIndex, FindsTheLongestPrefixThatLeavesATokenToFeed) {
  PrefixIndex index(1 << 20);
  const StatePtr two = state_of(4), four = state_of(4);
  index.insert("", nullptr, Tokens{1, 2}, two);
  index.insert("", nullptr, Tokens{1, 2, 3, 4}, four);
  const Tokens asked{1, 2, 3, 4, 5};
  EXPECT_EQ(index.find("", nullptr, asked, 4).state, four);
  EXPECT_EQ(index.find("", nullptr, asked, 4).tokens, 4u);
  EXPECT_EQ(index.find("", nullptr, asked, 3).state, two);
  EXPECT_EQ(index.find("", nullptr, Tokens{1, 2, 3}, 3).state, two);
  EXPECT_EQ(index.find("", nullptr, Tokens{1, 2, 3}, 3).shared, 3u);
  EXPECT_EQ(index.find("", nullptr, Tokens{2, 2, 3}, 3).state, nullptr);
}

TEST(PrefixIndex, TellsWhereATextPartsFromAnother) {
  PrefixIndex index(1 << 20);
  index.insert("", nullptr, Tokens{1, 2, 3, 4, 5, 6}, state_of(4));
  const auto hit = index.find("", nullptr, Tokens{1, 2, 3, 9, 9}, 4);
  EXPECT_EQ(hit.state, nullptr);
  EXPECT_EQ(hit.shared, 3u);
}

TEST(PrefixIndex, TextsOfOthersAndFromOtherStatesAreTheirOwn) {
  PrefixIndex index(1 << 20);
  const StatePtr origin = state_of(4), other = state_of(4);
  index.insert("a", origin, Tokens{1, 2}, state_of(4));
  EXPECT_NE(index.find("a", origin, Tokens{1, 2, 3}, 2).state, nullptr);
  EXPECT_EQ(index.find("b", origin, Tokens{1, 2, 3}, 2).state, nullptr);
  EXPECT_EQ(index.find("a", other, Tokens{1, 2, 3}, 2).state, nullptr);
  EXPECT_EQ(index.find("a", nullptr, Tokens{1, 2, 3}, 2).state, nullptr);
}

TEST(PrefixIndex, WhatIsLargerThanAllOfItIsNotKept) {
  PrefixIndex index(1000);
  index.insert("", nullptr, Tokens{1, 2}, state_of(1000));
  EXPECT_EQ(index.states(), 0u);
  EXPECT_EQ(index.bytes(), 0u);
}

TEST(PrefixIndex, AVeryLongChainIsFreedWithoutRecursion) {
  PrefixIndex index(uint64_t{1} << 30);
  Tokens text;
  for (Token i = 0; i < 20000; ++i) {
    text.push_back(i % 7);
    if (i % 2) index.insert("", nullptr, text, state_of(1));
  }
  EXPECT_EQ(index.states(), 10000u);
  index.clear();
  EXPECT_EQ(index.bytes(), 0u);
}

// Against a plain list of what was put in, with the bound so small that much is let go.
TEST(PrefixIndex, IsAListThatForgetsWhatWasUsedLongestAgo) {
  std::mt19937 random(3);
  for (const uint64_t bound : {uint64_t{3000}, uint64_t{20000}, uint64_t{1} << 30}) {
    PrefixIndex index(bound);
    std::map<Tokens, StatePtr> all;  // that were ever put in, the last for each text
    for (int round = 0; round < 6000; ++round) {
      Tokens text;
      for (uint32_t i = 0, count = 1 + random() % 9; i < count; ++i) text.push_back(static_cast<Token>(random() % 3));
      if (random() % 2) {
        all[text] = state_of(8, text.size());
        index.insert("", nullptr, text, all[text]);
        ASSERT_TRUE(index.has("", nullptr, text));
      } else {
        const auto most = static_cast<uint32_t>(random() % (text.size() + 1));
        const auto hit = index.find("", nullptr, text, most);
        uint32_t longest = 0, shared = 0;
        for (const auto& [known, state] : all) {
          if (bound < 1 << 30 && !index.has("", nullptr, known)) continue;
          const auto same = static_cast<uint32_t>(std::ranges::mismatch(known, text).in1 - known.begin());
          shared = std::max(shared, same);
          if (same == known.size() && same <= most) longest = std::max(longest, same);
        }
        ASSERT_EQ(hit.tokens, longest);
        ASSERT_EQ(hit.shared, shared);
        if (longest > 0) {
          ASSERT_EQ(hit.state, all.at(Tokens(text.begin(), text.begin() + longest)));
          ASSERT_EQ(hit.state->fed, longest);
        } else {
          ASSERT_EQ(hit.state, nullptr);
        }
      }
      ASSERT_TRUE(index.bytes() <= bound || index.states() == 1);
    }
    if (bound == uint64_t{1} << 30) {
      EXPECT_EQ(index.states(), all.size());
    }
    index.clear();
    EXPECT_EQ(index.bytes(), 0u);
  }
}

}  // namespace
}  // namespace fulmar
