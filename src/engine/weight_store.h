// Puts a tape's weights on a device: converted one tensor at a time, adopted in place where the device reads
// host memory.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "ops/backend.h"
#include "weights/source.h"

namespace fulmar {

class WeightStore {
 public:
  // `source` answers by canonical names. Progress is told in bytes on the device.
  WeightStore(const ops::Tape& tape, const SourcePtr& source, ops::Backend& backend,
              const std::function<void(uint64_t done, uint64_t total)>& progress);
  const std::vector<ops::DeviceTensor>& tensors() const { return tensors_; }
  uint64_t bytes() const { return bytes_; }

 private:
  // Room for `bytes` in the current block, or in a new one.
  std::pair<ops::Buffer*, uint64_t> place(uint64_t bytes);

  ops::Backend& backend_;
  std::vector<std::unique_ptr<ops::Buffer>> buffers_;
  std::vector<ops::DeviceTensor> tensors_;
  ops::Buffer* block_ = nullptr;
  uint64_t used_ = 0, bytes_ = 0, unplaced_ = 0;
};

}  // namespace fulmar
