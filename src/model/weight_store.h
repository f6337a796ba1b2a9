// Puts a tape's weights on a device: converted one tensor at a time, adopted in place where the device reads
// host memory.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "model/model_source.h"
#include "model/weight_layout.h"
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
  // Places the weights of these names anew, after the first time of the same tape. Those that were adopted
  // lie elsewhere then, also after an exception: programs compiled before must not run again.
  void replace(const ops::Tape& tape, const Source& source, const WeightNames& names);

 private:
  void place(size_t i, const ops::Tape& tape, const Source& source);

  ops::Backend& backend_;
  WeightLayout layout_;
  std::vector<std::unique_ptr<ops::Buffer>> blocks_;   // as in layout_
  std::vector<std::unique_ptr<ops::Buffer>> adopted_;  // by WeightId; null for those in a block
  std::vector<ops::DeviceTensor> tensors_;
};

}  // namespace fulmar
