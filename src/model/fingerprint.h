// Which model this is, by what its tensors hold.
#pragma once
#include "fulmar/state.h"
#include "model/model_source.h"

namespace fulmar {

// A hash of all names, shapes and formats, of the small tensors (norms, mixes, decays: whoever trains a model changes
// them), of pieces of 16 large ones, and, where adapters are merged, of pieces of 8 that they change. Neither strategy nor
// file name counts. It reads a few MiB.
Fingerprint fingerprint_of(const ModelSource& source);

}  // namespace fulmar
