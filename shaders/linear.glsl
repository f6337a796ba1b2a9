// What the two linear kernels share: finding a workgroup's job and finishing a result.
layout(push_constant, std430) uniform Push { LinearPush p; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Jobs { LinearJob job[]; };

// The job of workgroup column `group`; `group` becomes its number within the job.
LinearJob find_job(inout uint group) {
  if (p.count == 1u) return p.job;
  uint i = 0u, first = 0u;
  [[unroll]] for (uint j = 1u; j < MAX_JOBS; ++j) {
    if (j < p.count && group >= p.first[j]) {
      i = j;
      first = p.first[j];
    }
  }
  group -= first;
  return Jobs(p.jobs).job[i];
}

// Rows from the first of all to the last of this launch.
uint live_rows() {
  Step step = Step(p.step);
  return min(p.picked != 0u ? step.picks : step.rows, p.end_row);
}

// y (+)= gate * act(sum + bias)
void finish(LinearJob job, uint row, uint n, float sum) {
  Floats arena = Floats(p.arena);
  uint at = row * job.N + n;
  if ((job.flags & JOB_BIAS) != 0u) sum += Floats(job.bias).f[n];
  float y = activate(job.flags & 255u, sum);
  if (job.gate != ABSENT) y *= arena.f[job.gate + at];
  if ((job.flags & JOB_ACCUMULATE) != 0u) y += arena.f[job.y + at];
  arena.f[job.y + at] = y;
}
