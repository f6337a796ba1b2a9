// How each matrix format's rows become vectors of floats; included once per instruction set.
// A Row is a view of one row: load(k, j) gives elements [k + j, k + j + lanes), k a multiple of `span`, j
// below it and a multiple of lanes that the compiler knows, so that what all of a span share is computed
// once. scalar(k) gives one of the elements behind the last whole span.
#if defined(FULMAR_LINEAR_FORMATS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef FULMAR_LINEAR_FORMATS_INL
#undef FULMAR_LINEAR_FORMATS_INL
#else
#define FULMAR_LINEAR_FORMATS_INL
#endif

#include <hwy/highway.h>

#include <cstring>

#include "base/half.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Float = hn::Vec<Floats>;
constexpr size_t L = hn::MaxLanes(Floats());
using Words = hn::RebindToUnsigned<Floats>;
using Shorts = hn::Rebind<uint16_t, Floats>;
using Halves = hn::Rebind<hwy::float16_t, Floats>;
using Bytes = hn::Rebind<int8_t, Floats>;
using Octets = hn::Rebind<uint8_t, Floats>;
using Ints = hn::Rebind<int32_t, Floats>;

// Asks for a cache line, into L1 (locality 3) or L2 (2); never faults, wherever it points.
template <int locality>
HWY_INLINE void fetch(const std::byte* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, locality);
#else
  hwy::Prefetch(p);
#endif
}

// How many bytes ahead of where they are read weights are fetched, into L2: what waits for memory on its way into L1 has
// little room, and the hardware's prefetchers stop whenever nothing is read for a while, and at every page. Measured on
// Zen 4, an arranged matrix of q4_0 that lies in memory takes 280 us into L1 or without, 165 from 4 KiB ahead, 107 from 16.
constexpr uint64_t far_ahead = 16384;

// Rows may lie in a mapped file at any address: pointers to more than a byte are only handed to unaligned
// loads.
struct F32Row {
  F32Row() = default;
  F32Row(const std::byte* m, uint64_t, uint64_t K, uint64_t row, float*, uint64_t = 0, uint64_t = 0)
      : p(reinterpret_cast<const float*>(m + row * K * 4)) {}
  HWY_INLINE Float load(uint64_t k, uint32_t) const { return hn::LoadU(Floats(), p + k); }
  float scalar(uint64_t k) const {
    float f;
    std::memcpy(&f, p + k, 4);
    return f;
  }
  static constexpr uint32_t span = hn::MaxLanes(Floats()), line = 16;  // elements in a cache line
  static constexpr uint64_t bytes(uint64_t K) { return K * 4; }
  HWY_INLINE const std::byte* address(uint64_t k) const { return reinterpret_cast<const std::byte*>(p + k); }
  const float* p;
};

struct ShortRow {
  ShortRow() = default;
  ShortRow(const std::byte* m, uint64_t, uint64_t K, uint64_t row, float*, uint64_t = 0, uint64_t = 0)
      : p(reinterpret_cast<const uint16_t*>(m + row * K * 2)) {}
  uint16_t bits(uint64_t k) const {
    uint16_t h;
    std::memcpy(&h, p + k, 2);
    return h;
  }
  static constexpr uint32_t span = hn::MaxLanes(Floats()), line = 32;
  static constexpr uint64_t bytes(uint64_t K) { return K * 2; }
  HWY_INLINE const std::byte* address(uint64_t k) const { return reinterpret_cast<const std::byte*>(p + k); }
  const uint16_t* p;
};

HWY_INLINE Float halves_to_floats(const uint16_t* p) {
  return hn::PromoteTo(Floats(), hn::BitCast(Halves(), hn::LoadU(Shorts(), p)));
}

struct F16Row : ShortRow {
  using ShortRow::ShortRow;
  HWY_INLINE Float load(uint64_t k, uint32_t) const { return halves_to_floats(p + k); }
  float scalar(uint64_t k) const { return f16_to_f32(bits(k)); }
};

struct Bf16Row : ShortRow {
  using ShortRow::ShortRow;
  HWY_INLINE Float load(uint64_t k, uint32_t) const {
    return hn::BitCast(Floats(), hn::ShiftLeft<16>(hn::PromoteTo(Words(), hn::LoadU(Shorts(), p + k))));
  }
  float scalar(uint64_t k) const { return bf16_to_f32(bits(k)); }
};

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();
#endif
