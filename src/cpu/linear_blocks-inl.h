// Rows of block formats as vectors of floats: codes, and scales that are made floats once a row; included
// once per instruction set. The headers of include/shared/format say how each is laid out.
#if defined(FULMAR_LINEAR_BLOCKS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef FULMAR_LINEAR_BLOCKS_INL
#undef FULMAR_LINEAR_BLOCKS_INL
#else
#define FULMAR_LINEAR_BLOCKS_INL
#endif

#include "cpu/linear_formats-inl.h"
#include "shared/blocks.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {

template <typename T>
HWY_INLINE T read_as(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
HWY_INLINE Float words_to_floats(hn::Vec<Words> words) {
  return hn::ConvertTo(Floats(), hn::BitCast(Ints(), words));
}

// Codes: get(k, j) before any scale. `eighths`: of a byte for each weight, in the planes that hold the codes.

struct SignedByteCodes {
  static constexpr uint32_t span = 32, line = 64, eighths = 8;
  SignedByteCodes() = default;
  HWY_INLINE SignedByteCodes(const std::byte* m, uint64_t, uint64_t K, uint64_t row) : p(m + row * K) {}
  HWY_INLINE Float get(uint64_t k, uint32_t j) const {
    const auto bytes = hn::LoadU(Bytes(), reinterpret_cast<const int8_t*>(p + k + j));
    return hn::ConvertTo(Floats(), hn::PromoteTo(Ints(), bytes));
  }
  HWY_INLINE const std::byte* address(uint64_t k) const { return p + k; }
  const std::byte* p;
};

// 32 codes of 4 bits: those of elements j < 16 are the low halves of 16 bytes, the others the high halves.
struct NibbleCodes {
  static constexpr uint32_t span = 32, line = 128, eighths = 4;
  NibbleCodes() = default;
  HWY_INLINE NibbleCodes(const std::byte* m, uint64_t, uint64_t K, uint64_t row) : p(m + row * K / 2) {}
  HWY_INLINE hn::Vec<Words> words(uint64_t k, uint32_t j) const {
    const auto bytes =
        hn::PromoteTo(Words(), hn::LoadU(Octets(), reinterpret_cast<const uint8_t*>(p + k / 2 + j % 16)));
    return j < 16 ? hn::And(bytes, hn::Set(Words(), 15)) : hn::ShiftRight<4>(bytes);
  }
  HWY_INLINE Float get(uint64_t k, uint32_t j) const { return words_to_floats(words(k, j)); }
  HWY_INLINE const std::byte* address(uint64_t k) const { return p + k / 2; }
  const std::byte* p;
};

// One more bit for each, in a word for 32.
struct FiveBitCodes : NibbleCodes {
  static constexpr uint32_t eighths = 5;
  // `between`: bytes a weight, in 128ths, between the planes.
  FiveBitCodes() = default;
  HWY_INLINE FiveBitCodes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, uint64_t between = 0)
      : NibbleCodes(m, N, K, row), high(m + N * K / 2 + N * K / 128 * between + row * K / 8) {}
  // Where the fifth bit is set: a mask that AVX-512 loads as it lies there.
  HWY_INLINE hn::Mask<Words> fifth(uint64_t k, uint32_t j) const {
    const Words d;
#if HWY_TARGET != HWY_SCALAR
    if constexpr (hn::MaxLanes(Words()) >= 8)
      return hn::LoadMaskBits(d, reinterpret_cast<const uint8_t*>(high + k / 8 + j / 8));
#endif
    const auto all = hn::Set(d, read_as<uint32_t>(high + k / 8) >> j);
    return hn::TestBit(all, hn::Shl(hn::Set(d, 1), hn::Iota(d, 0)));
  }
  HWY_INLINE Float get(uint64_t k, uint32_t j) const {
    const auto low = words(k, j);
    return words_to_floats(hn::IfThenElse(fifth(k, j), hn::Or(low, hn::Set(Words(), 16)), low));
  }
  const std::byte* high;
};
struct FiveBitTwoLevelCodes : FiveBitCodes {  // whose scales lie between the planes
  FiveBitTwoLevelCodes() = default;
  HWY_INLINE FiveBitTwoLevelCodes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : FiveBitCodes(m, N, K, row, 8) {}
};

