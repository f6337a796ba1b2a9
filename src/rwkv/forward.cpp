// The skeleton all versions share: residual stream in, layers, final norm and head out.
#include "rwkv/forward.h"

#include "base/fail.h"
#include "rwkv/builder.h"
#include "rwkv/tensors.h"

namespace fulmar::rwkv {
namespace {

void append_layer(Builder& b) {
  switch (b.config.version) {
    case Version::v4:
      return append_v4_layer(b);
    case Version::v5_0:
    case Version::v5_1:
    case Version::v5_2:
      return append_v5_layer(b);
    case Version::v6:
      return append_v6_layer(b);
    case Version::v7:
    case Version::v7a:
      return append_v7_layer(b);
  }
}

// What v7a's layers share, and their rows of the tables.
std::vector<ops::ValueId> append_deep_embed_inputs(Builder& b, LayerRange layers) {
  const uint32_t De = b.config.De, E = De * De;
  const auto weight = [&](std::string_view name, uint32_t rows, uint32_t cols) {
    return b.tape.weight(std::string(name), rows, cols, b.format_of(std::string(name), rows, cols));
  };
  b.repeat = weight(deep_embed_repeat, E, De);
  b.sum = weight(deep_embed_sum, De, E);
  b.embedded = b.tape.value("embedded", b.config.C);
  b.tape.inputs.push_back(b.embedded);
  std::vector<ops::ValueId> looked_up;
  for (uint32_t layer = layers.first; layer < layers.last; ++layer)
    looked_up.push_back(b.tape.value(fmt::format("blocks.{}.ffn.s_emb.weight", layer), E));
  b.tape.inputs.insert(b.tape.inputs.end(), looked_up.begin(), looked_up.end());
  return looked_up;
}

}  // namespace

ops::Tape build(const Config& config, LayerRange layers, const FormatOf& format_of) {
  const bool head = layers.head && layers.last == config.L;
  require(layers.last <= config.L && (layers.first < layers.last || (head && layers.first == layers.last)),
          "layers [{},{}) of {}", layers.first, layers.last, config.L);
  ops::Tape tape;
  Builder b{config, format_of, tape, {}, {}, ops::none, ops::none};
  b.x = tape.value("x", config.C);
  tape.inputs.push_back(b.x);
  if (layers.first > 0 && layers.first < layers.last && config.is_v7()) {
    b.v_first = tape.value("v_first", config.C);
    tape.inputs.push_back(b.v_first);
  }
  std::vector<ops::ValueId> looked_up;
  if (config.version == Version::v7a && layers.first < layers.last)
    looked_up = append_deep_embed_inputs(b, layers);
  for (uint32_t layer = layers.first; layer < layers.last; ++layer) {
    if (!looked_up.empty()) b.looked_up = looked_up[layer - layers.first];
    b.layer = fmt::format("blocks.{}.", layer);
    b.state = layer_state(config, layer - layers.first);
    append_layer(b);
  }
  tape.state_floats = (layers.last - layers.first) * layer_state_floats(config);
  if (!head) {
    tape.outputs = {b.x};
    if (b.v_first != ops::none && layers.last < config.L) tape.outputs.push_back(b.v_first);
    return tape;
  }

  // Only the rows whose logits are wanted pass the final norm and the head.
  const ops::ValueId picked = tape.value("picked", config.C, true),
                     normed = tape.value("ln_out", config.C, true);
  tape.ops.push_back(ops::Pick{b.x, picked});
  tape.ops.push_back(ops::Norm{picked, normed, tape.vector("ln_out.weight", config.C),
                               tape.vector("ln_out.bias", config.C), config.norm_eps});
  if (config.embeds) {
    tape.outputs = {normed};
    return tape;
  }
  const ops::ValueId logits = tape.value("logits", config.V, true);
  tape.ops.push_back(ops::Linear{
      normed, logits,
      tape.weight("head.weight", config.V, config.C, format_of("head.weight", config.V, config.C))});
  tape.outputs = {logits};
  return tape;
}

}  // namespace fulmar::rwkv
