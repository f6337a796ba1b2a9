// The slots' states of one tape on one device, in pieces that every driver allocates.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "ops/backend.h"

namespace fulmar::ops {

class StateMemory {
 public:
  // All zero. `floats` of each slot: tape.state_floats or more.
  StateMemory(Backend& backend, uint64_t floats, uint32_t slots);

  uint64_t floats() const { return floats_; }  // of a slot
  uint32_t slots() const { return slots_; }

  // All three ordered with programs.
  void copy(uint32_t to, uint32_t from);
  void read(uint32_t slot, std::span<float> out) const;
  void write(uint32_t slot, std::span<const float> in);

  // Where a slot lies, `at` in bytes: a multiple of 256.
  struct Place {
    Buffer* buffer;
    uint64_t at;
  };
  Place place(uint32_t slot) const;

  // From one slot to the next.
  static uint64_t stride(uint64_t floats) { return (floats + 63) / 64 * 64; }

 private:
  Backend& backend_;
  uint64_t floats_;
  uint32_t slots_, each_;  // slots of a piece
  std::vector<std::unique_ptr<Buffer>> pieces_;
};

}  // namespace fulmar::ops