// Two more bits for each, in a word for 16.
struct SixBitCodes : NibbleCodes {
  static constexpr uint32_t eighths = 6;
  SixBitCodes() = default;
  HWY_INLINE SixBitCodes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : NibbleCodes(m, N, K, row), high(m + N * K / 2 + row * K / 4) {}
  // The two bits, with more above them.
  HWY_INLINE hn::Vec<Words> pairs(uint64_t k, uint32_t j) const {
    const auto all = hn::Set(Words(), read_as<uint32_t>(high + k / 4 + j / 16 * 4) >> (j % 16 * 2));
    return hn::Shr(all, hn::Add(hn::Iota(Words(), 0), hn::Iota(Words(), 0)));
  }
  HWY_INLINE hn::Vec<Words> words(uint64_t k, uint32_t j) const {
    const auto bits = hn::And(pairs(k, j), hn::Set(Words(), 3));
    return hn::Or(NibbleCodes::words(k, j), hn::ShiftLeft<4>(bits));
  }
  const std::byte* high;
};

struct CentredSixBitCodes : SixBitCodes {  // code 32 is worth 0
  CentredSixBitCodes() = default;
  HWY_INLINE CentredSixBitCodes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : SixBitCodes(m, N, K, row) {}
  HWY_INLINE Float get(uint64_t k, uint32_t j) const {
    return words_to_floats(hn::Sub(words(k, j), hn::Set(Words(), 32)));
  }
};

struct NormalFloatCodes : NibbleCodes {
  NormalFloatCodes() = default;
  HWY_INLINE NormalFloatCodes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : NibbleCodes(m, N, K, row) {}
  HWY_INLINE Float get(uint64_t k, uint32_t j) const {
    const Floats d;
    const auto q = hn::BitCast(Ints(), words(k, j));
    alignas(64) static constexpr float codes[16] = {FULMAR_NF4_CODES};
    if constexpr (hn::MaxLanes(Floats()) >= 16) {
      return hn::TableLookupLanes(hn::LoadU(d, codes), hn::IndicesFromVec(d, q));
    } else if constexpr (hn::MaxLanes(Floats()) == 8) {
      const auto at = hn::IndicesFromVec(d, hn::And(q, hn::Set(Ints(), 7)));
      const auto low = hn::TableLookupLanes(hn::LoadU(d, codes), at),
                 high = hn::TableLookupLanes(hn::LoadU(d, codes + 8), at);
      return hn::IfThenElse(hn::RebindMask(d, hn::Gt(q, hn::Set(Ints(), 7))), high, low);
    } else {
      return hn::GatherIndex(d, codes, q);
    }
  }
};

// Codes whose values are bytes of a table of 16.
template <const int8_t* table>
struct TableCodes : FiveBitCodes {
  TableCodes() = default;
  HWY_INLINE TableCodes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : FiveBitCodes(m, N, K, row) {}
  HWY_INLINE Float values(uint64_t k, uint32_t j) const {
#if HWY_TARGET == HWY_SCALAR
    return hn::Set(Floats(), table[hn::GetLane(words(k, j))]);
#else
    const hn::Full128<uint8_t> d;
    const Octets octets;
    const auto bytes = hn::LoadU(octets, reinterpret_cast<const uint8_t*>(p + k / 2 + j % 16));
    const auto q = j < 16 ? hn::And(bytes, hn::Set(octets, 15)) : hn::ShiftRight<4>(bytes);
    const auto found = hn::TableLookupBytes(hn::LoadU(d, reinterpret_cast<const uint8_t*>(table)), q);
    return hn::ConvertTo(Floats(), hn::PromoteTo(Ints(), hn::BitCast(Bytes(), found)));
#endif
  }
  HWY_INLINE Float get(uint64_t k, uint32_t j) const {
    return values(k, j);
  }
};
inline constexpr int8_t iq4_nl_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                             1,    13,   25,  38,  53,  69,  89,  113};
struct UnevenCodes : TableCodes<iq4_nl_values> {
  static constexpr uint32_t eighths = 4;
  UnevenCodes() = default;
  HWY_INLINE UnevenCodes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : TableCodes(m, N, K, row) {}
};
inline constexpr int8_t fp5_quarters[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28};
struct Float5Codes : TableCodes<fp5_quarters> {  // in quarters
  Float5Codes() = default;
  HWY_INLINE Float5Codes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : TableCodes(m, N, K, row) {}
  HWY_INLINE Float get(uint64_t k, uint32_t j) const {
    const auto sign = hn::IfThenElseZero(fifth(k, j), hn::Set(Words(), 1u << 31));
    return hn::Xor(values(k, j), hn::BitCast(Floats(), sign));
  }
};

