// Those who want to hear of changes, and the promise that nobody is called who has gone.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "fulmar/state_store.h"

namespace fulmar {

class Subscribers {
 public:
  Subscription add(std::function<void()> call) {
    auto one = std::make_shared<One>();
    one->call = std::move(call);
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [](const std::weak_ptr<One>& other) { return other.expired(); });
    all_.push_back(one);
    return std::make_shared<Handle>(std::move(one));
  }
  void tell() {
    std::vector<std::shared_ptr<One>> now;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& one : all_)
        if (auto alive = one.lock()) now.push_back(std::move(alive));
    }
    for (const auto& one : now) {
      const std::lock_guard lock(one->calling);
      if (one->call) one->call();
    }
  }

 private:
  struct One {
    std::mutex calling;
    std::function<void()> call;
  };
  struct Handle {
    explicit Handle(std::shared_ptr<One> o) : one(std::move(o)) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
      const std::lock_guard lock(one->calling);
      one->call = nullptr;
    }
    std::shared_ptr<One> one;
  };

  std::mutex mutex_;
  std::vector<std::weak_ptr<One>> all_;
};

}  // namespace fulmar
