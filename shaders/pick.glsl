// Gathers the rows whose logits are wanted.
#include "common.glsl"
layout(local_size_x = 64) in;
layout(push_constant, std430) uniform Push { PickPush p; };

void main() {
  const uint c = gl_GlobalInvocationID.x, pick = p.first_row + gl_WorkGroupID.y;
  if (pick >= min(Step(p.step).picks, p.end_row) || c >= p.width) return;
  const uint row = Words(p.step).w[p.picks_at + pick];
  Floats arena = Floats(p.arena);
  arena.f[p.y + pick * p.width + c] = arena.f[p.x + row * p.width + c];
}
