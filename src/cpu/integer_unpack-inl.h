// How arranged groups (arranged.h) become bytes of codes, and floats that scale them; included once per instruction set.
#if defined(FULMAR_INTEGER_UNPACK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef FULMAR_INTEGER_UNPACK_INL
#undef FULMAR_INTEGER_UNPACK_INL
#else
#define FULMAR_INTEGER_UNPACK_INL
#endif

#include "cpu/integer_kernels.h"
#include "cpu/linear_blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {

HWY_INLINE hn::Vec<Words> words_at(const std::byte* at) {
  return hn::LoadU(Words(), reinterpret_cast<const uint32_t*>(at));
}
HWY_INLINE Float halves_at(const std::byte* at) {
  return halves_to_floats(reinterpret_cast<const uint16_t*>(at));
}

// A group is read from its beginning to its end, and the next one lies behind it: so what lies far_ahead of anything
// that is read, in its plane or the next, is needed soon.
HWY_INLINE void fetch_ahead(const std::byte* from, uint64_t bytes) {
  for (uint64_t at = 0; at < bytes; at += 64) fetch<2>(from + far_ahead + at);
}

// Bits beside the nibbles: of_four(b, u, lane) gives those of codes 4 u .. 4 u + 3 of block b, where they belong in
// their bytes. `plane`: of the group, behind the nibbles; K / 8 * eighths bytes for each row.
struct NoBits {
  static constexpr uint32_t eighths = 0;
  static constexpr bool any = false;
};
struct Fifths {
  static constexpr uint32_t eighths = 1;
  static constexpr bool any = true;
  template <int u>
  static HWY_INLINE hn::Vec<Words> of_four(const std::byte* plane, uint64_t b, uint32_t lane) {
    const auto word = words_at(plane + b * 64 + lane * 4);
    return hn::And(u < 4 ? hn::ShiftLeft<(4 - u) & 7>(word) : hn::ShiftRight<(u - 4) & 7>(word),
                   hn::Set(Words(), 0x10101010));
  }
};
struct BitPairs {
  static constexpr uint32_t eighths = 2;
  static constexpr bool any = true;
  template <int u>
  static HWY_INLINE hn::Vec<Words> of_four(const std::byte* plane, uint64_t b, uint32_t lane) {
    const auto word = words_at(plane + b * 128 + u / 4 * 64 + lane * 4);
    constexpr int at = u % 4 * 2;
    return hn::And(at < 4 ? hn::ShiftLeft<(4 - at) & 7>(word) : hn::ShiftRight<(at - 4) & 7>(word),
                   hn::Set(Words(), 0x30303030));
  }
};

template <class Bits, int u>
HWY_INLINE void store_codes(hn::Vec<Words> codes, const std::byte* plane, uint64_t b, uint32_t lane, uint8_t* to) {
  if constexpr (Bits::any) codes = hn::Or(codes, Bits::template of_four<u>(plane, b, lane));
  hn::StoreU(codes, Words(), reinterpret_cast<uint32_t*>(to + 64 * u + 4 * lane));
}
template <class Bits, int u>
HWY_INLINE void unpack_four(const UnpackCall& c, const std::byte* plane, uint64_t b, uint32_t lane, uint8_t* to) {
  const auto both = words_at(c.group + b * 256 + 64 * u + 4 * lane), low = hn::Set(Words(), 0x0f0f0f0f);
  store_codes<Bits, u>(hn::And(both, low), plane, b, lane, to);
  store_codes<Bits, u + 4>(hn::And(hn::ShiftRight<4>(both), low), plane, b, lane, to);
}
template <class Bits>
HWY_INLINE void unpack_codes(const UnpackCall& c) {
  const std::byte* plane = c.group + c.K * 8;
  fetch_ahead(c.group + c.first * 256, c.count * 256);
  if (Bits::any) fetch_ahead(plane + c.first * 64 * Bits::eighths, c.count * 64 * Bits::eighths);
  for (uint32_t i = 0; i < c.count; ++i)
    for (uint32_t lane = 0; lane < 16; lane += L) {
      const uint64_t b = c.first + i;
      uint8_t* to = c.codes + i * block_code_bytes;
      unpack_four<Bits, 0>(c, plane, b, lane, to);
      unpack_four<Bits, 1>(c, plane, b, lane, to);
      unpack_four<Bits, 2>(c, plane, b, lane, to);
      unpack_four<Bits, 3>(c, plane, b, lane, to);
    }
}

// One half for each block; `zero` is the code worth 0.
template <int zero>
HWY_INLINE void unpack_scales(const UnpackCall& c, const std::byte* plane) {
  fetch_ahead(plane + c.first * 32, c.count * 32);
  for (uint32_t i = 0; i < c.count * 16; i += L) {
    const auto scale = halves_at(plane + (c.first * 16 + i) * 2);
    hn::StoreU(scale, Floats(), c.scales + i);
    hn::StoreU(hn::Mul(scale, hn::Set(Floats(), static_cast<float>(-zero))), Floats(), c.offsets + i);
  }
}

