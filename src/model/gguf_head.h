// The metadata that llama.cpp asks of a GGUF file of an RWKV model.
#pragma once
#include "model/conversion.h"
#include "model/model_folder.h"
#include "rwkv/config.h"

namespace fulmar {

// Shapes, epsilons, the vocabulary, and what else the file carries of what lies beside the model. Throws
// Error(unsupported) for versions that llama.cpp does not have, Error(misuse) for a vocabulary that was asked
// for and does not fit.
GgufHead gguf_head(const ConvertOptions& options, const Source& source, const ModelFolder& folder,
                   const rwkv::Config& config);

}  // namespace fulmar
