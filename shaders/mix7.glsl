// v7's key preparation, value residual, delta rule, group norm, bonus and gate: one workgroup per (head, segment); see
// head.glsl.
#include "common.glsl"
#include "head.glsl"
layout(constant_id = 4) const bool RESIDUAL = true;  // v_first and v_gate are given
layout(push_constant, std430) uniform Push { Mix7Push p; };

const uint ALL_QUADS = BLOCK * QUADS;
shared vec4 r_all[ALL_QUADS], w_all[ALL_QUADS], k_all[ALL_QUADS], kk_all[ALL_QUADS], kka_all[ALL_QUADS];

struct Input {
  float r, w, k, v, a, g, v_first, v_gate;
};
Input load_input(uint x) {
  Floats arena = Floats(p.arena);
  Input row = Input(arena.f[p.r + x], arena.f[p.w + x], arena.f[p.k + x], arena.f[p.v + x], arena.f[p.a + x],
                    arena.f[p.g + x], 0.0, 0.0);
  if (RESIDUAL) {
    row.v_first = arena.f[p.v_first + x];
    row.v_gate = arena.f[p.v_gate + x];
  }
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
  float k_k[EACH], k_a[EACH], r_k[EACH], norm_weight[EACH], norm_bias[EACH];
  [[unroll]] for (uint e = 0u; e < EACH; ++e) {
    k_k[e] = Floats(p.k_k).f[channel[e]];
    k_a[e] = Floats(p.k_a).f[channel[e]];
    r_k[e] = Floats(p.r_k).f[channel[e]];
    norm_weight[e] = Floats(p.norm_weight).f[channel[e]];
    norm_bias[e] = Floats(p.norm_bias).f[channel[e]];
  }

  for (uint first = from; first < end; first += BLOCK) {
    const uint rows = min(BLOCK, end - first);
    float v[OWN_ROWS * EACH], g[OWN_ROWS * EACH], bonus[OWN_ROWS];
    [[unroll]] for (uint o = 0u; o < OWN_ROWS; ++o) {
      const uint row = own_row(o);
      float k[EACH], kk[EACH];
      vec2 sums = vec2(0.0);  // of kk^2 and r k r_k
      [[unroll]] for (uint e = 0u; e < EACH; ++e) {
        const Input now = next[o * EACH + e];
        k[e] = now.k * (1.0 + (now.a - 1.0) * k_a[e]);
        kk[e] = now.k * k_k[e];
        v[o * EACH + e] = RESIDUAL ? now.v + (now.v_first - now.v) * now.v_gate : now.v;
        g[o * EACH + e] = now.g;
        if (has_channel(e)) sums += vec2(kk[e] * kk[e], now.r * k[e] * r_k[e]);
      }
      sums = subgroupAdd(sums);
      bonus[o] = sums.y;
      const float scale = 1.0 / max(sqrt(sums.x), 1e-12);
      if (row < rows)
        [[unroll]] for (uint e = 0u; e < EACH; ++e) {
          if (!has_channel(e)) continue;
          const Input now = next[o * EACH + e];
          const uint c = row * N + own_channel(e), j = c / 4u;
          r_all[j][c % 4u] = now.r;
          w_all[j][c % 4u] = now.w;
          k_all[j][c % 4u] = k[e];
          kk_all[j][c % 4u] = kk[e] * scale;
          kka_all[j][c % 4u] = kk[e] * scale * now.a;
          v_all[c] = v[o * EACH + e];
        }
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
        const vec4 kk = kk_all[all], w = w_all[all], k = k_all[all];
        a += S[n] * kk;
        b += S[OWN + n] * kk;
        S[n] = S[n] * w + k * v_i.x;
        S[OWN + n] = S[OWN + n] * w + k * v_i.y;
      }
      const vec2 sa = -quad_sum(vec2(sum_of(a), sum_of(b)));  // -sum_j S_ji kk_j
      a = b = vec4(0.0);
      [[unroll]] for (uint n = 0u; n < OWN; ++n) {
        const uint j = key_quad(at, n), all = row * QUADS + j;
        if (!owned(j)) continue;
        const vec4 kka = kka_all[all], r = r_all[all];
        S[n] += sa.x * kka;
        S[OWN + n] += sa.y * kka;
        a += S[n] * r;
        b += S[OWN + n] * r;
      }
      put_outputs(row, at, quad_sum(vec2(sum_of(a), sum_of(b))));
    }
    barrier();

    [[unroll]] for (uint o = 0u; o < OWN_ROWS; ++o) {
      const uint row = own_row(o);
      if (row >= rows) continue;
      float y[EACH];
      [[unroll]] for (uint e = 0u; e < EACH; ++e) y[e] = output_of(row, e);
      group_norm(y, p.eps);
      [[unroll]] for (uint e = 0u; e < EACH; ++e)
        if (has_channel(e))
          arena.f[p.y + (first + row) * A + channel[e]] =
              (y[e] * norm_weight[e] + norm_bias[e] + bonus[o] * v[o * EACH + e]) * g[o * EACH + e];
    }
  }
  store_state(state, at, S);
}
