// Numbers for the sessions that branch off one: "talk:1", "talk:2".
#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "fulmar/state_store.h"

namespace fulmar::api {

// None is given twice, also to turns at the same time, and none that a session has which came otherwise. The count is kept
// in memory for the names used last; for the others it goes on behind the highest number that the store has. Any thread.
class ChildNumbers {
 public:
  uint32_t next(const std::string& name, const StateStore& sessions);
  // What begins with the name was erased: it is counted from what is left.
  void forget(const std::string& name);

 private:
  struct Count {
    uint32_t last = 0;
    uint64_t used = 0;  // a moment, counted in uses
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Count> counts_;
  uint64_t uses_ = 0;
};

// "talk:3", and the session "talk" itself is none.
std::string child_name(const std::string& name, uint32_t number);

}  // namespace fulmar::api
