// A Source answers for tensors by name. Readers of files are Sources; so are the steps that rename and
// reshape, each wrapping another.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace fulmar {

class Source {
 public:
  virtual ~Source() = default;
  // The names of all tensors, in the file's order.
  virtual std::vector<std::string> names() const = 0;
  // Format and shape without touching the data (`data` may be empty); nothing where there is no such tensor.
  virtual std::optional<TensorRef> info(std::string_view name) const = 0;
  // The tensor itself: a view of the mapped file where the bytes lie there as asked for, else computed into
  // its own storage. Throws Error(bad_file) naming file and tensor when it is missing or damaged. Safe from
  // several threads.
  virtual Tensor load(std::string_view name) const = 0;
  // Free-form metadata of the file ("gn_eps"), where it has any.
  virtual std::optional<std::string> metadata(std::string_view) const { return std::nullopt; }
  // The caller has its own copy of this tensor: the pages of the file behind it may leave memory (they come
  // back on use).
  virtual void release(std::string_view) const {}
  // The file's name for error messages.
  virtual std::string label() const = 0;
};

using SourcePtr = std::shared_ptr<const Source>;

// Opens a model file by its magic bytes: safetensors or zip .pth (torch.save). Every offset, size and count
// is checked against the file's length before use; nothing in a pickle is executed. Throws Error(bad_file) or
// Error(not_found).
SourcePtr open_weights(const std::filesystem::path& path);

}  // namespace fulmar
