// The sampling profiles that lie beside a model.
#pragma once
#include <vector>

#include "fulmar/model.h"
#include "model/model_folder.h"

namespace fulmar {

// "open", "fake" and "tools", as far as the folder has them; a file that cannot be read is warned of and passed over.
std::vector<SamplingProfile> profiles_of(const ModelFolder& folder);
// Their names, and the file of the first.
Found describe_profiles(const ModelFolder& folder, const std::vector<SamplingProfile>& profiles);

}  // namespace fulmar