struct Float6Codes : SixBitCodes {
  Float6Codes() = default;
  HWY_INLINE Float6Codes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : SixBitCodes(m, N, K, row) {}
  HWY_INLINE Float get(uint64_t k, uint32_t j) const {
    const Words d;
    if constexpr (hn::MaxLanes(Words()) >= 16) {  // the fifth bit chooses among two tables
      alignas(64) static constexpr float tables[2][16] = {
          {0, .0625f, .125f, .1875f, .25f, .3125f, .375f, .4375f, .5f, .625f, .75f, .875f, 1, 1.25f, 1.5f,
           1.75f},
          {2, 2.5f, 3, 3.5f, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28}};
      const Floats f;
      const auto above = pairs(k, j);
      const auto at = hn::IndicesFromVec(f, hn::BitCast(Ints(), NibbleCodes::words(k, j)));
      const auto value = hn::IfThenElse(hn::RebindMask(f, hn::TestBit(above, hn::Set(d, 1))),
                                        hn::TableLookupLanes(hn::LoadU(f, tables[1]), at),
                                        hn::TableLookupLanes(hn::LoadU(f, tables[0]), at));
      return hn::Or(value, hn::BitCast(f, hn::And(hn::ShiftLeft<30>(above), hn::Set(d, 1u << 31))));
    }
    const auto code = words(k, j), magnitude = hn::And(code, hn::Set(d, 31));
    const auto normal = hn::Add(hn::ShiftLeft<21>(magnitude), hn::Set(d, 124u << 23));
    const auto small = hn::Mul(words_to_floats(magnitude), hn::Set(Floats(), 0x1p-4f));
    const auto value =
        hn::IfThenElse(hn::Lt(small, hn::Set(Floats(), 0x1p-2f)), small, hn::BitCast(Floats(), normal));
    return hn::Or(value, hn::BitCast(Floats(), hn::ShiftLeft<26>(hn::AndNot(hn::Set(d, 31), code))));
  }
};

// By way of halves, whose conversion takes subnormal numbers at full speed: 2^-8 of the value.
struct Float8Codes : SignedByteCodes {
  static constexpr uint32_t span = 16;
  Float8Codes() = default;
  HWY_INLINE Float8Codes(const std::byte* m, uint64_t N, uint64_t K, uint64_t row)
      : SignedByteCodes(m, N, K, row) {}
  HWY_INLINE Float get(uint64_t k, uint32_t j) const {
    const Shorts d;
    const auto code = hn::PromoteTo(d, hn::LoadU(Octets(), reinterpret_cast<const uint8_t*>(p + k + j)));
    const auto sign = hn::And(hn::ShiftLeft<8>(code), hn::Set(d, uint16_t{0x8000})),
               magnitude = hn::And(hn::ShiftLeft<7>(code), hn::Set(d, uint16_t{0x3f80}));
    return hn::PromoteTo(Floats(), hn::BitCast(Halves(), hn::Or(sign, magnitude)));
  }
};

// Scales: apply(codes, k, j) gives weights. Those of [k0, k1) become floats when the row is taken.

