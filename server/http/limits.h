// What one client may cost the server: bytes, time and connections.
#pragma once
#include <chrono>
#include <cstddef>

namespace fulmar::http {

struct Limits {
  std::size_t header_bytes = 16 << 10;            // more: 431
  std::size_t body_bytes = 16 << 20;              // more: 413
  std::size_t connections = 4096;                 // one more: 503
  std::chrono::milliseconds header_time{10'000};  // from the first byte to the blank line, else 408
  std::chrono::milliseconds body_time{60'000};    // for the whole body, else 408
  std::chrono::milliseconds idle_time{75'000};    // between two requests of a connection
  std::chrono::milliseconds write_time{30'000};   // for the client to take one piece, else it is dropped
};

}  // namespace fulmar::http
