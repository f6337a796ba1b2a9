// The Source behind all renamings, and the search for a checkpoint's spelling.
#include "weights/names.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/fail.h"
#include "weights/trainers.h"

namespace fulmar {
namespace {

class Renaming final : public Source {
 public:
  Renaming(SourcePtr source, std::vector<Renamed> names, ExtraMetadata extra)
      : source_(std::move(source)),
        errors_{source_->label()},
        names_(std::move(names)),
        extra_(std::move(extra)) {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (const auto [other, added] = index_.emplace(names_[i].name, i); !added)
        errors_.bad("{} and {} are both {}", names_[other->second].from, names_[i].from, names_[i].name);
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> list;
    for (const Renamed& renamed : names_) list.push_back(renamed.name);
    return list;
  }

  std::optional<TensorRef> info(std::string_view name) const override {
    const Renamed* renamed = find(name);
    if (!renamed) return std::nullopt;
    auto tensor = source_->info(renamed->from);
    if (!tensor) return std::nullopt;
    return after_steps(errors_, renamed->from, *tensor, renamed->steps);
  }

  Tensor load(std::string_view name) const override {
    const Renamed* renamed = find(name);
    if (!renamed) errors_.bad("there is no tensor {}", name);
    return apply_steps(errors_, renamed->from, source_->load(renamed->from), renamed->steps);
  }

  std::optional<std::string> metadata(std::string_view key) const override {
    if (const auto found = extra_.find(key); found != extra_.end()) return found->second;
    return source_->metadata(key);
  }
  std::optional<EmbeddedVocabulary> vocabulary() const override { return source_->vocabulary(); }
  void release(std::string_view name) const override {
    if (const Renamed* renamed = find(name)) source_->release(renamed->from);
  }
  std::string label() const override { return errors_.label; }

 private:
  const Renamed* find(std::string_view name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &names_[found->second];
  }

  SourcePtr source_;
  FileErrors errors_;
  std::vector<Renamed> names_;
  std::map<std::string_view, std::size_t> index_;  // views of the names in names_
  ExtraMetadata extra_;
};

// The name without torch.compile's and DataParallel's words, wherever they stand.
std::string unwrapped(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size() - 1);
    const std::string_view word = name.substr(0, dot + 1);
    if (word != "_orig_mod." && word != "module." && word != "_forward_module.") out += word;
    name.remove_prefix(dot + 1);
  }
  return out;
}

// What stands before the model's own names, found by a tensor that every model has; nothing where there is
// none of them.
std::optional<std::string> find_prefix(const std::vector<Spelled>& tensors) {
  constexpr std::string_view marks[] = {"blocks.0.ln1.weight", "layers.0.attn_norm.weight",
                                        "layers.0.ln1.weight", "layers.0.input_layernorm.weight"};
  for (const Spelled& tensor : tensors)
    for (const std::string_view mark : marks)
      if (tensor.name.ends_with(mark)) {
        const std::string prefix = tensor.name.substr(0, tensor.name.size() - mark.size());
        if (prefix.empty() || prefix.back() == '.') return prefix;
      }
  return std::nullopt;
}

// Names below `prefix`, without it; and the head, which Hugging Face's classes keep beside it.
std::vector<Spelled> below(const std::string& prefix, const std::vector<Spelled>& tensors) {
  std::vector<Spelled> out;
  for (const Spelled& tensor : tensors)
    if (tensor.name.starts_with(prefix)) out.push_back({tensor.name.substr(prefix.size()), tensor.from});
  for (const std::string_view leaf : {"head.weight", "head.bias"}) {
    const Spelled* nearest = nullptr;  // the one furthest inside, of those that stand outside of `prefix`
    std::size_t depth = 0;
    for (const Spelled& tensor : tensors) {
      if (!tensor.name.ends_with(leaf)) continue;
      std::string_view outer(tensor.name.data(), tensor.name.size() - leaf.size());
      if (outer.ends_with("lm_")) outer.remove_suffix(3);
      const bool encloses =
          outer.size() < prefix.size() && prefix.starts_with(outer) && (outer.empty() || outer.back() == '.');
      if (!encloses || (nearest && outer.size() <= depth)) continue;
      nearest = &tensor;
      depth = outer.size();
    }
    if (nearest) out.push_back({std::string(leaf), nearest->from});
  }
  return out;
}

// What stands outside of the model in the same file and is no trainer's: a part of it that nobody here knows.
std::vector<Renamed> strangers(const std::vector<Spelled>& all, const std::vector<Renamed>& taken) {
  std::set<std::string_view> known;
  for (const Renamed& renamed : taken) known.insert(renamed.from);
  std::vector<Renamed> out;
  for (const Spelled& tensor : all)
    if (!known.contains(tensor.from) && !is_trainers(tensor.name))
      out.push_back({tensor.name, tensor.from});
  return out;
}

bool unchanged(const std::vector<Renamed>& names) {
  return std::all_of(names.begin(), names.end(),
                     [](const Renamed& r) { return r.name == r.from && r.steps.empty(); });
}

}  // namespace

bool is_trainers(std::string_view name) {
  constexpr std::string_view words[] = {"optimizer",
                                        "optimizer_states",
                                        "lr_scheduler",
                                        "lr_schedulers",
                                        "scheduler",
                                        "rng_state",
                                        "rng_states",
                                        "random_rng_state",
                                        "np_rng_state",
                                        "torch_rng_state",
                                        "cuda_rng_state",
                                        "cuda_rng_states",
                                        "step",
                                        "global_step",
                                        "global_steps",
                                        "epoch",
                                        "hyper_parameters",
                                        "callbacks",
                                        "loops",
                                        "ds_config"};
  return std::find(std::begin(words), std::end(words), name.substr(0, name.find('.'))) != std::end(words);
}

SourcePtr rename(SourcePtr source, std::vector<Renamed> names, ExtraMetadata extra) {
  return std::make_shared<Renaming>(std::move(source), std::move(names), std::move(extra));
}

LayoutSteps as_mix() {
  return {layout::shape({1, 1, layout::rest})};
}

bool split_layer(std::string_view name, std::string_view prefix, uint64_t& layer, std::string_view& rest) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data(), end, layer);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '.') return false;
  rest = name.substr(static_cast<std::size_t>(parsed.ptr - name.data()) + 1);
  return true;
}

SourcePtr blinkdl_names(SourcePtr source, const ConfigJson& config) {
  std::vector<Spelled> tensors;
  for (std::string& name : source->names()) tensors.push_back({unwrapped(name), name});
  const auto prefix = find_prefix(tensors);
  if (!prefix) return source;
  const std::vector<Spelled> all = std::exchange(tensors, below(*prefix, tensors));

  std::vector<Renamed> names;
  ExtraMetadata extra;
  if (is_hugging_face(tensors)) {
    names = hugging_face_names(*source, tensors, config);
    extra = hugging_face_metadata(*source, config, names);
  } else {
    names = web_rwkv_names(*source, tensors);
    if (names.empty())
      for (Spelled& tensor : tensors) names.push_back({tensor.name, tensor.from});
  }
  for (Renamed& stranger : strangers(all, names)) names.push_back(std::move(stranger));
  if (names.size() == all.size() && unchanged(names) && extra.empty()) return source;
  return rename(std::move(source), std::move(names), std::move(extra));
}

}  // namespace fulmar
