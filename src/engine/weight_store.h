// Puts a tape's weights on a device: converted one tensor at a time, adopted in place where the device reads
// host memory.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "engine/weight_layout.h"
#include "ops/backend.h"

namespace fulmar {

// Called with the bytes that have been placed since the last call.
using Placed = std::function<void(uint64_t bytes)>;

// The weight in the tape's format, from a source that answers by canonical names. Throws Error(bad_file) when
// its shape is another one.
Tensor load_weight(const Source& source, const ops::Weight& weight);

class WeightStore {
 public:
  WeightStore(const ops::Tape& tape, const Source& source, ops::Backend& backend, const Placed& placed);
  const std::vector<ops::DeviceTensor>& tensors() const { return tensors_; }

 private:
  std::vector<std::unique_ptr<ops::Buffer>> buffers_;
  std::vector<ops::DeviceTensor> tensors_;
};

}  // namespace fulmar
