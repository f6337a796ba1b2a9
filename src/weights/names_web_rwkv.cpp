// The names of ai00's .st files, which web-rwkv's converter makes of BlinkDL's checkpoints: time_maa is
// time_mix there, time_faaaa is time_first, and the factors of LoRA-MLPs (and initial states) lie transposed.
#include <algorithm>

#include "weights/names.h"

namespace fulmar {
namespace {

bool has(const std::vector<Spelled>& tensors, std::string_view name) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const Spelled& t) { return t.name == name; });
}

// [w1, w2] of one LoRA-MLP: true where w1 is [width, C], false where it is [C, width], nothing where both are
// possible.
std::optional<bool> is_transposed(const Source& source, const std::vector<Spelled>& tensors, uint64_t C) {
  for (const Spelled& tensor : tensors) {
    uint64_t layer = 0;
    std::string_view rest;
    if (!split_layer(tensor.name, "blocks.", layer, rest)) continue;
    constexpr std::string_view first[] = {"att.w1", "att.a1",          "att.g1",
                                          "att.v1", "att.time_mix_w1", "att.time_decay_w1"};
    if (std::find(std::begin(first), std::end(first), rest) == std::end(first)) continue;
    const Shape shape = source.info(tensor.from)->shape;
    if (shape.size() == 2 && (shape[0] == C) != (shape[1] == C)) return shape[1] == C;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Renamed> web_rwkv_names(const Source& source, const std::vector<Spelled>& tensors) {
  const auto table =
      std::find_if(tensors.begin(), tensors.end(), [](const Spelled& t) { return t.name == "emb.weight"; });
  if (table == tensors.end()) return {};
  const Shape embedding = source.info(table->from)->shape;
  if (embedding.size() != 2) return {};
  const bool v7 = has(tensors, "blocks.0.att.x_r"), v6 = has(tensors, "blocks.0.att.time_mix_w1");
  bool v5 = false;  // BlinkDL's own time_first of v5 is one number a head
  for (const Spelled& tensor : tensors)
    if (tensor.name == "blocks.0.att.time_first" && has(tensors, "blocks.0.att.gate.weight") && !v6) {
      const Shape shape = source.info(tensor.from)->shape;
      v5 = shape.size() == 2 && shape[1] > 1;
    }
  if (!v7 && !v6 && !v5) return {};
  const bool transposed = is_transposed(source, tensors, embedding[1]).value_or(v6);
  if (v7 && !transposed) return {};  // BlinkDL's own

  std::vector<Renamed> names;
  for (const Spelled& tensor : tensors) {
    Renamed renamed{tensor.name, tensor.from};
    uint64_t layer = 0;
    std::string_view rest;
    if (split_layer(tensor.name, "blocks.", layer, rest)) {
      std::string leaf(rest);
      if ((v5 || v6) && leaf == "att.time_first") leaf = "att.time_faaaa";
      if (v6 && leaf.find(".time_mix_") != std::string::npos)
        leaf.replace(leaf.find(".time_mix_"), 10, ".time_maa_");
      renamed.name.resize(renamed.name.size() - rest.size());
      renamed.name += leaf;
      constexpr std::string_view turned[] = {"att.w1",
                                             "att.w2",
                                             "att.a1",
                                             "att.a2",
                                             "att.g1",
                                             "att.g2",
                                             "att.v1",
                                             "att.v2",
                                             "att.time_maa_w1",
                                             "att.time_maa_w2",
                                             "att.time_decay_w1",
                                             "att.time_decay_w2",
                                             "att.time_state"};
      if (transposed && std::find(std::begin(turned), std::end(turned), leaf) != std::end(turned))
        renamed.steps = {layout::transpose()};
    }
    names.push_back(std::move(renamed));
  }
  return names;
}

}  // namespace fulmar
