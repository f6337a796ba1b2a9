// RWKV-4 ("Dove"): a recurrence per channel, kept finite by its running maximum.
// Equations: arXiv 2305.13048; names are the checkpoints' own.
#include "rwkv/builder.h"

namespace fulmar::rwkv {

using namespace ops;
using namespace shared;

void append_v4_layer(Builder& b) {
  const uint32_t A = b.config.A;
  const auto mixed =
      b.shift(b.norm("ln1"), b.state.att_x, {"att.time_mix_r", "att.time_mix_k", "att.time_mix_v"});

  Mix4 mix{};
  mix.r = b.linear("att.receptance.weight", mixed[0], A, ACT_SIGMOID);
  mix.k = b.linear("att.key.weight", mixed[1], A);
  mix.v = b.linear("att.value.weight", mixed[2], A);
  mix.decay = b.vector("att.time_decay", A);
  mix.first = b.vector("att.time_first", A);
  mix.state = b.state.wkv;
  mix.y = b.value("att.y", A);
  b.tape.ops.push_back(mix);
  b.add_to_residual("att.output.weight", mix.y);

  append_gated_channel_mix(b, "ffn.time_mix_k", "ffn.time_mix_r");
}

}  // namespace fulmar::rwkv
