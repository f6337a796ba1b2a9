// The head of a safetensors file, for whoever writes one.
#pragma once
#include <map>
#include <span>
#include <string>

#include "tensor/tensor.h"

namespace fulmar {

// A tensor as the head tells of it; those listed lie one behind the other, without gaps.
struct SafetensorsEntry {
  std::string name;
  Format format;  // of a block format its bytes are told, and in the metadata what they are
  Shape shape;
  uint64_t bytes;
};

// Everything before the tensors' bytes: the length, then JSON with blanks behind it, so that they begin at a multiple of
// `safetensors_alignment`.
constexpr uint64_t safetensors_alignment = 64;
std::string safetensors_head(std::span<const SafetensorsEntry> entries, std::map<std::string, std::string> metadata);

}  // namespace fulmar
