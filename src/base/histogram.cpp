// Relaxed additions, and a search for the bucket.
#include "base/histogram.h"

#include <algorithm>
#include <numeric>

#include "base/fail.h"

namespace fulmar {

uint64_t HistogramValues::count() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

Histogram::Histogram(std::span<const double> bounds) : bounds_(bounds) {
  require(bounds.size() <= most_bounds && std::is_sorted(bounds.begin(), bounds.end()), "{} bounds of a histogram", bounds.size());
}

void Histogram::add(double value, uint64_t times) noexcept {
  const auto at = static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  counts_[at].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
}

HistogramValues Histogram::values() const {
  HistogramValues values{bounds_, {}, sum_.load(std::memory_order_relaxed)};
  for (size_t i = 0; i <= bounds_.size(); ++i) values.counts.push_back(counts_[i].load(std::memory_order_relaxed));
  return values;
}

}  // namespace fulmar
