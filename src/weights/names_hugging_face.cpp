// The names of Hugging Face's RWKV-4 to RWKV-7 classes and of flash-linear-attention's. All say layers for
// blocks, attention, attn or linear_attn for att and feed_forward or mlp for ffn; flash-linear-attention also
// keeps the factors of LoRA-MLPs as [out, in], and v6's five token shifts in the order r, w, k, v, g instead
// of w, k, v, r, g.
#include <algorithm>

#include "base/log.h"
#include "weights/names.h"

namespace fulmar {
namespace {

struct Word {
  std::string_view theirs, ours;
};

constexpr Word global_words[] = {{"embeddings", "emb"},
                            {"embed_tokens", "emb"},
                            {"embedding_norm", "blocks.0.ln0"},
                            {"norm", "ln_out"},
                            {"lm_head", "head"}};
constexpr Word parts[] = {{"attention", "att"},       {"attn", "att"},
                          {"self_attn", "att"},       {"linear_attn", "att"},
                          {"feed_forward", "ffn"},    {"mlp", "ffn"},
                          {"pre_ln", "ln0"},          {"pre_norm", "ln0"},
                          {"attn_norm", "ln1"},       {"ffn_norm", "ln2"},
                          {"input_layernorm", "ln1"}, {"post_attention_layernorm", "ln2"}};
constexpr Word attention[] = {{"r_proj", "receptance"}, {"k_proj", "key"},    {"v_proj", "value"},
                              {"g_proj", "gate"},       {"o_proj", "output"}, {"g_norm", "ln_x"},
                              {"bonus", "time_faaaa"}};
constexpr Word mixes[] = {{"_key", "_k"}, {"_value", "_v"}, {"_receptance", "_r"}, {"_gate", "_g"}};

template <std::size_t count>
std::string_view translate(const Word (&words)[count], std::string_view theirs) {
  for (const Word& word : words)
    if (word.theirs == theirs) return word.ours;
  return theirs;
}

bool is_mix(std::string_view leaf) {
  if (leaf.starts_with("x_") && leaf.size() == 3) return true;
  if (leaf.size() == 2 && leaf[1] == '0') return true;  // w0, a0, v0
  if (leaf == "k_k" || leaf == "k_a") return true;
  return (leaf.starts_with("time_mix_") || leaf.starts_with("time_maa_")) && leaf.size() == 10;
}

// The names of one layer's time mix or channel mix.
class Layer {
 public:
  Layer(const Source& source, std::string block, std::vector<Renamed>& out)
      : source_(source), block_(std::move(block)), out_(out) {}

  // `part` is att or ffn, `rest` what follows it.
  void add(std::string_view part, std::string_view rest, const std::string& from) {
    if (rest.starts_with("time_mixer.")) rest.remove_prefix(11);
    if (part == "att" && (add_lora(rest, from) || add_shifts(rest, from))) return;
    const std::size_t dot = rest.find('.');
    const std::string_view first = rest.substr(0, dot);
    std::string leaf(part == "att" ? translate(attention, first) : first);
    std::string_view tail = dot == std::string_view::npos ? std::string_view() : rest.substr(dot);
    if (tail == ".mu") {  // v6's channel mix keeps the token shift with the matrix behind it
      leaf = leaf == "key" ? "time_maa_k" : "time_maa_r";
      tail = {};
    }
    if (tail.starts_with(".linear.")) tail.remove_prefix(7);
    if (leaf.starts_with("time_mix_") || leaf.starts_with("time_maa_"))
      for (const Word& mix : mixes)
        if (leaf.ends_with(mix.theirs) && leaf.size() == 8 + mix.theirs.size())
          leaf.replace(8, mix.theirs.size(), mix.ours);
    put(part, leaf + std::string(tail), from, is_mix(leaf) ? as_mix() : LayoutSteps{});
  }

 private:
  void put(std::string_view part, std::string_view leaf, const std::string& from, LayoutSteps steps) {
    std::string name = block_ + std::string(part) + "." + std::string(leaf);
    out_.push_back({std::move(name), from, std::move(steps)});
  }

