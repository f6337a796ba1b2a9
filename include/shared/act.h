// What a Linear op does to its result before gate and residual. Numbers are part of the push data: never reorder.
#ifndef FULMAR_SHARED_ACT_H
#define FULMAR_SHARED_ACT_H
#include "shared/lang.h"

#ifdef __cplusplus
namespace fulmar::shared {
#endif

SHARED_CONST(uint, ACT_NONE, 0u);
SHARED_CONST(uint, ACT_RELU2, 1u);    // max(x, 0)^2
SHARED_CONST(uint, ACT_TANH, 2u);
SHARED_CONST(uint, ACT_SIGMOID, 3u);
SHARED_CONST(uint, ACT_SILU, 4u);     // x sigmoid(x)
SHARED_CONST(uint, ACT_DECAY6, 5u);   // exp(-exp(x)): v6's decay in (0, 1)
SHARED_CONST(uint, ACT_DECAY7, 6u);   // exp(-e^-0.5 sigmoid(x)): v7's decay in (0.545, 1)

// A saturating tanh: exp of a large argument overflows to infinity and some GPUs then return NaN for inf/inf.
SHARED_FN float stable_tanh(float x) {
  float e = exp(-2.0f * (x < 0.0f ? -x : x));
  float t = (1.0f - e) / (1.0f + e);
  return x < 0.0f ? -t : t;
}
SHARED_FN float sigmoid(float x) { return 1.0f / (1.0f + exp(-x)); }

SHARED_FN float activate(uint act, float x) {
  if (act == ACT_NONE) return x;
  if (act == ACT_RELU2) return x > 0.0f ? x * x : 0.0f;
  if (act == ACT_TANH) return stable_tanh(x);
  if (act == ACT_SIGMOID) return sigmoid(x);
  if (act == ACT_SILU) return x * sigmoid(x);
  if (act == ACT_DECAY6) return exp(-exp(x));
  return exp(-0.60653065971f * sigmoid(x));
}

#ifdef __cplusplus
}  // namespace fulmar::shared
#endif
#endif
