// From BlinkDL's names and layout to llama.cpp's: LoRA factors turned to [out, in], vectors squeezed, token
// shifts joined.
#include "weights/gguf_layout.h"

#include <algorithm>
#include <map>

#include "base/fail.h"
#include "weights/names.h"
#include "weights/names_gguf.h"

namespace fulmar {
namespace {

using namespace gguf;

// Joined tensors become f32 [parts, 1, 1, C].
struct Relaid {
  std::vector<std::string> from;
  LayoutSteps steps;
};

class RelaidSource final : public Source {
 public:
  using Table = std::map<std::string, Relaid, std::less<>>;
  RelaidSource(SourcePtr source, std::vector<std::string> names, Table table)
      : source_(std::move(source)),
        errors_{source_->label()},
        names_(std::move(names)),
        table_(std::move(table)) {}

  std::vector<std::string> names() const override { return names_; }

  std::optional<TensorRef> info(std::string_view name) const override {
    const auto found = table_.find(name);
    if (found == table_.end()) return std::nullopt;
    const Relaid& relaid = found->second;
    const auto tensor = source_->info(relaid.from[0]);
    if (!tensor) return std::nullopt;
    if (relaid.from.size() == 1) return after_steps(errors_, relaid.from[0], *tensor, relaid.steps);
    return TensorRef{Format::f32, joined_shape(relaid, *tensor), {}};
  }

  Tensor load(std::string_view name) const override {
    const auto found = table_.find(name);
    if (found == table_.end()) errors_.bad("there is no tensor {}", name);
    const Relaid& relaid = found->second;
    if (relaid.from.size() == 1)
      return apply_steps(errors_, relaid.from[0], source_->load(relaid.from[0]), relaid.steps);
    std::vector<float> joined;
    for (const std::string& from : relaid.from) {
      const std::vector<float> part = to_floats(source_->load(from));
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return from_floats(joined, joined_shape(relaid, *source_->info(relaid.from[0])));
  }

  void release(std::string_view name) const override {
    if (const auto found = table_.find(name); found != table_.end())
      for (const std::string& from : found->second.from) source_->release(from);
  }
  std::string label() const override { return errors_.label; }

 private:
  static Shape joined_shape(const Relaid& relaid, const TensorRef& first) {
    return {relaid.from.size(), 1, 1, element_count(first.shape)};
  }

  SourcePtr source_;
  FileErrors errors_;
  std::vector<std::string> names_;
  Table table_;
};

class Layouter {
 public:
  Layouter(bool v7, uint64_t head_size) : v7_(v7), head_size_(head_size) {}

  void add(const std::string& from) {
    for (const Leaf& leaf : globals)
      if (from == leaf.ours) return put(std::string(leaf.theirs), from, {}, from.find("ln") != from.npos);
    uint64_t layer = 0;
    std::string_view rest;
    if (!split_layer(from, "blocks.", layer, rest)) return;
    block_ = "blk." + std::to_string(layer) + ".";
    const LayoutSteps flat = {layout::shape({layout::rest})};
    if (fused(rest, from)) return;
    if (v7_ && layer == 0 && std::any_of(std::begin(residual), std::end(residual), [&](const Leaf& leaf) {
          return rest == leaf.ours;
        }))
      return;  // unused there; llama.cpp wants copies of a0, a1 and a2
    if (one_of(plain, rest, from, {}, rest.find("ln") != rest.npos) || one_of(outputs, rest, from, {}, false))
      return;
    if (v7_) {
      one_of(mixes7, rest, from, flat, true) || one_of(per_head7_, rest, from, flat, true) ||
          one_of(turned7, rest, from, {layout::transpose()}, rest.starts_with("att.w"));
      if (layer == 0)
        for (const Leaf& leaf : residual)
          if (rest == leaf.theirs)
            put(block_ + gguf_name(leaf.ours), from,
                leaf.ours == "att.v0" ? flat : LayoutSteps{layout::transpose()}, leaf.ours == "att.v0");
    } else {
      one_of(mixes6, rest, from, flat, true) ||
          one_of(per_head6_, rest, from, {layout::shape({layout::rest, head_size_})}, true) ||
          one_of(turned6, rest, from, {layout::transpose()}, true);
    }
  }

