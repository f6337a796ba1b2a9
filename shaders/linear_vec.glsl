// Linear for few rows: a matrix-vector kernel, bound by the bytes of W. A team of LANES lanes (part of a subgroup, a
// subgroup, or with SPLIT the whole workgroup) computes R outputs for T rows; its lanes stride over 16-byte chunks, so
// that neighbours read neighbouring quads, and R rows of W are in flight at once. x comes from the L1 cache.
#include "linear.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint SUBGROUP = 32;
layout(constant_id = 2) const uint T = 1;
layout(constant_id = 3) const uint R = 4;
layout(constant_id = 4) const uint LANES = 32;
layout(constant_id = 5) const bool SPLIT = false;

const uint SUMS = R * T;
const uint TEAMS = SPLIT ? 1u : gl_WorkGroupSize.x / LANES;
const uint STRIDE = SPLIT ? gl_WorkGroupSize.x : LANES;
const uint SUBGROUPS = gl_WorkGroupSize.x / SUBGROUP;

shared float partial[SPLIT ? SUBGROUPS * SUMS : 1u];

// Over the LANES neighbouring lanes of a team; every lane gets the sum.
float team_sum(float v) {
  if (LANES == SUBGROUP) return subgroupAdd(v);
  [[unroll]] for (uint o = LANES / 2u; o > 0u; o /= 2u) v += subgroupShuffleXor(v, o);
  return v;
}

// What a team's lane works on, and its sums so far.
Quads W;
Vectors xs;
uint N, K, n[R], x_at[T];
float sum[SUMS];

void load(uint c, out float w[R][CHUNK]) {
  [[unroll]] for (uint r = 0u; r < R; ++r) decode_chunk(W, N, K, n[r], c, w[r]);
}
void multiply(uint c, float w[R][CHUNK]) {
  [[unroll]] for (uint t = 0u; t < T; ++t) {
    [[unroll]] for (uint q = 0u; q < CHUNK / 4u; ++q) {
      vec4 x = xs.v[x_at[t] + c * (CHUNK / 4u) + q];
      [[unroll]] for (uint r = 0u; r < R; ++r)
        sum[r * T + t] += dot(vec4(w[r][4u * q], w[r][4u * q + 1u], w[r][4u * q + 2u], w[r][4u * q + 3u]), x);
    }
  }
}

void main() {
  uint group = gl_WorkGroupID.x;
  LinearJob job = find_job(group);
  const uvec2 live = live_rows();
  const uint rows = live.y, row0 = live.x + gl_WorkGroupID.y * T;
  if (row0 >= rows) return;
  const uint lane = SPLIT ? gl_LocalInvocationID.x : gl_SubgroupInvocationID % LANES;
  const uint team = SPLIT ? 0u : gl_SubgroupID * (SUBGROUP / LANES) + gl_SubgroupInvocationID / LANES;
  const uint n0 = (group * TEAMS + team) * R;

  // Outputs past N and rows past the batch repeat the last one and are not stored: no branch in the loop.
  W = Quads(job.weight);
  xs = Vectors(p.arena);
  N = job.N;
  K = job.K;
  [[unroll]] for (uint r = 0u; r < R; ++r) n[r] = min(n0 + r, N - 1u);
  [[unroll]] for (uint t = 0u; t < T; ++t) x_at[t] = (job.x + min(row0 + t, rows - 1u) * K) / 4u;
  [[unroll]] for (uint i = 0u; i < SUMS; ++i) sum[i] = 0.0;

  // Two chunks a turn where decoded chunks are small: 2 R loads are in flight before the first is used. Lanes may take
  // one turn more than others. Behind a loop they are together again for the sums, as SPIR-V promises where the whole
  // workgroup came to the loop together: whoever returns above takes all its threads along.
  const uint chunks = K / CHUNK;
  uint c = lane;
  if (CHUNK <= 8u) {
    for (; c + STRIDE < chunks; c += 2u * STRIDE) {
      float w0[R][CHUNK], w1[R][CHUNK];
      load(c, w0);
      load(c + STRIDE, w1);
      multiply(c, w0);
      multiply(c + STRIDE, w1);
    }
  }
  for (; c < chunks; c += STRIDE) {
    float w[R][CHUNK];
    load(c, w);
    multiply(c, w);
  }

  if (SPLIT) {
    [[unroll]] for (uint i = 0u; i < SUMS; ++i) {
      float s = subgroupAdd(sum[i]);
      if (subgroupElect()) partial[gl_SubgroupID * SUMS + i] = s;
    }
    barrier();
    if (lane >= SUMS) return;
    float s = 0.0;
    for (uint i = 0u; i < SUBGROUPS; ++i) s += partial[i * SUMS + lane];
    uint row = row0 + lane % T, out_n = n0 + lane / T;
    if (out_n < job.N && row < rows) finish(job, row, out_n, s);
    return;
  }
  // Lane i keeps sums i, i + LANES, ...: the stores and the gate's loads spread over the team.
  [[unroll]] for (uint i = 0u; i < SUMS; ++i) sum[i] = team_sum(sum[i]);
  [[unroll]] for (uint base = 0u; base < SUMS; base += LANES) {
    float s = 0.0;
    [[unroll]] for (uint i = 0u; i < SUMS; ++i)
      if (i == base + lane) s = sum[i];
    uint i = base + lane, row = row0 + i % T, out_n = n0 + i / T;
    if (i < SUMS && out_n < job.N && row < rows) finish(job, row, out_n, s);
  }
}
