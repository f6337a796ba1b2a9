// When requests are sent: how fast they come, and how evenly.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fulmar::load {

enum class Spacing : uint8_t {
  poisson,  // gaps of an exponential distribution, as from many people who know nothing of each other
  fixed
};

// "inf" or a number above 0, of requests a second. Throws Error(misuse).
double parse_rate(const std::string& word);
// "2,34,2": from 2 up to below 34 in steps of 2; a list of another length is itself. Throws Error(misuse).
std::vector<double> parse_rates(const std::vector<std::string>& words);
// As parse_rate reads it.
std::string rate_word(double rate);

// Seconds from the beginning, the first at 0, at `rate` a second; an infinite rate has them all at 0. The same seed gives
// the same times on every machine.
std::vector<double> arrival_times(size_t count, double rate, Spacing spacing, uint64_t seed);

}  // namespace fulmar::load
