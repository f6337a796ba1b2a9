// Selecting tokens by weight without sorting the vocabulary: vector passes over blocks of 64 values, then
// exact selection among the few tokens near the cut.
//
// Every stage cuts the tail of one order: larger first, among equals the lower id first. So a tie at a cut is
// settled the same way everywhere, and what is kept is always listed by ascending id. NaN is smaller than
// everything and has weight 0.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace fulmar {

constexpr std::size_t selection_block = 64;
inline std::size_t block_count(std::span<const float> values) {
  return (values.size() + selection_block - 1) / selection_block;
}

struct Candidate {
  float value;  // a logit or a weight
  Token token;
};

// One float per block of `values`; the buffers are the caller's, so that nothing is allocated per token.
using PerBlock = std::vector<float>;

// Largest of each block, -inf where it has only NaN; answers the largest of all.
float block_maxima(std::span<const float> values, PerBlock& maxima);

// The lowest token whose value is `largest`, which must be there.
Token find_largest(std::span<const float> values, const PerBlock& maxima, float largest);

// exp(x) = 2^n exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2, and exp(r) by its Taylor series up to r^6.
struct WeightSeries {
  static constexpr float round_to_integer = 0x1.8p23f;  // adding it leaves no bits for a fraction
  static constexpr float log2_e = 1.44269504f;
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;  // n * ln2_high is exact
  static constexpr float smallest = -86.0f;  // below, the result would not be a normal float
  static constexpr float coefficients[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
};
// exp(x) for x <= 0: exactly 1 for 0, and 0 below -86 and for NaN. Relative error 3e-7. The same bits as the
// vector code, on every machine.
float weight_of(float x);

// Turns logits into weights exp((logit - largest) / temperature) in place, with each block's sum and largest.
// Weights below `floor` become 0. Answers the sum of all.
double to_weights(std::span<float> logits, float largest, float inverse_temperature, float floor,
                  PerBlock& sums, PerBlock& maxima);

// How many weights are at least `threshold`, and their sum.
struct Tail {
  std::size_t count = 0;
  double sum = 0;
};
Tail at_least(std::span<const float> weights, const PerBlock& maxima, float threshold);

// The values that are at least `low`, by ascending id.
void collect_at_least(std::span<const float> values, const PerBlock& maxima, float low,
                      std::vector<Candidate>& out);

// The last of the `count` largest values. 0 < count <= values.size().
Candidate cut_by_count(std::span<const float> values, const PerBlock& maxima, std::size_t count,
                       std::vector<Candidate>& scratch);
// The same among candidates, which it reorders. 0 < count <= candidates.size().
Candidate cut_by_count(std::span<Candidate> candidates, std::size_t count);

// The last of the smallest set of largest weights whose sum reaches `mass`; weights lie in [0, 1], `total` is
// their sum.
Candidate cut_by_mass(std::span<const float> weights, const PerBlock& maxima, double total, double mass,
                      std::vector<Candidate>& scratch);
// The same among candidates, which it reorders; `candidates` is not empty.
Candidate cut_by_mass(std::span<Candidate> candidates, double mass);

// True where `candidate` is `last` or comes before it.
bool is_kept(const Candidate& candidate, const Candidate& last);

// Everything up to `last`, by ascending id; -inf and NaN are left out.
void collect(std::span<const float> values, const PerBlock& maxima, const Candidate& last,
             std::vector<Candidate>& out);

// The token at `point`, in [0, 1), of the summed weights. At least one weight is positive.
Token draw(std::span<const float> weights, const PerBlock& sums, double total, double point);
Token draw(std::span<const Candidate> candidates, double point);

}  // namespace fulmar
