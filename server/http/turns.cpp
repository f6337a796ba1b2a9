// A count and a row.
#include "http/turns.h"

#include <exception>
#include <utility>

namespace fulmar::http {

Turns::Turn::Turn(Turns& turns, std::function<void()> wake) : turns_(turns), wake_(std::move(wake)) {
  const std::lock_guard lock(turns_.mutex_);
  mine_ = turns_.free_ > 0;
  if (mine_) {
    --turns_.free_;
  } else {
    place_ = turns_.waiting_.insert(turns_.waiting_.end(), this);
  }
}

Turns::Turn::~Turn() {
  const std::lock_guard lock(turns_.mutex_);
  if (!mine_) {
    turns_.waiting_.erase(place_);
    return;
  }
  if (turns_.waiting_.empty()) {
    ++turns_.free_;
    return;
  }
  Turn& next = *turns_.waiting_.front();
  turns_.waiting_.pop_front();
  next.mine_ = true;
  try {
    next.wake_();
  } catch (const std::exception&) {  // out of memory
  }
}

bool Turns::Turn::mine() const {
  const std::lock_guard lock(turns_.mutex_);
  return mine_;
}

}  // namespace fulmar::http
