// v7's key preparation, value residual, delta rule, group norm, bonus and gate: one workgroup per (head, segment); see
// head.glsl. Two barriers a row: kk stays unnormalized in shared memory and its norm enters as a factor of sa.
#include "common.glsl"
#include "head.glsl"
layout(constant_id = 2) const bool RESIDUAL = true;  // v_first and v_gate are given
layout(push_constant, std430) uniform Push { Mix7Push p; };

shared vec4 r_all[QUADS], w_all[QUADS], k_all[QUADS], kk_all[QUADS], kka_all[QUADS];
shared vec2 parts[128];  // by subgroup: sum kk^2, sum r k' r_k

struct Row {
  float r, w, k, v, a, g, v_first, v_gate;
};
Row load_row(uint x) {
  Floats arena = Floats(p.arena);
  Row row = Row(arena.f[p.r + x], arena.f[p.w + x], arena.f[p.k + x], arena.f[p.v + x], arena.f[p.a + x],
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
  const uint head = gl_WorkGroupID.x, A = p.heads * N, channel = head * N + min(at.i, N - 1u);
  Floats arena = Floats(p.arena);
  Floats state = slot_state(segment, p.carry + head * N * N);
  Row next = load_row(from * A + channel);
  vec4 S[OWN];
  load_state(state, at, S);
  const float k_k = Floats(p.k_k).f[channel], k_a = Floats(p.k_a).f[channel], r_k = Floats(p.r_k).f[channel];
  const float norm_weight = Floats(p.norm_weight).f[channel], norm_bias = Floats(p.norm_bias).f[channel];

  for (uint t = from; t < end; ++t) {
    const Row now = next;
    next = load_row(min(t + 1u, end - 1u) * A + channel);  // arrives while this row is computed
    const float kk = now.k * k_k, k = now.k * (1.0 + (now.a - 1.0) * k_a);
    float v = now.v;
    if (RESIDUAL) v += (now.v_first - v) * now.v_gate;
    if (at.q == 0u && live(at)) {
      const uint j = at.i / 4u, e = at.i % 4u;
      r_all[j][e] = now.r;
      w_all[j][e] = now.w;
      k_all[j][e] = k;
      kk_all[j][e] = kk;
      kka_all[j][e] = kk * now.a;
    }
    const vec2 part = subgroupAdd(live(at) ? vec2(kk * kk, now.r * k * r_k) : vec2(0.0));
    if (subgroupElect()) parts[gl_SubgroupID] = part;
    barrier();
    vec2 sums = vec2(0.0);
    for (uint s = 0u; s < gl_NumSubgroups; ++s) sums += parts[s];
    sums *= 0.25;  // every channel was summed by four lanes

    // sa_i = -sum_j S_ji kk_j, twice divided by |kk|: once for kk here, once for kk_j a_j below
    float sa = 0.0;
    [[unroll]] for (uint n = 0u; n < OWN; ++n) {
      const uint j = key_quad(at, n);
      if (owned(j)) sa -= dot(S[n], kk_all[j]);
    }
    const float scale = 1.0 / max(sqrt(sums.x), 1e-12);
    sa = quad_sum(sa) * scale * scale;
    float y = 0.0;
    [[unroll]] for (uint n = 0u; n < OWN; ++n) {
      const uint j = key_quad(at, n);
      if (!owned(j)) break;
      S[n] = S[n] * w_all[j] + sa * kka_all[j] + k_all[j] * v;
      y += dot(S[n], r_all[j]);
    }
    y = group_norm(quad_sum(y), at, p.eps) * norm_weight + norm_bias;
    if (at.q == 0u && live(at)) arena.f[p.y + t * A + channel] = (y + sums.y * v) * now.g;
  }
  store_state(state, at, S);
}
