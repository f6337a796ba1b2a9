// Choosing how the linear kernels are cut to a matrix, a batch and a device.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace fulmar::vulkan {

// Rows up to which the matrix-vector kernel is used: weights are then most of the bytes.
inline constexpr uint32_t vec_rows = 8;

// See shaders/linear_vec.glsl.
struct VecShape {
  uint32_t threads = 128, subgroup, T, R = 4, lanes;
  bool split = false;
  uint32_t outputs() const { return (split ? 1 : threads / lanes) * R; }  // of one workgroup
  std::vector<uint32_t> constants() const { return {threads, subgroup, T, R, lanes, split}; }
};

// `outputs`: of all jobs of the launch; `chunks`: of the longest row of W.
inline VecShape vec_shape(uint32_t rows, uint32_t outputs, uint32_t chunks, uint32_t subgroup,
                          bool software) {
  VecShape s;
  s.subgroup = subgroup;
  s.T = std::bit_ceil(std::min(rows, vec_rows));
  // Short rows (the second halves of LoRAs) leave lanes idle: several teams then share a subgroup.
  s.lanes = std::min(subgroup, std::bit_ceil(chunks));
  // A large GPU needs about 4 MiB of loads in flight to use its bandwidth: 2^17 lanes with two quads each.
  const uint64_t lanes_wanted = software ? 1 << 10 : 1 << 17;
  const uint64_t lanes = uint64_t{outputs} * s.lanes;
  if (lanes < lanes_wanted && chunks >= 4 * subgroup) {
    s.split = true;
    s.threads = std::clamp(std::bit_floor(chunks / 2), std::max(64u, 2 * subgroup), 256u);
    s.R = outputs >= 1024 ? 2 : 1;
  } else {
    while (s.R > 1 && lanes / s.R < lanes_wanted / 4) s.R /= 2;
  }
  return s;
}

// See shaders/linear_mat.glsl.
inline constexpr uint32_t mat_outputs = 64;
inline uint32_t mat_rows(uint32_t rows) {
  return rows <= 16 ? 16 : rows <= 32 ? 32 : 64;
}

}  // namespace fulmar::vulkan
