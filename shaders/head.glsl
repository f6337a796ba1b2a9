// What the per-head kernels share. A head of size N is 4 N threads, rounded up to whole subgroups: the quad i computes
// output i, lane q of it keeps a quarter of the state column S[.][i] in registers for the whole segment. Lane q owns the
// keys of every fourth vec4, so that the lanes of a quad read neighbouring vec4s of shared memory.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint N = 64;

const uint PARTS = gl_WorkGroupSize.x / 4u;        // a subgroup has four lanes at least
const uint QUADS = N / 4u;                         // vec4s in a head
const uint OWN = (QUADS + 3u) / 4u;                // vec4s of state a lane keeps
const bool PADDED = gl_WorkGroupSize.x != 4u * N;  // threads past the head fill the last subgroup and add nothing

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

bool live(Place at) { return !PADDED || at.i < N; }
// The vec4 of keys that own[n] holds, and whether there is one.
uint key_quad(Place at, uint n) { return 4u * n + at.q; }
bool owned(uint j) { return !PADDED || j < QUADS; }

// S[key][i] of slot_state, row-major, to and from registers.
void load_state(Floats state, Place at, out vec4 own[OWN]) {
  [[unroll]] for (uint n = 0u; n < OWN; ++n) {
    const uint j = key_quad(at, n);
    own[n] = vec4(0.0);
    if (live(at) && owned(j))
      [[unroll]] for (uint e = 0u; e < 4u; ++e) own[n][e] = state.f[(4u * j + e) * N + at.i];
  }
}
void store_state(Floats state, Place at, vec4 own[OWN]) {
  if (!live(at)) return;
  [[unroll]] for (uint n = 0u; n < OWN; ++n) {
    const uint j = key_quad(at, n);
    if (owned(j))
      [[unroll]] for (uint e = 0u; e < 4u; ++e) state.f[(4u * j + e) * N + at.i] = own[n][e];
  }
}

shared vec3 head_moments[PARTS];

// (y - mean) / sqrt(variance + eps) over the head; y is the same in the four lanes of a quad. Each subgroup finds its
// own mean and squared distance first, so that one barrier is enough and nothing cancels.
float group_norm(float y, Place at, float eps) {
  const float size = PADDED ? subgroupAdd(live(at) ? 1.0 : 0.0) : float(gl_SubgroupSize);
  const float mean = subgroupAdd(live(at) ? y : 0.0) / max(size, 1.0);
  const float squares = subgroupAdd(live(at) ? (y - mean) * (y - mean) : 0.0);
  if (subgroupElect()) head_moments[gl_SubgroupID] = vec3(size, mean, squares);
  barrier();
  float all = 0.0, distance = 0.0;
  for (uint s = 0u; s < gl_NumSubgroups; ++s) all += head_moments[s].x * head_moments[s].y;
  all /= float(4u * N);
  for (uint s = 0u; s < gl_NumSubgroups; ++s) {
    const vec3 m = head_moments[s];
    distance += m.z + m.x * (m.y - all) * (m.y - all);
  }
  return (y - all) * inversesqrt(distance / float(4u * N) + eps);
}
