// A state as one safetensors file: what is exported and imported, and what the store writes of a session.
//
// The tensor "state" has the floats, F32 or F16 (none where the state is what the model starts from), "unfed" the unfed
// tokens, I32. The metadata, all text: format "fulmar state", version, fingerprint, fed, token_hash, precision,
// session, and a checksum of all this.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/state.h"

namespace fulmar {

enum class StatePrecision : uint8_t {
  f32,  // exact
  f16   // half the bytes, 11 bits of 24
};

// `session` is the name it had, which may be empty. Throws Error(unsupported) where a float is none or beyond what the
// precision can hold.
std::vector<std::byte> write_state(const State& state, StatePrecision precision, std::string_view session);

struct ReadState {
  std::shared_ptr<State> state;
  std::string session;
  StatePrecision precision = StatePrecision::f32;
};
// Messages begin with `label`. Throws Error(bad_file) for what is no state, damaged or has a float that is no number,
// Error(unsupported) for a newer version. Whether a model can take it is Engine::check()'s question.
ReadState read_state(std::span<const std::byte> bytes, const std::string& label);

}  // namespace fulmar
