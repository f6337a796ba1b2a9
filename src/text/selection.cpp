// Block passes over the logits and exact selection near the cut.
#include "text/selection.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();
constexpr std::size_t lanes =
    16;  // sums are made lane by lane, in one order whatever the machine's vector width

bool comes_before(const Candidate& a, const Candidate& b) {
  return a.value > b.value || (a.value == b.value && a.token < b.token);
}

// Calls body(block index, pointer to 64 floats); the last block is filled up with `filler` in a copy.
template <typename Body>
void for_blocks(std::span<const float> values, float filler, Body&& body) {
  const std::size_t whole = values.size() / selection_block, rest = values.size() % selection_block;
  for (std::size_t block = 0; block < whole; ++block) body(block, values.data() + block * selection_block);
  if (rest == 0) return;
  float last[selection_block];
  std::fill(std::copy_n(values.data() + whole * selection_block, rest, last), std::end(last), filler);
  body(whole, static_cast<const float*>(last));
}

std::size_t block_count(std::span<const float> values) {
  return (values.size() + selection_block - 1) / selection_block;
}

float sum_lanes(float (&lane)[lanes]) {
  for (std::size_t half = lanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

// NaN is never larger, so it never gets into a lane.
float largest_of_block(const float* block) {
  float lane[lanes];
  std::fill(lane, lane + lanes, minus_infinity);
  for (std::size_t i = 0; i < selection_block; i += lanes) {
    for (std::size_t j = 0; j < lanes; ++j) lane[j] = block[i + j] > lane[j] ? block[i + j] : lane[j];
  }
  for (std::size_t half = lanes / 2; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j) lane[j] = lane[j + half] > lane[j] ? lane[j + half] : lane[j];
  }
  return lane[0];
}

struct Tail {
  std::size_t count = 0;
  double sum = 0;
};

// How many weights are at least `threshold`, and their sum.
Tail at_least(std::span<const float> weights, const PerBlock& maxima, float threshold) {
  Tail tail;
  for_blocks(weights, 0.0f, [&](std::size_t block, const float* w) {
    if (maxima[block] < threshold) return;
    float lane[lanes] = {};
    uint32_t counts[lanes] = {};
    for (std::size_t i = 0; i < selection_block; i += lanes) {
      for (std::size_t j = 0; j < lanes; ++j) {
        lane[j] += w[i + j] >= threshold ? w[i + j] : 0.0f;
        counts[j] += w[i + j] >= threshold ? 1u : 0u;
      }
    }
    tail.sum += sum_lanes(lane);
    for (const uint32_t count : counts) tail.count += count;
  });
  return tail;
}

// Appends the values in [low, high), by ascending id.
void collect_between(std::span<const float> values, const PerBlock& maxima, float low, float high,
                     std::vector<Candidate>& out) {
  for_blocks(values, minus_infinity, [&](std::size_t block, const float* v) {
    if (!(maxima[block] >= low)) return;
    for (std::size_t i = 0; i < selection_block; ++i) {
      if (v[i] >= low && v[i] < high) out.push_back({v[i], static_cast<Token>(block * selection_block + i)});
    }
  });
}

}  // namespace

float block_maxima(std::span<const float> values, PerBlock& maxima) {
  maxima.resize(block_count(values));
  for_blocks(values, minus_infinity,
             [&](std::size_t block, const float* v) { maxima[block] = largest_of_block(v); });
  return maxima.empty() ? minus_infinity : *std::ranges::max_element(maxima);
}

Token find_largest(std::span<const float> values, const PerBlock& maxima, float largest) {
  const auto block = static_cast<std::size_t>(std::ranges::find(maxima, largest) - maxima.begin());
  const auto found =
      std::find(values.begin() + static_cast<std::ptrdiff_t>(block * selection_block), values.end(), largest);
  return static_cast<Token>(found - values.begin());
}

// exp(x) = 2^n exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2, and exp(r) by its series up to r^6 / 720.
// Only additions, products and integer shifts, none of them fused: vector code and plain code agree to the
// bit.
float weight_of(float x) {
  constexpr float round_to_integer = 0x1.8p23f;  // adding it leaves no bits for a fraction
  constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  const float shifted = x * 1.44269504f + round_to_integer, n = shifted - round_to_integer;
  const float r = (x - n * ln2_high) - n * ln2_low;
  float series = 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  series = series * r + 1.0f;
  series = series * r + 1.0f;
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(round_to_integer);
  const float result = std::bit_cast<float>(std::bit_cast<uint32_t>(series) + (exponent << 23));
  return x >= -86.0f ? result : 0.0f;
}

double to_weights(std::span<float> logits, float largest, float inverse_temperature, float floor,
                  PerBlock& sums, PerBlock& maxima) {
  sums.resize(block_count(logits));
  maxima.resize(block_count(logits));
  double total = 0;
  for_blocks(logits, minus_infinity, [&](std::size_t block, const float* x) {
    float weights[selection_block], lane[lanes] = {};
    for (std::size_t i = 0; i < selection_block; ++i) {
      const float weight = weight_of((x[i] - largest) * inverse_temperature);
      weights[i] = weight >= floor ? weight : 0.0f;
    }
    for (std::size_t i = 0; i < selection_block; i += lanes) {
      for (std::size_t j = 0; j < lanes; ++j) lane[j] += weights[i + j];
    }
    sums[block] = sum_lanes(lane);
    maxima[block] = largest_of_block(weights);
    total += sums[block];
    const std::size_t begin = block * selection_block;
    std::copy_n(weights, std::min(selection_block, logits.size() - begin), logits.data() + begin);
  });
  return total;
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
  scratch.clear();
  collect_between(values, maxima, bound, std::numeric_limits<float>::infinity(), scratch);
  if (scratch.size() < count) return {minus_infinity, std::numeric_limits<Token>::max()};  // the rest is NaN
  const auto last = scratch.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::nth_element(scratch.begin(), last, scratch.end(), comes_before);
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
  scratch.clear();
  collect_between(weights, maxima, std::bit_cast<float>(low), std::bit_cast<float>(high), scratch);
  if (scratch.empty()) return {std::bit_cast<float>(high), std::numeric_limits<Token>::max()};
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
  out.clear();
  for_blocks(values, minus_infinity, [&](std::size_t block, const float* v) {
    if (maxima[block] < last.value) return;
    for (std::size_t i = 0; i < selection_block; ++i) {
      const Candidate candidate{v[i], static_cast<Token>(block * selection_block + i)};
      if (is_kept(candidate, last) && v[i] > minus_infinity) out.push_back(candidate);
    }
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
