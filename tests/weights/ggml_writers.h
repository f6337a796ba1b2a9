// Tiny writers of GGUF, ggmf and legacy .pth files for tests; every number can be made to lie.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weights/writers.h"

namespace fulmar::test {

// A GGUF key and its typed value.
std::string gguf_text(std::string_view text);
std::string gguf_pair(std::string_view key, std::string_view value);  // a text
std::string gguf_pair(std::string_view key, uint32_t value);
std::string gguf_pair(std::string_view key, float value);
std::string gguf_array(std::string_view key, const std::vector<std::string>& texts);
std::string gguf_array(std::string_view key, const std::vector<int32_t>& numbers);

struct GgufTensor {
  std::string name;
  std::vector<uint64_t> shape;  // outermost first
  uint32_t type = 0;
  std::string data;
  std::optional<uint64_t> offset = {};      // lies
  std::optional<uint32_t> dimensions = {};  // lies
};
struct GgufLies {
  uint32_t version = 3;
  uint64_t alignment = 32;
  std::optional<uint64_t> tensors = {}, pairs = {};
};
std::string gguf(const std::vector<std::string>& pairs, const std::vector<GgufTensor>& tensors,
                 const GgufLies& lies = {});
// The pairs every model needs.
std::vector<std::string> gguf_model(std::string_view architecture = "rwkv7", uint32_t head_size = 2);

struct GgmfTensor {
  std::string name;
  std::vector<uint32_t> shape;  // outermost first
  uint32_t type = 0;
  std::string data;
  std::optional<uint32_t> dimensions = {}, name_length = {};  // lie
};
std::string ggmf(const std::vector<GgmfTensor>& tensors, uint32_t version = 101);

// torch.save before 1.6: the pickle of tensors, the storages' keys in the file's order and their bytes.
struct LegacyStorage {
  std::string key;
  uint64_t elements = 0;
  std::string data;
};
std::string legacy_pth(const std::string& pickle, const std::vector<LegacyStorage>& storages);

}  // namespace fulmar::test
