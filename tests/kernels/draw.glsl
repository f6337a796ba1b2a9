// Compiled by a test alone: include/shared/draw.h as GLSL, every member of it used as a kernel would.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#include "shared/draw.h"
layout(local_size_x = 32) in;
layout(std430, binding = 0) readonly buffer Draws { Draw draws[]; };
layout(std430, binding = 1) buffer Tokens { uint tokens[]; };

void main() {
  Draw draw = draws[gl_WorkGroupID.x];
  float point = float(draw.point_high) * 2.328306437e-10 + float(draw.point_low) * 5.421010862e-20;
  uint kept = draw.order == DRAW_JOINT || draw.order == DRAW_CUTS_FIRST ? draw.top_k : DRAW_TEMPERATURE_FIRST;
  if (gl_LocalInvocationID.x == 0u)
    tokens[gl_WorkGroupID.x] = draw.temperature == 0.0 ? 0u : kept + uint(point * draw.top_p + draw.min_p);
}
