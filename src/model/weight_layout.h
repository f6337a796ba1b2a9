// Where a tape's weights lie in the blocks that hold them, decided before any of them is loaded.
#pragma once
#include <vector>

#include "ops/tape.h"
#include "weights/source.h"

namespace fulmar {

// Bytes of a weight on a device.
uint64_t weight_bytes(const ops::Weight& weight);

struct WeightLayout {
  struct Place {
    size_t block;
    uint64_t offset;
  };
  std::vector<uint64_t> blocks;  // their bytes
  std::vector<Place> places;     // by WeightId; unused for weights that are adopted
  std::vector<bool> adopted;     // used where they lie in host memory
  uint64_t bytes() const;        // of all blocks
};

// For a device that reads host memory, weights whose format is the file's are adopted, but for those that its kernels read
// in an order of their own. `one_block`:
// everything in a single block, however large.
WeightLayout lay_out_weights(const ops::Tape& tape, const Source& source, bool host_memory, bool one_block);

}  // namespace fulmar
