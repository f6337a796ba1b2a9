// The HTTP server: listens, runs a coroutine per connection, hands requests to the route table.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "http/access.h"
#include "http/keys.h"
#include "http/limits.h"
#include "http/router.h"

namespace fulmar::http {

struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8000;  // 0: a free one
  unsigned threads = 2;  // for I/O; they never wait for anybody
  unsigned workers = 2;  // for handlers
  std::string password;  // empty: none asked for
  std::shared_ptr<Keys> keys = nullptr;  // in its place, with the password among them
  AccessOptions access;
  std::string api_root = "/v1";  // what clients call the base address; told to those who miss it
  Limits limits;
};

class Server {
 public:
  Server(ServerOptions options, Router router);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and begins to accept. Throws Error when the address or the threads cannot be had. Raises the
  // process's limit of descriptors where connections need it.
  void start();
  uint16_t port() const;            // the real one, after start()
  std::size_t connections() const;  // open now

  // First stage of shutdown: accepts no more, closes idle connections, and lets answers under way end.
  // Returns true when no connection is left, false when `seconds` are over first.
  bool drain(double seconds);
  // Second stage: drops what is left and ends the threads. Replies still held elsewhere do nothing from here
  // on.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fulmar::http
