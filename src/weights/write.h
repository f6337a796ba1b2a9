// Writing model files: tensor by tensor from a Source, so that memory holds about one of them at a time.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "weights/source.h"

namespace fulmar {

// A tensor of a Source and the format it is written in.
struct OutTensor {
  std::string name;
  Format format;
};

// Bytes of tensors written and in all. Called often, between pieces of one tensor too: what it throws ends
// the writing.
using WriteProgress = std::function<void(uint64_t done, uint64_t total)>;

// Any format; safetensors_types.h tells how block formats are kept.
void write_safetensors(const Source& source, std::span<const OutTensor> tensors,
                       const std::map<std::string, std::string>& metadata, AtomicFile& file,
                       const WriteProgress& progress);

// The metadata of a GGUF file under construction: typed values by key, in the order they were put.
class GgufHead {
 public:
  void put(std::string_view key, std::string_view text);
  void put(std::string_view key, uint32_t number);
  void put(std::string_view key, float number);
  void put(std::string_view key, std::span<const std::string> texts);
  void put(std::string_view key, std::span<const int32_t> numbers);
  uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  uint64_t count_ = 0;
};

// Tensors as they are: names, shapes and formats must be ggml's already.
void write_gguf(const Source& source, std::span<const OutTensor> tensors, const GgufHead& head,
                AtomicFile& file, const WriteProgress& progress);

}  // namespace fulmar
