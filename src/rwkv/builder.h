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

  // v7a: the embedding x began as [rows, C], this layer's looked up rows [rows, De De], and the weights that
  // all layers share.
  ops::ValueId embedded = ops::none, looked_up = ops::none;
  ops::WeightId repeat = ops::none, sum = ops::none;

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

  // Token shift of `from` with one mix vector per name; the outputs are named after them. `deltas` are added
  // to the mixes where there are any; `peek` leaves the carry for another shift of the same value.
  std::vector<ops::ValueId> shift(ops::ValueId from, uint32_t carry, const std::vector<std::string>& mixes,
                                  const std::vector<ops::ValueId>& deltas = {}, bool peek = false) {
    ops::Shift op{from, carry, static_cast<uint32_t>(mixes.size()), {}, peek};
    std::vector<ops::ValueId> outputs;
    for (size_t i = 0; i < mixes.size(); ++i) {
      outputs.push_back(value(mixes[i], config.C));
      op.outputs[i] = {outputs.back(), vector(mixes[i], config.C), deltas.empty() ? ops::none : deltas[i]};
    }
    tape.ops.push_back(op);
    return outputs;
  }

  // y = gate * act(W from + bias), W named `name` [rows, width of from]; `bias` empty and gate none for none.
  ops::ValueId linear(const std::string& name, ops::ValueId from, uint32_t rows,
                      uint32_t act = shared::ACT_NONE, const std::string& bias = {},
                      ops::ValueId gate = ops::none) {
    ops::Linear op{from, value(name, rows), matrix(name, rows, tape.values[from].width)};
    op.act = act;
    op.gate = gate;
    if (!bias.empty()) op.bias = vector(bias, rows);
    tape.ops.push_back(op);
    return op.y;
  }

  // x += gate * (W from), without a gate x += W from.
  void add_to_residual(const std::string& name, ops::ValueId from, ops::ValueId gate = ops::none) {
    ops::Linear op{from, x, matrix(name, config.C, tape.values[from].width)};
    op.gate = gate;
    op.accumulate = true;
    tape.ops.push_back(op);
  }
};

// One per version, each in a file of its own.
void append_v4_layer(Builder& builder);
void append_v5_layer(Builder& builder);
void append_v6_layer(Builder& builder);
void append_v7_layer(Builder& builder);

// Completes and appends v5's or v6's recurrence, given r, k, v, the gate and w or decay; then the output
// matrix.
void append_mix6(Builder& builder, ops::Mix6 mix);

// x += sigmoid(R xr) * (V relu(K xk)^2): the channel mix of v4, v5 and v6. The mixes are named `mix_k` and
// `mix_r`.
void append_gated_channel_mix(Builder& builder, const std::string& mix_k, const std::string& mix_r);

}  // namespace fulmar::rwkv
