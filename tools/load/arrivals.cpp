// Arrival times and the words for rates; see arrivals.h.
#include "arrivals.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/fail.h"
#include "dice.h"

namespace fulmar::load {
namespace {

constexpr size_t most_rates = 1000;

}  // namespace

double parse_rate(const std::string& word) {
  if (word == "inf") return std::numeric_limits<double>::infinity();
  double rate = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), rate);
  if (error != std::errc{} || end != word.data() + word.size() || !std::isfinite(rate) || rate <= 0)
    fail(ErrorKind::misuse, "{} is no rate: it is a number of requests a second above 0, or inf for all at once", word);
  return rate;
}

std::vector<double> parse_rates(const std::vector<std::string>& words) {
  std::vector<double> given;
  for (const std::string& word : words) given.push_back(parse_rate(word));
  if (given.size() != 3) return given;
  const double first = given[0], end = given[1], step = given[2];
  if (!std::isfinite(first + end + step) || first >= end)
    fail(ErrorKind::misuse, "the rates {},{},{} are no range: FIRST,END,STEP are numbers, and FIRST is below END", words[0],
         words[1], words[2]);
  if ((end - first) / step > most_rates)
    fail(ErrorKind::misuse, "the rates {},{},{} are more than {}; take a larger step", words[0], words[1], words[2],
         most_rates);
  std::vector<double> rates;
  for (size_t i = 0; first + static_cast<double>(i) * step < end; ++i) rates.push_back(first + static_cast<double>(i) * step);
  return rates;
}

std::string rate_word(double rate) {
  return fmt::format("{}", rate);
}

std::vector<double> arrival_times(size_t count, double rate, Spacing spacing, uint64_t seed) {
  std::vector<double> times;
  times.reserve(count);
  Dice dice(seed);
  double now = 0;
  for (size_t i = 0; i < count; ++i) {
    times.push_back(now);
    if (!std::isfinite(rate)) continue;
    now += (spacing == Spacing::fixed ? 1 : -std::log1p(-dice.share())) / rate;
  }
  return times;
}

}  // namespace fulmar::load
