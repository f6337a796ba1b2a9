// linear_mat on matrix units: inputs rounded to f16, sums in f32. Tiles of TILE_T rows x TILE_N outputs, K in steps of
// STEP. A tile of W is decoded once into shared memory and used for all its rows. The workgroup's subgroups are
// TEAMS_T x TEAMS_N places in the tile, each with TEAMS_K subgroups that share the steps' K among them and whose sums
// are added in the end. The next tiles are on their way from memory while the present ones are multiplied.
#include "linear.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint SUBGROUP = 32;
layout(constant_id = 2) const uint TILE_T = 64;
layout(constant_id = 3) const uint TILE_N = 64;
layout(constant_id = 4) const uint STEP = 64;
layout(constant_id = 5) const uint TEAMS_T = 2;
layout(constant_id = 6) const uint TEAMS_N = 2;
layout(constant_id = 7) const uint TEAMS_K = 1;
layout(constant_id = 8) const uint MAT_M = 16;  // one product of the units: MAT_M rows, MAT_N outputs, MAT_K deep
layout(constant_id = 9) const uint MAT_N = 16;
layout(constant_id = 10) const uint MAT_K = 16;

const uint THREADS = gl_WorkGroupSize.x;
const uint ROW_QUADS = STEP / 4u;
// f16vec4s from one tile row to the next: the padding makes it an odd number of 16 bytes, so that rows start in
// different banks, and each where matrix loads may.
const uint PITCH = ROW_QUADS + 2u;
const uint ROW_CHUNKS = STEP / CHUNK, CHUNK_QUADS = CHUNK / 4u;
const uint W_CHUNKS = (TILE_N * ROW_CHUNKS + THREADS - 1u) / THREADS;  // chunks of W a thread brings
const uint X_QUADS = (TILE_T * ROW_QUADS + THREADS - 1u) / THREADS;    // vec4s of x a thread brings
const uint OWN_T = TILE_T / TEAMS_T / MAT_M, OWN_N = TILE_N / TEAMS_N / MAT_N;  // products a subgroup sums up
const uint PLACES = TEAMS_T * TEAMS_N;
const uint SUM_PITCH = MAT_N + 4u, SUM_SIZE = MAT_M * SUM_PITCH;

shared f16vec4 w_tile[TILE_N * PITCH];
shared f16vec4 x_tile[TILE_T * PITCH];
shared float sum_tile[PLACES * TEAMS_K * SUM_SIZE];  // one product's sums of each subgroup

// An infinity in one place would spoil a whole row or column.
f16vec4 halves(vec4 v) { return f16vec4(clamp(v, vec4(-65504.0), vec4(65504.0))); }
// The same of an input, whose places without a number keep none: clamp() may make one of them.
f16vec4 input_halves(vec4 v) {
  const bvec4 none = bvec4(no_number(v.x), no_number(v.y), no_number(v.z), no_number(v.w));
  return mix(halves(v), f16vec4(unpackFloat2x16(0x7e007e00u), unpackFloat2x16(0x7e007e00u)), none);
}

// A chunk on its way. Whatever is computed from it waits for it, so where the format has undecoded chunks they are
// decoded only when they go to shared memory.
#ifdef CHUNK_QUAD
#define CHUNK_T uvec4
#else
#define CHUNK_T Decoded
struct Decoded {
  f16vec4 q[CHUNK_QUADS];
};
#endif

void pack(float v[CHUNK], out f16vec4 w[CHUNK_QUADS]) {
  [[unroll]] for (uint q = 0u; q < CHUNK_QUADS; ++q)
    w[q] = halves(vec4(v[4u * q], v[4u * q + 1u], v[4u * q + 2u], v[4u * q + 3u]));
}
CHUNK_T load_chunk(Quads W, uint N, uint K, uint n, uint c) {
#ifdef CHUNK_QUAD
  return CHUNK_QUAD(W, K, n, c);
#else
  float v[CHUNK];
  decode_chunk(W, N, K, n, c, v);
  Decoded d;
  pack(v, d.q);
  return d;
#endif
}
void unpack_chunk(CHUNK_T chunk, out f16vec4 w[CHUNK_QUADS]) {
#ifdef QUAD_OF_HALVES
  w[0] = f16vec4(unpackFloat2x16(chunk.x), unpackFloat2x16(chunk.y));
  w[1] = f16vec4(unpackFloat2x16(chunk.z), unpackFloat2x16(chunk.w));
#elif defined(CHUNK_QUAD)
  float v[CHUNK];
  decode_quad(chunk, v);
  pack(v, w);
#else
  w = chunk.q;
#endif
}

LinearJob job;
uint rows, row0, n0;
CHUNK_T w_next[W_CHUNKS];
vec4 x_next[X_QUADS];

