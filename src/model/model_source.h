// What a model's weights are read from: its file, the adapters merged into it, a tuned state.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rwkv/config.h"
#include "rwkv/state_file.h"
#include "weights/adapters.h"

namespace fulmar {

// Names of weights on a tape, or of what else is read from a model.
using WeightNames = std::set<std::string, std::less<>>;

struct ModelSource {
  SourcePtr file;
  std::shared_ptr<const AdaptedSource> adapted;
  SourcePtr named;  // with a tuned state, under the file's names
  rwkv::Config config;
  SourcePtr canonical;
};

// Wraps an open file.
ModelSource make_model_source(SourcePtr file, const std::vector<Adapter>& adapters,
                              const rwkv::StateFile& state, std::optional<float> head_norm_eps);

// The same file with other adapters. Throws Error(unsupported) where they make another tape of it.
ModelSource with_adapters(const ModelSource& source, const std::vector<Adapter>& adapters,
                          const rwkv::StateFile& state);

// What one of the two sources of a file changes in it, by canonical names; tuned states included.
WeightNames differences(const ModelSource& a, const ModelSource& b);

}  // namespace fulmar
