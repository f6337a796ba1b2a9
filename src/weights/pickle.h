// Reads the pickle of a torch.save file without running it. A pickle is a program for a small stack machine
// that may call any Python function; this machine knows tensors, containers and plain values. What a trainer
// keeps beside the weights (its settings, as objects of its own classes) becomes values without a meaning,
// and what no trainer would call is refused by name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/file_source.h"

namespace fulmar {

// A tensor as the pickle describes it; the numbers lie in the archive's entry data/<key>.
struct PickledTensor {
  std::string name;               // nested dictionaries joined by dots
  std::string_view storage_type;  // "BFloat16Storage"; views of the pickle's bytes, here and below
  std::string_view key;
  uint64_t storage_elements = 0;
  uint64_t offset = 0;  // of the first element, in elements
  Shape shape;
  std::vector<uint64_t> strides;  // in elements
};

// A storage that a pickle refers to.
struct PickledStorage {
  std::string_view key, type;
  uint64_t elements = 0;
};

// All tensors of the dictionary that the pickle builds, in its order. Memory stays in proportion to the
// pickle's size; cyclic and exploding structures are refused.
std::vector<PickledTensor> read_state_dict(const FileErrors& errors, std::span<const std::byte> pickle);

// The same of a pickle that more data follows, with all storages it mentions and the bytes it takes.
struct StateDict {
  std::vector<PickledTensor> tensors;
  std::vector<PickledStorage> storages;
  uint64_t bytes = 0;
};
StateDict read_state_dict_prefix(const FileErrors& errors, std::span<const std::byte> data);

// A pickle of a plain value that more data follows: the texts of the list it builds (empty for other values),
// and the bytes it takes.
struct PickledTexts {
  std::vector<std::string_view> texts;
  uint64_t bytes = 0;
};
PickledTexts read_text_list_prefix(const FileErrors& errors, std::span<const std::byte> data);

}  // namespace fulmar
