// What a slot's state holds, layer by layer, and what every sequence starts from.
#pragma once
#include <string_view>
#include <vector>

#include "rwkv/config.h"

namespace fulmar::rwkv {

// Layers [first, last) of a model. A range that ends at L also has the final norm and the head, unless `head`
// says otherwise; {L, L} is these two alone.
struct LayerRange {
  uint32_t first, last;
  bool head = true;
};

// Where a layer's pieces lie in a slot's state, in floats from the slot's start; layer `first` of a range is
// at 0. A layer is att_x[C], the recurrence, ffn_x[C]. v4's recurrence: aa[A], bb[A], pp[A]; the others':
// S[H][key][value], H N N floats.
struct LayerState {
  uint32_t att_x, wkv, ffn_x;
};
LayerState layer_state(const Config& config, uint32_t layer_in_range);
uint32_t layer_state_floats(const Config& config);

// The state a new sequence starts from: zeros, v4's running maximum pp far below every key, and the tuned
// `blocks.i.att.time_state` of a model that has them, which files keep as [H][value][key]. Throws
// Error(bad_file).
std::vector<float> initial_state(const Source& canonical, const Config& config, LayerRange layers);

// Whether a tensor is part of a tuned initial state.
bool is_initial_state(std::string_view name);

}  // namespace fulmar::rwkv
