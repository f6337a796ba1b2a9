// Room on the disk that is kept for the day it is full: deleting sessions writes to the log first, and needs some.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace fulmar {

// A file beside the store's, of so many bytes; 0, or a store without a file: none is kept. One thread's.
class Reserve {
 public:
  Reserve(const std::string& store, uint64_t bytes);

  // Makes it where it is not there; false where the disk has no room. Without `now` it tries once in ten seconds.
  bool make(bool now);
  // Whether the disk has room for it and more. False where none is kept.
  bool room();
  // False where there is none to give up.
  bool give_up();

 private:
  const std::string file_;
  const uint64_t bytes_;
  bool held_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace fulmar
