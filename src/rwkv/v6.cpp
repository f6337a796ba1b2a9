// RWKV-6 ("Finch"): v5 with mixes and decays that depend on the token, through LoRA-MLPs.
// Equations: arXiv 2404.05892; names are the checkpoints' own.
#include "rwkv/builder.h"

namespace fulmar::rwkv {

using namespace ops;
using namespace shared;

void append_v6_layer(Builder& b) {
  const Config& config = b.config;
  const uint32_t A = config.A;

  // The mix of each input: x_i = x + (x' - x) (maa_i + tanh(xxx W1_i) W2_i), where xxx is a first mix.
  const ValueId normed = b.norm("ln1");
  const ValueId xxx = b.shift(normed, b.state.att_x, {"att.time_maa_x"}, {}, true)[0];
  const std::string letters = "wkvrg";
  std::vector<ValueId> narrow, deltas;
  std::vector<std::string> mixes;
  for (const char letter : letters) {
    narrow.push_back(b.linear(fmt::format("att.time_maa_w1.{}", letter), xxx, config.Dx, ACT_TANH));
    mixes.push_back(fmt::format("att.time_maa_{}", letter));
  }
  for (size_t i = 0; i < letters.size(); ++i)
    deltas.push_back(b.linear(fmt::format("att.time_maa_w2.{}", letters[i]), narrow[i], config.C));
  const auto mixed = b.shift(normed, b.state.att_x, mixes, deltas);
  const ValueId xw = mixed[0], xk = mixed[1], xv = mixed[2], xr = mixed[3], xg = mixed[4];

  Mix6 mix{};
  mix.r = b.linear("att.receptance.weight", xr, A);
  mix.k = b.linear("att.key.weight", xk, A);
  mix.v = b.linear("att.value.weight", xv, A);
  mix.g = b.linear("att.gate.weight", xg, A, ACT_SILU);
  const ValueId w1 = b.linear("att.time_decay_w1", xw, config.Dw, ACT_TANH);
  mix.w = b.linear("att.time_decay_w2", w1, A, ACT_DECAY6, "att.time_decay");
  append_mix6(b, mix);

  append_gated_channel_mix(b, "ffn.time_maa_k", "ffn.time_maa_r");
}

}  // namespace fulmar::rwkv
