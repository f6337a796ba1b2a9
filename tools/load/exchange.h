// Requests over HTTP: many at once, on one thread, each timed as its bytes come.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "outcome.h"

namespace fulmar::load {

struct Target {
  std::string host = "127.0.0.1", base;  // before each path, such as "/api"; empty: none
  uint16_t port = 8000;
  std::string password;  // sent as a Bearer token; empty: none
  double timeout_seconds = 6 * 3600;  // of one request, from its connection to its last byte
};
// "http://host:port/base" over what `target` has. Throws Error(misuse); https is none of what is spoken here.
void set_address(Target& target, const std::string& url);

// The body of an answer to GET. Throws Error(unavailable) where there is none, or another status than 200.
std::string get(const Target& target, const std::string& path);

struct Load {
  std::string path;
  std::vector<std::string> bodies;  // of POSTs
  std::vector<double> times;        // seconds after the beginning, as many
  bool stream = true;
  uint32_t max_concurrency = 0;  // later ones wait for an end of those before; 0: no limit
  // Called on the thread that sends, now and then.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

// Sends all of them, each by a connection of its own, and returns when every answer has come or failed. Throws
// Error(unavailable) where the host's name is unknown.
std::vector<Outcome> exchange(const Target& target, const Load& load);

}  // namespace fulmar::load
