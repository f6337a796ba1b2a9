// The channel mix that v4, v5 and v6 share: squared ReLU with a sigmoid gate.
#include "rwkv/builder.h"

namespace fulmar::rwkv {

using namespace ops;
using namespace shared;

void append_gated_channel_mix(Builder& b, const std::string& mix_k, const std::string& mix_r) {
  const auto mixed = b.shift(b.norm("ln2"), b.state.ffn_x, {mix_k, mix_r});
  const ValueId hidden = b.linear("ffn.key.weight", mixed[0], b.config.F, ACT_RELU2);
  const ValueId gate = b.linear("ffn.receptance.weight", mixed[1], b.config.C, ACT_SIGMOID);
  b.add_to_residual("ffn.value.weight", hidden, gate);
}

}  // namespace fulmar::rwkv
