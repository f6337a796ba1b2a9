// A mixture of experts' hidden rows, in place: see Experts in src/ops/ops.h. Every thread finds the gates of its row
// anew, which costs less than meeting the others, and computes a few channels with them.
#include "common.glsl"
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint COUNT = 2;
layout(constant_id = 1) const uint ACTIVE = 1;
layout(push_constant, std430) uniform Push { ExpertsPush p; };

const uint EACH = 4u;  // channels a thread

void main() {
  const uint row = p.first_row + gl_WorkGroupID.y;
  if (row >= min(Step(p.step).rows, p.end_row)) return;
  Floats arena = Floats(p.arena);
  float score[COUNT], gate[COUNT];
  score[0] = 0.0;
  float top = 0.0, sum = 0.0;
  for (uint e = 1u; e < COUNT; ++e) {
    score[e] = arena.f[p.scores + row * p.scores_width + e - 1u];
    top = max(top, score[e]);
  }
  for (uint e = 0u; e < COUNT; ++e) {
    uint before = 0u;  // experts that are picked before this one
    for (uint o = 0u; o < COUNT; ++o)
      if (score[o] > score[e] || (score[o] == score[e] && o < e)) ++before;
    gate[e] = before < ACTIVE ? precise_exp(score[e] - top) : 0.0;
    sum += gate[e];
  }
  for (uint i = 0u; i < EACH; ++i) {
    const uint c = (gl_WorkGroupID.x * EACH + i) * 64u + gl_LocalInvocationID.x;
    if (c >= p.width) return;
    const uint at = row * p.width + c;
    const float common_part = arena.f[p.k + at];
    float all = 0.0;
    for (uint e = 0u; e < COUNT; ++e) {
      const float hidden = max(common_part + arena.f[p.h[e] + at], 0.0), y = gate[e] / sum * hidden * hidden;
      arena.f[p.h[e] + at] = y;
      all += y;
    }
    arena.f[p.k + at] = all;
  }
}
