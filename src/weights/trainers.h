// What trainers keep beside a model's weights in one dictionary with them.
#pragma once
#include <string_view>

namespace fulmar {

// "optimizer.state.0.exp_avg", "rng_state".
bool is_trainers(std::string_view name);

}  // namespace fulmar
