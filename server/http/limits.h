// What one client may cost the server, and all of them together: bytes, time and connections.
#pragma once
#include <chrono>
#include <cstddef>

namespace fulmar::http {

// Each number stands in docs/http-api.md too, which tests/server/documented_bounds_test.cpp holds.
struct Limits {
  // Reading a request.
  std::size_t header_bytes = 16 << 10;            // line and fields, else 414 or 431; as many again in chunk
                                                  // extensions and trailers, else 431
  std::size_t header_fields = 128;                // more: 431
  std::size_t body_bytes = 16 << 20;              // more: 413
  std::size_t free_body_bytes = 32 << 10;         // of each body; what is larger draws on the next
  std::size_t bodies_bytes = std::size_t{256} << 20;  // of all bodies that are in memory, else 503
  std::chrono::milliseconds header_time{10'000};  // from the first byte to the blank line, else 408
  std::chrono::milliseconds body_time{60'000};    // for the whole body, else 408
  // While bodies take more than half of what they may together, one that has its part in that brings so much
  // in each such time, else 408.
  std::size_t progress_bytes = 1 << 20;
  std::chrono::milliseconds progress_time{5'000};
  std::chrono::milliseconds idle_time{75'000};    // between two requests of a connection
  std::size_t pipelined_bytes = 64 << 10;         // kept of what comes before the answer is given

  // Answering it.
  std::size_t waiting = 1024;                      // requests that wait for a worker; one more: 503
  std::size_t piece_bytes = 64 << 10;              // a client takes so many bytes of its answer
  std::chrono::milliseconds write_time{30'000};    // in this time, else it is dropped
  std::size_t linger_bytes = 32 << 20;             // read on, and thrown away, after any answer that ends the
  std::chrono::milliseconds linger_time{2'000};    // connection, so that the client sees the answer

  std::size_t connections = 4096;  // one more: 503
  // Past those: connections that are told so, and closed without a word beyond these too.
  std::size_t refused = 64;
  // Of the program itself: model files, drivers, logs. There are no more connections than descriptors less these
  // and the refused, or half of the descriptors where that is all but nothing.
  std::size_t other_descriptors = 64;
};

}  // namespace fulmar::http
