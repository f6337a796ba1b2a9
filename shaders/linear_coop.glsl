// linear_mat on matrix units: inputs rounded to f16, sums in f32. Tiles of TILE_T rows x TILE_N outputs, K in steps of
// STEP. A tile of W is decoded once into shared memory and used for all its rows. The workgroup's subgroups are
// TEAMS_T x TEAMS_N places in the tile, each with TEAMS_K subgroups that share the steps' K among them and whose sums
// are added in the end. The next tiles are on their way from memory while the present ones are multiplied.
// A subgroup's products, 2 x 2 at most, have names: an array of matrices ends in memory on some compilers, which makes
// this kernel three to four times slower (NVIDIA's 580).
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
// Tiles are made of octs, 8 halves. From one tile row to the next it is an odd number of them, so that rows start in
// different banks.
const uint ROW_OCTS = STEP / 8u, PITCH = ROW_OCTS + 1u;
const uint ROW_CHUNKS = STEP / CHUNK, CHUNK_OCTS = CHUNK / 8u;
const uint W_CHUNKS = (TILE_N * ROW_CHUNKS + THREADS - 1u) / THREADS;  // chunks of W a thread brings
const uint X_OCTS = (TILE_T * ROW_OCTS + THREADS - 1u) / THREADS;      // octs of x a thread brings
const uint OWN_T = TILE_T / TEAMS_T / MAT_M, OWN_N = TILE_N / TEAMS_N / MAT_N;  // products a subgroup sums up
const uint PLACES = TEAMS_T * TEAMS_N;
const uint SUM_PITCH = MAT_N / 4u + 1u, SUM_SIZE = MAT_M * SUM_PITCH;  // of one product's sums, four a uvec4
const uint X_AT = TILE_N * PITCH, TILES = X_AT + TILE_T * PITCH, SUMS = PLACES * TEAMS_K * SUM_SIZE;

shared uvec4 tiles[TILES > SUMS ? TILES : SUMS];  // W, then x; in the end one product's sums of each subgroup

// An infinity in one place would spoil a whole row or column.
f16vec4 halves(vec4 v) { return f16vec4(clamp(v, vec4(-65504.0), vec4(65504.0))); }
// The same of an input, whose places without a number keep none: clamp() may make one of them.
f16vec4 input_halves(vec4 v) {
  const uint exponent = 0x7f800000u;
  if ((floatBitsToUint((v.x + v.y) + (v.z + v.w)) & exponent) != exponent) return halves(v);
  const bvec4 none = bvec4(no_number(v.x), no_number(v.y), no_number(v.z), no_number(v.w));
  return mix(halves(v), f16vec4(unpackFloat2x16(0x7e007e00u), unpackFloat2x16(0x7e007e00u)), none);
}
uvec4 oct(f16vec4 a, f16vec4 b) {
  return uvec4(packFloat2x16(a.xy), packFloat2x16(a.zw), packFloat2x16(b.xy), packFloat2x16(b.zw));
}

// A chunk on its way. Whatever is computed from it waits for it, so where the format has undecoded chunks they are
// decoded only when they go to shared memory.
#ifdef CHUNK_QUAD
#define CHUNK_T uvec4
#else
#define CHUNK_T Decoded
struct Decoded {
  uvec4 octs[CHUNK_OCTS];
};
#endif

void pack(float v[CHUNK], out uvec4 octs[CHUNK_OCTS]) {
  [[unroll]] for (uint o = 0u; o < CHUNK_OCTS; ++o)
    octs[o] = oct(halves(vec4(v[8u * o], v[8u * o + 1u], v[8u * o + 2u], v[8u * o + 3u])),
                  halves(vec4(v[8u * o + 4u], v[8u * o + 5u], v[8u * o + 6u], v[8u * o + 7u])));
}
CHUNK_T load_chunk(Quads W, uint N, uint K, uint n, uint c) {
#ifdef CHUNK_QUAD
  return CHUNK_QUAD(W, K, n, c);
#else
  float v[CHUNK];
  decode_chunk(W, N, K, n, c, v);
  Decoded d;
  pack(v, d.octs);
  return d;
#endif
}
void unpack_chunk(CHUNK_T chunk, out uvec4 octs[CHUNK_OCTS]) {
#ifdef QUAD_OF_HALVES
  octs[0] = chunk;
#elif defined(CHUNK_QUAD)
  float v[CHUNK];
  decode_quad(chunk, v);
  pack(v, octs);
#else
  octs = chunk.octs;
#endif
}

LinearJob job;
uint rows, row0, n0, place, team_k, own_t, own_n;
CHUNK_T w_next[W_CHUNKS];
vec4 x_next[2u * X_OCTS];

