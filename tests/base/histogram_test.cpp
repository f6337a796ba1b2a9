// What /metrics says of times is what was measured.
#include "base/histogram.h"

#include <gtest/gtest.h>

#include <thread>

namespace fulmar::test {
namespace {

constexpr double bounds[] = {1, 2, 5};

TEST(Histogram, AValueIsCountedAtTheFirstBoundThatItDoesNotExceed) {
  Histogram histogram(bounds);
  for (const double value : {0.0, 1.0, 1.5, 2.0, 5.0, 5.1, 1e9}) histogram.add(value);
  histogram.add(3, 4);
  const HistogramValues values = histogram.values();
  EXPECT_EQ(values.counts, (std::vector<uint64_t>{2, 2, 5, 2}));
  EXPECT_EQ(values.count(), 11u);
  EXPECT_DOUBLE_EQ(values.sum, 0 + 1 + 1.5 + 2 + 5 + 5.1 + 1e9 + 12);
}

TEST(Histogram, NothingIsLostWhereThreadsAddAtOnce) {
  Histogram histogram(bounds);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&histogram] {
      for (int n = 0; n < 10000; ++n) histogram.add(n % 2 == 0 ? 1 : 4);
    });
  for (std::thread& thread : threads) thread.join();
  const HistogramValues values = histogram.values();
  EXPECT_EQ(values.counts, (std::vector<uint64_t>{20000, 0, 20000, 0}));
  EXPECT_DOUBLE_EQ(values.sum, 20000 + 80000);
}

TEST(Histogram, BucketsThatAreTooManyOrOutOfOrderAreABrokenPromise) {
  constexpr double unordered[] = {2, 1};
  EXPECT_ANY_THROW(Histogram{unordered});
  const std::vector<double> many(Histogram::most_bounds + 1, 1.0);
  EXPECT_ANY_THROW(Histogram{many});
}

}  // namespace
}  // namespace fulmar::test
