// Requests of a route as they were answered, for GET /metrics.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/histogram.h"

namespace fulmar::http {

class Traffic {
 public:
  // Its labels. Paths that no route has are one: what clients make up must not become metrics.
  Traffic(std::string its_method, std::string its_pattern) : method(std::move(its_method)), pattern(std::move(its_pattern)) {}

  // Any thread. `status` 0: the client left before there was an answer.
  void count(int status, double seconds) noexcept;
  // Those that there were, and how many. 0 are statuses that nobody foresaw.
  std::vector<std::pair<int, uint64_t>> statuses() const;

  const std::string method, pattern;
  Histogram seconds{buckets::waits};

 private:
  static constexpr int known_[] = {200, 204, 400, 401, 403, 404, 405, 408, 409, 411, 413, 414, 417, 422,
                                   426, 429, 431, 499, 500, 501, 503, 505, 529};
  std::array<std::atomic<uint64_t>, std::size(known_) + 1> counts_{};
};

}  // namespace fulmar::http
