// The names of llama.cpp's architectures rwkv6 and rwkv7. LoRA factors lie [out, in], token shifts are fused
// into one tensor, and rwkv6's files may hold output matrices divided by a power of two that grows with the
// layer, which is undone here.
#include <algorithm>

#include "weights/names.h"
#include "weights/names_gguf.h"

namespace fulmar {
namespace {

using namespace gguf;

class GgufTable {
 public:
  explicit GgufTable(const GgufShape& shape) : shape_(shape) {}

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
    if (rest != fused_shifts) return false;
    const std::string_view letters = v7 ? shifts7 : shifts6;
    for (std::size_t i = 0; i < letters.size(); ++i)
      put(block_ + std::string(v7 ? shift_prefix7 : shift_prefix6) + letters[i], from,
          {layout::part(i, letters.size()), layout::shape({1, 1, layout::rest})});
    return true;
  }

  // [H N] -> [H, N]
  bool per_head(std::string_view rest, const std::string& from) {
    const bool r_k = rest == per_head7.theirs;
    if (!r_k && rest != per_head6.theirs) return false;
    LayoutSteps steps;
    if (shape_.head_size) steps = {layout::shape({layout::rest, shape_.head_size})};
    put(block_ + std::string(r_k ? per_head7.ours : per_head6.ours), from, std::move(steps));
    return true;
  }

  const GgufShape& shape_;
  std::string block_;
};

}  // namespace

std::vector<Renamed> gguf_names(const Source& source, const GgufShape& shape) {
  GgufTable table(shape);
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
