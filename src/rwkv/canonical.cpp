// canonical(): one meaning per name, without copying what need not change.
#include <algorithm>
#include <cstring>
#include <map>

#include "base/fail.h"
#include "rwkv/config.h"
#include "rwkv/tensors.h"

namespace fulmar::rwkv {
namespace {

// Copies [rows, cols] into the upper left corner of a zeroed [.., stride] matrix, transposed if asked for.
// All bytes zero is the number zero in every float format.
void place(std::span<const std::byte> in, uint64_t rows, uint64_t cols, uint64_t element, bool transposed,
           std::span<std::byte> out, uint64_t stride) {
  for (uint64_t r = 0; r < rows; ++r) {
    const std::byte* from = in.data() + r * cols * element;
    if (!transposed) {
      std::memcpy(out.data() + r * stride * element, from, cols * element);
    } else {
      for (uint64_t c = 0; c < cols; ++c)
        std::memcpy(out.data() + (c * stride + r) * element, from + c * element, element);
    }
  }
}

class Canonical final : public Source {
 public:
  Canonical(SourcePtr source, const Config& config) : source_(std::move(source)) {
    for (NeededTensor& needed : needed_tensors(config)) {
      names_.push_back(needed.name);
      std::string name = needed.name;
      table_.emplace(std::move(name), std::move(needed));
    }
  }

  std::vector<std::string> names() const override { return names_; }

  std::optional<TensorRef> info(std::string_view name) const override {
    const auto found = table_.find(name);
    if (found == table_.end()) return std::nullopt;
    auto tensor = source_->info(name);
    if (tensor) *tensor = {tensor->format, shape_of(found->second), {}};
    return tensor;
  }

  Tensor load(std::string_view name) const override {
    const auto found = table_.find(name);
    if (found == table_.end()) fail(ErrorKind::bad_file, "{}: RWKV v7 has no tensor {}", label(), name);
    const NeededTensor& needed = found->second;
    Tensor tensor = source_->load(name);
    const Shape from = squeezed(tensor.shape, needed.change), to = shape_of(needed);
    const bool transposed = needed.change == Change::transpose;
    if (from.size() != needed.shape.size() ||
        !std::equal(from.begin(), from.end(), needed.shape.begin(), std::less_equal<>()))
      fail(ErrorKind::bad_file, "{}: {} is {}, expected {}", label(), name, to_string(tensor.shape),
           to_string(needed.shape));
    if (!transposed && from == needed.shape) {  // the same bytes, perhaps under a shorter shape
      tensor.shape = to;
      return tensor;
    }
    const uint64_t element = fulmar::info(tensor.format).scalar_bytes;
    require(from.size() == 2 && element > 0, "{} is no matrix to be padded", name);
    std::span<std::byte> bytes;
    Tensor out = make_tensor(tensor.format, to, bytes);
    std::memset(bytes.data(), 0, bytes.size());
    place(tensor.data, from[0], from[1], element, transposed, bytes, to[1]);
    return out;
  }

  std::optional<std::string> metadata(std::string_view key) const override { return source_->metadata(key); }
  void release(std::string_view name) const override { source_->release(name); }
  std::string label() const override { return source_->label(); }

 private:
  static Shape shape_of(const NeededTensor& needed) {
    const Shape& shape = needed.shape;
    if (needed.change == Change::flatten) return {shape[0] * shape[1]};
    if (needed.change == Change::transpose) return {shape[1], shape[0]};
    return shape;
  }

  SourcePtr source_;
  std::vector<std::string> names_;
  std::map<std::string, NeededTensor, std::less<>> table_;
};

}  // namespace

SourcePtr canonical(SourcePtr source, const Config& config) {
  return std::make_shared<Canonical>(std::move(source), config);
}

}  // namespace fulmar::rwkv
