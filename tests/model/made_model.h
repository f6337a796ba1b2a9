// Small v7 models made in memory, and their logits under a strategy.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/devices.h"
#include "model/model.h"

namespace fulmar::test {

// Random weights whose activations stay near one, as a checkpoint would hold them.
class MadeModel final : public Source {
 public:
  explicit MadeModel(rwkv::Config shape, uint32_t seed = 1);
  std::vector<std::string> names() const override;
  std::optional<TensorRef> info(std::string_view name) const override;
  Tensor load(std::string_view name) const override;
  std::string label() const override { return "made.pth"; }

  std::map<std::string, Tensor, std::less<>> tensors;
};

rwkv::Config made_config(uint32_t L, uint32_t C, uint32_t V);

bool has_vulkan();

// Options whose devices are opened anew for each part's number, even where the machine has only one GPU.
LoadOptions options_for(const std::string& strategy);

// The logits after each token of two sequences that are fed side by side, in steps of 1 to 8 rows.
std::vector<float> logits_of(Model& model);

float largest_difference(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace fulmar::test