HWY_INLINE void halves_to_floats(const std::byte* from, uint64_t count, float* to) {
  constexpr uint64_t lanes = hn::MaxLanes(Floats());
  const auto* halves = reinterpret_cast<const uint16_t*>(from);
  uint64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(halves_to_floats(halves + i), Floats(), to + i);
  for (; i < count; ++i) to[i] = f16_to_f32(read_as<uint16_t>(from + 2 * i));
}

// A half for each `block`, behind the codes; `zero` is the code worth 0. s * (q - zero) is exact, so the sum
// may be fused.
template <uint32_t block, uint32_t eighths, int zero>
struct HalfScales {
  HalfScales() = default;
  HWY_INLINE HalfScales(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float* scratch, uint64_t k0,
                        uint64_t k1)
      : s(scratch), first(k0 / block) {
    halves_to_floats(m + N * K / 8 * eighths + (row * (K / block) + first) * 2, (k1 - k0 + block - 1) / block,
                     scratch);
  }
  HWY_INLINE Float apply(Float q, uint64_t k, uint32_t) const {
    const float scale = s[k / block - first];
    if constexpr (zero == 0) return hn::Mul(q, hn::Set(Floats(), scale));
    return hn::MulAdd(q, hn::Set(Floats(), scale), hn::Set(Floats(), scale * -zero));
  }
  const float* s;
  uint64_t first;
};

// Pairs of scale and minimum for each 32.
template <uint32_t eighths>
struct PairScales {
  PairScales() = default;
  HWY_INLINE PairScales(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float* scratch, uint64_t k0,
                        uint64_t k1)
      : s(scratch), first(k0 / 32) {
    halves_to_floats(m + N * K / 8 * eighths + (row * (K / 32) + first) * 4, (k1 - k0) / 16, scratch);
  }
  HWY_INLINE Float apply(Float q, uint64_t k, uint32_t) const {
    const float* pair = s + 2 * (k / 32 - first);
    return hn::MulAdd(q, hn::Set(Floats(), pair[0]), hn::Set(Floats(), pair[1]));
  }
  const float* s;
  uint64_t first;
};

// Quads of q4_K and q5_K: eight scales, then eight minima (as they are subtracted), for each 256.
struct TwoLevelScales {
  TwoLevelScales() = default;
  HWY_INLINE TwoLevelScales(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float* scratch,
                            uint64_t k0, uint64_t k1)
      : s(scratch), first(k0 / 256) {
    const std::byte* quads = m + N * K / 2 + row * (K / 256) * 16;
    for (uint64_t i = first; i < (k1 + 255) / 256; ++i, scratch += 16) {
      const std::byte* quad = quads + i * 16;
      const auto y = read_as<uint32_t>(quad + 4), z = read_as<uint32_t>(quad + 8),
                 w = read_as<uint32_t>(quad + 12);
      const uint32_t bytes[4] = {y & 0x3f3f3f3fu, (w & 0x0f0f0f0fu) | (y >> 2 & 0x30303030u), z & 0x3f3f3f3fu,
                                 (w >> 4 & 0x0f0f0f0fu) | (z >> 2 & 0x30303030u)};
      const float unit[2] = {f16_to_f32(read_as<uint16_t>(quad)), -f16_to_f32(read_as<uint16_t>(quad + 2))};
      const hn::CappedTag<float, 8> d;
      const hn::Rebind<uint8_t, decltype(d)> octets;
      const hn::Rebind<int32_t, decltype(d)> ints;
      for (uint32_t b = 0; b < 16; b += hn::MaxLanes(d)) {
        const auto loaded = hn::LoadU(octets, reinterpret_cast<const uint8_t*>(bytes) + b);
        hn::StoreU(hn::Mul(hn::ConvertTo(d, hn::PromoteTo(ints, loaded)), hn::Set(d, unit[b / 8])), d,
                   scratch + b);
      }
    }
  }
  HWY_INLINE Float apply(Float q, uint64_t k, uint32_t) const {
    const float* of = s + 16 * (k / 256 - first) + k / 32 % 8;
    return hn::MulAdd(q, hn::Set(Floats(), of[0]), hn::Set(Floats(), of[8]));
  }
  const float* s;
  uint64_t first;
};

