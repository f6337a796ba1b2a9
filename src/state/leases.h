// Which sessions have a turn under way, whoever runs it; see StateStore::lease(). Any thread.
#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "fulmar/state_store.h"

namespace fulmar {

class Leases {
 public:
  // `freed` is called without a lock by whoever ends a lease that was asked for meanwhile; he may have locks of his own.
  explicit Leases(std::function<void()> freed) : freed_(std::move(freed)) {}

  Lease take(std::vector<std::string> ids) {
    auto held = std::make_shared<Held>(*this);
    const std::lock_guard lock(mutex_);
    bool free = true;
    for (const std::string& id : ids)
      if (const auto other = taken_.find(id); other != taken_.end()) {
        other->second = true;
        free = false;
      }
    if (!free) return nullptr;
    held->ids.reserve(ids.size());
    for (std::string& id : ids)
      if (taken_.try_emplace(id, false).second) held->ids.push_back(std::move(id));
    return held;
  }

 private:
  struct Held {
    explicit Held(Leases& its) : of(its) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { of.free(ids); }
    Leases& of;
    std::vector<std::string> ids;
  };

  void free(const std::vector<std::string>& ids) {
    bool asked_for = false;
    {
      const std::lock_guard lock(mutex_);
      for (const std::string& id : ids) {
        const auto one = taken_.find(id);
        asked_for |= one->second;
        taken_.erase(one);
      }
    }
    if (asked_for) freed_();
  }

  const std::function<void()> freed_;
  std::mutex mutex_;
  std::map<std::string, bool> taken_;  // and whether somebody else has asked for it
};

}  // namespace fulmar
