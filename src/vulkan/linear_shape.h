// Choosing how the linear kernels are cut to a matrix, a batch and a device.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <vector>

#include "vulkan/physical_device.h"

namespace fulmar::vulkan {

// What the cut depends on.
struct LinearDevice {
  uint32_t subgroup = 32, max_workgroup = 1024, shared_bytes = 32768;
  bool software = false;
  bool many_registers = false;  // 255 for each thread of a workgroup of any size
  MatrixTile tile{16, 16, 16};
};
inline LinearDevice linear_device(const PhysicalDevice& device) {
  constexpr uint32_t nvidia = 0x10de;
  return {device.subgroup_size,  device.max_workgroup,    device.max_shared,
          device.caps.software, device.vendor == nvidia, device.matrix_tile.value_or(MatrixTile{16, 16, 16})};
}

// Rows up to which the matrix-vector kernel is used: weights are then most of the bytes. Where matrix units may be
// used, a wide matrix leaves it earlier.
inline constexpr uint32_t vec_rows = 8;
inline bool few_rows(uint32_t rows, uint32_t outputs, bool units) {
  return rows <= (units && outputs >= 4096 ? 2 : vec_rows);
}

// See shaders/linear_vec.glsl.
struct VecShape {
  uint32_t threads = 128, subgroup, T, R = 4, lanes;
  bool split = false;
  uint32_t outputs() const { return (split ? 1 : threads / lanes) * R; }  // of one workgroup
  std::vector<uint32_t> constants() const { return {threads, subgroup, T, R, lanes, split}; }
};

// `outputs`: of all jobs of the launch; `K`: of the longest row of W, whose format has chunks of `chunk`.
inline VecShape vec_shape(uint32_t rows, uint32_t outputs, uint32_t K, uint32_t chunk, const LinearDevice& device) {
  const uint32_t chunks = K / chunk, subgroup = device.subgroup;
  VecShape s;
  s.subgroup = subgroup;
  s.T = std::bit_ceil(std::min(rows, vec_rows));
  // A lane decodes a chunk of all its outputs before it multiplies: four of 32 weights take 192 to 256
  // registers on RDNA, two take 128 at most, so that twice as many subgroups hide each other's loads.
  if (chunk > 16 && !device.software && !device.many_registers) s.R = 2;
  // Short rows (the second halves of LoRAs) leave lanes idle: several teams then share a subgroup.
  s.lanes = std::min(subgroup, std::bit_ceil(chunks));
  // A large GPU needs about 4 MiB of loads in flight to use its bandwidth: 2^17 lanes with two quads each.
  const uint64_t lanes_wanted = device.software ? 1 << 10 : 1 << 17;
  const uint64_t lanes = uint64_t{outputs} * s.lanes;
  if (lanes < lanes_wanted && chunks >= 4 * subgroup) {
    s.split = true;
    s.threads = std::max(128u, 2 * subgroup);
    s.R = outputs >= 1024 ? 2 : 1;
  } else {
    // Of a wide matrix a decoded chunk of x serves more outputs, which counts more than lanes where decoding is work.
    const uint64_t enough = device.software ? 256 : chunk > 16 ? lanes_wanted / 2 : lanes_wanted * 3 / 4;
    while (s.R > 1 && lanes / s.R < enough) s.R /= 2;
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
  uint32_t teams() const { return teams_t * teams_n * teams_k; }
  // Of workgroup memory: two padded tiles of f16 and, where they were, a product's sums for every subgroup.
  uint32_t bytes(const MatrixTile& tile) const {
    return 16 * std::max((rows + outputs) * (step / 8 + 1), teams() * tile.m * (tile.n / 4 + 1));
  }
  // A subgroup sums up 2 x 2 products at most.
  bool fits(const LinearDevice& device) const {
    return teams() * device.subgroup <= device.max_workgroup && bytes(device.tile) <= device.shared_bytes &&
           rows <= 2 * device.tile.m * teams_t && outputs <= 2 * device.tile.n * teams_n;
  }
  std::vector<uint32_t> constants(uint32_t subgroup, const MatrixTile& tile) const {
    return {teams() * subgroup, subgroup, rows, outputs, step, teams_t, teams_n, teams_k, tile.m, tile.n, tile.k};
  }
};

// The larger a tile, the fewer times W and x are read; but every multiprocessor of a large GPU wants a
// workgroup. Few rows are bound by the bytes of W: small tiles there, deep in K, keep more loads in flight, as
// long as a row of W is two steps at least. With `one_order` every shape adds up an element's products in one
// order: by subgroups that share no sums. Measured on an H200; the smaller shapes are for smaller workgroups.
inline CoopShape coop_shape(uint32_t rows, uint32_t outputs, uint32_t K, const LinearDevice& device,
                            bool one_order = false) {
  constexpr CoopShape shapes[] = {{128, 128, 64, 4, 4, 1}, {64, 64, 128, 4, 4, 1}, {64, 64, 64, 2, 2, 1},
                                  {32, 32, 256, 2, 2, 4},  {32, 16, 256, 2, 1, 8}, {32, 32, 128, 2, 2, 2},
                                  {32, 32, 64, 2, 2, 1},   {16, 32, 256, 1, 2, 4}, {16, 16, 512, 1, 1, 8},
                                  {16, 32, 128, 1, 2, 2},  {16, 32, 64, 1, 2, 1}};
  if (device.software)  // of tests: less for its compiler to unroll
    return rows > 16 || one_order ? CoopShape{32, 32, 32, 2, 2, 1} : CoopShape{16, 32, 64, 1, 2, 2};
  constexpr uint32_t groups_wanted = 96;
  const auto groups = [&](const CoopShape& s) {
    return uint64_t{(rows + s.rows - 1) / s.rows} * ((outputs + s.outputs - 1) / s.outputs);
  };
  const CoopShape* best = nullptr;
  for (const CoopShape& s : shapes) {
    const bool half_empty = rows <= s.rows / 2 && s.rows > 16, shallow = s.step > 64 && 2 * s.step > K;
    if (half_empty || shallow || !s.fits(device) || (one_order && s.teams_k > 1)) continue;
    if (groups(s) >= groups_wanted) return s;
    if (!best || groups(s) > groups(*best)) best = &s;
  }
  return best ? *best : shapes[std::size(shapes) - 1];
}

// One batch and matrix [outputs, K] for each shape that coop_shape() answers on real hardware, the smallest first. K
// is two of the tile's steps and a piece of a third.
struct CoopCase {
  uint32_t rows, outputs, K;
};
inline std::vector<CoopCase> coop_cases(const LinearDevice& device) {
  std::vector<CoopCase> cases;
  std::vector<CoopShape> met;
  for (const uint32_t K : {160u, 288u, 544u, 1056u})
    for (const uint32_t rows : {12u, 24u, 40u, 100u, 130u})
      for (const uint32_t outputs : {520u, 2056u, 8200u}) {
        const CoopShape s = coop_shape(rows, outputs, K, device);
        if (K != 2 * s.step + 32 || std::find(met.begin(), met.end(), s) != met.end()) continue;
        met.push_back(s);
        cases.push_back({rows, outputs, K});
      }
  return cases;
}

}  // namespace fulmar::vulkan
