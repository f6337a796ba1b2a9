// What the store needs of a state's file beside fulmar/state_file.h: to write it in pieces, and whose a state is.
#pragma once
#include <array>

#include "fulmar/state_file.h"

namespace fulmar {

// The bytes of write_state(), in f32 and without a name, that are not put together: the state has most of them. Throws as
// that does.
class StateImage {
 public:
  explicit StateImage(StatePtr state);
  uint64_t size() const;
  // `count` bytes from `begin` on, all within the image: the state's own where they lie in one run, else in `room`.
  std::span<const std::byte> piece(uint64_t begin, size_t count, std::vector<std::byte>& room) const;

 private:
  std::array<std::span<const std::byte>, 3> runs() const;

  StatePtr state_;
  std::string head_;
};

// Throws Error(bad_file), naming the difference, where the state belongs to another model.
void refuse_foreign(const State& state, const Fingerprint& model, uint64_t model_floats, const std::string& label);

}  // namespace fulmar
