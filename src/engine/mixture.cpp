// Sums in 64 bits; see mixture.h.
#include "engine/mixture.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/prompt.h"

namespace fulmar {

void mix_rows(std::span<float> rows, std::span<const Stream> streams, size_t first, size_t count) {
  if (streams.size() == 1) return;
  const size_t width = rows.size() / streams.size();
  double sum = 0;
  for (const Stream& stream : streams) sum += double{stream.gate};
  const double over = sum == 0 ? 1 : sum;
  for (size_t i = first; i < first + count; ++i) {
    double mixed = 0;
    for (size_t k = 0; k < streams.size(); ++k)
      if (streams[k].gate != 0) mixed += double{streams[k].gate} * double{rows[k * width + i]};
    rows[i] = static_cast<float>(mixed / over);
  }
}

StatePtr mix_states(std::span<const StatePtr> states, std::span<const float> weights, const JobLimits& limits) {
  if (states.empty() || states.size() != weights.size())
    refuse_field("weights", "there are {} states and {} weights: each state needs its own", states.size(), weights.size());
  auto mixed = std::make_shared<State>();
  mixed->model = limits.model;
  std::vector<double> sums(limits.state_floats);
  for (size_t i = 0; i < states.size(); ++i) {
    const State& state = *states[i];
    check_state(state, limits);
    if (!std::isfinite(weights[i])) refuse_field("weights", "a weight is a finite number");
    if (!state.unfed.empty() || state.floats.empty())
      refuse_field("states", "state {} has {} tokens that it was not fed yet", i, state.unfed.size());
    for (size_t f = 0; f < sums.size(); ++f) sums[f] += double{weights[i]} * double{state.floats[f]};
    if (state.fed >= mixed->fed) {  // of texts that became one, the longest counts
      mixed->fed = state.fed;
      mixed->hash = state.hash;
    }
  }
  // No text makes this state.
  for (const float weight : weights) mixed->hash.add(static_cast<Token>(std::lround(weight * 1e6f)));
  mixed->floats.resize(sums.size());
  std::ranges::transform(sums, mixed->floats.begin(), [](double sum) { return static_cast<float>(sum); });
  const auto finite = [](float x) { return std::isfinite(x); };
  if (!std::ranges::all_of(mixed->floats, finite)) refuse_field("weights", "the mixture is past what numbers can hold");
  return mixed;
}

}  // namespace fulmar
