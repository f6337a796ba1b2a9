// The sampling profiles that lie beside a model.
#pragma once
#include <vector>

#include "fulmar/model.h"
#include "model/model_folder.h"

namespace fulmar {

// "open", "fake" and "tools", as far as the folder has them; a file or a value in it that cannot be is warned
// of and passed over.
std::vector<SamplingProfile> profiles_of(const ModelFolder& folder);
// Their names, and their files: "open, fake" and "/m/generation_config.json,
// fake_think_generation_config.json".
Found describe_profiles(const ModelFolder& folder, const std::vector<SamplingProfile>& profiles);

}  // namespace fulmar