// q6_K: a signed byte for each 16, a half for each 256.
struct SignedByteScales {
  SignedByteScales() = default;
  HWY_INLINE SignedByteScales(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float* scratch,
                              uint64_t k0, uint64_t k1)
      : s(scratch), first(k0 / 16) {
    const std::byte *bytes = m + N * K / 4 * 3 + row * (K / 16),
                    *halves = m + N * (K / 256) * 208 + row * (K / 256) * 2;
    for (uint64_t i = k0 / 256; i < (k1 + 255) / 256; ++i)
      for (uint32_t b = 0; b < 16; b += hn::MaxLanes(Floats())) {
        const auto level = hn::LoadU(Bytes(), reinterpret_cast<const int8_t*>(bytes + i * 16 + b));
        const float d = f16_to_f32(read_as<uint16_t>(halves + 2 * i));
        hn::StoreU(hn::Mul(hn::ConvertTo(Floats(), hn::PromoteTo(Ints(), level)), hn::Set(Floats(), d)),
                   Floats(), scratch + i * 16 - first + b);
      }
  }
  HWY_INLINE Float apply(Float q, uint64_t k, uint32_t j) const {
    return hn::Mul(q, hn::Set(Floats(), s[(k + j) / 16 - first]));
  }
  const float* s;
  uint64_t first;
};

// One f32 a row. Codes come as their value times 2^-shift.
template <uint32_t eighths, int shift>
struct RowScale {
  RowScale() = default;
  HWY_INLINE RowScale(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float*, uint64_t, uint64_t)
      : scale(read_as<float>(m + N * K / 8 * eighths + row * 4)) {}
  HWY_INLINE Float apply(Float q, uint64_t, uint32_t) const {
    constexpr float unit =
        shift > 0 ? static_cast<float>(1 << shift) : 1.0f / static_cast<float>(1 << -shift);
    return hn::Mul(q, hn::Set(Floats(), scale * unit));
  }
  float scale = 0;
};

template <class Codes, class Scales>
struct BlockRow {
  static constexpr uint32_t span = Codes::span, line = Codes::line;
  BlockRow() = default;
  HWY_INLINE BlockRow(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float* scratch,
                      uint64_t k0 = 0, uint64_t k1 = 0)
      : codes(m, N, K, row), scales(m, N, K, row, scratch, k0, k1 ? k1 : K) {}
  HWY_INLINE Float load(uint64_t k, uint32_t j) const { return scales.apply(codes.get(k, j), k, j); }
  static float scalar(uint64_t) { return 0; }  // never asked for: rows are whole blocks
  static constexpr uint64_t bytes(uint64_t K) { return K * Codes::eighths / 8; }
  HWY_INLINE const std::byte* address(uint64_t k) const { return codes.address(k); }
  Codes codes;
  Scales scales;
};

using I8Row = BlockRow<SignedByteCodes, HalfScales<32, 8, 0>>;
using Q40Row = BlockRow<NibbleCodes, HalfScales<32, 4, 8>>;
using Q41Row = BlockRow<NibbleCodes, PairScales<4>>;
using Q50Row = BlockRow<FiveBitCodes, HalfScales<32, 5, 16>>;
using Q51Row = BlockRow<FiveBitCodes, PairScales<5>>;
using Q4KRow = BlockRow<NibbleCodes, TwoLevelScales>;
using Q5KRow = BlockRow<FiveBitTwoLevelCodes, TwoLevelScales>;
using Q6KRow = BlockRow<CentredSixBitCodes, SignedByteScales>;
using Iq4NlRow = BlockRow<UnevenCodes, HalfScales<32, 4, 0>>;
using Nf4Row = BlockRow<NormalFloatCodes, HalfScales<64, 4, 0>>;
using Fp8Row = BlockRow<Float8Codes, RowScale<8, 8>>;
using Fp6Row = BlockRow<Float6Codes, RowScale<6, 0>>;
using Fp5Row = BlockRow<Float5Codes, RowScale<5, -2>>;

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();
#endif
