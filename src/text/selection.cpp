// Exact selection near the cut, and the draw.
#include "text/selection.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

bool comes_before(const Candidate& a, const Candidate& b) {
  return a.value > b.value || (a.value == b.value && a.token < b.token);
}

}  // namespace

Token find_largest(std::span<const float> values, const PerBlock& maxima, float largest) {
  const auto block = static_cast<std::size_t>(std::ranges::find(maxima, largest) - maxima.begin());
  const auto found =
      std::find(values.begin() + static_cast<std::ptrdiff_t>(block * selection_block), values.end(), largest);
  return static_cast<Token>(found - values.begin());
}

Candidate cut_by_count(std::span<const float> values, const PerBlock& maxima, std::size_t count,
                       std::vector<Candidate>& scratch) {
  // The count-th largest of the blocks' maxima is a bound: at least that many values reach it, and few more.
  float bound = minus_infinity;
  if (count <= maxima.size()) {
    scratch.clear();
    for (const float value : maxima) scratch.push_back({value, 0});
    std::nth_element(scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(count - 1), scratch.end(),
                     comes_before);
    bound = scratch[count - 1].value;
  }
  collect_at_least(values, maxima, bound, scratch);
  if (scratch.size() < count) return {minus_infinity, std::numeric_limits<Token>::max()};  // the rest is NaN
  return cut_by_count(scratch, count);
}

Candidate cut_by_count(std::span<Candidate> candidates, std::size_t count) {
  const auto last = candidates.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::nth_element(candidates.begin(), last, candidates.end(), comes_before);
  return *last;
}

Candidate cut_by_mass(std::span<const float> weights, const PerBlock& maxima, double total, double mass,
                      std::vector<Candidate>& scratch) {
  // Bisection over thresholds, in the bits of the floats (their order is the order of positive floats, and
  // halving there is halving the logarithm): what reaches `high` has too little mass, what reaches `low` has
  // enough. All weights below (total - mass) / V together may be missing, so `low` starts there.
  constexpr std::size_t few = 512;
  const double spare = std::max(0.0, total - mass) / static_cast<double>(weights.size());
  uint32_t low = std::bit_cast<uint32_t>(static_cast<float>(spare)), high = std::bit_cast<uint32_t>(1.0f) + 1;
  std::size_t count_low = weights.size();
  Tail tail_high;
  while (high - low > 1 && count_low - tail_high.count > few) {
    const uint32_t middle = low + (high - low) / 2;
    const Tail tail = at_least(weights, maxima, std::bit_cast<float>(middle));
    if (tail.sum >= mass) {
      low = middle, count_low = tail.count;
    } else {
      high = middle, tail_high = tail;
    }
  }
  const float from = std::bit_cast<float>(low), to = std::bit_cast<float>(high);
  collect_at_least(weights, maxima, from, scratch);
  std::erase_if(scratch, [&](const Candidate& candidate) { return candidate.value >= to; });
  if (scratch.empty()) return {to, std::numeric_limits<Token>::max()};
  return cut_by_mass(scratch, mass - tail_high.sum);
}

Candidate cut_by_mass(std::span<Candidate> candidates, double mass) {
  // Quickselect by mass: [begin, end) holds the cut, and what is before `begin` is kept for sure.
  auto begin = candidates.begin(), end = candidates.end();
  while (end - begin > 16) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, comes_before);
    double upper = 0;
    for (auto it = begin; it != middle; ++it) upper += it->value;
    if (upper >= mass) {
      end = middle;
    } else {
      mass -= upper;
      begin = middle;
    }
  }
  std::sort(begin, end, comes_before);
  while (begin + 1 != end && (mass -= begin->value) > 0) ++begin;
  return *begin;
}

bool is_kept(const Candidate& candidate, const Candidate& last) {
  return candidate.value > last.value || (candidate.value == last.value && candidate.token <= last.token);
}

void collect(std::span<const float> values, const PerBlock& maxima, const Candidate& last,
             std::vector<Candidate>& out) {
  collect_at_least(values, maxima, last.value, out);
  std::erase_if(out, [&](const Candidate& candidate) {
    return !is_kept(candidate, last) || candidate.value == minus_infinity;
  });
}

Token draw(std::span<const float> weights, const PerBlock& sums, double total, double point) {
  // Rounding may carry the point past the end of a block or of all: the last token with weight takes it.
  double left = point * total;
  std::size_t block = 0, chosen = sums.size();
  for (; block < sums.size(); ++block) {
    if (sums[block] > 0) chosen = block;
    if (left < sums[block]) break;
    left -= sums[block];
  }
  require(chosen < sums.size(), "no token has a chance");
  Token token = -1;
  const std::size_t end = std::min(weights.size(), (chosen + 1) * selection_block);
  for (std::size_t i = chosen * selection_block; i < end; ++i) {
    if (weights[i] > 0) token = static_cast<Token>(i);
    if (left < weights[i]) break;
    left -= weights[i];
  }
  return token;
}

Token draw(std::span<const Candidate> candidates, double point) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.value;
  double left = point * total;
  Token token = -1;
  for (const Candidate& candidate : candidates) {
    if (candidate.value > 0) token = candidate.token;
    if (left < candidate.value) break;
    left -= candidate.value;
  }
  require(token >= 0, "no token has a chance");
  return token;
}

}  // namespace fulmar
