// Counters by status.
#include "http/traffic.h"

#include <algorithm>
#include <iterator>

namespace fulmar::http {

void Traffic::count(int status, double time) noexcept {
  constexpr int client_left = 499;  // as nginx has it
  const int word = status == 0 ? client_left : status;
  const auto at = std::find(std::begin(known_), std::end(known_), word) - std::begin(known_);
  counts_[static_cast<size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  seconds.add(time);
}

std::vector<std::pair<int, uint64_t>> Traffic::statuses() const {
  std::vector<std::pair<int, uint64_t>> all;
  for (size_t i = 0; i < counts_.size(); ++i)
    if (const uint64_t count = counts_[i].load(std::memory_order_relaxed); count > 0)
      all.emplace_back(i < std::size(known_) ? known_[i] : 0, count);
  return all;
}

}  // namespace fulmar::http
