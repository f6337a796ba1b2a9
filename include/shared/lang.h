// The small language that C++, GLSL and (later) CUDA all read: types, memory views and function spelling.
// GLSL callers enable GL_EXT_buffer_reference and GL_EXT_buffer_reference_uvec2; only 32-bit types appear, so that
// every Vulkan 1.3 device can run it.
#ifndef FULMAR_SHARED_LANG_H
#define FULMAR_SHARED_LANG_H

#ifdef __cplusplus
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/half.h"

namespace fulmar::shared {
using uint = uint32_t;
struct uvec4 {
  uint x, y, z, w;
  constexpr uint operator[](uint at) const { return at == 0 ? x : at == 1 ? y : at == 2 ? z : w; }
};
// A view of device memory as 16-byte quads or 4-byte words; in GLSL these are buffer references.
struct Quads {
  const uvec4* q;
};
struct Words {
  const uint* w;
};
struct Pair {
  float x, y;
};
inline Pair unpack_f16(uint u) {
  return {f16_to_f32(static_cast<uint16_t>(u & 0xffffu)), f16_to_f32(static_cast<uint16_t>(u >> 16))};
}
inline float word_as_float(uint u) { return std::bit_cast<float>(u); }
// Byte `at` (0..3) of a word, as a signed number.
inline float signed_byte(uint u, uint at) {
  return static_cast<float>(static_cast<int8_t>((u >> (8u * at)) & 0xffu));
}
}  // namespace fulmar::shared
#define AS_WORDS(quads) (Words{reinterpret_cast<const uint*>((quads).q)})
#define SHARED_FN inline
#define SHARED_UNROLL
#define SHARED_UNUSED [[maybe_unused]]
#define SHARED_OUT(type, name, count) type(&name)[count]
#define SHARED_CONST(type, name, value) inline constexpr type name = value

#else  // GLSL
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Quads { uvec4 q[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer Words { uint w[]; };
#define Pair vec2
#define unpack_f16 unpackHalf2x16
#define word_as_float uintBitsToFloat
#define signed_byte(u, at) float(bitfieldExtract(int(u), int(8u * (at)), 8))
#define AS_WORDS(quads) (Words(uvec2(quads)))
#define SHARED_FN
#define SHARED_UNROLL [[unroll]]
#define SHARED_UNUSED
#define SHARED_OUT(type, name, count) out type name[count]
#define SHARED_CONST(type, name, value) const type name = value
#endif

#endif
