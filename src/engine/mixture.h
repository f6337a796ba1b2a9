// Several streams as one: their logits while they run, and their states as values.
#pragma once
#include <span>

#include "engine/job.h"

namespace fulmar {

// Of rows [streams, W] numbers [first, first + count) of the first become sum(gates[i] * row_i) / sum(gates), or over 1 where
// that sum is 0. Rows whose gate is 0 are not looked at.
void mix_rows(std::span<float> rows, std::span<const Stream> streams, size_t first, size_t count);

// See Engine::mix.
StatePtr mix_states(std::span<const StatePtr> states, std::span<const float> weights, const JobLimits& limits);

}  // namespace fulmar
