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

// Vulkan allows exp an error of 3 + 2 |x| ulp, and a decay is multiplied into the state once a token: GLSL gets an exp
// of its own, within 2 ulp over the range that does not overflow. Past that range it stays at the range's end. What is
// no number stays none: a model that has lost its way must not answer with made-up numbers.
#ifdef __cplusplus
inline float precise_exp(float x) { return std::exp(x); }
inline float precise_tanh(float x) { return std::tanh(x); }
#else
bool no_number(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }  // compilers may drop isnan()
float precise_exp(float v) {
  float x = clamp(v, -87.0f, 88.0f);
  float n = floor(x * 1.44269504f + 0.5f);
  // v - n ln 2, ln 2 in two parts; |r| <= ln 2 / 2. `precise`, or a compiler may join the parts, which costs 1e-5.
  precise float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float tail = ((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r +
                1.6666665459e-1f) * r + 5.0000001201e-1f;
  return no_number(v) ? v : (tail * r * r + r + 1.0f) * uintBitsToFloat(uint(int(n) + 127) << 23u);
}
float precise_tanh(float x) {
  float a = abs(x);
  if (a < 0.625f) {  // 1 - exp(-2x) would cancel
    float s = x * x;
    return x + x * s * ((((-5.70498872745e-3f * s + 2.06390887954e-2f) * s - 5.37397155531e-2f) * s +
                         1.33314422036e-1f) * s - 3.33332819422e-1f);
  }
  float e = precise_exp(-2.0f * a);
  return sign(x) * (1.0f - e) / (1.0f + e);
}
#endif
SHARED_FN float sigmoid(float x) { return 1.0f / (1.0f + precise_exp(-x)); }

SHARED_FN float activate(uint act, float x) {
  if (act == ACT_NONE) return x;
  if (act == ACT_RELU2) return x < 0.0f ? 0.0f : x * x;
  if (act == ACT_TANH) return precise_tanh(x);
  if (act == ACT_SIGMOID) return sigmoid(x);
  if (act == ACT_SILU) return x * sigmoid(x);
  if (act == ACT_DECAY6) return precise_exp(-precise_exp(x));
  return precise_exp(-0.60653065971f * sigmoid(x));
}

#ifdef __cplusplus
}  // namespace fulmar::shared
#endif
#endif
