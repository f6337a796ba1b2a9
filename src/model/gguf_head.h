// The metadata that llama.cpp asks of a GGUF file of an RWKV model.
#pragma once
#include "model/conversion.h"
#include "rwkv/config.h"

namespace fulmar {

// Shapes, epsilons and the vocabulary. Throws Error(unsupported) for versions that llama.cpp does not have,
// Error(misuse) for a vocabulary that was asked for and does not fit.
GgufHead gguf_head(const ConvertOptions& options, const Source& source, const rwkv::Config& config);

}  // namespace fulmar
