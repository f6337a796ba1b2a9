// Selecting tokens by weight without sorting the vocabulary: vector passes over blocks of 64 logits, then
// exact selection among the few tokens near the cut. The row is read and never written: a row of 65,536 takes half of
// a core's cache, and what is not written need not go back to memory.
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

// What a logit weighs: weight_of((logit - largest) * inverse_temperature).
struct Scale {
  float largest, inverse_temperature;
};
// Turns logits into weights in place.
void weigh(std::span<float> logits, const Scale& scale);
// The sum of all weights, and each block's.
double sum_weights(std::span<const float> logits, const Scale& scale, PerBlock& sums);

// The values that are at least `low`, by ascending id.
void collect_at_least(std::span<const float> values, const PerBlock& maxima, float low,
                      std::vector<Candidate>& out);

// The last of the `count` largest values. 0 < count <= values.size().
Candidate cut_by_count(std::span<const float> values, const PerBlock& maxima, std::size_t count,
                       std::vector<Candidate>& scratch);
// The same among candidates, which it reorders. 0 < count <= candidates.size().
Candidate cut_by_count(std::span<Candidate> candidates, std::size_t count);

// True where `candidate` is `last` or comes before it.
bool is_kept(const Candidate& candidate, const Candidate& last);

// Everything up to `last`, by ascending id; -inf and NaN are left out.
void collect(std::span<const float> values, const PerBlock& maxima, const Candidate& last,
             std::vector<Candidate>& out);

// Tokens that are left, by ascending id, and memory to find them.
struct Kept {
  std::vector<Candidate> list, scratch;
  PerBlock values;
};
// Turns the kept tokens' logits into weights.
void weigh(Kept& kept, const Scale& scale);
// Those that weigh at least `least`, with their weights.
void keep_weights(std::span<const float> logits, const PerBlock& maxima, const Scale& scale, float least, Kept& kept);
// Which of the last one's equals are kept: those with lower ids, or all.
enum class Equals : bool { lowest, all };
// The smallest set of largest weights whose sum reaches `mass`, with their weights. `total` is the sum of all.
void keep_mass(std::span<const float> logits, const PerBlock& maxima, const Scale& scale, double total, double mass,
               Equals equals, Kept& kept);
// The same among kept tokens, whose values are weights.
void keep_mass(Kept& kept, double mass, Equals equals);

// The token at `point`, in [0, 1), of the summed weights. At least one weight is positive.
Token draw(std::span<const float> logits, const Scale& scale, const PerBlock& sums, double total, double point);
Token draw(std::span<const Candidate> candidates, double point);

}  // namespace fulmar
