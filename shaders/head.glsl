// What the per-head kernels share. A head of size N is 4 N threads: the quad i computes output i, lane q of it keeps a
// quarter of the state column S[.][i] in registers for the whole segment. Lane q owns the keys of every fourth vec4, so
// that the lanes of a quad read neighbouring vec4s of shared memory.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint N = 64;

const uint OWN = N / 16u;  // vec4s of state a lane keeps

struct Place {
  uint i, q;
};
Place place() {
  const uint thread = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;  // subgroups are full
  return Place(thread / 4u, thread % 4u);
}

float quad_sum(float v) {
  v += subgroupQuadSwapHorizontal(v);
  return v + subgroupQuadSwapVertical(v);
}

// S[key][i] of slot_state, row-major, to and from registers; own[n] holds keys 4 (4 n + q) .. + 3.
void load_state(Floats state, Place at, out vec4 own[OWN]) {
  [[unroll]] for (uint n = 0u; n < OWN; ++n)
    [[unroll]] for (uint e = 0u; e < 4u; ++e) own[n][e] = state.f[(4u * (4u * n + at.q) + e) * N + at.i];
}
void store_state(Floats state, Place at, vec4 own[OWN]) {
  [[unroll]] for (uint n = 0u; n < OWN; ++n)
    [[unroll]] for (uint e = 0u; e < 4u; ++e) state.f[(4u * (4u * n + at.q) + e) * N + at.i] = own[n][e];
}

shared vec2 head_moments[128];

// (y - mean) / sqrt(variance + eps) over the head; y is the same in the four lanes of a quad. Each subgroup finds its
// own mean and squared distance first, so that one barrier is enough and nothing cancels.
float group_norm(float y, float eps) {
  const float size = float(gl_SubgroupSize);
  const float mean = subgroupAdd(y) / size;
  const float squares = subgroupAdd((y - mean) * (y - mean));
  if (subgroupElect()) head_moments[gl_SubgroupID] = vec2(mean, squares);
  barrier();
  float all = 0.0, distance = 0.0;
  for (uint s = 0u; s < gl_NumSubgroups; ++s) all += head_moments[s].x;
  all /= float(gl_NumSubgroups);
  for (uint s = 0u; s < gl_NumSubgroups; ++s) {
    const vec2 m = head_moments[s];
    distance += m.y + size * (m.x - all) * (m.x - all);
  }
  return (y - all) * inversesqrt(distance / float(4u * N) + eps);
}