// Asks for the tiles at k. Past K everything is any valid chunk or oct: x then counts as zero.
void ask(uint k) {
  Quads W = Quads(job.weight);
  Vectors xs = Vectors(p.arena);
  [[unroll]] for (uint i = 0u; i < W_CHUNKS; ++i) {
    uint chunk = gl_LocalInvocationID.x + THREADS * i, c = k / CHUNK + chunk % ROW_CHUNKS;
    w_next[i] = load_chunk(W, job.N, job.K, min(n0 + chunk / ROW_CHUNKS, job.N - 1u), min(c, job.K / CHUNK - 1u));
  }
  [[unroll]] for (uint i = 0u; i < X_OCTS; ++i) {
    uint at = gl_LocalInvocationID.x + THREADS * i, c = k / 8u + at % ROW_OCTS;
    uint row = min(row0 + at / ROW_OCTS, rows - 1u), quad = (job.x + row * job.K) / 4u + 2u * min(c, job.K / 8u - 1u);
    x_next[2u * i] = xs.v[quad];
    x_next[2u * i + 1u] = xs.v[quad + 1u];
  }
}
// Puts what was asked for at k into shared memory.
void put(uint k) {
  [[unroll]] for (uint i = 0u; i < W_CHUNKS; ++i) {
    uint chunk = gl_LocalInvocationID.x + THREADS * i;
    uint at = chunk / ROW_CHUNKS * PITCH + chunk % ROW_CHUNKS * CHUNK_OCTS;
    uvec4 octs[CHUNK_OCTS];
    unpack_chunk(w_next[i], octs);
    if (TILE_N * ROW_CHUNKS % THREADS == 0u || chunk < TILE_N * ROW_CHUNKS)
      [[unroll]] for (uint o = 0u; o < CHUNK_OCTS; ++o) tiles[at + o] = octs[o];
  }
  [[unroll]] for (uint i = 0u; i < X_OCTS; ++i) {
    uint at = gl_LocalInvocationID.x + THREADS * i;
    const bool is_there = k + at % ROW_OCTS * 8u < job.K;
    const uvec4 x = oct(input_halves(x_next[2u * i]), input_halves(x_next[2u * i + 1u]));
    if (TILE_T * ROW_OCTS % THREADS == 0u || at < TILE_T * ROW_OCTS)
      tiles[X_AT + at / ROW_OCTS * PITCH + at % ROW_OCTS] = is_there ? x : uvec4(0u);
  }
}

#define SUM coopmat<float, gl_ScopeSubgroup, MAT_M, MAT_N, gl_MatrixUseAccumulator>
#define ROWS_OF_X coopmat<float16_t, gl_ScopeSubgroup, MAT_M, MAT_K, gl_MatrixUseA>
#define ROWS_OF_W coopmat<float16_t, gl_ScopeSubgroup, MAT_K, MAT_N, gl_MatrixUseB>

// Stores the products (i, j) of all subgroups; those of one place finish its elements together.
void finish_products(SUM sum, uint i, uint j) {
  barrier();
  coopMatStore(sum, tiles, gl_SubgroupID * SUM_SIZE, SUM_PITCH, gl_CooperativeMatrixLayoutRowMajor);
  barrier();
  for (uint e = team_k * SUBGROUP + gl_SubgroupInvocationID; e < MAT_M * MAT_N; e += TEAMS_K * SUBGROUP) {
    const uint row = row0 + own_t + i * MAT_M + e / MAT_N, n = n0 + own_n + j * MAT_N + e % MAT_N;
    if (row >= rows || n >= job.N) continue;
    float s = 0.0;
    [[unroll]] for (uint team = 0u; team < TEAMS_K; ++team) {
      const uint at = (team * PLACES + place) * SUM_SIZE + e / MAT_N * SUM_PITCH + e % MAT_N / 4u;
      s += uintBitsToFloat(tiles[at][e % 4u]);
    }
    finish(job, row, n, s);
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
  place = gl_SubgroupID % PLACES;
  team_k = gl_SubgroupID / PLACES;
  own_t = place / TEAMS_N * OWN_T * MAT_M;  // within the tile
  own_n = place % TEAMS_N * OWN_N * MAT_N;

  SUM sum00 = SUM(0.0), sum01 = SUM(0.0), sum10 = SUM(0.0), sum11 = SUM(0.0);
  ask(0u);
  for (uint k = 0u; k < job.K; k += STEP) {
    barrier();
    put(k);
    barrier();
    ask(k + STEP);  // in the last turn in vain: a branch here makes compilers wait for the loads at its end
    [[unroll]] for (uint i_k = 0u; i_k < STEP / MAT_K / TEAMS_K; ++i_k) {
      const uint at_k = (i_k * TEAMS_K + team_k) * MAT_K / 8u;
      const uint x_at = X_AT + own_t * PITCH + at_k, w_at = own_n * PITCH + at_k;
      ROWS_OF_X x0, x1;
      ROWS_OF_W w;
      coopMatLoad(x0, tiles, x_at, PITCH, gl_CooperativeMatrixLayoutRowMajor);
      if (OWN_T == 2u) coopMatLoad(x1, tiles, x_at + MAT_M * PITCH, PITCH, gl_CooperativeMatrixLayoutRowMajor);
      coopMatLoad(w, tiles, w_at, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
      sum00 = coopMatMulAdd(x0, w, sum00);
      if (OWN_T == 2u) sum10 = coopMatMulAdd(x1, w, sum10);
      if (OWN_N == 2u) {
        coopMatLoad(w, tiles, w_at + MAT_N * PITCH, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
        sum01 = coopMatMulAdd(x0, w, sum01);
        if (OWN_T == 2u) sum11 = coopMatMulAdd(x1, w, sum11);
      }
    }
  }
  finish_products(sum00, 0u, 0u);
  if (OWN_N == 2u) finish_products(sum01, 0u, 1u);
  if (OWN_T == 2u) finish_products(sum10, 1u, 0u);
  if (OWN_T == 2u && OWN_N == 2u) finish_products(sum11, 1u, 1u);
}
