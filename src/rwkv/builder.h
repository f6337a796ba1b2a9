// What every version's layer builder needs: the tape under construction and short ways to add to it.
#pragma once
#include <fmt/format.h>

#include <string>
#include <vector>

#include "rwkv/forward.h"

namespace fulmar::rwkv {

// Adds ops for one layer. Names given to its members are relative to the layer ("att.x_r"); values are named
// likewise.
struct Builder {
  const Config& config;
  const FormatOf& format_of;
  ops::Tape& tape;
  std::string layer;     // "blocks.3."
  LayerState state;      // of this layer
  ops::ValueId x;        // the residual stream [rows, C], updated in place
  ops::ValueId v_first;  // v7: layer 0's v [rows, C]; ops::none until it exists

  ops::ValueId value(const std::string& name, uint32_t width) { return tape.value(layer + name, width); }
  ops::WeightId vector(const std::string& name, uint32_t width) { return tape.vector(layer + name, width); }
  ops::WeightId matrix(const std::string& name, uint32_t rows, uint32_t cols) {
    return tape.weight(layer + name, rows, cols, format_of(layer + name, rows, cols));
  }

  // y = layernorm(x) with the weights `name`.weight and `name`.bias.
  ops::ValueId norm(const std::string& name) {
    const ops::ValueId y = value(name, config.C);
    tape.ops.push_back(ops::Norm{x, y, vector(name + ".weight", config.C), vector(name + ".bias", config.C),
                                 config.norm_eps});
    return y;
  }

  // Token shift of `from` with one mix vector per name; the outputs are named after them.
  std::vector<ops::ValueId> shift(ops::ValueId from, uint32_t carry, const std::vector<std::string>& mixes) {
    ops::Shift op{from, carry, static_cast<uint32_t>(mixes.size()), {}};
    std::vector<ops::ValueId> outputs;
    for (size_t i = 0; i < mixes.size(); ++i) {
      outputs.push_back(value(mixes[i], config.C));
      op.outputs[i] = {outputs.back(), vector(mixes[i], config.C), ops::none};
    }
    tape.ops.push_back(op);
    return outputs;
  }

  // y = act(W from + bias), W named `name` [rows, width of from]; `bias` empty for none.
  ops::ValueId linear(const std::string& name, ops::ValueId from, uint32_t rows,
                      uint32_t act = shared::ACT_NONE, const std::string& bias = {}) {
    ops::Linear op{from, value(name, rows), matrix(name, rows, tape.values[from].width)};
    op.act = act;
    if (!bias.empty()) op.bias = vector(bias, rows);
    tape.ops.push_back(op);
    return op.y;
  }

  // x += W from.
  void add_to_residual(const std::string& name, ops::ValueId from) {
    ops::Linear op{from, x, matrix(name, config.C, tape.values[from].width)};
    op.accumulate = true;
    tape.ops.push_back(op);
  }
};

// One per version, each in a file of its own.
void append_v7_layer(Builder& builder);

}  // namespace fulmar::rwkv
