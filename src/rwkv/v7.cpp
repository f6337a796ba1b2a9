// RWKV-7 ("Goose"): time mix with the generalized delta rule, channel mix with squared ReLU.
// Equations: arXiv 2503.14456; names are the checkpoints' own.
#include "rwkv/builder.h"

namespace fulmar::rwkv {

using namespace ops;
using namespace shared;

namespace {

// (x s1) E s2 + s0 [rows, F], where E [De, De] is the token's row of the table plus what s_emb_x makes of the
// embedding. E and h meet element by element, so that all of it stays Linear ops.
ValueId append_deep_embed(Builder& b, ValueId x) {
  const uint32_t De = b.config.De, E = De * De;
  b.tape.ops.push_back(Linear{b.embedded, b.looked_up, b.matrix("ffn.s_emb_x.weight", E, b.config.C)});
  std::get<Linear>(b.tape.ops.back()).accumulate = true;
  const ValueId h = b.linear("ffn.s1", x, De);
  Linear repeated{h, b.value("ffn.h_E", E), b.repeat};
  repeated.gate = b.looked_up;
  b.tape.ops.push_back(repeated);
  const Linear summed{repeated.y, b.value("ffn.hE", De), b.sum};
  b.tape.ops.push_back(summed);
  return b.linear("ffn.s2", summed.y, b.config.F, ACT_NONE, "ffn.s0");
}

// x += sum_e g_e FFN_e(h): experts share K and V and have a LoRA of their own beside each, A then B.
//   z_e = g_e relu(K h + B_e A_e h)^2;  x += V sum_e z_e + sum_e B'_e A'_e z_e
void append_experts(Builder& b, ValueId h) {
  const Config& config = b.config;
  const auto name = [](uint32_t e, const char* factor) { return fmt::format("ffn.expert_{}.{}", e, factor); };
  Experts mixture{};
  mixture.count = config.E;
  mixture.active = config.active;
  mixture.k = b.linear("ffn.key.weight", h, config.F);
  mixture.scores = b.linear("ffn.router", h, config.Er);
  std::vector<ValueId> inner;
  for (uint32_t e = 0; e < config.E; ++e) inner.push_back(b.linear(name(e, "key.A"), h, config.Dm));
  for (uint32_t e = 0; e < config.E; ++e) mixture.h[e] = b.linear(name(e, "key.B"), inner[e], config.F);
  b.tape.ops.push_back(mixture);
  for (uint32_t e = 0; e < config.E; ++e) inner[e] = b.linear(name(e, "value.A"), mixture.h[e], config.Dm);
  b.add_to_residual("ffn.value.weight", mixture.k);
  for (uint32_t e = 0; e < config.E; ++e) b.add_to_residual(name(e, "value.B"), inner[e]);
}

}  // namespace

void append_v7_layer(Builder& b) {
  const Config& config = b.config;
  const uint32_t C = config.C;

  // Time mix. Matrices that do not depend on each other stand together, so that a backend can launch them as
  // one.
  const ValueId normed = b.norm("ln1");
  const auto mixed =
      b.shift(normed, b.state.att_x, {"att.x_r", "att.x_w", "att.x_k", "att.x_v", "att.x_a", "att.x_g"});
  const ValueId xr = mixed[0], xw = mixed[1], xk = mixed[2], xv = mixed[3], xa = mixed[4], xg = mixed[5];
  const bool residual =
      b.v_first != none;  // every layer but the model's first blends its v with the first one's

  Mix7 mix{};
  mix.r = b.linear("att.receptance.weight", xr, C);
  mix.k = b.linear("att.key.weight", xk, C);
  mix.v = b.linear("att.value.weight", xv, C);
  const ValueId w1 = b.linear("att.w1", xw, config.Dw, ACT_TANH);
  const ValueId a1 = b.linear("att.a1", xa, config.Da);
  const ValueId g1 = b.linear("att.g1", xg, config.Dg, ACT_SIGMOID);
  const ValueId v1 = residual ? b.linear("att.v1", xv, config.Dv) : none;

  mix.w = b.linear("att.w2", w1, C, ACT_DECAY7, "att.w0");
  mix.a = b.linear("att.a2", a1, C, ACT_SIGMOID, "att.a0");
  mix.g = b.linear("att.g2", g1, C);
  if (residual) {
    mix.v_first = b.v_first;
    mix.v_gate = b.linear("att.v2", v1, C, ACT_SIGMOID, "att.v0");
  } else {
    b.v_first = mix.v;
  }

  mix.k_k = b.vector("att.k_k", C);
  mix.k_a = b.vector("att.k_a", C);
  mix.r_k = b.vector("att.r_k", C);
  mix.norm_weight = b.vector("att.ln_x.weight", C);
  mix.norm_bias = b.vector("att.ln_x.bias", C);
  mix.norm_eps = config.head_norm_eps;
  mix.state = b.state.wkv;
  mix.heads = config.H;
  mix.head_size = config.N;
  mix.y = b.value("att.y", C);
  b.tape.ops.push_back(mix);
  b.add_to_residual("att.output.weight", mix.y);

  // Channel mix: x += V relu(K xk)^2, with DeepEmbed each hidden number times one made from the token.
  const ValueId normed2 = b.norm("ln2");
  const ValueId shifted = b.shift(normed2, b.state.ffn_x, {"ffn.x_k"})[0];
  if (config.E > 0) return append_experts(b, shifted);
  const ValueId scale = b.looked_up != none ? append_deep_embed(b, normed2) : none;
  const ValueId hidden = b.linear("ffn.key.weight", shifted, config.F, ACT_RELU2, {}, scale);
  b.add_to_residual("ffn.value.weight", hidden);
}

}  // namespace fulmar::rwkv
