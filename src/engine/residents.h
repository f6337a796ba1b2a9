// Which states free slots still have, so that whoever goes on from one need not write it: a turn's slot is mostly the next
// turn's. Owned by the engine thread.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "fulmar/state.h"

namespace fulmar {

class Residents {
 public:
  explicit Residents(size_t slots) : states_(slots) {}

  // A slot that is free from now on has the numbers of this state; null: of none.
  void stay(uint32_t slot, const StatePtr& state) {
    forget(slot);
    states_[slot] = state;
    if (state) state->on_device = true;
  }
  // It gets others.
  void forget(uint32_t slot) {
    if (const StatePtr before = states_[slot].lock()) before->on_device = false;
    states_[slot].reset();
  }
  void forget_all() {
    for (uint32_t slot = 0; slot < states_.size(); ++slot) forget(slot);
  }
  // `best` where that has the state, else any.
  std::optional<uint32_t> find(const StatePtr& state, uint32_t best) const {
    if (states_[best].lock() == state) return best;
    for (uint32_t slot = 0; slot < states_.size(); ++slot)
      if (states_[slot].lock() == state) return slot;
    return std::nullopt;
  }

 private:
  std::vector<std::weak_ptr<const State>> states_;  // by slot
};

}  // namespace fulmar
