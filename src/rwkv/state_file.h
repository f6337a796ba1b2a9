// Tuned state files: what every new sequence starts from, in a file of its own beside the model.
#pragma once
#include <filesystem>

#include "rwkv/config.h"

namespace fulmar::rwkv {

// Wraps a checkpoint so that its initial state is the file's: one blocks.i.att.time_state [H,N,N], value
// index before key index, for every layer and nothing else. Only the recurrence starts tuned; token shifts
// start from zero. Throws Error(bad_file) where file and model do not belong together.
SourcePtr with_state_file(SourcePtr model, const std::filesystem::path& path, const Config& config);

}  // namespace fulmar::rwkv
