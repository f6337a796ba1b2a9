// exp and the activations on vectors; included once per instruction set.
#if defined(FULMAR_VECTOR_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef FULMAR_VECTOR_MATH_INL
#undef FULMAR_VECTOR_MATH_INL
#else
#define FULMAR_VECTOR_MATH_INL
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "shared/act.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Arguments are kept where Highway's Exp is valid. It makes zero of a NaN, which must stay one here.
template <class V>
HWY_INLINE V exp_of(V x) {
  const hn::DFromV<V> d;
  const V kept = hn::Max(hn::Set(d, -104.0f), hn::Min(hn::Set(d, 88.0f), x));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, kept));
}

template <class V>
HWY_INLINE V sigmoid_of(V x) {
  const auto one = hn::Set(hn::DFromV<V>(), 1.0f);
  return hn::Div(one, hn::Add(one, exp_of(hn::Neg(x))));
}

// shared::activate, lane by lane.
template <uint32_t act, class V>
HWY_INLINE V activate(V x) {
  const hn::DFromV<V> d;
  const auto zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  if constexpr (act == shared::ACT_RELU2) {
    const V m = hn::IfThenZeroElse(hn::Lt(x, zero), x);  // NaN stays, which Max leaves open
    return hn::Mul(m, m);
  } else if constexpr (act == shared::ACT_TANH) {
    const V e = exp_of(hn::Mul(hn::Set(d, -2.0f), hn::Abs(x)));
    return hn::CopySign(hn::Div(hn::Sub(one, e), hn::Add(one, e)), x);
  } else if constexpr (act == shared::ACT_SIGMOID) {
    return sigmoid_of(x);
  } else if constexpr (act == shared::ACT_SILU) {
    return hn::Mul(x, sigmoid_of(x));
  } else if constexpr (act == shared::ACT_DECAY6) {
    return exp_of(hn::Neg(exp_of(x)));
  } else if constexpr (act == shared::ACT_DECAY7) {
    return exp_of(hn::Mul(hn::Set(d, -0.60653065971f), sigmoid_of(x)));
  } else {
    return x;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();
#endif
