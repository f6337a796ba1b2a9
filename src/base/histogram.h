// Counts of values in fixed buckets: many threads add, others read, and nobody waits.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fulmar {

// What a histogram had when it was looked at. `counts` has one entry more than `bounds`: what is above all of them.
struct HistogramValues {
  std::span<const double> bounds;
  std::vector<uint64_t> counts;
  double sum = 0;

  uint64_t count() const;
};

class Histogram {
 public:
  static constexpr size_t most_bounds = 24;

  // Upper bounds, ascending, which must outlive this: a value is counted at the first that it does not exceed.
  explicit Histogram(std::span<const double> bounds);

  // `times` values alike. Three additions, no allocation.
  void add(double value, uint64_t times = 1) noexcept;
  // Values that are added meanwhile may be in `counts` and not yet in `sum`.
  HistogramValues values() const;

 private:
  const std::span<const double> bounds_;
  std::array<std::atomic<uint64_t>, most_bounds + 1> counts_{};
  std::atomic<double> sum_{0};
};

// Buckets of what is measured here: from a step of a small model on a large device to an answer of an hour.
namespace buckets {
inline constexpr double waits[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
                                   1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640, 2560};
inline constexpr double steps[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3,
                                   0.4,    0.5,   0.75,   1,     2.5,  5,     7.5,  10,    20,  40,   80};
inline constexpr double tokens[] = {1,    2,    5,     10,    20,    50,     100,    200,    500,
                                    1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000};
}  // namespace buckets

}  // namespace fulmar
