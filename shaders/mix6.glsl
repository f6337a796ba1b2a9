// v5's and v6's recurrence with group norm and gate: one workgroup per (head, segment); see head.glsl.
//   y_i = sum_j r_j S_ji + v_i sum_j r_j u_j k_j;  S_ji = w_j S_ji + k_j v_i
#include "common.glsl"
#include "head.glsl"
layout(constant_id = 4) const bool TOKEN_DECAY = false;  // w per token (v6) or fixed (v5)
layout(constant_id = 5) const bool GATE = true;
layout(push_constant, std430) uniform Push { Mix6Push p; };

const uint ALL_QUADS = BLOCK * QUADS;
shared vec4 r_all[ALL_QUADS], k_all[ALL_QUADS], w_all[ALL_QUADS];

struct Input {
  float r, k, v, w, g;
};
Input load_input(uint x) {
  Floats arena = Floats(p.arena);
  Input row = Input(arena.f[p.r + x], arena.f[p.k + x], arena.f[p.v + x], 0.0, 1.0);
  if (TOKEN_DECAY) row.w = arena.f[p.w + x];
  if (GATE) row.g = arena.f[p.g + x];
  return row;
}

void main() {
  Step step = Step(p.step);
  if (gl_WorkGroupID.y >= step.segments) return;
  const uvec4 segment = step.segment[gl_WorkGroupID.y];
  const uint from = max(segment.z, p.first_row), end = min(segment.z + segment.w, p.end_row);
  if (from >= end) return;
  const Place at = place();
  const uint head = gl_WorkGroupID.x, A = p.heads * N;
  Floats arena = Floats(p.arena);
  Floats state = slot_state(segment, p.carry + head * N * N);
  uint channel[EACH];
  [[unroll]] for (uint e = 0u; e < EACH; ++e) channel[e] = head * N + min(own_channel(e), N - 1u);
  Input next[OWN_ROWS * EACH];
  [[unroll]] for (uint o = 0u; o < OWN_ROWS; ++o)
    [[unroll]] for (uint e = 0u; e < EACH; ++e)
      next[o * EACH + e] = load_input(min(from + own_row(o), end - 1u) * A + channel[e]);
  vec4 S[OWN_BOTH];
  load_state(state, at, S);
  float u[EACH], decay[EACH], norm_weight[EACH], norm_bias[EACH];
  [[unroll]] for (uint e = 0u; e < EACH; ++e) {
    u[e] = Floats(p.first).f[channel[e]];
    decay[e] = 0.0;
    if (!TOKEN_DECAY) decay[e] = Floats(p.decay).f[channel[e]];
    norm_weight[e] = Floats(p.norm_weight).f[channel[e]];
    norm_bias[e] = Floats(p.norm_bias).f[channel[e]];
  }

  for (uint first = from; first < end; first += BLOCK) {
    const uint rows = min(BLOCK, end - first);
    float v[OWN_ROWS * EACH], g[OWN_ROWS * EACH], bonus[OWN_ROWS];
    [[unroll]] for (uint o = 0u; o < OWN_ROWS; ++o) {
      const uint row = own_row(o);
      float sum = 0.0;
      [[unroll]] for (uint e = 0u; e < EACH; ++e) {
        const Input now = next[o * EACH + e];
        v[o * EACH + e] = now.v;
        g[o * EACH + e] = now.g;
        if (!has_channel(e)) continue;
        sum += now.r * u[e] * now.k;
        if (row >= rows) continue;
        const uint c = row * N + own_channel(e), j = c / 4u;
        r_all[j][c % 4u] = now.r;
        k_all[j][c % 4u] = now.k;
        w_all[j][c % 4u] = TOKEN_DECAY ? now.w : decay[e];
        v_all[c] = now.v;
      }
      bonus[o] = subgroupAdd(sum);
    }
    [[unroll]] for (uint o = 0u; o < OWN_ROWS; ++o)  // arrive while this block is computed
      [[unroll]] for (uint e = 0u; e < EACH; ++e)
        next[o * EACH + e] = load_input(min(first + BLOCK + own_row(o), end - 1u) * A + channel[e]);
    barrier();

    for (uint row = 0u; row < rows; ++row) {
      const vec2 v_i = values(row, at);
      vec4 a = vec4(0.0), b = vec4(0.0);  // sums for the two outputs
      [[unroll]] for (uint n = 0u; n < OWN; ++n) {
        const uint j = key_quad(at, n), all = row * QUADS + j;
        if (!owned(j)) continue;
        const vec4 r = r_all[all], w = w_all[all], k = k_all[all];
        a += S[n] * r;
        b += S[OWN + n] * r;
        S[n] = S[n] * w + k * v_i.x;
        S[OWN + n] = S[OWN + n] * w + k * v_i.y;
      }
      put_outputs(row, at, quad_sum(vec2(sum_of(a), sum_of(b))));
    }
    barrier();

    [[unroll]] for (uint o = 0u; o < OWN_ROWS; ++o) {
      const uint row = own_row(o);
      if (row >= rows) continue;
      float y[EACH];
      [[unroll]] for (uint e = 0u; e < EACH; ++e)
        y[e] = has_channel(e) ? output_of(row, e) + v[o * EACH + e] * bonus[o] : 0.0;
      group_norm(y, p.eps);
      [[unroll]] for (uint e = 0u; e < EACH; ++e)
        if (has_channel(e))
          arena.f[p.y + (first + row) * A + channel[e]] = (y[e] * norm_weight[e] + norm_bias[e]) * g[o * EACH + e];
    }
  }
  store_state(state, at, S);
}
