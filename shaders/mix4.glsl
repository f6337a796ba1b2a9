// v4's recurrence: one thread per channel of one segment walks the segment's rows with aa, bb and p in registers.
#include "common.glsl"
layout(local_size_x = 64) in;
layout(push_constant, std430) uniform Push { Mix4Push p; };

void main() {
  Step step = Step(p.step);
  const uint A = p.width, c = gl_GlobalInvocationID.x;
  if (gl_WorkGroupID.y >= step.segments || c >= A) return;
  const uvec4 segment = step.segment[gl_WorkGroupID.y];
  const uint from = max(segment.z, p.first_row), end = min(segment.z + segment.w, p.end_row);
  if (from >= end) return;
  Floats arena = Floats(p.arena), state = slot_state(segment, p.carry);
  const float w = Floats(p.decay).f[c], u = Floats(p.first).f[c];
  float aa = state.f[c], bb = state.f[A + c], top = state.f[2u * A + c];
  for (uint row = from; row < end; ++row) {
    const uint at = row * A + c;
    const float r = arena.f[p.r + at], k = arena.f[p.k + at], v = arena.f[p.v + at];
    float q = max(top, u + k), e1 = precise_exp(top - q), e2 = precise_exp(u + k - q);
    arena.f[p.y + at] = r * (e1 * aa + e2 * v) / (e1 * bb + e2);
    q = max(top + w, k);
    e1 = precise_exp(top + w - q);
    e2 = precise_exp(k - q);
    aa = e1 * aa + e2 * v;
    bb = e1 * bb + e2;
    top = q;
  }
  state.f[c] = aa;
  state.f[A + c] = bb;
  state.f[2u * A + c] = top;
}
