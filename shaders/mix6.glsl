// v5's and v6's recurrence with group norm and gate: one workgroup per (head, segment); see head.glsl.
//   y_i = sum_j r_j S_ji + v_i sum_j r_j u_j k_j;  S_ji = w_j S_ji + k_j v_i
#include "common.glsl"
#include "head.glsl"
layout(constant_id = 2) const bool TOKEN_DECAY = false;  // w per token (v6) or fixed (v5)
layout(constant_id = 3) const bool GATE = true;
layout(push_constant, std430) uniform Push { Mix6Push p; };

shared vec4 r_all[QUADS], k_all[QUADS], w_all[QUADS];
shared float bonus_parts[128];

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
  const float u = Floats(p.first).f[channel];
  const float norm_weight = Floats(p.norm_weight).f[channel], norm_bias = Floats(p.norm_bias).f[channel];
  vec4 S[OWN];
  load_state(state, at, S);
  float w = 0.0;
  if (!TOKEN_DECAY) w = Floats(p.decay).f[channel];

  for (uint row = from; row < end; ++row) {
    const uint x = row * A + channel;
    const float r = arena.f[p.r + x], k = arena.f[p.k + x], v = arena.f[p.v + x];
    if (TOKEN_DECAY) w = arena.f[p.w + x];
    if (at.q == 0u && live(at)) {
      r_all[at.i / 4u][at.i % 4u] = r;
      k_all[at.i / 4u][at.i % 4u] = k;
      w_all[at.i / 4u][at.i % 4u] = w;
    }
    const float part = subgroupAdd(live(at) ? r * u * k : 0.0);
    if (subgroupElect()) bonus_parts[gl_SubgroupID] = part;
    barrier();
    float bonus = 0.0;
    for (uint s = 0u; s < gl_NumSubgroups; ++s) bonus += bonus_parts[s];
    float y = 0.0;
    [[unroll]] for (uint n = 0u; n < OWN; ++n) {
      const uint j = key_quad(at, n);
      if (!owned(j)) break;
      y += dot(S[n], r_all[j]);
      S[n] = S[n] * w_all[j] + k_all[j] * v;
    }
    y = quad_sum(y) + v * bonus * 0.25;  // every channel was summed by four lanes
    y = group_norm(y, at, p.eps) * norm_weight + norm_bias;
    if (GATE) y *= arena.f[p.g + x];
    if (at.q == 0u && live(at)) arena.f[p.y + x] = y;
  }
  store_state(state, at, S);
}
