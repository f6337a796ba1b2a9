// Builds the tape of a model, or of some of its layers.
#pragma once
#include <functional>

#include "ops/tape.h"
#include "rwkv/state.h"

namespace fulmar::rwkv {

// The format a matrix [rows, cols] of this canonical name is kept in.
using FormatOf = std::function<Format(const std::string& name, uint32_t rows, uint32_t cols)>;

// Inputs: x [rows, C], and for v7 v_first [rows, C] unless the range starts at 0 or has no layers.
// v7a then has what the host looks up for each token: "embedded", the row that x began as [rows, C], and for
// each layer a row of the table the input is named after, "blocks.3.ffn.s_emb.weight" [rows, De De]. Outputs:
// logits [picks, V] where the range has the head (of a model that embeds what the final norm gives, [picks, C]); else x, and for v7 v_first where layers follow.
ops::Tape build(const Config& config, LayerRange layers, const FormatOf& format_of);

}  // namespace fulmar::rwkv
