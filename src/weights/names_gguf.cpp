// The names of llama.cpp's architectures rwkv6 and rwkv7. LoRA factors lie [out, in], token shifts are fused
// into one tensor, and rwkv6's files may hold output matrices divided by a power of two that grows with the
// layer, which is undone here.
#include <algorithm>

#include "weights/names.h"

namespace fulmar {
namespace {

struct Leaf {
  std::string_view theirs, ours;
};
constexpr Leaf globals[] = {
    {"token_embd.weight", "emb.weight"},           {"token_embd_norm.weight", "blocks.0.ln0.weight"},
    {"token_embd_norm.bias", "blocks.0.ln0.bias"}, {"output_norm.weight", "ln_out.weight"},
    {"output_norm.bias", "ln_out.bias"},           {"output.weight", "head.weight"}};
// Same layout, other name.
constexpr Leaf plain[] = {{"attn_norm.weight", "ln1.weight"},
                          {"attn_norm.bias", "ln1.bias"},
                          {"attn_norm_2.weight", "ln2.weight"},
                          {"attn_norm_2.bias", "ln2.bias"},
                          {"time_mix_ln.weight", "att.ln_x.weight"},
                          {"time_mix_ln.bias", "att.ln_x.bias"},
                          {"time_mix_receptance.weight", "att.receptance.weight"},
                          {"time_mix_key.weight", "att.key.weight"},
                          {"time_mix_value.weight", "att.value.weight"},
                          {"time_mix_gate.weight", "att.gate.weight"},
                          {"channel_mix_key.weight", "ffn.key.weight"},
                          {"channel_mix_receptance.weight", "ffn.receptance.weight"}};
constexpr Leaf outputs[] = {{"time_mix_output.weight", "att.output.weight"},
                            {"channel_mix_value.weight", "ffn.value.weight"}};
constexpr Leaf mixes6[] = {
    {"time_mix_lerp_x.weight", "att.time_maa_x"},   {"time_mix_lerp_w.weight", "att.time_maa_w"},
    {"time_mix_lerp_k.weight", "att.time_maa_k"},   {"time_mix_lerp_v.weight", "att.time_maa_v"},
    {"time_mix_lerp_r.weight", "att.time_maa_r"},   {"time_mix_lerp_g.weight", "att.time_maa_g"},
    {"time_mix_decay.weight", "att.time_decay"},    {"channel_mix_lerp_k.weight", "ffn.time_maa_k"},
    {"channel_mix_lerp_r.weight", "ffn.time_maa_r"}};
constexpr Leaf turned6[] = {{"time_mix_w1.weight", "att.time_maa_w1"},
                            {"time_mix_w2.weight", "att.time_maa_w2"},
                            {"time_mix_decay_w1.weight", "att.time_decay_w1"},
                            {"time_mix_decay_w2.weight", "att.time_decay_w2"}};
constexpr Leaf mixes7[] = {{"time_mix_w0.weight", "att.w0"},   {"time_mix_a0.weight", "att.a0"},
                           {"time_mix_v0.weight", "att.v0"},   {"time_mix_k_k.weight", "att.k_k"},
                           {"time_mix_k_a.weight", "att.k_a"}, {"channel_mix_lerp_k.weight", "ffn.x_k"}};
constexpr Leaf turned7[] = {{"time_mix_w1.weight", "att.w1"}, {"time_mix_w2.weight", "att.w2"},
                            {"time_mix_a1.weight", "att.a1"}, {"time_mix_a2.weight", "att.a2"},
                            {"time_mix_v1.weight", "att.v1"}, {"time_mix_v2.weight", "att.v2"},
                            {"time_mix_g1.weight", "att.g1"}, {"time_mix_g2.weight", "att.g2"}};

class Table {
 public:
  explicit Table(const GgufShape& shape) : shape_(shape) {}

  void add(const std::string& from) {
    for (const Leaf& leaf : globals)
      if (from == leaf.theirs) return put(std::string(leaf.ours), from, {});
    uint64_t layer = 0;
    std::string_view rest;
    if (!split_layer(from, "blk.", layer, rest)) return put(from, from, {});
    block_ = "blocks." + std::to_string(layer) + ".";
    const bool v7 = shape_.architecture == "rwkv7";
    // Layer 0 has no value residual: files hold copies of a0, a1 and a2 in their place.
    if (v7 && layer == 0 && rest.starts_with("time_mix_v") && rest != "time_mix_value.weight") return;
    constexpr uint64_t most = 1024;  // past every float's exponents
    const uint64_t halvings = shape_.rescale_every ? std::min(layer / shape_.rescale_every, most) : 0;
    const bool known =
        one_of(plain, rest, from, {}) ||
        one_of(outputs, rest, from, halvings ? LayoutSteps{layout::scale(halvings)} : LayoutSteps{}) ||
        fused(rest, from, v7) ||
        (v7 ? one_of(mixes7, rest, from, as_mix()) : one_of(mixes6, rest, from, as_mix())) ||
        (v7 ? one_of(turned7, rest, from, {layout::transpose()})
            : one_of(turned6, rest, from, {layout::transpose()})) ||
        per_head(rest, from);
    if (!known) put(block_ + std::string(rest), from, {});
  }
  std::vector<Renamed> names;

 private:
  void put(std::string name, const std::string& from, LayoutSteps steps) {
    names.push_back({std::move(name), from, std::move(steps)});
  }

  template <std::size_t count>
  bool one_of(const Leaf (&leaves)[count], std::string_view rest, const std::string& from,
              LayoutSteps steps) {
    for (const Leaf& leaf : leaves)
      if (rest == leaf.theirs) return put(block_ + std::string(leaf.ours), from, std::move(steps)), true;
    return false;
  }

  bool fused(std::string_view rest, const std::string& from, bool v7) {
    if (rest != "time_mix_lerp_fused.weight") return false;
    const std::string_view letters = v7 ? "rwkvag" : "wkvrg";
    for (std::size_t i = 0; i < letters.size(); ++i)
      put(block_ + (v7 ? "att.x_" : "att.time_maa_") + letters[i], from,
          {layout::part(i, letters.size()), layout::shape({1, 1, layout::rest})});
    return true;
  }

  // [H N] -> [H, N]
  bool per_head(std::string_view rest, const std::string& from) {
    const bool r_k = rest == "time_mix_r_k.weight";
    if (!r_k && rest != "time_mix_first.weight") return false;
    LayoutSteps steps;
    if (shape_.head_size) steps = {layout::shape({layout::rest, shape_.head_size})};
    put(block_ + (r_k ? "att.r_k" : "att.time_faaaa"), from, std::move(steps));
    return true;
  }

  const GgufShape& shape_;
  std::string block_;
};

}  // namespace

std::vector<Renamed> gguf_names(const Source& source, const GgufShape& shape) {
  Table table(shape);
  for (const std::string& name : source.names()) table.add(name);
  const auto named = [&](std::string_view name) {
    return std::find_if(table.names.begin(), table.names.end(),
                        [&](const Renamed& r) { return r.name == name; });
  };
  if (const auto table_entry = named("emb.weight");
      table_entry != table.names.end() && named("head.weight") == table.names.end()) {
    std::string from = table_entry->from;
    table.names.push_back({"head.weight", std::move(from)});
  }
  return std::move(table.names);
}

}  // namespace fulmar
