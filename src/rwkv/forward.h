// Builds the tape of a model, or of some of its layers.
#pragma once
#include <functional>

#include "ops/tape.h"
#include "rwkv/config.h"

namespace fulmar::rwkv {

// Layers [first, last) of a model. The range that ends at L also has the final norm and the head.
struct LayerRange {
  uint32_t first, last;
};

// The format a matrix [rows, cols] of this canonical name is kept in.
using FormatOf = std::function<Format(const std::string& name, uint32_t rows, uint32_t cols)>;

// Inputs: x [rows, C], and v_first [rows, C] unless the range starts at 0.
// Outputs: logits [picks, V] when the range ends at L, else x and v_first.
ops::Tape build(const Config& config, LayerRange layers, const FormatOf& format_of);

// Where a layer's pieces lie in a slot's state, in floats from the slot's start; layer `first` of a range is
// at 0. v7 layer: att_x[C], S[H][key][value] (H N N floats), ffn_x[C].
struct LayerState {
  uint32_t att_x, wkv, ffn_x;
};
LayerState layer_state(const Config& config, uint32_t layer_in_range);
uint32_t layer_state_floats(const Config& config);

}  // namespace fulmar::rwkv
