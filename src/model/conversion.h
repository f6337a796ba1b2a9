// From one model file to another, in other formats and in another container.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "weights/write.h"

namespace fulmar {

struct TypeFor {
  std::string pattern;  // * stands for any characters, ? for one
  std::string type;
};

struct ConvertOptions {
  std::filesystem::path in, out;  // `out` ends in .safetensors or .gguf
  std::string type;               // of the large matrices: "q4_0"; empty: as the file has them
  std::vector<TypeFor> type_for;  // of tensors by name, BlinkDL's or that in `out`; the first that matches
  std::string vocab;              // as for ModelSpec; GGUF files carry it
  bool replace = false;           // a file of that name
  WriteProgress progress;
  std::function<void(const std::string&)> note;  // what a user should know about the result
};

// Writes `out` under a temporary name, which is gone when this throws. Throws Error(misuse) for a type that
// does not exist or that the container does not have, and Error(unsupported) for a version that has no place
// in GGUF.
void convert(const ConvertOptions& options);

// The names that `type` may have; of GGUF files only those that ggml has too.
std::vector<std::string> writable_types(bool gguf);

}  // namespace fulmar
