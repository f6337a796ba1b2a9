// The slots' states of one tape on one device. How a state lies there is the backend's affair: Backend::make_states().
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "ops/backend.h"

namespace fulmar::ops {

class StateMemory {
 public:
  virtual ~StateMemory() = default;

  uint64_t floats() const { return floats_; }  // of a slot
  uint32_t slots() const { return slots_; }

  // All zero at first. All of these come after programs that were finished and before those started later.
  virtual void copy(uint32_t to, uint32_t from) = 0;                  // as it lies
  virtual void read(uint32_t slot, std::span<float> out) = 0;         // in the order of rwkv/state.h, as write()
  virtual void write(uint32_t slot, std::span<const float> in) = 0;

 protected:
  // `floats` of each slot: tape.state_floats or more.
  StateMemory(uint64_t floats, uint32_t slots) : floats_(floats), slots_(slots) {}
  void check(uint32_t slot) const;
  void check(uint32_t slot, size_t floats) const;

 private:
  const uint64_t floats_;
  const uint32_t slots_;
};

// Floats as read() gives them, in pieces below 1 GiB, which every driver allocates.
class PlainStates final : public StateMemory {
 public:
  PlainStates(Backend& backend, uint64_t floats, uint32_t slots);

  void copy(uint32_t to, uint32_t from) override;
  void read(uint32_t slot, std::span<float> out) override;
  void write(uint32_t slot, std::span<const float> in) override;

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
  uint32_t each_;  // slots of a piece
  std::vector<std::unique_ptr<Buffer>> pieces_;
};

// For backends that keep make_states() as it is; throws Error(internal) for states of another kind.
const PlainStates& as_plain(const StateMemory& states);

}  // namespace fulmar::ops
