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

// 32 quants of 4 bits in a quad: element i < 16 is the low half of byte i, element 16 + i the high half.
SHARED_FN uint nibble(uvec4 q, uint i) { return (q[(i & 15u) / 4u] >> (8u * (i & 3u) + 4u * (i / 16u))) & 15u; }

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

// 1 / d, and 0 for a d that would be 0 as a half.
inline float inverse(float d) { return std::fabs(d) > 0x1p-25f ? 1.0f / d : 0.0f; }

// A scale as a half that is never infinite.
inline uint16_t scale_to_f16(float scale) { return f32_to_f16(std::clamp(scale, -65504.0f, 65504.0f)); }

}  // namespace fulmar::shared::blocks
#endif
#endif
