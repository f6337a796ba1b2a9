// Memory for states that are read from slots. What nobody needs any more is used again: its pages are there already, and
// nobody has to clear them, which costs as much as reading the state.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "fulmar/state.h"

namespace fulmar {

class StatePool : public std::enable_shared_from_this<StatePool> {
 public:
  // With so many floats of any value. It may outlive the pool, and die on any thread.
  std::shared_ptr<State> make(size_t floats);

 private:
  void take_back(State* state) noexcept;

  static constexpr size_t most_ = 4;  // states whose memory waits
  std::mutex mutex_;
  std::vector<std::unique_ptr<State>> spare_;
};

}  // namespace fulmar
