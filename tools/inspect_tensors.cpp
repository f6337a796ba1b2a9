// Tables of tensors; see inspect_tensors.h.
#include "inspect_tensors.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "rwkv/tensors.h"

namespace fulmar::tools {
namespace {

// In the order they are printed.
enum class Group { embedding, time_mix, channel_mix, lora, vectors, head, unused };
constexpr std::string_view group_names[] = {"embedding", "time mix", "channel mix", "LoRA factors",
                                            "vectors",   "head",     "not used"};

uint64_t bytes_of(const TensorRef& tensor) {
  const uint64_t count = element_count(tensor.shape), K = tensor.shape.empty() ? 1 : tensor.shape.back();
  return K ? info(tensor.format).matrix_bytes(count / K, K) : 0;
}

class Groups {
 public:
  Groups(const Source& file, const rwkv::Config& config) {
    for (const rwkv::NeededTensor& needed : rwkv::needed_tensors(config, file))
      (rwkv::canonical_shape(needed).size() == 2 ? matrices_ : vectors_).insert(needed.stored);
  }

  Group of(const std::string& name) const {
    if (vectors_.contains(name)) return Group::vectors;
    if (!matrices_.contains(name)) return Group::unused;
    if (name.ends_with("emb.weight")) return Group::embedding;
    if (name == "head.weight") return Group::head;
    if (!name.ends_with(".weight")) return Group::lora;
    return name.find(".ffn.") == name.npos ? Group::time_mix : Group::channel_mix;
  }

 private:
  std::set<std::string> matrices_, vectors_;
};

}  // namespace

void print_tensor_groups(const Source& file, const rwkv::Config& config) {
  struct Kept {
    uint64_t tensors = 0, parameters = 0, bytes = 0;
  };
  const Groups groups(file, config);
  std::map<std::pair<Group, std::string_view>, Kept> table;
  for (const std::string& name : file.names()) {
    const TensorRef tensor = *file.info(name);
    Kept& kept = table[{groups.of(name), info(tensor.format).name}];
    ++kept.tensors;
    kept.parameters += element_count(tensor.shape);
    kept.bytes += bytes_of(tensor);
  }
  fmt::print("  {:<13} {:>7} {:<7} {:>12} {:>9}\n", "", "tensors", "format", "parameters", "MiB");
  for (const auto& [key, kept] : table)
    fmt::print("  {:<13} {:>7} {:<7} {:>12} {:>9.1f}\n", group_names[static_cast<std::size_t>(key.first)],
               kept.tensors, key.second, kept.parameters, static_cast<double>(kept.bytes) / (1 << 20));
}

void print_tensors(const Source& file) {
  for (const std::string& name : file.names()) {
    const TensorRef tensor = *file.info(name);
    fmt::print("{} {} {}\n", name, info(tensor.format).name, to_string(tensor.shape));
  }
}

}  // namespace fulmar::tools
