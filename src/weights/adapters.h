// Adapters as a step between a model's file and its weights: a Source that answers changed tensors merged.
#pragma once
#include <memory>
#include <vector>

#include "fulmar/adapter.h"
#include "weights/source.h"

namespace fulmar {

class AdaptedSource : public Source {
 public:
  // Whether load(name) answers anything else than the model's own tensor.
  virtual bool changes(std::string_view name) const = 0;
};

// Wraps a model with RWKV's own names. Adapters are merged in their order, in f32 and with one rounding to
// the model's format at the end; tensors no adapter touches stay views of the model's file. What an adapter
// has in full replaces the model's tensor as it is. Throws Error(bad_file) where an adapter's tensor has no
// place in the model or does not fit it, Error(misuse) for an unknown mode.
std::shared_ptr<const AdaptedSource> adapt(SourcePtr model, const std::vector<Adapter>& adapters);

}  // namespace fulmar