// Asks for the tiles at k. Past K everything is any valid chunk or quad: x then counts as zero.
void ask(uint k) {
  Quads W = Quads(job.weight);
  Vectors xs = Vectors(p.arena);
  [[unroll]] for (uint i = 0u; i < W_CHUNKS; ++i) {
    uint chunk = gl_LocalInvocationID.x + THREADS * i, c = k / CHUNK + chunk % ROW_CHUNKS;
    w_next[i] = load_chunk(W, job.N, job.K, min(n0 + chunk / ROW_CHUNKS, job.N - 1u), min(c, job.K / CHUNK - 1u));
  }
  [[unroll]] for (uint i = 0u; i < X_QUADS; ++i) {
    uint quad = gl_LocalInvocationID.x + THREADS * i, q = k / 4u + quad % ROW_QUADS;
    uint row = min(row0 + quad / ROW_QUADS, rows - 1u);
    x_next[i] = xs.v[(job.x + row * job.K) / 4u + min(q, job.K / 4u - 1u)];
  }
}
// Puts what was asked for at k into shared memory.
void put(uint k) {
  [[unroll]] for (uint i = 0u; i < W_CHUNKS; ++i) {
    uint chunk = gl_LocalInvocationID.x + THREADS * i;
    uint at = chunk / ROW_CHUNKS * PITCH + chunk % ROW_CHUNKS * CHUNK_QUADS;
    f16vec4 w[CHUNK_QUADS];
    unpack_chunk(w_next[i], w);
    if (TILE_N * ROW_CHUNKS % THREADS == 0u || chunk < TILE_N * ROW_CHUNKS)
      [[unroll]] for (uint q = 0u; q < CHUNK_QUADS; ++q) w_tile[at + q] = w[q];
  }
  [[unroll]] for (uint i = 0u; i < X_QUADS; ++i) {
    uint quad = gl_LocalInvocationID.x + THREADS * i;
    const vec4 x = k + quad % ROW_QUADS * 4u < job.K ? x_next[i] : vec4(0.0);
    if (TILE_T * ROW_QUADS % THREADS == 0u || quad < TILE_T * ROW_QUADS)
      x_tile[quad / ROW_QUADS * PITCH + quad % ROW_QUADS] = input_halves(x);
  }
}

void main() {
  uint group = gl_WorkGroupID.x;
  job = find_job(group);
  const uvec2 live = live_rows();
  rows = live.y;
  row0 = live.x + gl_WorkGroupID.y * TILE_T;
  n0 = group * TILE_N;
  if (row0 >= rows) return;
  const uint place = gl_SubgroupID % PLACES, team_k = gl_SubgroupID / PLACES;
  const uint own_t = place / TEAMS_N * OWN_T * MAT_M, own_n = place % TEAMS_N * OWN_N * MAT_N;  // within the tile

  coopmat<float, gl_ScopeSubgroup, MAT_M, MAT_N, gl_MatrixUseAccumulator> sum[OWN_T * OWN_N];
  [[unroll]] for (uint i = 0u; i < OWN_T * OWN_N; ++i)
    sum[i] = coopmat<float, gl_ScopeSubgroup, MAT_M, MAT_N, gl_MatrixUseAccumulator>(0.0);

  ask(0u);
  for (uint k = 0u; k < job.K; k += STEP) {
    barrier();
    put(k);
    barrier();
    ask(k + STEP);  // in the last turn in vain: a branch here makes compilers wait for the loads at its end
    for (uint i_k = 0u; i_k < STEP / MAT_K / TEAMS_K; ++i_k) {
      const uint at_k = (i_k * TEAMS_K + team_k) * MAT_K / 4u;
      coopmat<float16_t, gl_ScopeSubgroup, MAT_M, MAT_K, gl_MatrixUseA> x[OWN_T];
      [[unroll]] for (uint i = 0u; i < OWN_T; ++i)
        coopMatLoad(x[i], x_tile, (own_t + i * MAT_M) * PITCH + at_k, PITCH, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint j = 0u; j < OWN_N; ++j) {
        coopmat<float16_t, gl_ScopeSubgroup, MAT_K, MAT_N, gl_MatrixUseB> w;
        coopMatLoad(w, w_tile, (own_n + j * MAT_N) * PITCH + at_k, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
        [[unroll]] for (uint i = 0u; i < OWN_T; ++i)
          sum[i * OWN_N + j] = coopMatMulAdd(x[i], w, sum[i * OWN_N + j]);
      }
    }
  }

  [[unroll]] for (uint i = 0u; i < OWN_T; ++i) {
    [[unroll]] for (uint j = 0u; j < OWN_N; ++j) {
      barrier();
      coopMatStore(sum[i * OWN_N + j], sum_tile, gl_SubgroupID * SUM_SIZE, SUM_PITCH,
                   gl_CooperativeMatrixLayoutRowMajor);
      barrier();
      // The subgroups of a place finish its elements together.
      for (uint e = team_k * SUBGROUP + gl_SubgroupInvocationID; e < MAT_M * MAT_N; e += TEAMS_K * SUBGROUP) {
        const uint row = row0 + own_t + i * MAT_M + e / MAT_N, n = n0 + own_n + j * MAT_N + e % MAT_N;
        if (row >= rows || n >= job.N) continue;
        float s = 0.0;
        [[unroll]] for (uint team = 0u; team < TEAMS_K; ++team)
          s += sum_tile[(team * PLACES + place) * SUM_SIZE + e / MAT_N * SUM_PITCH + e % MAT_N];
        finish(job, row, n, s);
      }
    }
  }
}
