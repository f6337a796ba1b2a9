// What block formats share, read by GLSL and C++: how quants of a few bits lie in quads, and in C++ how a file's blocks
// become planes and how an encoder sees awkward numbers.
#ifndef FULMAR_SHARED_BLOCKS_H
#define FULMAR_SHARED_BLOCKS_H
#include "shared/lang.h"

#ifdef __cplusplus
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <initializer_list>

namespace fulmar::shared::blocks {
#endif

// nf4's 16 values, as bitsandbytes has them.
#define FULMAR_NF4_CODES                                                                                              \
  -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,             \
      -0.18477343022823334f, -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f,          \
      0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, \
      1.0f

// 32 quants of 4 bits in a quad: element i < 16 is the low half of byte i, element 16 + i the high half.
SHARED_FN uint nibble(uvec4 q, uint i) { return (q[(i & 15u) / 4u] >> (8u * (i & 3u) + 4u * (i / 16u))) & 15u; }

// The bits above them: one word for 32 elements, bit i of it for element i ...
SHARED_FN uint quant5(uvec4 q, uint high, uint i) { return nibble(q, i) | ((high >> i) & 1u) << 4u; }
// ... or two words with two bits each: element i < 16 is bits 2 i and 2 i + 1 of the first, and so on.
SHARED_FN uint quant6(uvec4 q, uint high0, uint high1, uint i) {
  return nibble(q, i) | (((i < 16u ? high0 : high1) >> (2u * (i & 15u))) & 3u) << 4u;
}

// The first quad of q4_K's and q5_K's 256 elements: halves d and dmin, then 8 scales and 8 minima of 6 bits. Those of
// the first four blocks are the low 6 bits of words y and z, the others' low 4 bits are in w, their high 2 in y and z.
SHARED_FN uint k_scale(uvec4 s, uint block) {
  uint at = 8u * (block & 3u);
  return block < 4u ? (s.y >> at) & 63u : ((s.w >> at) & 15u) | ((s.y >> (at + 6u)) & 3u) << 4u;
}
SHARED_FN uint k_min(uvec4 s, uint block) {
  uint at = 8u * (block & 3u);
  return block < 4u ? (s.z >> at) & 63u : ((s.w >> (at + 4u)) & 15u) | ((s.z >> (at + 6u)) & 3u) << 4u;
}

// A float of few bits without infinities: `mantissa` bits, the exponent above them, the sign left out. Exact, and without
// subnormal numbers on the way, which GPUs may take for zero.
SHARED_FN float small_float(uint magnitude, uint mantissa, uint bias) {
  uint least = 128u - bias;  // the exponent, as a float's, of the smallest normal number and of all subnormal ones
  uint code = magnitude >> mantissa == 0u ? magnitude + (1u << mantissa) : magnitude;
  float v = word_as_float((code << (23u - mantissa)) + ((least - 1u) << 23u));
  return code == magnitude ? v : v - word_as_float(least << 23u);
}

// Half `at` of the halves that start at word `from`.
SHARED_FN float half_at(Words m, uint from, uint at) {
  Pair pair = unpack_f16(m.w[from + at / 2u]);
  return (at & 1u) == 0u ? pair.x : pair.y;
}

// 16 bytes and their scale, as i8 and q8_0 have them: bytes [N, K], then a half for each 32.
SHARED_FN void decode_bytes(Quads m, uint N, uint K, uint row, uint chunk, SHARED_OUT(float, v, 16)) {
  uvec4 q = m.q[row * (K / 16u) + chunk];
  float scale = half_at(AS_WORDS(m), N * (K / 16u) * 4u, row * (K / 32u) + chunk / 2u);
  SHARED_UNROLL for (uint i = 0u; i < 16u; ++i) v[i] = scale * signed_byte(q[i / 4u], i & 3u);
}

#ifdef __cplusplus
constexpr uint64_t whole_quads(uint64_t bytes) { return (bytes + 15) / 16 * 16; }  // every matrix starts on one

// A part of a file's block: where it lies there, and the plane of the matrix that holds it for every block in turn.
struct Field {
  uint32_t at, bytes;
  uint64_t plane;  // bytes from the matrix's start
};
inline void pack_fields(std::byte* m, uint64_t first, uint64_t count, uint64_t block_bytes,
                        std::initializer_list<Field> fields, const std::byte* blocks) {
  for (uint64_t b = 0; b < count; ++b)
    for (const Field& f : fields)
      std::memcpy(m + f.plane + (first + b) * f.bytes, blocks + b * block_bytes + f.at, f.bytes);
}
inline void unpack_fields(const std::byte* m, uint64_t first, uint64_t count, uint64_t block_bytes,
                          std::initializer_list<Field> fields, std::byte* blocks) {
  for (uint64_t b = 0; b < count; ++b)
    for (const Field& f : fields)
      std::memcpy(blocks + b * block_bytes + f.at, m + f.plane + (first + b) * f.bytes, f.bytes);
}

// 32 quants below 16 into a quad, as nibble() reads them.
inline void store_nibbles(std::byte* quad, const uint8_t* q) {
  for (int i = 0; i < 16; ++i) quad[i] = static_cast<std::byte>((q[i] & 15) | (q[16 + i] & 15) << 4);
}

inline uint32_t high_bits(const uint8_t* q) {  // bit 4 of 32 quants, as quant5() reads them
  uint32_t word = 0;
  for (uint32_t i = 0; i < 32; ++i) word |= (q[i] >> 4 & 1u) << i;
  return word;
}
inline void store_high_pairs(std::byte* words, const uint8_t* q) {  // bits 4 and 5, as quant6() reads them
  uint32_t pair[2] = {0, 0};
  for (uint32_t i = 0; i < 32; ++i) pair[i / 16] |= (q[i] >> 4 & 3u) << (2 * (i % 16));
  std::memcpy(words, pair, 8);
}

// 1 / d, and 0 for a d that would be 0 as a half.
inline float inverse(float d) { return std::fabs(d) > 0x1p-25f ? 1.0f / d : 0.0f; }

// A scale as a half that is never infinite.
inline uint16_t scale_to_f16(float scale) { return f32_to_f16(std::clamp(scale, -65504.0f, 65504.0f)); }

}  // namespace fulmar::shared::blocks
#endif
#endif
