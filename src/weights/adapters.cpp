// Merging on load(): see adapters.h.
#include "weights/adapters.h"

#include <algorithm>

#include "base/parallel.h"
#include "weights/adapter_file.h"
#include "weights/adapter_math.h"

namespace fulmar {
namespace {

using adapter_math::Matrix;

Tensor as_f32(const Tensor& tensor, std::span<float>& values) {
  std::span<std::byte> bytes;
  Tensor out = make_tensor(Format::f32, tensor.shape, bytes);
  const uint64_t K = tensor.shape[1];
  values = {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)};
  parallel_for(tensor.shape[0], [&](uint64_t begin, uint64_t end) {
    to_floats(tensor, begin * K, (end - begin) * K, values.data() + begin * K);
  });
  return out;
}

void apply(const MatrixChange& change, Matrix W) {
  using Kind = MatrixChange::Kind;
  switch (change.kind) {
    case Kind::pissa:
      adapter_math::add_product(W, change.A0.values(), change.B0.values(), -1.0f);
      [[fallthrough]];
    case Kind::lora:
      return adapter_math::add_product(W, change.A.values(), change.B.values(), change.s);
    case Kind::dora:
      adapter_math::add_product(W, change.A.values(), change.B.values(), change.s);
      return adapter_math::scale_columns(W, change.M.values());
    case Kind::bone:
      return adapter_math::add_bone(W, change.D.values(), change.r);
    case Kind::disha:
      return adapter_math::add_shared(W, change.D.values(), change.r);
  }
}

class Adapted final : public AdaptedSource {
 public:
  Adapted(SourcePtr model, const std::vector<OpenAdapter>& adapters) : model_(std::move(model)) {
    for (AdapterContents& contents : read_adapters(*model_, adapters)) {
      for (auto& [name, tensor] : contents.replaced) {
        changes_.erase(name);  // whatever came before
        replaced_.insert_or_assign(name, std::move(tensor));
      }
      for (auto& [name, tensor] : contents.added) added_.insert_or_assign(name, std::move(tensor));
      for (auto& [name, change] : contents.changes) changes_[name].push_back(std::move(change));
    }
  }

  bool changes(std::string_view name) const override {
    return changes_.contains(name) || replaced_.contains(name) || added_.contains(name);
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> list = model_->names();
    for (const auto& [name, tensor] : added_) list.push_back(name);
    return list;
  }

  std::optional<TensorRef> info(std::string_view name) const override {
    if (const AdapterTensor* added = find(added_, name)) return added->file->info(added->name);
    auto tensor = model_->info(name);
    if (const AdapterTensor* replaced = find(replaced_, name))
      tensor->format = replaced->file->info(replaced->name)->format;
    if (changes_.contains(name)) tensor->format = merged_format(*tensor);
    return tensor;
  }

  Tensor load(std::string_view name) const override {
    if (const AdapterTensor* added = find(added_, name)) return added->file->load(added->name);
    const auto changed = changes_.find(name);
    if (changed == changes_.end()) return unmerged(name);
    const Tensor before = unmerged(name);
    std::span<float> values;
    Tensor merged = as_f32(before, values);
    for (const MatrixChange& change : changed->second)
      apply(change, {values, merged.shape[0], merged.shape[1]});
    const Format format = merged_format(before);
    if (format == Format::f32) return merged;
    std::span<std::byte> bytes;
    Tensor out = make_tensor(format, merged.shape, bytes);
    quantize(merged, format, merged.shape[0], merged.shape[1], bytes);
    return out;
  }

  void release(std::string_view name) const override {
    if (const AdapterTensor* replaced = find(replaced_, name))
      replaced->file->release(replaced->name);
    else if (!added_.contains(name))
      model_->release(name);
  }

  std::optional<std::string> metadata(std::string_view key) const override { return model_->metadata(key); }
  std::optional<EmbeddedVocabulary> vocabulary() const override { return model_->vocabulary(); }
  std::string label() const override { return model_->label(); }

 private:
  template <typename Map>
  static const AdapterTensor* find(const Map& map, std::string_view name) {
    const auto found = map.find(name);
    return found == map.end() ? nullptr : &found->second;
  }

  // The model's own, but for types that only files have and rows that kernels need padded.
  static Format merged_format(const TensorRef& tensor) {
    const FormatInfo& format = fulmar::info(tensor.format);
    return format.encode_row && tensor.shape[1] % format.block == 0 ? tensor.format : Format::f32;
  }

  Tensor unmerged(std::string_view name) const {
    const AdapterTensor* replaced = find(replaced_, name);
    if (!replaced) return model_->load(name);
    Tensor tensor = replaced->file->load(replaced->name);
    tensor.shape = model_->info(name)->shape;
    return tensor;
  }

  SourcePtr model_;
  std::map<std::string, std::vector<MatrixChange>, std::less<>> changes_;
  std::map<std::string, AdapterTensor, std::less<>> replaced_, added_;
};

}  // namespace

std::shared_ptr<const AdaptedSource> adapt_open(SourcePtr model, const std::vector<OpenAdapter>& adapters) {
  return std::make_shared<Adapted>(std::move(model), adapters);
}

std::shared_ptr<const AdaptedSource> adapt(SourcePtr model, const std::vector<Adapter>& adapters) {
  std::vector<OpenAdapter> open;
  for (const Adapter& adapter : adapters)
    if (adapter.scale != 0) open.push_back(open_adapter(adapter));
  return adapt_open(std::move(model), open);
}

}  // namespace fulmar
