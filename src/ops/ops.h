// The fused RWKV operations: seven that every model is made of, and one for mixtures of experts. A model
// version is a flat list of these; a backend is a visitor over them.
//
// Activations ("values") are f32, row-major [rows, width]; a step's rows are the tokens of all its segments,
// one after another. Weights are numbered in the tape's table: matrices [N, K] in any matrix format, vectors
// f32. State offsets are in floats from the start of a slot's state.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/act.h"

namespace fulmar::ops {

using ValueId = uint32_t;
using WeightId = uint32_t;
inline constexpr uint32_t none = ~0u;  // an absent operand

// y = (x - mean) / sqrt(variance + eps) * weight + bias, over each row. x, y: [rows, C].
struct Norm {
  ValueId x, y;
  WeightId weight, bias;  // [C]
  float eps;
};

// Token shift: y_i = x + (prev - x) * (mix_i [+ delta_i]), where prev is the row before of the same segment,
// for the segment's first row the slot's carry. Afterwards the carry is the segment's last row of x, unless
// `peek` leaves it for another Shift of the same x. x, y_i, delta_i: [rows, C].
struct Shift {
  struct Output {
    ValueId y = none;
    WeightId mix = none;   // [C]
    ValueId delta = none;  // optional
  };
  ValueId x;
  uint32_t carry;  // state offset of C floats
  uint32_t count;  // 1..6 outputs in use
  std::array<Output, 6> outputs;
  bool peek = false;
};

// y (+)= gate * act(W x + bias). x: [rows, K], W: [N, K], bias: [N], y and gate: [rows, N].
// With `accumulate` the result is added to y (the residual).
struct Linear {
  ValueId x, y;
  WeightId weight;
  WeightId bias = none;
  ValueId gate = none;
  uint32_t act = shared::ACT_NONE;
  bool accumulate = false;
};

// v4's recurrence, per channel of width A; p is the running maximum that keeps the exponentials finite.
//   y = r * (e^(p-q) aa + e^(u+k-q) v) / (e^(p-q) bb + e^(u+k-q)),  q = max(p, u+k)
//   q = max(p+w, k):  aa = e^(p+w-q) aa + e^(k-q) v;  bb = e^(p+w-q) bb + e^(k-q);  p = q
// r is already sigmoid(R x). State: aa[A], bb[A], p[A].
struct Mix4 {
  ValueId r, k, v, y;
  WeightId decay;  // w = -exp(time_decay) [A]
  WeightId first;  // u [A]
  uint32_t state;
};

// v5 and v6, per head of size N. State S[key j][value i], f32.
//   y_i = sum_j r_j (u_j k_j v_i + S_ji);  S_ji = w_j S_ji + k_j v_i
//   y = groupnorm(y; eps) * norm_weight + norm_bias, then times g where there is one
struct Mix6 {
  ValueId r, k, v, y;
  ValueId w = none;                 // v6: decay per token, in (0, 1), [rows, A]
  WeightId decay = none;            // v5: fixed decay in (0, 1), [A]; exactly one of w and decay is given
  ValueId g = none;                 // the gate, already silu(G x); absent in v5.0
  WeightId first;                   // u [A]
  WeightId norm_weight, norm_bias;  // [A]
  uint32_t state, heads, head_size;
  float norm_eps;
};

// v7, per head of size N. State S[key j][value i], f32. w = decay in (0, 1), a in (0, 1), per token.
//   kk = k * k_k / max(|k * k_k|, 1e-12) over the head;  k' = k * (1 + (a - 1) * k_a)
//   v' = v + (v_first - v) * v_gate   where v_first is given (every layer but the first)
//   sa_i = sum_j S_ji (-kk_j);  S_ji = S_ji w_j + sa_i kk_j a_j + k'_j v'_i;  y_i = sum_j S_ji r_j
//   y = groupnorm(y; eps) * norm_weight + norm_bias;  y += (sum_j r_j k'_j r_k_j) v';  y *= g
struct Mix7 {
  ValueId r, w, k, v, a, g, y;
  ValueId v_first = none, v_gate = none;  // both or neither
  WeightId k_k, k_a, r_k;                 // [A]
  WeightId norm_weight, norm_bias;        // [A]
  uint32_t state, heads, head_size;
  float norm_eps;
};

// y: [picks, C], the rows of x whose logits are wanted.
struct Pick {
  ValueId x, y;
};

// The hidden rows of a mixture of experts, in place. Expert e's own part of the pre-activation comes in as
// h_e, what all share as k.
//   g = softmax over the `active` largest of (0, scores), 0 for the others; of equal scores the first count
//   h_e = g_e max(k + h_e, 0)^2;  k = sum_e h_e
// scores: [rows, >= count - 1], k and h_e: [rows, F].
struct Experts {
  static constexpr uint32_t most = 16;
  ValueId scores, k;
  uint32_t count;   // 2..most
  uint32_t active;  // 1..count
  std::array<ValueId, most> h;
};

using Op = std::variant<Norm, Shift, Linear, Mix4, Mix6, Mix7, Pick, Experts>;

// "norm", "shift", "linear", "mix4", "mix6", "mix7", "pick", "experts"
std::string_view name(const Op& op);

}  // namespace fulmar::ops
