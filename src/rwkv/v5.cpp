// RWKV-5 ("Eagle"): a matrix of state per head that fades at fixed rates; 5.0 has no gate, 5.0 and 5.1 have
// one rate a head. Equations: arXiv 2404.05892; names are the checkpoints' own.
#include "rwkv/builder.h"

namespace fulmar::rwkv {

using namespace ops;
using namespace shared;

void append_v5_layer(Builder& b) {
  const Config& config = b.config;
  const uint32_t A = config.A;
  std::vector<std::string> mixes{"att.time_mix_r", "att.time_mix_k", "att.time_mix_v"};
  if (config.has_gate()) mixes.push_back("att.time_mix_g");
  const auto mixed = b.shift(b.norm("ln1"), b.state.att_x, mixes);

  Mix6 mix{};
  mix.r = b.linear("att.receptance.weight", mixed[0], A);
  mix.k = b.linear("att.key.weight", mixed[1], A);
  mix.v = b.linear("att.value.weight", mixed[2], A);
  mix.g = config.has_gate() ? b.linear("att.gate.weight", mixed[3], A, ACT_SILU) : none;
  mix.decay = b.vector("att.time_decay", A);
  append_mix6(b, mix);

  append_gated_channel_mix(b, "ffn.time_mix_k", "ffn.time_mix_r");
}

void append_mix6(Builder& b, Mix6 mix) {
  const Config& config = b.config;
  mix.first = b.vector("att.time_faaaa", config.A);
  mix.norm_weight = b.vector("att.ln_x.weight", config.A);
  mix.norm_bias = b.vector("att.ln_x.bias", config.A);
  mix.norm_eps = config.head_norm_eps;
  mix.state = b.state.wkv;
  mix.heads = config.H;
  mix.head_size = config.N;
  mix.y = b.value("att.y", config.A);
  b.tape.ops.push_back(mix);
  b.add_to_residual("att.output.weight", mix.y);
}

}  // namespace fulmar::rwkv
