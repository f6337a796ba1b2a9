// From a model file to a model that runs, and to what belongs to it.
#pragma once
#include <memory>

#include "fulmar/model.h"
#include "model/model.h"
#include "model/model_folder.h"
#include "text/tokenizer.h"

namespace fulmar {

struct LoadedParts {
  std::unique_ptr<Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  ModelInfo info;  // but for the template and the profile, which are not for this layer to read
  ModelFolder folder;
};

// What is cheap to check comes first, for a wrong word or path should not cost the minutes that a large model
// takes. The file is opened once. Throws Error.
LoadedParts load_parts(const ModelSpec& spec);

// See Engine::fits_beside.
bool fits_beside_others(const ModelSpec& spec);

}  // namespace fulmar
