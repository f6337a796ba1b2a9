// The push data of every kernel, one struct per kernel, laid out alike (std430) in C++ and GLSL. At most 128 bytes.
// Addresses are device addresses; x, y and the other activations are offsets in floats from `arena`.
#ifndef FULMAR_SHARED_PUSH_H
#define FULMAR_SHARED_PUSH_H
#include "shared/lang.h"

#ifdef __cplusplus
#define ADDRESS uint64_t
namespace fulmar::shared {
#else
#define ADDRESS uvec2
#endif

SHARED_CONST(uint, ABSENT, 0xffffffffu);  // an operand that is not there
SHARED_CONST(uint, MAX_JOBS, 8u);         // linear ops in one launch
SHARED_CONST(uint, JOB_ACCUMULATE, 256u);  // LinearJob::flags: the act in the low byte, then these
SHARED_CONST(uint, JOB_BIAS, 512u);

// LinearPush::rows: which of the step's rows a launch computes.
SHARED_CONST(uint, ROWS_PICKED, 1u);   // the picks stand for the rows
SHARED_CONST(uint, ROWS_DECODE, 2u);   // the first, up to Step::decodes
SHARED_CONST(uint, ROWS_PROMPTS, 4u);  // those behind them

// What is common to the steps of one batch shape: {rows, segments, picks, decodes}, the segments as {the address of
// their slot's state in two words, first, rows}, then the segment of each row, then the picked rows. `rows_at` and
// `picks_at` count words from the start. A launch computes the rows (or picks) from first_row to end_row of those there
// are, of ROWS_PROMPTS counted from the first that does not decode.
struct LinearJob {
  ADDRESS weight, bias;
  uint x, y, gate;
  uint N, K;
  uint flags;
};

// jobs[i] owns the workgroups from first[i] on; a lone job travels in the push data itself.
struct LinearPush {
  ADDRESS arena, step, jobs;
  uint count;
  uint rows;  // ROWS_ or 0
  uint first_row, end_row;
  uint first[8];
  LinearJob job;
};

// One output of a token shift; an array of these lies in device memory.
struct ShiftOutput {
  ADDRESS mix;
  uint y, delta;
};

struct NormShiftPush {
  ADDRESS arena, step, weight, bias, outputs;
  uint x, y;       // y: of a norm alone
  uint carry;      // floats from the start of a slot's state
  uint rows_at;
  uint first_row, end_row;
  float eps;
};

struct Mix4Push {
  ADDRESS arena, step, decay, first;
  uint r, k, v, y;
  uint width, carry;
  uint first_row, end_row;
};

struct Mix6Push {
  ADDRESS arena, step, decay, first, norm_weight, norm_bias;
  uint r, k, v, w, g, y;
  uint heads, carry;
  uint first_row, end_row;
  float eps;
};

struct Mix7Push {
  ADDRESS arena, step, k_k, k_a, r_k, norm_weight, norm_bias;
  uint r, w, k, v, a, g, y, v_first, v_gate;
  uint heads, carry;
  uint first_row, end_row;
  float eps;
};

struct ExpertsPush {
  ADDRESS arena, step;
  uint scores, k, width, scores_width;
  uint first_row, end_row;
  uint h[16];
};

struct PickPush {
  ADDRESS arena, step;
  uint x, y, width, picks_at;
  uint first_row, end_row;
};

#ifdef __cplusplus
static_assert(sizeof(LinearJob) == 40 && sizeof(LinearPush) <= 128 && sizeof(Mix7Push) <= 128);
}  // namespace fulmar::shared
#endif
#undef ADDRESS
#endif
