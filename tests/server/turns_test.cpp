// Connections that send much are read a few at a time, in the order in which they came.
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <vector>

#include "http/turns.h"

namespace fulmar::test {
namespace {

TEST(Turns, NoMoreThanAllowedAtOnceAndTheFirstComesFirst) {
  http::Turns turns(2);
  std::vector<int> woken;
  std::optional<http::Turns::Turn> places[5];
  for (int i = 0; i < 5; ++i) places[i].emplace(turns, [&woken, i] { woken.push_back(i); });
  EXPECT_TRUE(places[0]->mine() && places[1]->mine());
  EXPECT_FALSE(places[2]->mine() || places[3]->mine() || places[4]->mine());
  places[1].reset();
  EXPECT_TRUE(places[2]->mine());
  EXPECT_FALSE(places[3]->mine() || places[4]->mine());
  places[3].reset();  // leaves the row
  places[0].reset();
  EXPECT_TRUE(places[4]->mine());
  EXPECT_EQ(woken, (std::vector<int>{2, 4}));
  places[2].reset();
  places[4].reset();
  const http::Turns::Turn next(turns, [] {}), another(turns, [] {}), late(turns, [] {});
  EXPECT_TRUE(next.mine() && another.mine());
  EXPECT_FALSE(late.mine());
}

TEST(Turns, AWakeUpThatFailsLosesNoTurn) {
  http::Turns turns(1);
  std::optional<http::Turns::Turn> first(std::in_place, turns, [] {});
  const http::Turns::Turn second(turns, [] { throw std::runtime_error("memory ran out"); });
  first.reset();
  EXPECT_TRUE(second.mine());
}

}  // namespace
}  // namespace fulmar::test
