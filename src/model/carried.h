// What a converted model takes along of what lies beside the original.
#pragma once
#include <map>
#include <string>

#include "model/conversion.h"
#include "model/model_folder.h"

namespace fulmar {

// What the model is called inside the new file, so that its template is still told by its name.
std::string carried_name(const ModelFolder& folder);

// The chat template and the sampling profiles, as metadata that look_around() reads.
std::map<std::string, std::string> carried_texts(const ModelFolder& folder);

// The vocabulary that the model would be run with, beside a .safetensors as OUT.vocab; not where OUT finds it
// without. Another one that is there stays, unless it may be replaced. What does not go along is noted.
void carry_vocabulary(const ConvertOptions& options, const Source& source, const ModelFolder& folder);

}  // namespace fulmar
