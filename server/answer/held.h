// What one answer holds in memory while nobody takes it, as a share of what all answers hold together.
#pragma once
#include <atomic>
#include <cstddef>

#include "fulmar/error.h"

namespace fulmar::api {

// Each of these is in docs/http-api.md too.
constexpr std::size_t kAllUnread = std::size_t{256} << 20;  // bytes of all answers together; beyond it those end that
constexpr std::size_t kPartBytes = std::size_t{64} << 10;   // hold more than this. So much is put into words at once

// Of the answer's owner: whoever changes it has the answer's lock.
class Held {
 public:
  explicit Held(std::atomic<std::size_t>& all) : all_(all) {}
  ~Held() { all_ -= bytes_; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  void change(std::size_t more, std::size_t less) {
    bytes_ += more - less;
    all_ += more - less;
  }
  // Whether this answer has to end, so that there is memory for the others'.
  bool too_much() const { return all_ > kAllUnread && bytes_ > kPartBytes; }
  static Error too_much_error();

 private:
  std::atomic<std::size_t>& all_;
  std::size_t bytes_ = 0;
};

}  // namespace fulmar::api
