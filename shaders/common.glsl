// What every kernel shares: memory views, the step's table, offsets in 64-bit addresses.
#ifndef FULMAR_COMMON
#define FULMAR_COMMON
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_KHR_shader_subgroup_quad : require
#include "shared/blocks.h"
#include "shared/act.h"
#include "shared/push.h"

layout(buffer_reference, std430, buffer_reference_align = 4) buffer Floats { float f[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Vectors { vec4 v[]; };

// See push.h. Words behind the segments (rows and picks tables) are reached through Words.
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Step {
  uint rows, segments, picks, decodes;
  uvec4 segment[];  // address of the slot's state (xy), first row, rows
};

// base + count * stride bytes.
uvec2 advance(uvec2 base, uint count, uint stride) {
  uint high, low, carry;
  umulExtended(count, stride, high, low);
  uint x = uaddCarry(base.x, low, carry);
  return uvec2(x, base.y + high + carry);
}

// The state of one op in a segment's slot; `at` in floats.
Floats slot_state(uvec4 segment, uint at) { return Floats(advance(segment.xy, at, 4u)); }
#endif
