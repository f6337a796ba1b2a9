// The arithmetic of a run; see measure.h.
#include "measure.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/fail.h"

namespace fulmar::load {
namespace {

constexpr double ms = 1e3;

// Time per token after the first, which has the prompt in it; nullopt where there is no other.
std::optional<double> tpot_of(const Outcome& outcome, uint64_t tokens) {
  if (tokens < 2) return std::nullopt;
  return (outcome.end - outcome.first) * ms / static_cast<double>(tokens - 1);
}

bool is_good(const Limits& limits, const Outcome& outcome, uint64_t tokens) {
  const auto within = [](double value, const std::optional<double>& limit) { return !limit || value <= *limit; };
  const double longest = outcome.gaps.empty() ? 0 : *std::max_element(outcome.gaps.begin(), outcome.gaps.end());
  return within(outcome.first * ms, limits.ttft) && within(tpot_of(outcome, tokens).value_or(0), limits.tpot) &&
         within(longest * ms, limits.itl) && within(outcome.end * ms, limits.e2e);
}

}  // namespace

double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
}

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  Spread spread;
  const auto count = static_cast<double>(values.size());
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  const double squares = std::accumulate(values.begin(), values.end(), 0.0, [&](double sum, double value) {
    return sum + (value - spread.mean) * (value - spread.mean);
  });
  spread.deviation = std::sqrt(squares / count);
  spread.p50 = percentile(values, 0.5);
  spread.p90 = percentile(values, 0.9);
  spread.p99 = percentile(values, 0.99);
  return spread;
}

Limits parse_limits(const std::vector<std::string>& words) {
  Limits limits;
  for (const std::string& word : words) {
    const size_t colon = std::min(word.find(':'), word.size());
    const std::string name = word.substr(0, colon);
    double value = 0;
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data() + std::min(colon + 1, word.size()), end, value);
    std::optional<double>* limit = name == "ttft"   ? &limits.ttft
                                   : name == "tpot" ? &limits.tpot
                                   : name == "itl"  ? &limits.itl
                                   : name == "e2e"  ? &limits.e2e
                                                    : nullptr;
    if (!limit || error != std::errc{} || stop != end || !(value > 0) || !std::isfinite(value))
      fail(ErrorKind::misuse, "--goodput {} is no limit; one is ttft, tpot, itl or e2e with milliseconds, as ttft:200", word);
    *limit = value;
  }
  return limits;
}

Figures measure(const std::vector<Outcome>& outcomes, const std::vector<Prompt>& prompts, const Tokenizer& tokenizer,
                const Limits& limits) {
  Figures figures;
  figures.sent = outcomes.size();
  std::vector<double> e2e, ttft, tpot, itl;
  size_t good = 0;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    figures.seconds = std::max(figures.seconds, outcome.begin + outcome.end);
    if (outcome.fault != Fault::none) {
      const auto kind = static_cast<size_t>(outcome.fault);
      if (figures.errors[kind]++ == 0) figures.examples[kind] = outcome.why;
      continue;
    }
    ++figures.completed;
    const size_t counted = tokenizer.encode(outcome.text).size();
    const bool in_pieces = outcome.pieces > 1;
    const uint64_t tokens = outcome.tokens ? *outcome.tokens : in_pieces ? outcome.pieces : counted;
    ++(outcome.tokens ? figures.by_usage : in_pieces ? figures.by_pieces : figures.by_tokenizer);
    figures.input_tokens += prompts[i].input_tokens;
    figures.asked_tokens += prompts[i].output_tokens;
    figures.output_tokens += tokens;
    figures.retokenized += counted;
    e2e.push_back(outcome.end * ms);
    ttft.push_back(outcome.first * ms);
    if (const auto time = tpot_of(outcome, tokens)) tpot.push_back(*time);
    for (const float gap : outcome.gaps) itl.push_back(gap * ms);
    good += is_good(limits, outcome, tokens);
  }
  figures.e2e = spread_of(std::move(e2e));
  figures.ttft = spread_of(std::move(ttft));
  figures.tpot = spread_of(std::move(tpot));
  figures.itl = spread_of(std::move(itl));
  if (limits.any()) figures.good = good;
  return figures;
}

}  // namespace fulmar::load
