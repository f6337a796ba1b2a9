// Tuned state files: what every new sequence starts from, in a file of its own beside the model.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "rwkv/config.h"

namespace fulmar::rwkv {

// Files of both orders of the matrices exist, and their shapes are the same.
enum class StateOrder : uint8_t {
  by_file,    // as its writer is known to lay it out; an Error(misuse) where it is not
  value_key,  // [H, value, key]: RWKV's trainers
  key_value   // [H, key, value]: ai00 and web-rwkv
};
// "value-key", "key-value", or empty for what the file tells. Throws Error(misuse).
StateOrder parse_state_order(std::string_view word);

// A tuned state as it was asked for.
struct StateFile {
  std::filesystem::path path;  // empty: none
  StateOrder order = StateOrder::by_file;
};

// Wraps a checkpoint so that its initial state is the file's: one blocks.i.att.time_state [H,N,N] for every
// layer and nothing else. Only the recurrence starts tuned; token shifts start from zero. Throws
// Error(bad_file) where file and model do not belong together.
SourcePtr with_state_file(SourcePtr model, const StateFile& file, const Config& config);
// The same of a file that is open.
SourcePtr with_state(SourcePtr model, SourcePtr state, StateOrder order, const Config& config);
// What a slot of such a model starts from by the file, in the order of state.h; `model` is its name in sentences. Throws
// the same.
std::vector<float> tuned_floats(const StateFile& file, const Config& config, const std::string& model);

}  // namespace fulmar::rwkv
