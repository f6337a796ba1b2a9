// Wrapping a file's Source step by step; see model_source.h.
#include "model/model_source.h"

#include "base/fail.h"
#include "rwkv/state.h"
#include "rwkv/tensors.h"

namespace fulmar {

ModelSource make_model_source(SourcePtr file, const std::vector<Adapter>& adapters,
                              const rwkv::StateFile& state, std::optional<float> head_norm_eps) {
  ModelSource source;
  source.adapted = adapt(file, adapters);
  source.file = std::move(file);
  source.named = source.adapted;
  source.config = rwkv::detect(*source.named);
  if (head_norm_eps) source.config.head_norm_eps = *head_norm_eps;
  if (!state.path.empty()) source.named = rwkv::with_state_file(source.named, state, source.config);
  source.canonical = rwkv::canonical(source.named, source.config);
  return source;
}

ModelSource with_adapters(const ModelSource& source, const std::vector<Adapter>& adapters,
                          const rwkv::StateFile& state) {
  ModelSource other = make_model_source(source.file, adapters, state, source.config.head_norm_eps);
  other.config.parameters = source.config.parameters;
  if (other.config != source.config)
    fail(ErrorKind::unsupported,
         "{}: a mixture of experts cannot be swapped in or out while the model runs: load the model with it",
         source.file->label());
  return other;
}

WeightNames differences(const ModelSource& a, const ModelSource& b) {
  const auto differ = [&](const std::string& name) {
    return a.adapted->changes(name) || b.adapted->changes(name);
  };
  WeightNames names;
  for (const rwkv::NeededTensor& needed : rwkv::needed_tensors(a.config, *a.named))
    if (differ(needed.stored)) names.insert(needed.name);
  for (const ModelSource* source : {&a, &b})
    for (const std::string& name : source->named->names())
      if (rwkv::is_initial_state(name) && differ(name)) names.insert(name);
  return names;
}

}  // namespace fulmar