  GgufLayout run(const SourcePtr& source) {
    for (const std::string& name : source->names()) add(name);
    std::vector<std::string> names;
    for (const GgufTensor& tensor : tensors_) names.push_back(tensor.name);
    return {std::make_shared<RelaidSource>(source, std::move(names), std::move(table_)), std::move(tensors_)};
  }

 private:
  // Layer 0's stand-ins: what each is a copy of.
  static constexpr Leaf residual[] = {{"att.a0", "att.v0"}, {"att.a1", "att.v1"}, {"att.a2", "att.v2"}};
  static constexpr Leaf per_head6_[] = {per_head6}, per_head7_[] = {per_head7};

  static std::string gguf_name(std::string_view ours) {
    return fmt::format("time_mix_{}.weight", ours.substr(ours.find('.') + 1));
  }

  void put(std::string name, const std::string& from, LayoutSteps steps, bool f32) {
    table_[name] = {{from}, std::move(steps)};
    tensors_.push_back({std::move(name), from, f32});
  }

  template <std::size_t count>
  bool one_of(const Leaf (&leaves)[count], std::string_view rest, const std::string& from,
              const LayoutSteps& steps, bool f32) {
    for (const Leaf& leaf : leaves)
      if (rest == leaf.ours) return put(block_ + std::string(leaf.theirs), from, steps, f32), true;
    return false;
  }

  bool fused(std::string_view rest, const std::string& from) {
    const std::string_view prefix = v7_ ? shift_prefix7 : shift_prefix6, letters = v7_ ? shifts7 : shifts6;
    if (!rest.starts_with(prefix) || rest.size() != prefix.size() + 1) return false;
    const std::size_t at = letters.find(rest.back());
    if (at == letters.npos) return false;  // time_maa_x
    if (at > 0) return true;               // joined with the first
    Relaid relaid;
    for (const char letter : letters) relaid.from.push_back(from.substr(0, from.size() - 1) + letter);
    const std::string name = block_ + std::string(fused_shifts);
    tensors_.push_back({name, from, true});
    table_[name] = std::move(relaid);
    return true;
  }

  const bool v7_;
  const uint64_t head_size_;
  std::string block_;
  std::vector<GgufTensor> tensors_;
  RelaidSource::Table table_;
};

// The inside of Python's literal of these bytes.
std::string escaped(std::string_view bytes) {
  const bool both = bytes.find('\'') != bytes.npos && bytes.find('"') != bytes.npos;
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || (c == '\'' && both))
      out += {'\\', c};
    else if (c == '\t' || c == '\n' || c == '\r')
      out += {'\\', c == '\t' ? 't' : c == '\n' ? 'n' : 'r'};
    else if (byte < 0x20 || byte >= 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

}  // namespace

GgufLayout gguf_layout(const SourcePtr& source, bool v7, uint64_t head_size) {
  return Layouter(v7, head_size).run(source);
}

void put_vocabulary(GgufHead& head, const EmbeddedVocabulary& vocabulary, uint64_t size) {
  constexpr int32_t normal = 1, control = 3, unused = 5;
  std::vector<std::string> tokens(size);
  std::vector<int32_t> kinds(size, normal);
  for (uint64_t id = 0; id < size; ++id) {
    if (id < vocabulary.tokens.size() && !vocabulary.tokens[id].empty()) {
      tokens[id] = escaped(vocabulary.tokens[id]);
    } else {
      tokens[id] = id == 0 ? "<s>" : fmt::format("[PAD{}]", id);
      kinds[id] = id == 0 ? control : unused;
    }
  }
  head.put("tokenizer.ggml.model", "rwkv");
  head.put("tokenizer.ggml.tokens", tokens);
  head.put("tokenizer.ggml.token_type", kinds);
  if (vocabulary.end_of_text) {
    head.put("tokenizer.ggml.bos_token_id", *vocabulary.end_of_text);
    head.put("tokenizer.ggml.eos_token_id", *vocabulary.end_of_text);
  }
  if (vocabulary.end_of_turn) head.put("tokenizer.ggml.eot_token_id", *vocabulary.end_of_turn);
}

}  // namespace fulmar
