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

// A tokenizer that a model file carries.
struct EmbeddedVocabulary {
  std::vector<std::string> tokens;      // each id's bytes; empty where the id stands for no text
  std::optional<uint32_t> end_of_text;  // the id that ends a text
  std::optional<uint32_t> end_of_turn;  // the id that ends a turn of a chat
};

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
  // The file's own vocabulary, read anew by every call; nothing where it has none.
  virtual std::optional<EmbeddedVocabulary> vocabulary() const { return std::nullopt; }
  // The caller has its own copy of this tensor: the pages of the file behind it may leave memory (they come
  // back on use).
  virtual void release(std::string_view) const {}
  // The file's name for error messages.
  virtual std::string label() const = 0;
};

using SourcePtr = std::shared_ptr<const Source>;

// Opens a model file by its first bytes: safetensors, .pth (zip or legacy), GGUF or rwkv.cpp's ggmf; a
// checkpoint in several files by its index, its folder or any of the files. Tensors have BlinkDL's names and
// shapes, whatever the file calls them. Every offset, size and count is checked against the file's length
// before use; nothing in a pickle is executed. Throws Error(bad_file), Error(not_found) or
// Error(unsupported).
SourcePtr open_weights(const std::filesystem::path& path);
// The same with the names that are written in the file, whoever's they are.
SourcePtr open_as_written(const std::filesystem::path& path);

// Whether a file of this name is the index or a part of a checkpoint in several files.
bool is_one_of_several(const std::string& file_name);

}  // namespace fulmar
