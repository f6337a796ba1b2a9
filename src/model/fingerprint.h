// Which model this is, by what its tensors hold.
#pragma once
#include "fulmar/state.h"
#include "model/model_source.h"
#include "text/tokenizer.h"

namespace fulmar {

// A hash of all names, shapes and formats, of the small tensors (norms, mixes, decays: whoever trains a model changes
// them), of pieces of 16 large ones, and, where adapters are merged, of pieces of 8 that they change. Neither strategy nor
// file name counts. It reads a few MiB.
Fingerprint fingerprint_of(const ModelSource& source);

// Of what a vocabulary makes of every token.
Bytes16 hash_of(const Tokenizer& tokenizer);

// Whose states fit: weights and adapters in the first twelve bytes, the vocabulary in the last four. So it is known whether
// a session's tokens can be spelled, whatever became of the weights.
Fingerprint joined(Fingerprint weights, const Bytes16& vocabulary);
bool is_of_vocabulary(const Fingerprint& joined, const Bytes16& vocabulary);

}  // namespace fulmar
