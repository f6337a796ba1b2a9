// Where a tape's values, weights and states live.
#pragma once
#include <vector>

#include "ops/batch.h"
#include "ops/tape.h"

namespace fulmar::ops {

class Buffer;
class StateMemory;

// Byte offset of every value in one arena; values whose lives do not overlap share bytes, where a run of
// independent Linears counts as one moment. Offsets are multiples of 256.
struct ArenaPlan {
  std::vector<uint64_t> offsets;  // by ValueId
  uint64_t bytes = 0;
};
// `reuse` false gives every value bytes of its own (for the op-by-op debugger). Inputs live from the start,
// outputs to the end.
ArenaPlan plan_arena(const Tape& tape, const BatchShape& shape, bool reuse = true);

// A weight on a device: `offset` bytes into `buffer`, a multiple of 64.
struct DeviceTensor {
  const Buffer* buffer = nullptr;
  uint64_t offset = 0;
  bool arranged = false;  // it came by Backend::upload_arranged()
};

struct Memory {
  std::vector<DeviceTensor> weights;  // by WeightId
  Buffer* activations = nullptr;      // at least plan_arena(tape, shape).bytes long; programs may share it
  const StateMemory* states = nullptr;  // that Backend::make_states() made, of tape.state_floats a slot or more
};

}  // namespace fulmar::ops