  // v7: w_lora.lora.0.weight is w1 [width, C], .2.weight is w2 [C, width], .2.bias is w0. v6 keeps the
  // decay's in w_proj.linear.
  bool add_lora(std::string_view rest, const std::string& from) {
    constexpr std::string_view v6 = "w_proj.linear.lora.", v7 = "_lora.lora.";
    const bool decay = rest.starts_with(v6);
    if (!decay && (rest.size() < 12 || rest.substr(1, v7.size()) != v7)) return false;
    const std::string_view tail = rest.substr(decay ? v6.size() : 1 + v7.size());
    const std::string stem = decay ? "time_decay_w" : std::string(rest.substr(0, 1));
    if (tail == "0.weight") put("att", stem + "1", from, {layout::transpose()});
    if (tail == "2.weight") put("att", stem + "2", from, {layout::transpose()});
    if (tail == "2.bias") put("att", decay ? "time_decay" : stem + "0", from, as_mix());
    return tail == "0.weight" || tail == "2.weight" || tail == "2.bias";
  }

  // Fused token shifts of v7's first release (x_x) and of v6 (x_proj, x_bias).
  bool add_shifts(std::string_view rest, const std::string& from) {
    if (rest == "x_x") {
      split(from, "x_", "rwkvag");
    } else if (rest == "x_bias") {
      split(from, "time_maa_", "rwkvg");
    } else if (rest == "x_proj.0.mu") {
      put("att", "time_maa_x", from, as_mix());
    } else if (rest == "x_proj.0.linear.weight") {  // [5 D, C]
      put("att", "time_maa_w1", from, {layout::order(wkvrg()), layout::transpose()});
    } else if (rest == "x_proj.2.weight") {  // [C, 5 D]
      const Shape shape = source_.info(from)->shape;
      const uint64_t C = shape.empty() ? 1 : shape[0];
      put("att", "time_maa_w2", from,
          {layout::transpose(), layout::order(wkvrg()), layout::shape({5, layout::rest, C})});
    } else {
      return false;
    }
    return true;
  }

  static std::vector<uint64_t> wkvrg() { return {1, 2, 3, 0, 4}; }  // of r, w, k, v, g

  void split(const std::string& from, const std::string& stem, std::string_view letters) {
    for (std::size_t i = 0; i < letters.size(); ++i)
      put("att", stem + letters[i], from,
          {layout::part(i, letters.size()), layout::shape({1, 1, layout::rest})});
  }

  const Source& source_;
  std::string block_;
  std::vector<Renamed>& out_;
};

}  // namespace

bool is_hugging_face(const std::vector<Spelled>& tensors) {
  return std::any_of(tensors.begin(), tensors.end(), [](const Spelled& tensor) {
    return tensor.name == "embeddings.weight" || tensor.name.starts_with("layers.0.") ||
           tensor.name.starts_with("blocks.0.attention.");
  });
}

std::vector<Renamed> hugging_face_parts(const Source& source, const std::vector<Spelled>& tensors) {
  std::vector<Renamed> names;
  for (const Spelled& tensor : tensors) {
    uint64_t index = 0;
    std::string_view rest;
    if (!split_layer(tensor.name, "layers.", index, rest) &&
        !split_layer(tensor.name, "blocks.", index, rest)) {
      const std::string_view name = tensor.name, word = name.substr(0, name.find('.'));
      names.push_back({fmt::format("{}{}", translate(global_words, word), name.substr(word.size())), tensor.from});
      continue;
    }
    const std::string block = "blocks." + std::to_string(index) + ".";
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = translate(parts, rest.substr(0, dot));
    if (part == "att" || part == "ffn")
      Layer(source, block, names).add(part, rest.substr(std::min(dot + 1, rest.size())), tensor.from);
    else
      names.push_back({block + std::string(part) + std::string(rest.substr(dot)), tensor.from});
  }
  return names;
}

std::vector<Renamed> hugging_face_names(const Source& source, const std::vector<Spelled>& tensors,
                                        const ConfigJson& config) {
  std::vector<Renamed> names = hugging_face_parts(source, tensors);
  const auto named = [&](std::string_view name) {
    return std::find_if(names.begin(), names.end(), [&](const Renamed& r) { return r.name == name; });
  };
  const auto table = named("emb.weight");
  if (table == names.end() || named("head.weight") != names.end() || !ties_head(config)) return names;
  std::string from = table->from;
  log_info("{}: the head is the embedding, as tie_word_embeddings says", config.where);
  names.push_back({"head.weight", std::move(from)});
  return names;
}

}  // namespace fulmar
