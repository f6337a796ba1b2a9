// A few states that died last; see state_pool.h.
#include "engine/state_pool.h"

#include <utility>

#include "base/pages.h"

namespace fulmar {

std::shared_ptr<State> StatePool::make(size_t floats) {
  std::unique_ptr<State> one;
  {
    const std::lock_guard lock(mutex_);
    spare_.reserve(most_);
    if (!spare_.empty()) {
      one = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  auto made = std::make_unique<State>();
  if (one) made->floats = std::move(one->floats);
  if (made->floats.capacity() < floats) {
    made->floats.reserve(floats);
    use_large_pages(made->floats.data(), floats * sizeof(float));
  }
  made->floats.resize(floats);
  return {made.release(), [pool = weak_from_this()](State* state) {
            if (const auto there = pool.lock())
              there->take_back(state);
            else
              delete state;
          }};
}

void StatePool::take_back(State* state) noexcept {
  std::unique_ptr<State> one(state);  // which goes, where there are enough, once the lock has
  const std::lock_guard lock(mutex_);
  if (spare_.size() < spare_.capacity()) spare_.push_back(std::move(one));
}

}  // namespace fulmar
