// What a model's weights are read from: its file, the adapters merged into it, a tuned state.
#pragma once
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rwkv/config.h"
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

// Wraps an open file. `state` is empty where there is none.
ModelSource make_model_source(SourcePtr file, const std::vector<Adapter>& adapters,
                              const std::filesystem::path& state, std::optional<float> head_norm_eps);

// The same file with other adapters. Throws Error(unsupported) where they make another tape of it.
ModelSource with_adapters(const ModelSource& source, const std::vector<Adapter>& adapters,
                          const std::filesystem::path& state);

// What one of the two sources of a file changes in it, by canonical names; tuned states included.
WeightNames differences(const ModelSource& a, const ModelSource& b);

}  // namespace fulmar
