// The vector that stands for a text.
#pragma once
#include <span>
#include <vector>

#include "rwkv/config.h"

namespace fulmar {

// Of a state (Model::read_slot) that has read the text: what the channel mix of the third layer from the end keeps of the
// last token, [C], as RWKV-Runner takes it. Of fewer layers the first.
std::span<const float> state_vector(const rwkv::Config& config, std::span<const float> state);

// The same direction at length 1; zeros and what is not finite stay as they are.
std::vector<float> unit_vector(std::span<const float> vector);

}  // namespace fulmar
