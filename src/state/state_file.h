// Whose a state is that the store reads; how a state lies in a file is fulmar/state_file.h.
#pragma once
#include "fulmar/state_file.h"

namespace fulmar {

// Throws Error(bad_file), naming the difference, where the state belongs to another model.
void refuse_foreign(const State& state, const Fingerprint& model, uint64_t model_floats, const std::string& label);

}  // namespace fulmar
