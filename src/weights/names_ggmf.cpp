// The names of rwkv.cpp's files: BlinkDL's, but with the decay already computed, LoRA factors transposed and
// v7's token shifts in one tensor.
#include <algorithm>

#include "weights/names.h"

namespace fulmar {
namespace {

constexpr std::string_view turned[] = {"att.w1",
                                       "att.w2",
                                       "att.a1",
                                       "att.a2",
                                       "att.v1",
                                       "att.v2",
                                       "att.g1",
                                       "att.g2",
                                       "att.time_maa_w1",
                                       "att.time_maa_w2",
                                       "att.time_decay_w1",
                                       "att.time_decay_w2"};

bool is_ggmf_mix(std::string_view leaf) {
  return leaf.starts_with("att.time_mix_") || leaf.starts_with("ffn.time_mix_") ||
         (leaf.find(".time_maa_") == 3 && leaf.size() == 14);
}

class GgmfTable {
 public:
  explicit GgmfTable(const Source& source) : source_(source) {
    has_norm_ = source.info("blocks.0.att.ln_x.weight").has_value();
    v6_ = source.info("blocks.0.att.time_maa_x").has_value();
  }

  void add(const std::string& name) {
    uint64_t layer = 0;
    std::string_view leaf;
    if (!split_layer(name, "blocks.", layer, leaf)) return put(name, name, {});
    if (leaf == "att.x_rwkvag") {
      constexpr std::string_view letters = "rwkvag";
      for (std::size_t i = 0; i < letters.size(); ++i)
        put("blocks." + std::to_string(layer) + ".att.x_" + letters[i], name,
            {layout::part(i, letters.size()), layout::shape({1, 1, layout::rest})});
      return;
    }
    put(name, name, steps(name, leaf));
  }
  std::vector<Renamed> names;

 private:
  void put(std::string name, const std::string& from, LayoutSteps steps) {
    names.push_back({std::move(name), from, std::move(steps)});
  }

  LayoutSteps steps(const std::string& name, std::string_view leaf) const {
    using Kind = LayoutStep::Kind;
    if (std::find(std::begin(turned), std::end(turned), leaf) != std::end(turned))
      return {layout::transpose()};
    if (is_ggmf_mix(leaf)) return as_mix();
    if (leaf == "att.time_faaaa") return {per_head(name)};
    if (leaf == "att.time_first" && has_norm_) return {layout::map(Kind::log), per_head(name)};
    if (leaf == "att.time_decay") {
      if (v6_) return as_mix();
      if (has_norm_) return {layout::map(Kind::log_minus_log), per_head(name)};
      return {layout::map(Kind::log_negative)};
    }
    return {};
  }

  // [H,N,1] -> [H,N]; [H,1,1] -> [H].
  LayoutStep per_head(const std::string& name) const {
    Shape shape = source_.info(name)->shape;
    while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
    return layout::shape(std::move(shape));
  }

  const Source& source_;
  bool has_norm_, v6_;
};

}  // namespace

std::vector<Renamed> ggmf_names(const Source& source) {
  GgmfTable table(source);
  for (const std::string& name : source.names()) table.add(name);
  return std::move(table.names);
}

}  // namespace fulmar
