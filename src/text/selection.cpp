// Exact selection near the cut, and the draw.
#include "text/selection.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

bool comes_before(const Candidate& a, const Candidate& b) {
  return a.value > b.value || (a.value == b.value && a.token < b.token);
}

// A logit that everything reaches that weighs `weight` or more, and not much else.
float lowest_logit(const Scale& scale, float weight) {
  constexpr double roundings = 1e-4;  // of the scaled logit and of its exponential, in units of the latter's argument
  const double distance =
      (std::log(static_cast<double>(weight)) - roundings) / static_cast<double>(scale.inverse_temperature);
  const double lowest = static_cast<double>(scale.largest) + distance;
  if (lowest < static_cast<double>(std::numeric_limits<float>::lowest())) return minus_infinity;
  return std::nextafter(static_cast<float>(lowest), minus_infinity);
}

// The last of the smallest set of largest weights that reaches `mass`; reorders the candidates, which are some.
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

void weigh(Kept& kept, const Scale& scale) {
  kept.values.resize(kept.list.size());
  for (std::size_t i = 0; i < kept.list.size(); ++i) kept.values[i] = kept.list[i].value;
  weigh(kept.values, scale);
  for (std::size_t i = 0; i < kept.list.size(); ++i) kept.list[i].value = kept.values[i];
}

void keep_weights(std::span<const float> logits, const PerBlock& maxima, const Scale& scale, float least, Kept& kept) {
  collect_at_least(logits, maxima, lowest_logit(scale, least), kept.list);
  weigh(kept, scale);
  std::erase_if(kept.list, [&](const Candidate& candidate) { return candidate.value < least; });
}

void keep_mass(std::span<const float> logits, const PerBlock& maxima, const Scale& scale, double total, double mass,
               Equals equals, Kept& kept) {
  // All weights below (total - mass) / V together may be missing. Most texts need far fewer tokens than that leaves,
  // so the search begins near the largest.
  const auto spare = static_cast<float>((total - mass) / static_cast<double>(logits.size()));
  const float all = std::max(spare, std::numeric_limits<float>::min());
  for (float least = 0x1p-6f;; least *= 0.25f) {
    least = std::max(least, all);
    keep_weights(logits, maxima, scale, least, kept);
    double sum = 0;
    for (const Candidate& candidate : kept.list) sum += candidate.value;
    if (sum >= mass || least == all) break;
  }
  keep_mass(kept, mass, equals);
}

void keep_mass(Kept& kept, double mass, Equals equals) {
  // By the leading bits of the weights, whose order is that of positive floats: 32 bins an octave. The bin in which
  // the mass is reached has the cut.
  constexpr uint32_t shift = 18, bins = (std::bit_cast<uint32_t>(1.0f) >> shift) + 1;
  const auto bin_of = [](float weight) { return std::min(std::bit_cast<uint32_t>(weight) >> shift, bins - 1); };
  double sums[bins] = {};
  for (const Candidate& candidate : kept.list) sums[bin_of(candidate.value)] += candidate.value;
  uint32_t bin = bins;
  do {
    if (bin == 0) return;  // all of them are not more than the mass
    mass -= sums[--bin];
  } while (mass > 0);
  mass += sums[bin];
  kept.scratch.clear();
  for (const Candidate& candidate : kept.list)
    if (bin_of(candidate.value) == bin) kept.scratch.push_back(candidate);
  Candidate last = cut_by_mass(kept.scratch, mass);
  if (equals == Equals::all) last.token = std::numeric_limits<Token>::max();
  std::erase_if(kept.list, [&](const Candidate& candidate) { return !is_kept(candidate, last); });
}

Token draw(std::span<const float> logits, const Scale& scale, const PerBlock& sums, double total, double point) {
  // Rounding may carry the point past the end of a block or of all: the last token with weight takes it.
  double left = point * total;
  std::size_t block = 0, chosen = sums.size();
  for (; block < sums.size(); ++block) {
    if (sums[block] > 0) chosen = block;
    if (left < sums[block]) break;
    left -= sums[block];
  }
  require(chosen < sums.size(), "no token has a chance");
  const std::size_t first = chosen * selection_block, count = std::min(logits.size() - first, selection_block);
  float weights[selection_block];
  std::copy_n(logits.begin() + static_cast<std::ptrdiff_t>(first), count, weights);
  weigh({weights, count}, scale);
  Token token = -1;
  for (std::size_t i = 0; i < count; ++i) {
    if (weights[i] > 0) token = static_cast<Token>(first + i);
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
