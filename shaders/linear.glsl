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

// The first of the rows that this launch computes, and where they end.
uvec2 live_rows() {
  Step step = Step(p.step);
  const uint rows = (p.rows & ROWS_PICKED) != 0u ? step.picks : step.rows, decodes = min(step.decodes, rows);
  const uint from = (p.rows & ROWS_PROMPTS) != 0u ? decodes : 0u, end = (p.rows & ROWS_DECODE) != 0u ? decodes : rows;
  return uvec2(from + p.first_row, min(end, from + p.end_row));
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