void unpack_bytes(const UnpackCall& c) {
  fetch_ahead(c.group + c.first * block_code_bytes, c.count * block_code_bytes);
  unpack_scales<128>(c, c.group + c.K * 16);
}

template <class Bits, int zero>
void unpack_symmetric(const UnpackCall& c) {
  unpack_codes<Bits>(c);
  unpack_scales<zero>(c, c.group + c.K * (8 + 2 * Bits::eighths));
}

// A scale and a minimum for each block.
template <class Bits>
void unpack_with_minima(const UnpackCall& c) {
  unpack_codes<Bits>(c);
  const std::byte* plane = c.group + c.K * (8 + 2 * Bits::eighths);
  fetch_ahead(plane + c.first * 32, c.count * 32);
  fetch_ahead(plane + c.K + c.first * 32, c.count * 32);
  for (uint32_t i = 0; i < c.count * 16; i += L) {
    const std::byte* at = plane + (c.first * 16 + i) * 2;
    hn::StoreU(halves_at(at), Floats(), c.scales + i);
    hn::StoreU(halves_at(at + c.K), Floats(), c.offsets + i);
  }
}

// Scales and minima of q4_K and q5_K: see k_scale() in shared/blocks.h. Blocks begin at a multiple of 8.
template <class Bits>
void unpack_two_levels(const UnpackCall& c) {
  unpack_codes<Bits>(c);
  const Words d;
  const uint64_t wholes = c.K / 256;
  const std::byte *d_plane = c.group + c.K * (8 + 2 * Bits::eighths), *least_plane = d_plane + wholes * 32,
                  *bytes = least_plane + wholes * 32;
  for (uint32_t i = 0; i < c.count; i += 8)
    for (uint32_t lane = 0; lane < 16; lane += L) {
      const uint64_t s = (c.first + i) / 8;
      const Float unit = halves_at(d_plane + s * 32 + lane * 2),
                  least = hn::Neg(halves_at(least_plane + s * 32 + lane * 2));
      const auto y = words_at(bytes + s * 64 + lane * 4), z = words_at(bytes + wholes * 64 + s * 64 + lane * 4),
                 w = words_at(bytes + wholes * 128 + s * 64 + lane * 4);
      const auto six = hn::Set(d, 0x3f3f3f3f), four = hn::Set(d, 0x0f0f0f0f), two = hn::Set(d, 0x30303030);
      const hn::Vec<Words> levels[4] = {
          hn::And(y, six), hn::Or(hn::And(w, four), hn::And(hn::ShiftRight<2>(y), two)), hn::And(z, six),
          hn::Or(hn::And(hn::ShiftRight<4>(w), four), hn::And(hn::ShiftRight<2>(z), two))};
      for (uint32_t j = 0; j < 8; ++j) {
        const auto level = [&](hn::Vec<Words> of_four) HWY_ATTR {
          return words_to_floats(hn::And(hn::ShiftRightSame(of_four, static_cast<int>(j % 4 * 8)), hn::Set(d, 255)));
        };
        hn::StoreU(hn::Mul(unit, level(levels[j / 4])), Floats(), c.scales + (i + j) * 16 + lane);
        hn::StoreU(hn::Mul(least, level(levels[2 + j / 4])), Floats(), c.offsets + (i + j) * 16 + lane);
      }
    }
}

// q6_K: a signed byte for each 16, a half for each 256.
void unpack_sixths(const UnpackCall& c) {
  unpack_codes<BitPairs>(c);
  const std::byte *bytes = c.group + c.K * 12, *d_plane = bytes + c.K;
  for (uint32_t i = 0; i < c.count * 2; ++i)
    for (uint32_t lane = 0; lane < 16; lane += L) {
      const uint64_t b = c.first * 2 + i;
      const auto level = hn::LoadU(Bytes(), reinterpret_cast<const int8_t*>(bytes + b * 16 + lane));
      const Float scale = hn::Mul(hn::ConvertTo(Floats(), hn::PromoteTo(Ints(), level)),
                                  halves_at(d_plane + b / 16 * 32 + lane * 2));
      hn::StoreU(scale, Floats(), c.scales + i * 16 + lane);
      hn::StoreU(hn::Mul(scale, hn::Set(Floats(), -32.0f)), Floats(), c.offsets + i * 16 + lane);
    }
}

constexpr Unpacker unpackers[] = {
    {Format::i8, false, true, unpack_bytes},
    {Format::q8_0, false, true, unpack_bytes},
    {Format::q4_0, false, false, unpack_symmetric<NoBits, 8>},
    {Format::q4_1, false, false, unpack_with_minima<NoBits>},
    {Format::q5_0, false, false, unpack_symmetric<Fifths, 16>},
    {Format::q5_1, false, false, unpack_with_minima<Fifths>},
    {Format::q4_K, false, false, unpack_two_levels<NoBits>},
    {Format::q5_K, false, false, unpack_two_levels<Fifths>},
    {Format::q6_K, true, false, unpack_sixths},
};

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();
#endif
