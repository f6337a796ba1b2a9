// What a tape becomes on the device: a list of launches, and how a launch is cut by rows where it would
// take too long.
#pragma once
#include <array>
#include <functional>
#include <vector>

#include "ops/groups.h"
#include "vulkan/pipelines.h"

namespace fulmar::vulkan {

struct Launch {
  Kernel kernel;
  uint32_t groups_x = 0, groups_y = 1;
  std::array<std::byte, 128> push;
  uint32_t push_bytes = 0;
  ops::Group group;    // what it computes, all of it or some of its rows
  double seconds = 0;  // on a slow card; see Device::pace()
  // Rows that it computes, those that a workgroup does (0: each walks through all of them), and along which
  // side of the grid they go; and where in the push data the first row and the end stand.
  uint32_t rows = 0, group_rows = 0;
  bool rows_in_x = false;
  uint32_t rows_at = 0;
};

// Where a step's data lies in its buffer: {rows, segments, picks, decodes}, segments, then words from these
// places on.
struct StepLayout {
  explicit StepLayout(const ops::BatchShape& shape)
      : rows_at(4 + 4 * shape.segments),
        picks_at(rows_at + shape.rows),
        bytes(4 * uint64_t{picks_at + shape.picks}) {}
  uint32_t rows_at, picks_at;
  uint64_t bytes;
};

// Device addresses the launches are built around.
struct Addresses {
  uint64_t arena, step, tables;
  std::function<uint64_t(ops::WeightId)> weight;
};

struct Plan {
  std::vector<Launch> launches;
  Bound bound = Bound::bytes;     // what most of its seconds are
  std::vector<std::byte> tables;  // to be uploaded to Addresses::tables
};

// Bytes the tables of a tape need at most.
uint64_t table_bytes(const ops::Tape& tape);
// The same work as launches of at most `longest` seconds each and `max_groups` workgroups along a side, as far
// as rows allow that. Throws Error(unsupported) where they do not fit the grid otherwise.
std::vector<Launch> cut(const Launch& launch, double longest, uint32_t max_groups);

Plan make_plan(const ops::Tape& tape, const ops::ArenaPlan& arena, const ops::BatchShape& shape,
               const Addresses& addresses, const PhysicalDevice& device);

}  // namespace fulmar::vulkan
