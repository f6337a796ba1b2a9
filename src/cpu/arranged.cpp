// Arranging matrices for the integer kernels; see arranged.h.
#include "cpu/arranged.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/fail.h"
#include "base/parallel.h"
#include "cpu/integer_kernels.h"

namespace fulmar::cpu {
namespace {

// What becomes of a unit's bits on the way.
enum class Bits : uint8_t {
  kept,
  biased,  // each byte is a code of 8 bits, from now on unsigned
  fifths,  // bit 4 u + j becomes bit 8 j + u: the fifth bits of codes 4 u .. 4 u + 3
  pairs    // bits 2 (4 u + j) and the next become 8 j + 2 u: likewise, two of each of 16 codes
};

// A plane of the format as it is in its header: `bytes` from `at` on of each `stride`, for each `block` of a row.
struct Plane {
  uint32_t block, stride, at, bytes, unit;
  uint32_t start;  // of the plane, in bytes for each 256 weights of the matrix
  Bits bits = Bits::kept;
};

struct Arrangement {
  Format format;
  uint32_t code_bits;
  std::array<Plane, 7> planes;  // those of no bytes are none
};

constexpr Plane codes8{32, 32, 0, 32, 4, 0, Bits::biased};
constexpr Plane codes4{32, 16, 0, 16, 4, 0};
constexpr Plane half(uint32_t start) {
  return {32, 2, 0, 2, 2, start};
}
constexpr Plane half_of_pair(uint32_t start, uint32_t at) {
  return {32, 4, at, 2, 2, start};
}
constexpr Plane of_k_scales(uint32_t at, uint32_t bytes) {
  return {256, 16, at, bytes, bytes, 128};
}
constexpr Plane fifths(uint32_t start) {
  return {32, 4, 0, 4, 4, start, Bits::fifths};
}

constexpr Arrangement arrangements[] = {
    {Format::i8, 8, {codes8, half(256)}},
    {Format::q8_0, 8, {codes8, half(256)}},
    {Format::q4_0, 4, {codes4, half(128)}},
    {Format::q4_1, 4, {codes4, half_of_pair(128, 0), half_of_pair(128, 2)}},
    {Format::q5_0, 5, {codes4, fifths(128), half(160)}},
    {Format::q5_1, 5, {codes4, fifths(128), half_of_pair(160, 0), half_of_pair(160, 2)}},
    {Format::q4_K,
     4,
     {codes4, of_k_scales(0, 2), of_k_scales(2, 2), of_k_scales(4, 4), of_k_scales(8, 4), of_k_scales(12, 4)}},
    {Format::q5_K,
     5,
     {codes4, fifths(144), of_k_scales(0, 2), of_k_scales(2, 2), of_k_scales(4, 4), of_k_scales(8, 4),
      of_k_scales(12, 4)}},
    {Format::q6_K,
     6,
     {codes4, Plane{32, 8, 0, 8, 4, 128, Bits::pairs}, Plane{256, 16, 0, 16, 1, 192}, Plane{256, 2, 0, 2, 2, 208}}},
};

const Arrangement* find(Format format) {
  for (const Arrangement& a : arrangements)
    if (a.format == format) return &a;
  return nullptr;
}
const Arrangement& arrangement_of(Format format) {
  const Arrangement* a = find(format);
  require(a != nullptr, "{} has no order of its own", info(format).name);
  return *a;
}

uint32_t spread_fifths(uint32_t word) {
  uint32_t out = 0;
  for (uint32_t u = 0; u < 8; ++u)
    for (uint32_t j = 0; j < 4; ++j) out |= (word >> (4 * u + j) & 1) << (8 * j + u);
  return out;
}
uint32_t spread_pairs(uint32_t word) {
  uint32_t out = 0;
  for (uint32_t u = 0; u < 4; ++u)
    for (uint32_t j = 0; j < 4; ++j) out |= (word >> 2 * (4 * u + j) & 3) << (8 * j + 2 * u);
  return out;
}

template <typename Unit>
void interleave(const Plane& plane, uint64_t K, uint64_t rows, const std::byte* from, std::byte* to) {
  const uint64_t units = plane.bytes / sizeof(Unit), blocks = K / plane.block;
  for (uint64_t row = 0; row < rows; ++row)
    for (uint64_t b = 0; b < blocks; ++b) {
      const std::byte* in = from + (row * blocks + b) * plane.stride + plane.at;
      std::byte* out = to + (b * units * rows + row) * sizeof(Unit);
      for (uint64_t u = 0; u < units; ++u) {
        Unit word;
        std::memcpy(&word, in + u * sizeof word, sizeof word);
        if constexpr (sizeof word == 4) {
          if (plane.bits == Bits::biased) word ^= 0x80808080u;
          if (plane.bits == Bits::fifths) word = spread_fifths(word);
          if (plane.bits == Bits::pairs) word = spread_pairs(word);
        }
        std::memcpy(out + u * rows * sizeof word, &word, sizeof word);
      }
    }
}

uint64_t plane_bytes(const Plane& plane, uint64_t K) {
  return plane.bytes ? K / plane.block * plane.bytes : 0;
}

}  // namespace

ops::Activations rounding(Format format, ops::Activations wanted) {
  using ops::Activations;
  const Arrangement* a = find(format);
  if (!a || wanted == Activations::f32) return Activations::f32;
  const bool hidden = a->code_bits <= 4 || wanted == Activations::i8;
  const bool bytes = wanted != Activations::i16 && hidden;
  return bytes && a->code_bits <= integer_kernels().most_code_bits_of_bytes ? Activations::i8 : Activations::i16;
}

uint64_t group_bytes(Format format, uint64_t K, uint64_t rows) {
  uint64_t bytes = 0;
  for (const Plane& plane : arrangement_of(format).planes) bytes += plane_bytes(plane, K);
  return bytes * rows;
}

void arrange(Format format, uint64_t N, uint64_t K, const std::byte* from, std::byte* to) {
  const Arrangement& a = arrangement_of(format);
  const uint64_t whole = group_bytes(format, K, group_rows);
  parallel_for((N + group_rows - 1) / group_rows, [&](uint64_t begin, uint64_t end) {
    for (uint64_t g = begin; g < end; ++g) {
      const uint64_t row = g * group_rows, rows = std::min<uint64_t>(group_rows, N - row);
      std::byte* out = to + g * whole;
      for (const Plane& plane : a.planes) {
        if (plane.bytes == 0) continue;
        const std::byte* in = from + N * K * plane.start / 256 + row * (K / plane.block) * plane.stride;
        switch (plane.unit) {
          case 1:
            interleave<uint8_t>(plane, K, rows, in, out);
            break;
          case 2:
            interleave<uint16_t>(plane, K, rows, in, out);
            break;
          default:
            interleave<uint32_t>(plane, K, rows, in, out);
        }
        out += plane_bytes(plane, K) * rows;
      }
    }
  });
}

void widen(Format format, uint64_t K, uint64_t rows, const std::byte* from, std::byte* to) {
  std::memset(to, 0, group_bytes(format, K, group_rows));
  for (const Plane& plane : arrangement_of(format).planes) {
    if (plane.bytes == 0) continue;
    for (uint64_t i = 0; i < plane_bytes(plane, K) / plane.unit; ++i)
      std::memcpy(to + i * group_rows * plane.unit, from + i * rows * plane.unit, rows * plane.unit);
    from += plane_bytes(plane, K) * rows, to += plane_bytes(plane, K) * group_rows;
  }
}

}  // namespace fulmar::cpu
