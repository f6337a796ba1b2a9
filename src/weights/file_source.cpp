// Answers for the tensors of a file: views where the bytes lie in order, gathered copies where they do not.
#include "weights/file_source.h"

#include <algorithm>
#include <cstring>

#include "weights/ggml_types.h"

namespace fulmar {
namespace {

constexpr uintptr_t block_alignment = 16;  // kernels read matrices in quads

// Copies a strided tensor into row-major order, one run of the innermost dimension after the other.
void gather(const FileTensor& tensor, uint64_t element, std::byte* out) {
  const std::size_t rank = tensor.shape.size();
  const uint64_t inner = tensor.shape[rank - 1], step = tensor.strides[rank - 1];
  const uint64_t runs = element_count(tensor.shape) / inner;
  Shape at(rank, 0);
  uint64_t from = 0;  // in elements
  for (uint64_t run = 0; run < runs; ++run) {
    const std::byte* in = tensor.data.data() + from * element;
    for (uint64_t i = 0; i < inner; ++i, out += element) std::memcpy(out, in + i * step * element, element);
    for (std::size_t d = rank - 1; d-- > 0;) {  // the next run: count up, carrying outwards
      from += tensor.strides[d];
      if (++at[d] < tensor.shape[d]) break;
      from -= at[d] * tensor.strides[d];
      at[d] = 0;
    }
  }
}

}  // namespace

void refuse_too_many(const FileErrors& errors, std::size_t count) {
  if (count >= max_tensors) errors.bad("holds more than {} tensors", max_tensors);
}

uint64_t checked_bytes(const FileErrors& errors, std::string_view name, const Shape& shape,
                       uint64_t element_bytes) {
  uint64_t bytes = element_bytes;
  bool empty = false;
  for (const uint64_t extent : shape) empty |= extent == 0;
  if (empty) return 0;
  for (const uint64_t extent : shape) {
    if (bytes > (uint64_t{1} << 62) / extent)
      errors.bad("{} claims shape {}, which is more than any file holds", name, to_string(shape));
    bytes *= extent;
  }
  return bytes;
}

void refuse_overlaps(const FileErrors& errors, const std::vector<FileTensor>& tensors) {
  std::vector<const FileTensor*> order;
  for (const FileTensor& tensor : tensors)
    if (!tensor.data.empty()) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const FileTensor* a, const FileTensor* b) { return a->data.data() < b->data.data(); });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const auto& before = order[i - 1]->data;
    if (order[i - 1]->name == order[i]->name) errors.bad("two tensors are named {}", order[i]->name);
    if (before.data() + before.size() > order[i]->data.data())
      errors.bad("{} and {} overlap", order[i - 1]->name, order[i]->name);
  }
}

FileSource::FileSource(FileErrors errors, std::shared_ptr<const MappedFile> file,
                       std::vector<FileTensor> tensors, Metadata metadata)
    : errors_(std::move(errors)),
      file_(std::move(file)),
      tensors_(std::move(tensors)),
      metadata_(std::move(metadata)) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const std::string& name = tensors_[i].name;
    if (std::any_of(name.begin(), name.end(), is_control))  // what people are shown must not move their cursor
      errors_.bad("the name of tensor {} has control characters", i);
    if (!index_.emplace(name, i).second)
      errors_.bad("two tensors are named {}", name);
  }
}

std::vector<std::string> FileSource::names() const {
  std::vector<std::string> names;
  for (const FileTensor& tensor : tensors_) names.push_back(tensor.name);
  return names;
}

const FileTensor* FileSource::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

Format FileSource::format_of(const FileTensor& tensor) const {
  if (!tensor.format)
    errors_.unsupported("{} is of type {}, which is not supported: convert it to F16, BF16 or F32",
                        tensor.name, tensor.dtype);
  return *tensor.format;
}

std::optional<TensorRef> FileSource::info(std::string_view name) const {
  const FileTensor* tensor = find(name);
  if (!tensor) return std::nullopt;
  return TensorRef{format_of(*tensor), tensor->shape, {}};
}

Tensor FileSource::load(std::string_view name) const {
  const FileTensor* tensor = find(name);
  if (!tensor) errors_.bad("there is no tensor {}", name);
  const Format format = format_of(*tensor);
  if (tensor->ggml_blocks) return pack_blocks(format, tensor->shape, tensor->data);
  const bool block = fulmar::info(format).scalar_bytes == 0;
  std::span<std::byte> bytes;
  if (block && reinterpret_cast<uintptr_t>(tensor->data.data()) % block_alignment != 0) {
    Tensor copy = make_tensor(format, tensor->shape, bytes);
    std::memcpy(bytes.data(), tensor->data.data(), bytes.size());
    return copy;
  }
  if (tensor->strides.empty()) return Tensor{{format, tensor->shape, tensor->data}, file_};
  Tensor copy = make_tensor(format, tensor->shape, bytes);
  gather(*tensor, fulmar::info(format).scalar_bytes, bytes.data());
  return copy;
}

void FileSource::release(std::string_view name) const {
  if (const FileTensor* tensor = find(name)) file_->release(tensor->data);
}

std::optional<std::string> FileSource::metadata(std::string_view key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace fulmar
