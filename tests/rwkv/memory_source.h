// A checkpoint made in memory: tensors by name, as a Source.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "fulmar/error.h"
#include "rwkv/config.h"

namespace fulmar::test {

class MemorySource final : public Source {
 public:
  std::vector<std::string> names() const override {
    std::vector<std::string> list;
    for (const auto& [name, tensor] : tensors) list.push_back(name);
    return list;
  }
  std::optional<TensorRef> info(std::string_view name) const override {
    const auto found = tensors.find(name);
    if (found == tensors.end()) return std::nullopt;
    return TensorRef{found->second.format, found->second.shape, {}};
  }
  Tensor load(std::string_view name) const override {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw Error(ErrorKind::bad_file, "no tensor " + std::string(name));
    return found->second;
  }
  std::optional<std::string> metadata(std::string_view key) const override {
    return key == "gn_eps" && !gn_eps.empty() ? std::optional(gn_eps) : std::nullopt;
  }
  std::string label() const override { return "model.pth"; }

  // Numbers 0, 1, 2, ... so that a transposition shows.
  void add(const std::string& name, Shape shape) {
    std::vector<float> values(element_count(shape));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    tensors[name] = from_floats(values, std::move(shape));
  }

  std::map<std::string, Tensor, std::less<>> tensors;
  std::string gn_eps;
};

// Shapes of a small v7 checkpoint; the widths are deliberately no multiples of 8.
struct V7Shape {
  uint64_t L = 3, H = 2, N = 16, F = 100, V = 11, Dw = 5, Da = 6, Dv = 3, Dg = 9;
  bool long_vectors = true;   // [1,1,C], as BlinkDL's files have them
  bool first_values = false;  // v0, v1, v2 in layer 0 too
};
MemorySource v7_checkpoint(const V7Shape& shape = {});

}  // namespace fulmar::test
