// Choosing how the linear kernels are cut to a matrix, a batch and a device.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "vulkan/instance.h"

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

// `outputs`: of all jobs of the launch; `K`: of the longest row of W, whose format has chunks of `chunk`.
inline VecShape vec_shape(uint32_t rows, uint32_t outputs, uint32_t K, uint32_t chunk, uint32_t subgroup,
                          bool software) {
  const uint32_t chunks = K / chunk;
  VecShape s;
  s.subgroup = subgroup;
  s.T = std::bit_ceil(std::min(rows, vec_rows));
  // A lane decodes a chunk of all its outputs before it multiplies: four of 32 weights take 192 to 256
  // registers on RDNA, two take 128 at most, so that twice as many subgroups hide each other's loads.
  if (chunk > 16 && !software) s.R = 2;
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

// See shaders/linear_coop.glsl. Teams are subgroups. Bf16 weights become f16 like any others: exact from
// 2^-14 on, within 2^-25 below, clamped at 65504.
struct CoopShape {
  uint32_t rows, outputs, step;  // of a workgroup's tile, and its K at a time
  uint32_t teams_t, teams_n, teams_k;
  bool operator==(const CoopShape&) const = default;
  std::vector<uint32_t> constants(uint32_t subgroup, const MatrixTile& tile) const {
    const uint32_t threads = teams_t * teams_n * teams_k * subgroup;
    return {threads, subgroup, rows, outputs, step, teams_t, teams_n, teams_k, tile.m, tile.n, tile.k};
  }
};

// The larger a tile, the fewer times W and x are read; but every multiprocessor of a large GPU wants a
// workgroup. Few rows are bound by the bytes of W: small tiles there, deep in K, keep more loads in flight.
// With `one_order` every shape adds up an element's products in one order: by subgroups that share no sums.
inline CoopShape coop_shape(uint32_t rows, uint32_t outputs, uint32_t subgroup, uint32_t max_workgroup,
                            bool software, bool one_order = false) {
  constexpr CoopShape shapes[] = {{128, 128, 32, 2, 4, 1},
                                  {64, 64, 64, 2, 2, 1},
                                  {64, 32, 64, 2, 2, 1},
                                  {32, 32, 128, 1, 2, 2},
                                  {16, 32, 128, 1, 2, 2}};
  if (software)  // of tests: less for its compiler to unroll
    return rows > 32 || one_order ? CoopShape{64, 64, 32, 2, 4, 1}
                                  : CoopShape{rows > 16 ? 32u : 16u, 32, 64, 1, 2, 2};
  constexpr uint32_t groups_wanted = 128;
  const auto groups = [&](const CoopShape& s) {
    return uint64_t{(rows + s.rows - 1) / s.rows} * ((outputs + s.outputs - 1) / s.outputs);
  };
  for (const CoopShape& s : shapes) {
    if (one_order && s.teams_k > 1) break;
    const bool half_empty = rows <= s.rows / 2 && s.rows > 16;
    const bool too_large = s.teams_t * s.teams_n * s.teams_k * subgroup > max_workgroup;
    if (!half_empty && !too_large && (groups(s) >= groups_wanted || s.outputs == 32)) return s;
  }
  return shapes[one_order ? 2 : 4];
}

// One batch and matrix [outputs, K] for each shape that coop_shape() answers on real hardware, the smallest first. K
// is two of the tile's steps and at least a piece of a third.
struct CoopCase {
  uint32_t rows, outputs, K;
};
inline std::vector<CoopCase> coop_cases(uint32_t subgroup, uint32_t max_workgroup) {
  std::vector<CoopCase> cases;
  std::vector<CoopShape> met;
  for (const uint32_t rows : {12u, 24u, 40u, 100u, 130u})
    for (const uint32_t outputs : {520u, 8200u, 16392u}) {
      const CoopShape s = coop_shape(rows, outputs, subgroup, max_workgroup, false);
      if (std::find(met.begin(), met.end(), s) != met.end()) continue;
      met.push_back(s);
      cases.push_back({rows, outputs, 2 * s.step + 32});
    }
  return cases;
}

}  // namespace fulmar::vulkan
