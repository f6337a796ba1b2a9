// Norm, Shift, or Norm directly followed by Shift: one workgroup a row. Two rows pass through together: the own one and
// the row its shift looks at. The segment's first row looks at the carry instead, so its second row is the segment's
// last, which it writes to the carry after reading it: no other workgroup touches the carry, hence no race.
#include "common.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint C = 1024;
layout(constant_id = 2) const bool NORM = true;
layout(constant_id = 3) const uint OUTPUTS = 1;  // of the shift; 0: no shift
layout(constant_id = 4) const bool PEEK = false;  // leaves the carry as it is
layout(push_constant, std430) uniform Push { NormShiftPush p; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Outputs { ShiftOutput output_[]; };

const uint THREADS = gl_WorkGroupSize.x;
const uint EACH = (C + THREADS - 1u) / THREADS;  // channels a thread keeps in registers

shared vec2 partial[256];

vec2 row_sum(vec2 v, uint turn) {
  vec2 s = subgroupAdd(v);
  if (subgroupElect()) partial[turn * 128u + gl_SubgroupID] = s;
  barrier();
  s = vec2(0.0);
  for (uint i = 0u; i < gl_NumSubgroups; ++i) s += partial[turn * 128u + i];
  return s;
}

void main() {
  const uint row = p.first_row + gl_WorkGroupID.x, id = gl_LocalInvocationID.x;
  Step step = Step(p.step);
  if (row >= min(step.rows, p.end_row)) return;
  Floats arena = Floats(p.arena);
  uvec4 segment = uvec4(0u);
  uint other = row;
  bool first = false;
  if (OUTPUTS > 0u) {
    segment = step.segment[Words(p.step).w[p.rows_at + row]];
    first = row == segment.z;
    other = first ? segment.z + segment.w - 1u : row - 1u;
  }

  vec2 x[EACH];  // own, other
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    uint c = id + THREADS * i;
    x[i] = C % THREADS == 0u || c < C ? vec2(arena.f[p.x + row * C + c], arena.f[p.x + other * C + c]) : vec2(0.0);
  }
  if (NORM) {
    vec2 sum = vec2(0.0);
    [[unroll]] for (uint i = 0u; i < EACH; ++i) sum += x[i];
    const vec2 mean = row_sum(sum, 0u) / float(C);
    sum = vec2(0.0);
    [[unroll]] for (uint i = 0u; i < EACH; ++i) {
      x[i] -= mean;
      if (C % THREADS == 0u || id + THREADS * i < C) sum += x[i] * x[i];
    }
    const vec2 scale = inversesqrt(row_sum(sum, 1u) / float(C) + p.eps);
    [[unroll]] for (uint i = 0u; i < EACH; ++i) {
      uint c = id + THREADS * i;
      if (C % THREADS == 0u || c < C) {
        x[i] = x[i] * scale * Floats(p.weight).f[c] + Floats(p.bias).f[c];
        if (OUTPUTS == 0u) arena.f[p.y + row * C + c] = x[i].x;
      }
    }
  }
  if (OUTPUTS == 0u) return;

  Floats carry = slot_state(segment, p.carry);
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    uint c = id + THREADS * i;
    if (C % THREADS != 0u && c >= C) continue;
    float previous = x[i].y;
    if (first) {
      previous = carry.f[c];
      if (!PEEK) carry.f[c] = x[i].y;
    }
    x[i].y = previous - x[i].x;
  }
  Outputs outputs = Outputs(p.outputs);
  [[unroll]] for (uint o = 0u; o < OUTPUTS; ++o) {
    const uvec2 mix_at = outputs.output_[o].mix;
    const uint y = outputs.output_[o].y, delta = outputs.output_[o].delta;
    [[unroll]] for (uint i = 0u; i < EACH; ++i) {
      uint c = id + THREADS * i;
      if (C % THREADS != 0u && c >= C) continue;
      float mix = Floats(mix_at).f[c];
      if (delta != ABSENT) mix += arena.f[delta + row * C + c];
      arena.f[y + row * C + c] = x[i].x + x[i].y * mix;
    }
  }
}
