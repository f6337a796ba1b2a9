// Folding a vector's lanes to one number and transposing squares; included once per instruction set.
#if defined(FULMAR_LANES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef FULMAR_LANES_INL
#undef FULMAR_LANES_INL
#else
#define FULMAR_LANES_INL
#endif

#include <hwy/highway.h>

#include "cpu/targets.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The sum of all lanes, by halves: lane i and i + L/2 first, down to 0 and 1. Panels add up in this order
// too.
template <class D>
HWY_INLINE float fold(D d, hn::Vec<D> v) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) > 1) {
    const hn::Half<D> half;
    return fold(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
#endif
  (void)d;
  return hn::GetLane(v);
}

// v[i] lane j <-> v[j] lane i, for as many vectors as a vector has lanes: 1, 4, 8 or 16.
template <class D>
HWY_INLINE void transpose(D d, hn::Vec<D>* v) {
#if HWY_TARGET != HWY_SCALAR
  constexpr uint32_t lanes = hn::MaxLanes(D());
  static_assert(lanes == 4 || lanes == 8 || lanes == 16);
  // Squares of 4 x 4 within blocks of 128 bits.
  const hn::RepartitionToWide<D> pairs;
  FULMAR_UNROLL
  for (uint32_t i = 0; i < lanes; i += 4) {
    const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, v[i], v[i + 1]));
    const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, v[i], v[i + 1]));
    const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, v[i + 2], v[i + 3]));
    const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, v[i + 2], v[i + 3]));
    v[i] = hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23));
    v[i + 1] = hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23));
    v[i + 2] = hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23));
    v[i + 3] = hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23));
  }
  // Then the blocks: halves change places first, and of 512 bits neighbouring blocks.
  if constexpr (lanes >= 8) {
    FULMAR_UNROLL
    for (uint32_t i = 0; i < lanes / 2; ++i) {
      const auto low = v[i], high = v[i + lanes / 2];
      v[i] = hn::ConcatLowerLower(d, high, low);
      v[i + lanes / 2] = hn::ConcatUpperUpper(d, high, low);
    }
  }
  if constexpr (lanes == 16) {
    FULMAR_UNROLL
    for (uint32_t i = 0; i < 16; i += 8) {
      FULMAR_UNROLL
      for (uint32_t j = i; j < i + 4; ++j) {
        const auto even = v[j], odd = v[j + 4];
        v[j] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(odd), even);
        v[j + 4] = hn::OddEvenBlocks(odd, hn::SwapAdjacentBlocks(even));
      }
    }
  }
#else
  (void)d, (void)v;
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();
#endif
