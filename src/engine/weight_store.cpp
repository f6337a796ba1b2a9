// Placing weights; see weight_store.h.
#include "engine/weight_store.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar {
namespace {

// Blocks are few, because drivers limit the number of allocations, and far below every driver's size limit.
constexpr uint64_t block_bytes = uint64_t{256} << 20;
constexpr uint64_t alignment = 256;

uint64_t align(uint64_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

uint64_t device_bytes(const ops::Weight& w) {
  return info(w.format).matrix_bytes(w.rows, w.cols);
}

}  // namespace

WeightStore::WeightStore(const ops::Tape& tape, const SourcePtr& source, ops::Backend& backend,
                         const std::function<void(uint64_t, uint64_t)>& progress)
    : backend_(backend) {
  for (const ops::Weight& w : tape.weights) {
    bytes_ += device_bytes(w);
    unplaced_ += align(device_bytes(w));
  }
  uint64_t done = 0;
  for (const ops::Weight& w : tape.weights) {
    Tensor tensor = source->load(w.name);
    const Shape wanted = w.rows == 1 && tensor.shape.size() == 1 ? Shape{w.cols} : Shape{w.rows, w.cols};
    if (tensor.shape != wanted)
      fail(ErrorKind::bad_file, "{}: {} is {}, expected {}", source->label(), w.name, to_string(tensor.shape),
           to_string(wanted));
    const uint64_t bytes = device_bytes(w);
    const bool as_stored = tensor.format == w.format;
    std::unique_ptr<ops::Buffer> adopted = as_stored ? backend.adopt(tensor.data, tensor.owner) : nullptr;
    if (adopted) {
      unplaced_ -= align(bytes);
      tensors_.push_back({adopted.get(), 0});
      buffers_.push_back(std::move(adopted));
    } else {
      const auto [buffer, at] = place(bytes);
      if (as_stored) {
        backend.upload(*buffer, at, tensor.data);
      } else {
        std::span<std::byte> converted;
        const Tensor keep = make_tensor(w.format, {w.rows, w.cols}, converted);
        TensorRef matrix = tensor;
        matrix.shape = {w.rows, w.cols};
        quantize(matrix, w.format, w.rows, w.cols, converted);
        backend.upload(*buffer, at, converted);
      }
      tensors_.push_back({buffer, at});
      source->release(w.name);  // the device has its own copy: the file's pages may go
    }
    done += bytes;
    if (progress) progress(done, bytes_);
  }
}

std::pair<ops::Buffer*, uint64_t> WeightStore::place(uint64_t bytes) {
  const uint64_t room = align(bytes);
  if (!block_ || used_ + room > block_->bytes()) {
    // The last block is just as large as what is left to place.
    buffers_.push_back(
        backend_.allocate(std::max(room, std::min(block_bytes, unplaced_)), ops::Where::device));
    block_ = buffers_.back().get();
    used_ = 0;
  }
  const uint64_t at = used_;
  used_ += room;
  unplaced_ -= room;
  return {block_, at};
}

}  // namespace fulmar
