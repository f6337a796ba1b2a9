// Figures out of outcomes: spreads of times, tokens a second, goodput, errors by kind.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataset.h"
#include "outcome.h"

namespace fulmar::load {

// Between the two nearest values where `share` of them is no whole one, as numpy has it; 0 of nothing.
double percentile(const std::vector<double>& sorted, double share);

struct Spread {
  double mean = 0, deviation = 0, p50 = 0, p90 = 0, p99 = 0;
};
Spread spread_of(std::vector<double> values);

// What a request must keep to count as good, in milliseconds.
struct Limits {
  std::optional<double> ttft, tpot, itl, e2e;
  bool any() const { return ttft || tpot || itl || e2e; }
};
// {"ttft:200", "e2e:5000"}. Throws Error(misuse).
Limits parse_limits(const std::vector<std::string>& words);

constexpr size_t faults = std::size(fault_names);

struct Figures {
  size_t sent = 0, completed = 0;
  double seconds = 0;  // from the first request to the last answer's end
  uint64_t input_tokens = 0, asked_tokens = 0, output_tokens = 0, retokenized = 0;  // of those completed
  // How output_tokens were counted: requests each.
  size_t by_usage = 0, by_pieces = 0, by_tokenizer = 0;
  Spread e2e, ttft, tpot, itl;  // milliseconds
  std::optional<size_t> good;   // requests within all limits
  std::array<size_t, faults> errors{};
  std::array<std::string, faults> examples;  // a sentence of each

  double a_second(double count) const { return seconds > 0 ? count / seconds : 0; }
};

Figures measure(const std::vector<Outcome>& outcomes, const std::vector<Prompt>& prompts, const Tokenizer& tokenizer,
                const Limits& limits);

}  // namespace fulmar::load
