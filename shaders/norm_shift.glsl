// Norm, Shift, or Norm directly followed by Shift: one workgroup a row. Two rows pass through together: the own one and
// the row its shift looks at. The segment's first row looks at the carry instead, so its second row is the segment's
// last, which it writes to the carry after reading it: no other workgroup touches the carry, hence no race.
// At few rows this kernel is nothing but waiting for memory, so whatever needs no other value is asked for at once.
#include "common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint C = 1024;  // a multiple of 4
layout(constant_id = 2) const uint SUBGROUP = 32;
layout(constant_id = 3) const bool NORM = true;
layout(constant_id = 4) const uint OUTPUTS = 1;  // of the shift; 0: no shift
layout(constant_id = 5) const bool PEEK = false;  // leaves the carry as it is
layout(push_constant, std430) uniform Push { NormShiftPush p; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Outputs { ShiftOutput output_[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Rows { vec4 v[]; };

const uint THREADS = gl_WorkGroupSize.x, SUBGROUPS = THREADS / SUBGROUP;
const uint QUADS = C / 4u;                           // vec4s in a row
const uint EACH = (QUADS + THREADS - 1u) / THREADS;  // of them that a thread keeps in registers
const bool PADDED = QUADS % THREADS != 0u;
const uint MIXES = EACH * (OUTPUTS > 0u ? OUTPUTS : 1u);

bool live(uint i) { return !PADDED || gl_LocalInvocationID.x + THREADS * i < QUADS; }
// The place of a thread's vec4 in a row.
uint quad(uint i) { return min(gl_LocalInvocationID.x + THREADS * i, QUADS - 1u); }
float sum_of(vec4 v) { return (v.x + v.y) + (v.z + v.w); }

// By subgroup: how many channels it has, and of the own and the other row their means and squared distances from them.
shared float counts[SUBGROUPS];
shared vec4 parts[SUBGROUPS];

// Each subgroup finds the moments of its part first, so that one barrier is enough and nothing cancels.
void moments(vec4 own[EACH], vec4 other[EACH], out vec2 mean, out vec2 variance) {
  vec2 sum = vec2(0.0), squares = vec2(0.0);
  float count = 0.0;
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    if (!live(i)) continue;
    sum += vec2(sum_of(own[i]), sum_of(other[i]));
    count += 4.0;
  }
  count = PADDED ? subgroupAdd(count) : count * float(SUBGROUP);
  const vec2 part = subgroupAdd(sum) / max(count, 1.0);
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    if (!live(i)) continue;
    const vec4 a = own[i] - part.x, b = other[i] - part.y;
    squares += vec2(dot(a, a), dot(b, b));
  }
  squares = subgroupAdd(squares);
  if (subgroupElect()) {
    counts[gl_SubgroupID] = count;
    parts[gl_SubgroupID] = vec4(part, squares);
  }
  barrier();
  mean = vec2(0.0);
  variance = vec2(0.0);
  [[unroll]] for (uint s = 0u; s < SUBGROUPS; ++s) mean += counts[s] * parts[s].xy;
  mean /= float(C);
  [[unroll]] for (uint s = 0u; s < SUBGROUPS; ++s) {
    const vec2 off = parts[s].xy - mean;
    variance += parts[s].zw + counts[s] * off * off;
  }
  variance /= float(C);
}

void main() {
  const uint row = p.first_row + gl_WorkGroupID.x;
  if (row >= p.end_row) return;
  Step step = Step(p.step);
  Rows arena = Rows(p.arena);
  const uint x = p.x / 4u;
  vec4 own[EACH], other[EACH], weight[EACH], bias[EACH];
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    own[i] = arena.v[x + row * QUADS + quad(i)];
    other[i] = own[i];
    if (OUTPUTS > 0u) other[i] = arena.v[x + (row - min(row, 1u)) * QUADS + quad(i)];
    if (NORM) {
      weight[i] = Vectors(p.weight).v[quad(i)];
      bias[i] = Vectors(p.bias).v[quad(i)];
    }
  }
  vec4 mixes[MIXES];
  Outputs outputs = Outputs(p.outputs);
  [[unroll]] for (uint o = 0u; o < OUTPUTS; ++o) {
    const uvec2 mix_at = outputs.output_[o].mix;
    const uint delta = outputs.output_[o].delta;
    [[unroll]] for (uint i = 0u; i < EACH; ++i) {
      mixes[o * EACH + i] = Vectors(mix_at).v[quad(i)];
      if (delta != ABSENT) mixes[o * EACH + i] += arena.v[delta / 4u + row * QUADS + quad(i)];
    }
  }
  if (row >= step.rows) return;  // of the rows that there may be, those that there are

  bool first = false;
  uvec2 carry = uvec2(0u);  // an address: SwiftShader's compiler crashes where a reference is chosen in a branch
  vec4 carried[EACH];
  if (OUTPUTS > 0u) {
    const uvec4 segment = step.segment[Words(p.step).w[p.rows_at + row]];
    const uint last = segment.z + segment.w - 1u;
    first = row == segment.z;
    carry = uvec2(slot_state(segment, p.carry));
    if (first)
      [[unroll]] for (uint i = 0u; i < EACH; ++i) {
        [[unroll]] for (uint e = 0u; e < 4u; ++e) carried[i][e] = Floats(carry).f[4u * quad(i) + e];
        other[i] = own[i];
        if (last != row) other[i] = arena.v[x + last * QUADS + quad(i)];
      }
  }
  if (NORM) {
    vec2 mean, variance;
    moments(own, other, mean, variance);
    const vec2 scale = inversesqrt(variance + p.eps);
    [[unroll]] for (uint i = 0u; i < EACH; ++i) {
      own[i] = (own[i] - mean.x) * scale.x * weight[i] + bias[i];
      other[i] = (other[i] - mean.y) * scale.y * weight[i] + bias[i];
      if (OUTPUTS == 0u && live(i)) arena.v[p.y / 4u + row * QUADS + quad(i)] = own[i];
    }
  }
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    if (OUTPUTS == 0u || !live(i)) continue;
    if (first && !PEEK)
      [[unroll]] for (uint e = 0u; e < 4u; ++e) Floats(carry).f[4u * quad(i) + e] = other[i][e];
    const vec4 step_back = (first ? carried[i] : other[i]) - own[i];
    [[unroll]] for (uint o = 0u; o < OUTPUTS; ++o)
      arena.v[outputs.output_[o].y / 4u + row * QUADS + quad(i)] = own[i] + step_back * mixes[o * EACH + i];
  }
}
