// Linear for many rows: tiles of 64 outputs x TILE_T rows, K in steps of 32. A tile of W is decoded once into shared
// memory and used for all its rows; each thread keeps 4 outputs x TILE_T / 8 rows in registers. The next tiles are on
// their way from memory while the present ones are multiplied.
#include "linear.glsl"
layout(local_size_x = 128) in;
layout(constant_id = 1) const uint TILE_T = 64;  // 16, 32 or 64

const uint TILE_N = 64, STEP = 32;
const uint PITCH = 9;  // vec4s a tile row: 8 and one of padding, so that neighbouring rows start in different banks
const uint ROWS = TILE_T / 8;
const uint ROW_CHUNKS = STEP / CHUNK;                  // chunks of W in a tile row
const uint W_CHUNKS = (TILE_N * ROW_CHUNKS + 127) / 128;  // chunks of W a thread brings
const uint X_QUADS = TILE_T * 8 / 128;                 // vec4s of x a thread brings

shared vec4 w_tile[TILE_N * PITCH];
shared vec4 x_tile[TILE_T * PITCH];

void main() {
  uint group = gl_WorkGroupID.x;
  LinearJob job = find_job(group);
  const uvec2 live = live_rows();
  const uint rows = live.y, row0 = live.x + gl_WorkGroupID.y * TILE_T;
  if (row0 >= rows) return;
  const uint id = gl_LocalInvocationID.x, n0 = group * TILE_N, K = job.K;
  Quads W = Quads(job.weight);
  Vectors xs = Vectors(p.arena);

  float w_next[W_CHUNKS][CHUNK];
  vec4 x_next[X_QUADS];
  float sum[4 * ROWS];
  [[unroll]] for (uint i = 0u; i < 4u * ROWS; ++i) sum[i] = 0.0;

  for (uint k = 0u; k < K + STEP; k += STEP) {
    if (k > 0u) {  // what the last turn brought goes to shared memory
      barrier();
      [[unroll]] for (uint i = 0u; i < W_CHUNKS; ++i) {
        uint chunk = id + 128u * i, at = chunk / ROW_CHUNKS * PITCH + chunk % ROW_CHUNKS * (CHUNK / 4u);
        if (TILE_N * ROW_CHUNKS % 128u == 0u || chunk < TILE_N * ROW_CHUNKS)
          [[unroll]] for (uint q = 0u; q < CHUNK / 4u; ++q)
            w_tile[at + q] =
                vec4(w_next[i][4u * q], w_next[i][4u * q + 1u], w_next[i][4u * q + 2u], w_next[i][4u * q + 3u]);
      }
      [[unroll]] for (uint i = 0u; i < X_QUADS; ++i) {
        uint quad = id + 128u * i;
        x_tile[quad / 8u * PITCH + quad % 8u] = x_next[i];
      }
      barrier();
    }
    if (k < K) {
      [[unroll]] for (uint i = 0u; i < W_CHUNKS; ++i) {
        uint chunk = id + 128u * i, c = k / CHUNK + chunk % ROW_CHUNKS;
        // Past K the chunk is any valid one: x is zero there.
        decode_chunk(W, job.N, K, min(n0 + chunk / ROW_CHUNKS, job.N - 1u), min(c, K / CHUNK - 1u), w_next[i]);
      }
      [[unroll]] for (uint i = 0u; i < X_QUADS; ++i) {
        uint quad = id + 128u * i, q = k / 4u + quad % 8u;
        vec4 x = xs.v[(job.x + min(row0 + quad / 8u, rows - 1u) * K) / 4u + min(q, K / 4u - 1u)];
        x_next[i] = q * 4u < K ? x : vec4(0.0);
      }
    }
    if (k == 0u) continue;
    const uint w_at = id % 16u * PITCH, x_at = id / 16u * PITCH;  // outputs id % 16 + 16 i, rows id / 16 + 8 j
    [[unroll]] for (uint q = 0u; q < 8u; ++q) {
      vec4 w[4];
      [[unroll]] for (uint i = 0u; i < 4u; ++i) w[i] = w_tile[w_at + 16u * PITCH * i + q];
      [[unroll]] for (uint j = 0u; j < ROWS; ++j) {
        vec4 x = x_tile[x_at + 8u * PITCH * j + q];
        [[unroll]] for (uint i = 0u; i < 4u; ++i) sum[4u * j + i] += dot(w[i], x);
      }
    }
  }
  [[unroll]] for (uint j = 0u; j < ROWS; ++j) {
    uint row = row0 + id / 16u + 8u * j;
    if (row >= rows) break;
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
      uint n = n0 + id % 16u + 16u * i;
      if (n < job.N) finish(job, row, n, sum[4u * j + i]);
    }
  }
}
