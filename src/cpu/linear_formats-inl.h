// How each matrix format's rows become vectors of floats; included once per instruction set.
// A Row is a view of one row: load(k) gives elements [k, k + lanes), k a multiple of lanes; scalar(k) gives
// one.
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
using Words = hn::RebindToUnsigned<Floats>;
using Shorts = hn::Rebind<uint16_t, Floats>;
using Halves = hn::Rebind<hwy::float16_t, Floats>;
using Bytes = hn::Rebind<int8_t, Floats>;
using Ints = hn::Rebind<int32_t, Floats>;

// Rows may lie in a mapped file at any address: pointers to more than a byte are only handed to unaligned
// loads.
struct F32Row {
  F32Row() = default;
  F32Row(const std::byte* m, uint64_t, uint64_t K, uint64_t row, float*, uint64_t = 0, uint64_t = 0)
      : p(reinterpret_cast<const float*>(m + row * K * 4)) {}
  HWY_INLINE Float load(uint64_t k) const { return hn::LoadU(Floats(), p + k); }
  float scalar(uint64_t k) const {
    float f;
    std::memcpy(&f, p + k, 4);
    return f;
  }
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
  static constexpr uint64_t bytes(uint64_t K) { return K * 2; }
  HWY_INLINE const std::byte* address(uint64_t k) const { return reinterpret_cast<const std::byte*>(p + k); }
  const uint16_t* p;
};

HWY_INLINE Float halves_to_floats(const uint16_t* p) {
  return hn::PromoteTo(Floats(), hn::BitCast(Halves(), hn::LoadU(Shorts(), p)));
}

struct F16Row : ShortRow {
  using ShortRow::ShortRow;
  HWY_INLINE Float load(uint64_t k) const { return halves_to_floats(p + k); }
  float scalar(uint64_t k) const { return f16_to_f32(bits(k)); }
};

struct Bf16Row : ShortRow {
  using ShortRow::ShortRow;
  HWY_INLINE Float load(uint64_t k) const {
    return hn::BitCast(Floats(), hn::ShiftLeft<16>(hn::PromoteTo(Words(), hn::LoadU(Shorts(), p + k))));
  }
  float scalar(uint64_t k) const { return bf16_to_f32(bits(k)); }
};

// The scales of [k0, k1) are converted once, into `scales` (one float per block of 32).
struct I8Row {
  I8Row() = default;
  HWY_INLINE I8Row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float* scales, uint64_t k0 = 0,
                   uint64_t k1 = 0)
      : p(reinterpret_cast<const int8_t*>(m + row * K)), s(scales), first(k0 / 32) {
    const uint64_t count = ((k1 ? k1 : K) - k0) / 32;
    const auto* halves = reinterpret_cast<const uint16_t*>(m + N * K) + row * (K / 32) + first;
    constexpr uint64_t lanes = hn::MaxLanes(Floats());
    uint64_t b = 0;
    for (; b + lanes <= count; b += lanes) hn::StoreU(halves_to_floats(halves + b), Floats(), scales + b);
    for (; b < count; ++b) {
      uint16_t h;
      std::memcpy(&h, halves + b, 2);
      scales[b] = f16_to_f32(h);
    }
  }
  HWY_INLINE Float load(uint64_t k) const {
    const Float q = hn::ConvertTo(Floats(), hn::PromoteTo(Ints(), hn::LoadU(Bytes(), p + k)));
    return hn::Mul(q, hn::Set(Floats(), s[k / 32 - first]));
  }
  float scalar(uint64_t k) const { return static_cast<float>(p[k]) * s[k / 32 - first]; }
  static constexpr uint64_t bytes(uint64_t K) { return K; }
  HWY_INLINE const std::byte* address(uint64_t k) const { return reinterpret_cast<const std::byte*>(p + k); }
  const int8_t* p;
  const float* s;
  uint64_t first;
};

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();
#endif
