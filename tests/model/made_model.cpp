// Small v7 models made in memory; see made_model.h.
#include "model/made_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "fulmar/error.h"
#include "rwkv/tensors.h"

namespace fulmar::test {

rwkv::Config made_config(uint32_t L, uint32_t C, uint32_t V) {
  rwkv::Config c;
  c.L = L, c.C = c.A = C, c.N = 32, c.H = C / 32, c.F = 2 * C, c.V = V;
  c.Dw = c.Da = c.Dv = c.Dg = 16;
  return c;
}

MadeModel::MadeModel(rwkv::Config shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (const rwkv::NeededTensor& needed : rwkv::needed_tensors(shape, *this)) {
    std::vector<float> values(element_count(needed.shape));
    const bool matrix = needed.shape.size() == 2;
    const bool gain = needed.name.ends_with("ln1.weight") || needed.name.ends_with("ln2.weight") ||
                      needed.name.ends_with("ln0.weight") || needed.name.ends_with("ln_x.weight") ||
                      needed.name == "ln_out.weight";
    const float scale = matrix ? 1 / std::sqrt(static_cast<float>(needed.shape[1])) : 0.2f;
    for (float& value : values) value = (gain ? 1.0f : 0.0f) + scale * normal(random);
    tensors[needed.stored] = from_floats(values, needed.shape);
  }
}

std::vector<std::string> MadeModel::names() const {
  std::vector<std::string> list;
  for (const auto& [name, tensor] : tensors) list.push_back(name);
  return list;
}

std::optional<TensorRef> MadeModel::info(std::string_view name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return std::nullopt;
  return TensorRef{found->second.format, found->second.shape, {}};
}

Tensor MadeModel::load(std::string_view name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error(ErrorKind::bad_file, "no tensor " + std::string(name));
  return found->second;
}

bool has_vulkan() {
  static const bool there = list_devices().size() > 1;
  return there;
}

LoadOptions options_for(const std::string& strategy) {
  LoadOptions options;
  options.strategy = strategy;
  options.slots = 3;
  options.step_tokens = options.max_picks = 8;
  options.threads = 2;
  options.open = [](StrategyPart part) {
    const std::string word = device_word(part);
    if (part.device != "cpu") part.index = 0;
    return OpenedDevice{open_device(part, 2).backend, word};
  };
  return options;
}

std::vector<float> logits_of(Model& model) {
  const uint32_t V = model.config().V;
  std::vector<float> all;
  uint32_t seed = 7;
  model.reset_slot(0);
  model.reset_slot(2);
  // Rows of the two sequences in each step; the fourth wants no logits, as the middle of a prompt does.
  constexpr uint32_t steps[][2] = {{3, 5}, {1, 1}, {2, 0}, {4, 3}, {0, 1}, {1, 7}};
  for (size_t i = 0; i < std::size(steps); ++i) {
    std::vector<int32_t> tokens(steps[i][0] + steps[i][1]);
    for (int32_t& token : tokens) {
      seed = seed * 1664525u + 1013904223u;
      token = static_cast<int32_t>((seed >> 8) % V);
    }
    std::vector<ops::Segment> segments;
    if (steps[i][0]) segments.push_back({0, 0, steps[i][0]});
    if (steps[i][1]) segments.push_back({2, steps[i][0], steps[i][1]});
    std::vector<uint32_t> picks(i == 3 ? 0 : tokens.size());
    std::iota(picks.begin(), picks.end(), 0);
    if (i == 5) picks.erase(picks.begin() + 1);
    const auto logits = model.step(tokens, segments, picks);
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<float>::infinity();
  float worst = 0;
  for (size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::isnan(a[i] - b[i]) ? 1e30f : std::fabs(a[i] - b[i]));
  return worst;
}

}  // namespace fulmar::test
