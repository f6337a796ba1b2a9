// FileSource: what every container reader hands over (a table of tensors in a mapped file), answered as a
// Source; and FileErrors, the one voice in which readers complain.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "weights/source.h"

namespace fulmar {

// Every message about a model file starts with the file's name.
struct FileErrors {
  std::string label;

  template <typename... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ErrorKind::bad_file, label + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  [[noreturn]] void unsupported(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ErrorKind::unsupported, label + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
};

// Far above any model (61 layers have about 2,000 tensors), far below what hurts: readers refuse more before
// they keep it.
constexpr std::size_t max_tensors = 1 << 16, max_tensor_name = 256;

// For readers that add one tensor after the other: throws where there are `count` already.
void refuse_too_many(const FileErrors& errors, std::size_t count);

// A tensor where it lies in the file.
struct FileTensor {
  std::string name;
  std::string dtype;             // as the file spells it
  std::optional<Format> format;  // nothing where `dtype` is no type this program reads
  Shape shape;
  std::vector<uint64_t> strides;    // in elements; empty: row-major without gaps
  std::span<const std::byte> data;  // from the first element on; holds the last one, whatever the strides
  bool ggml_blocks = false;         // rows of ggml's blocks, for the formats that have such
};

class FileSource final : public Source {
 public:
  using Metadata = std::map<std::string, std::string, std::less<>>;
  // `file` keeps the tensors' bytes alive. Throws where two tensors share a name.
  FileSource(FileErrors errors, std::shared_ptr<const MappedFile> file, std::vector<FileTensor> tensors,
             Metadata metadata);

  std::vector<std::string> names() const override;
  std::optional<TensorRef> info(std::string_view name) const override;
  Tensor load(std::string_view name) const override;
  std::optional<std::string> metadata(std::string_view key) const override;
  void release(std::string_view name) const override;
  std::string label() const override { return errors_.label; }

 private:
  // Null where there is no such tensor.
  const FileTensor* find(std::string_view name) const;
  Format format_of(const FileTensor& tensor) const;

  FileErrors errors_;
  std::shared_ptr<const MappedFile> file_;
  std::vector<FileTensor> tensors_;
  std::map<std::string_view, std::size_t> index_;  // views of the names in tensors_
  Metadata metadata_;
};

// Throws where two tensors share bytes.
void refuse_overlaps(const FileErrors& errors, const std::vector<FileTensor>& tensors);

// Bytes of `count` elements, or an error naming the tensor where that is more than 2^62.
uint64_t checked_bytes(const FileErrors& errors, std::string_view name, const Shape& shape,
                       uint64_t element_bytes);

}  // namespace fulmar
