// What the per-head kernels share. A head of size N is 2 N threads, rounded up to whole subgroups. Its rows come in
// blocks, each in three steps with a barrier between: subgroups prepare a row each, the rows pass through the state one
// after another, and subgroups finish a row each. In the middle step no thread waits for another: a quad computes
// two outputs, and lane q of it keeps a quarter of their columns S[.][i] of the state in registers for the whole
// segment: of two columns, because each vector that is read from shared memory then serves twice, and reading them is
// what takes the time. Lane q owns the keys of every fourth vec4, so that the lanes of a quad read neighbouring ones.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint N = 64;
layout(constant_id = 2) const uint SUBGROUP = 32;
layout(constant_id = 3) const uint BLOCK = 8;  // rows

const uint SUBGROUPS = gl_WorkGroupSize.x / SUBGROUP;
const uint OWN_ROWS = (BLOCK + SUBGROUPS - 1u) / SUBGROUPS;  // of a block, that a subgroup prepares and finishes
const uint EACH = (N + SUBGROUP - 1u) / SUBGROUP;            // channels of a row that a lane prepares and finishes
const uint QUADS = N / 4u;                                   // vec4s in a head
const uint OWN = (QUADS + 3u) / 4u;                          // vec4s of a state column that a lane keeps
const uint OWN_BOTH = 2u * OWN;
const bool PADDED = gl_WorkGroupSize.x != 2u * N;  // threads past the head fill the last subgroup and add nothing

// The block's row that this thread's subgroup takes in its turn `turn`, and the channel that this lane takes in its.
uint own_row(uint turn) { return gl_SubgroupID + SUBGROUPS * turn; }
uint own_channel(uint turn) { return gl_SubgroupInvocationID + SUBGROUP * turn; }
bool has_channel(uint turn) { return N % SUBGROUP == 0u || own_channel(turn) < N; }

struct Place {
  uint i, q;  // the outputs are i and i + 1
};
Place place() {
  const uint thread = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;  // subgroups are full
  return Place(thread / 4u * 2u, thread % 4u);
}

vec2 quad_sum(vec2 v) {
  v += subgroupQuadSwapHorizontal(v);
  return v + subgroupQuadSwapVertical(v);
}
float sum_of(vec4 v) { return (v.x + v.y) + (v.z + v.w); }

bool live(Place at) { return !PADDED || at.i < N; }
// The vec4 of keys that own[n] and own[OWN + n] hold, and whether there is one.
uint key_quad(Place at, uint n) { return 4u * n + at.q; }
bool owned(uint j) { return !PADDED || j < QUADS; }

// S[key][i] of slot_state, row-major, to and from registers.
void load_state(Floats state, Place at, out vec4 own[OWN_BOTH]) {
  [[unroll]] for (uint n = 0u; n < OWN; ++n) {
    const uint j = key_quad(at, n);
    own[n] = own[OWN + n] = vec4(0.0);
    if (live(at) && owned(j))
      [[unroll]] for (uint e = 0u; e < 4u; ++e) {
        own[n][e] = state.f[(4u * j + e) * N + at.i];
        own[OWN + n][e] = state.f[(4u * j + e) * N + at.i + 1u];
      }
  }
}
void store_state(Floats state, Place at, vec4 own[OWN_BOTH]) {
  if (!live(at)) return;
  [[unroll]] for (uint n = 0u; n < OWN; ++n) {
    const uint j = key_quad(at, n);
    if (owned(j))
      [[unroll]] for (uint e = 0u; e < 4u; ++e) {
        state.f[(4u * j + e) * N + at.i] = own[n][e];
        state.f[(4u * j + e) * N + at.i + 1u] = own[OWN + n][e];
      }
  }
}

// The block's v and what the middle step makes of them.
shared float v_all[BLOCK * N], y_all[BLOCK * N];

vec2 values(uint row, Place at) {
  const uint i = row * N + min(at.i, N - 2u);
  return vec2(v_all[i], v_all[i + 1u]);
}
void put_outputs(uint row, Place at, vec2 y) {
  if (at.q != 0u || !live(at)) return;
  y_all[row * N + at.i] = y.x;
  y_all[row * N + at.i + 1u] = y.y;
}
// Of the row that a subgroup finishes; 0 where a lane has no channel.
float output_of(uint row, uint turn) { return has_channel(turn) ? y_all[row * N + own_channel(turn)] : 0.0; }

// (y - mean) / sqrt(variance + eps) over a head, whose channels a subgroup's lanes share; those of no channel are 0.
void group_norm(inout float y[EACH], float eps) {
  float sum = 0.0, squares = 0.0;
  [[unroll]] for (uint e = 0u; e < EACH; ++e) sum += y[e];
  const float mean = subgroupAdd(sum) / float(N);
  [[unroll]] for (uint e = 0u; e < EACH; ++e) {
    y[e] = has_channel(e) ? y[e] - mean : 0.0;
    squares += y[e] * y[e];
  }
  const float scale = inversesqrt(subgroupAdd(squares) / float(N) + eps);
  [[unroll]] for (uint e = 0u; e < EACH; ++e) y[e] *= scale;
}
