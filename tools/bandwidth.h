// Measures how fast a device moves memory: the denominator of `fulmar bench`.
#pragma once
#include <cstdint>
#include <string>

#include "ops/backend.h"

namespace fulmar::tools {

struct Bandwidth {
  double bytes_per_second = 0;
  std::string how;  // "read by 2 threads", "copied on the device, reads and writes counted"
};

// The best of several passes over buffers far larger than any cache. CPU backends read with `threads` threads
// (0: one per core); others copy between two buffers of their own.
Bandwidth measure_bandwidth(ops::Backend& backend, uint32_t threads);

}  // namespace fulmar::tools
