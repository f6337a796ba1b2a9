// Whoever measures at two requests a second is asked to believe that there were two.
#include "load/arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fulmar/error.h"

namespace fulmar::load {
namespace {

TEST(Arrivals, OfPoissonHaveTheMeanGapAndItsSpread) {
  constexpr size_t count = 20001;
  const std::vector<double> times = arrival_times(count, 4, Spacing::poisson, 7);
  ASSERT_EQ(times.size(), count);
  EXPECT_EQ(times[0], 0);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  const double mean = times.back() / (count - 1);
  double squares = 0;
  for (size_t i = 1; i < count; ++i) squares += std::pow(times[i] - times[i - 1] - mean, 2);
  EXPECT_NEAR(mean, 0.25, 0.01);
  EXPECT_NEAR(std::sqrt(squares / (count - 1)), 0.25, 0.01) << "an exponential distribution deviates by its mean";
}

TEST(Arrivals, ComeAgainWithTheirSeedAndDifferWithout) {
  EXPECT_EQ(arrival_times(50, 2, Spacing::poisson, 1), arrival_times(50, 2, Spacing::poisson, 1));
  EXPECT_NE(arrival_times(50, 2, Spacing::poisson, 1), arrival_times(50, 2, Spacing::poisson, 2));
}

TEST(Arrivals, CanHaveEqualGapsOrNone) {
  EXPECT_EQ(arrival_times(4, 2, Spacing::fixed, 1), (std::vector<double>{0, 0.5, 1, 1.5}));
  EXPECT_EQ(arrival_times(3, std::numeric_limits<double>::infinity(), Spacing::poisson, 1), (std::vector<double>{0, 0, 0}));
}

TEST(Rates, AreNumbersARangeOrAList) {
  EXPECT_EQ(parse_rate("2.5"), 2.5);
  EXPECT_TRUE(std::isinf(parse_rate("inf")));
  EXPECT_EQ(parse_rates({"2", "9", "3"}), (std::vector<double>{2, 5, 8})) << "up to the end, without it";
  EXPECT_EQ(parse_rates({"1", "8"}), (std::vector<double>{1, 8}));
  EXPECT_EQ(rate_word(parse_rate("4")), "4");
  EXPECT_EQ(rate_word(parse_rate("inf")), "inf");
}

TEST(Rates, ThatAreNoneAreNamed) {
  for (const char* word : {"", "0", "-1", "nan", "2x", "fast", "1e999"}) {
    EXPECT_THROW(parse_rate(word), Error) << word;
  }
  EXPECT_THROW(parse_rates({"9", "2", "1"}), Error);
  EXPECT_THROW(parse_rates({"1", "1000000", "0.001"}), Error) << "a billion runs";
}

}  // namespace
}  // namespace fulmar::load
